/* A workflow's definition: read from JSON, checked as a whole, then never changed. It is shared by reference count
 * between the catalog, activities that run on it and whoever shows it; loop thread (and one pool thread while it is
 * being built).
 *
 * It never does I/O (`"script": {"file": …}` and envFile are read by whoever loads the definition, through `read_file`), knows
 * no plugin (the `with` of a trigger is kept as JSON) and no store. Called by config/, engine/, api/, cli/, host/. */
#ifndef MODEL_WORKFLOW_H
#define MODEL_WORKFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/digest.h"
#include "base/json.h"
#include "model/subst.h"

enum param_type { PARAM_STRING, PARAM_NUMBER, PARAM_BOOLEAN, PARAM_OBJECT, PARAM_ARRAY };

struct param_def {
	char *name; /* [A-Za-z_][A-Za-z0-9_]* */
	enum param_type type;
	char *default_json; /* NULL: none */
	char *description;
	bool required;
};

struct trigger_def {
	char *id;        /* the plugin's name by default; unique in the workflow */
	char *plugin;    /* a name from tappet.json */
	char *with_json; /* the plugin's own options as an object, "{}" by default, as text in canonical form */
	bool enabled;
};

enum step_kind { STEP_RUN, STEP_SCRIPT, STEP_SLEEP };

struct env_def {
	char *name;
	struct subst value; /* unused when the value is a secret */
	char *secret_env;   /* {"env": NAME} */
	char *secret_file;  /* {"file": PATH} */
};

struct retry_def {
	unsigned attempts; /* in all; 1 = no retry */
	int64_t backoff_ms;
};

struct step_def {
	char *id;   /* [a-z0-9_-]+, unique */
	char *name; /* the id by default */
	enum step_kind kind;
	struct subst *argv; /* STEP_RUN */
	size_t argc;
	char *script;       /* STEP_SCRIPT: the text; begins with #! or is run by /bin/sh */
	struct subst sleep; /* STEP_SLEEP: a duration; may be a substitution */
	struct env_def *env;
	size_t env_count;
	struct subst cwd; /* empty: the scratch folder */
	bool has_cwd;
	char *stdin_text;   /* NULL: /dev/null */
	int64_t timeout_ms; /* 0: the default */
	struct retry_def retry;
	size_t *needs; /* indexes of steps */
	size_t needs_count;
	bool always;        /* runs also when one of its needs failed */
	bool on_crash_fail; /* "onCrash": "fail" */
};

struct workflow {
	unsigned references;
	char *slug, *name, *team, *description;
	char *imported_id; /* "id": 24 hex digits to keep from elsewhere; NULL: made by the store */
	bool manual;
	bool enabled;
	int64_t timeout_ms; /* of an activity; 0: none */
	struct param_def *params;
	size_t param_count;
	struct trigger_def *triggers;
	size_t trigger_count;
	struct step_def *steps;
	size_t step_count;
	char *canonical; /* canonical JSON of the definition: what a revision is */
	size_t canonical_len;
	char hash[DIGEST_HEX_SIZE]; /* SHA-256 of canonical */
};

#define WORKFLOW_STEPS_MAX 1000
#define WORKFLOW_SIZE_MAX (1024 * 1024)

/* Reads and checks a definition. Every mistake goes to `d` with its position; -EINVAL when there was one. `slug` is used
 * where the definition has none (the file's name without .json).
 * read_file(arg, path, …) gives the contents of a script's file, relative to the definition; NULL: files are refused.
 * *ret has one reference. */
int workflow_parse(const struct json_file *file, const char *slug,
		   int (*read_file)(void *arg, const char *path, char **ret_text, size_t *ret_len), void *arg,
		   struct diag *d, struct workflow **ret);
/* Rebuilds a workflow from the canonical text of a revision (scripts from files are inlined there). */
int workflow_from_canonical(const char *text, size_t len, struct workflow **ret);
struct workflow *workflow_ref(struct workflow *w);
/* Frees with the last reference; NULL is allowed. */
void workflow_unref(struct workflow *w);

/* The UUIDv5 of workflow id and step id: stable across revisions. */
void workflow_task_id(const char *workflow_id, const char *step_id, char ret_text[static 37]);
/* The index of a step or trigger, or -1. */
int workflow_find_step(const struct workflow *w, const char *step_id);
int workflow_find_trigger(const struct workflow *w, const char *trigger_id);
const char *param_type_name(enum param_type type);
const char *step_kind_name(enum step_kind kind);

/* Checks given parameters against the declared ones and fills in defaults: `given` is an object or NULL. Writes the
 * complete object. A number or boolean may be given as text that reads as one. Negative -EINVAL: the message names the
 * parameter that is unknown, missing or of the wrong type. */
int workflow_params(const struct workflow *w, const struct json *given, struct buf *ret_params, char *message,
		    size_t message_size);

#endif
