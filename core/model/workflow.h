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
#include "model/failure.h"
#include "model/subst.h"
#include "model/template.h"

/* PARAM_CHOICE: a string out of `choices`. PARAM_SECRET: a string that is masked wherever text leaves the process. */
enum param_type {
	PARAM_STRING,
	PARAM_NUMBER,
	PARAM_BOOLEAN,
	PARAM_OBJECT,
	PARAM_ARRAY,
	PARAM_CHOICE,
	PARAM_SECRET,
};

struct param_def {
	char *name; /* [A-Za-z_][A-Za-z0-9_]* */
	enum param_type type;
	char *default_json; /* NULL: none */
	char *description;
	bool required;
	char **choices; /* PARAM_CHOICE */
	size_t choice_count;
};

/* name -> jq program, in the order of the file */
struct mapping_item {
	char *name, *program;
};
struct mapping {
	struct mapping_item *items;
	size_t count;
};

struct trigger_def {
	char *id;        /* the plugin's name by default; unique in the workflow */
	char *plugin;    /* a name from tappet.json */
	char *with_json; /* the plugin's own options as an object, "{}" by default, as text in canonical form */
	char *when;      /* jq over the emission's payload; NULL: always */
	char *dedup;     /* jq over the payload: the key; NULL: the plugin's own */
	int64_t dedup_window_ms;
	uint32_t rate_count; /* emissions that are taken in rate_ms; 0: any */
	int64_t rate_ms;
	struct mapping params; /* jq over the payload: parameters of the workflow */
	bool enabled;
};

enum step_kind {
	STEP_RUN,
	STEP_SCRIPT,
	STEP_SLEEP,
	STEP_HTTP,
	STEP_WORKFLOW,
	STEP_WAIT,
	STEP_APPROVE,
	STEP_SET,
};

/* A variable of the environment, or a header field. */
struct env_def {
	char *name;
	struct subst value; /* unused when the value is a secret */
	char *secret_env;   /* {"env": NAME} */
	char *secret_file;  /* {"file": PATH} */
};

struct retry_def {
	unsigned attempts;         /* in all; 1 = no retry */
	int64_t backoff_ms;        /* before the second attempt */
	double factor;             /* it grows by, each time; 1: it stays */
	int64_t max_ms;            /* it grows to */
	double jitter;             /* 0 to 1: this share of it is left to chance */
	struct failure_filter *on; /* NULL: any failure */
	size_t on_count;
};

struct http_def {
	char *method;
	struct subst url;
	struct env_def *headers;
	size_t header_count;
	struct template *body; /* NULL: none; a text goes out as it is, any other JSON as application/json */
	struct status_range {
		int first, last;
	} * expect; /* NULL: 200 to 299 */
	size_t expect_count;
	struct mapping outputs; /* jq over {"status", "headers", "body"} */
	int64_t connect_timeout_ms;
	size_t answer_max;
	unsigned redirects_max; /* 0: none is followed */
	bool verify;            /* the server's certificate */
	char *ca_file;          /* NULL: the system's; relative to tappet.json */
};

struct call_def {
	char *slug;
	struct template *params; /* an object, or NULL */
	bool wait;
	struct mapping outputs; /* jq over {"activityId", "status", "message", "steps": {ID: {"status", "outputs"}}} */
};

struct wait_def {
	struct subst topic;     /* words joined by dots; * stands for one, > for the rest */
	char *match;            /* jq over the action's data; NULL: any */
	struct mapping outputs; /* jq over {"topic", "time", "data"} */
};

struct approve_def {
	struct subst message; /* what the person is asked */
};

/* `set`: each output is a text with substitutions or a jq program over the step's context. */
struct set_def {
	char *name;
	struct subst text;
	char *program; /* NULL: the text */
};

/* What the helper program sets before it executes the command. 0, NULL or false: nothing. */
struct limits_def {
	char *user;
	int64_t cpu_ms;
	uint64_t memory, file_size; /* bytes */
	uint64_t files, processes;
	bool no_new_privileges;
};

struct step_def {
	char *id;   /* [a-z0-9_-]+, unique */
	char *name; /* the id by default */
	enum step_kind kind;
	struct subst *argv; /* STEP_RUN */
	size_t argc;
	char *script;       /* STEP_SCRIPT: the text; begins with #! or is run by /bin/sh */
	struct subst sleep; /* STEP_SLEEP: a duration; may be a substitution */
	struct http_def *http;
	struct call_def *call; /* STEP_WORKFLOW */
	struct wait_def *wait;
	struct approve_def *approve;
	struct set_def *set; /* STEP_SET */
	size_t set_count;
	char *when; /* jq over the step's context; NULL: always. Not true: the step is skipped */
	struct env_def *env;
	size_t env_count;
	char *env_file; /* of NAME=VALUE lines, relative to tappet.json; NULL: none */
	struct limits_def limits;
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

/* What happens when another activity of the workflow (with a key: of the same key) has not ended yet. */
enum overlap { OVERLAP_ALLOW, OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_CANCEL };

struct concurrency_def {
	enum overlap overlap;
	uint32_t limit;     /* that may be under way at once; 0 with OVERLAP_ALLOW */
	uint32_t queue_max; /* that may wait, with OVERLAP_QUEUE; 0: no bound of its own */
	char *key;          /* jq over {"params", "payload", "cause", "trigger"}; NULL: one lane for all */
};

struct workflow {
	unsigned references;
	char *slug, *name, *team, *description;
	char *imported_id; /* "id": 24 hex digits to keep from elsewhere; NULL: made by the store */
	bool manual;
	bool enabled;
	int64_t timeout_ms; /* of an activity; 0: none */
	int priority;       /* -10 to 10; each step up doubles its share of what may start */
	struct concurrency_def concurrency;
	struct param_def *params;
	size_t param_count;
	struct trigger_def *triggers;
	size_t trigger_count;
	struct step_def *steps; /* with onFailure: that one is the last */
	size_t step_count;
	bool has_on_failure; /* the last step runs when all others have ended and the activity has failed */
	char *canonical;     /* canonical JSON of the definition: what a revision is */
	size_t canonical_len;
	char hash[DIGEST_HEX_SIZE]; /* SHA-256 of canonical */
};

#define WORKFLOW_PRIORITY_MAX 10
#define WORKFLOW_STEPS_MAX 1000 /* onFailure included */
#define WORKFLOW_SIZE_MAX (1024 * 1024)

/* What a definition is read with; all zero: nothing. */
struct workflow_options {
	/* Gives the contents of a script's file, relative to the definition; NULL: files are refused. */
	int (*read_file)(void *arg, const char *path, char **ret_text, size_t *ret_len);
	void *arg;
	/* defaults.onFailure of tappet.json, checked by workflow_check_on_failure: it becomes part of a definition that says
	 * nothing of it. NULL: none */
	const struct json *on_failure;
};

/* Reads and checks a definition. Every mistake goes to `d` with its position; -EINVAL when there was one. `slug` is used
 * where the definition has none (the file's name without .json). options NULL: none. *ret has one reference. */
int workflow_parse(const struct json_file *file, const char *slug, const struct workflow_options *options,
		   struct diag *d, struct workflow **ret);
/* Whether a step can be onFailure of every workflow: its mistakes go to the reader of the file where it stands. */
struct reader;
void workflow_check_on_failure(struct reader *r, const struct json *step);
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
/* Each jq program of a definition's JSON, for whoever checks them (core/expr). What is of another type than it should be
 * is passed over. */
void workflow_each_program(const struct json *root, void (*visit)(void *arg, const struct json *program), void *arg);
/* The JSON Schema (draft 2020-12) of a definition, its $defs alone (members, without brackets), and Markdown with all keys:
 * from the tables that validate. */
void workflow_schema(struct buf *out);
void workflow_schema_defs(struct buf *out);
void workflow_document(struct buf *out);
const char *param_type_name(enum param_type type);
const char *step_kind_name(enum step_kind kind);

/* Checks given parameters against the declared ones and fills in defaults: `given` is an object or NULL. Writes the
 * complete object. A number or boolean may be given as text that reads as one. Negative -EINVAL: the message names the
 * parameter that is unknown, missing or of the wrong type. */
int workflow_params(const struct workflow *w, const struct json *given, struct buf *ret_params, char *message,
		    size_t message_size);

#endif
