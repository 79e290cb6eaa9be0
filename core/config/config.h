/* tappet.json as a typed structure, and the folder of workflow files. Reading collects every mistake of one pass, with
 * file, line and column. It never starts anything and knows no plugin: the options of plugins are kept as JSON and checked
 * by host/ with option.h. Called by daemon/ and cli/. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/certificate.h"
#include "base/cidr.h"
#include "base/json.h"
#include "config/secret.h"
#include "model/surface.h"

struct certificate_config {
	char *cert, *key;      /* absolute */
	const struct json *at; /* the object that names them */
};

struct tls_config {
	struct certificate_config first;
	struct certificate_config *more; /* "certificates" */
	size_t more_count;
	char *client_ca;       /* absolute, or NULL: clients are not asked for certificates */
	bool client_optional;  /* a client without one is served, too */
	unsigned min_version;  /* 12 or 13 */
	const struct json *at; /* NULL: no TLS */
};

struct listen_config {
	char *address; /* "127.0.0.1:8080", "[::1]:0", or the absolute path behind "unix:" */
	bool is_unix;
	unsigned serve; /* SURFACE_* */
	struct tls_config tls;
	const struct json *at; /* for messages */
};

/* What the files of a listener's `tls` hold. */
struct tls_credentials {
	struct certificate *certificates;
	size_t count;
	STACK_OF(X509) * client_ca; /* or NULL */
};

struct plugin_config {
	char *name;              /* the key: what triggers call it */
	char *load;              /* absolute path of the .so, or NULL: plugins/NAME.so beside the daemon */
	const struct json *with; /* its options (an object), or NULL */
};

struct env_config {
	char *name;
	char *value;
};

struct config {
	struct json_file *file; /* NULL when there was no file */
	char *path;             /* absolute */
	char *folder;           /* of the file; relative paths are relative to it */
	struct listen_config *listen;
	size_t listen_count;
	char *control_path; /* absolute */
	unsigned control_mode;
	char *control_group;    /* or NULL */
	char *admin_token_file; /* absolute; default admin.token in folder */
	bool admin_token_file_named;
	char *public_url;     /* or NULL */
	struct cidr *trusted; /* proxies whose word about their clients counts */
	size_t trusted_count;
	bool trust_unix;
	char *store_path; /* absolute, without "sqlite:" */
	char *workflows;  /* absolute folder */
	struct plugin_config *plugins;
	size_t plugin_count;
	size_t concurrency; /* 0 = accept only */
	int64_t drain_ms;   /* executor.drain: how long running steps may take at shutdown */
	size_t body_max, queue_max, log_max;
	size_t memory_max, connections_max, connections_per_address_max;
	int64_t default_timeout_ms;
	struct env_config *default_env;
	size_t default_env_count;
	const struct json *default_on_failure; /* a step in `file`, or NULL */
	int64_t retention_activities_ms, retention_events_ms;
	size_t retention_activities_max, retention_events_max; /* 0: no bound */
};

/* Reads `path`. -EINVAL with mistakes in `d`, -ENOENT, other -errno. */
int config_read(const char *path, struct diag *d, struct config **ret);
/* All defaults, as if an empty object stood at `path`. */
int config_default(const char *path, struct config **ret);
void config_free(struct config *c);
/* `path` if it is absolute, else below `folder` ("": as it is), without what says nothing ("a/./b//"); to be freed. NULL: no
 * memory. */
char *config_path(const char *folder, const char *path);
/* Markdown with every key, its type, default and meaning, from the table that validates. */
void config_document(struct buf *out);
/* Its JSON Schema (draft 2020-12), from the same. */
void config_schema(struct buf *out);
/* The index-th certificate of a listener, the default one first; NULL beyond the last. */
const struct certificate_config *config_certificate(const struct listen_config *l, size_t index);
/* Reads the files that `tls` of a listener names (blocking). -EINVAL with mistakes in `d`, which stand at the keys of
 * tappet.json; what works but is to be known goes to `warnings`. To be released also after a failure. */
int config_read_credentials(const struct config *c, const struct listen_config *l, struct diag *d,
			    struct diag *warnings, struct tls_credentials *ret);
void tls_credentials_release(struct tls_credentials *t);
/* A listener with api or console off loopback without admin.tokenFile, clashing names and the like go to `d`. */

struct workflow;
/* One definition from the folder. */
struct definition {
	char *slug;
	char *path;
	struct workflow *workflow; /* NULL: it has mistakes */
	struct json_file *file;    /* kept for messages of later checks */
};
struct definitions {
	struct definition *items; /* sorted by slug */
	size_t count;
	bool broken; /* at least one has mistakes */
};
/* Reads all *.json of the folder config.workflows (blocking: a pool thread, or start-up). A file that cannot be read or checked is in the
 * list without a workflow, and its mistakes are in `d`. Two files with one slug are a mistake of the second. */
int definitions_read(const struct config *c, struct diag *d, struct definitions *ret);
void definitions_release(struct definitions *defs);

#endif
