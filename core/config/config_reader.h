/* What the files that read tappet.json share. Private to core/config/config*.c. */
#ifndef CONFIG_CONFIG_READER_H
#define CONFIG_CONFIG_READER_H

#include "config/config.h"
#include "model/reader.h"

#define UNIX_PATH_MAX_LEN 107 /* sockaddr_un */

struct config_reader {
	struct reader reader; /* first: handlers of keys get a pointer to it */
	struct config *c;
	bool defaults; /* the values being read are not of the file, and gone afterwards */
};

enum config_kind {
	CONFIG_CUSTOM,   /* `read` does it */
	CONFIG_SECTION,  /* an object whose keys stand in the table as well */
	CONFIG_COUNT,    /* size_t from min to max */
	CONFIG_SIZE,     /* size_t in bytes from min to max */
	CONFIG_DURATION, /* int64_t in milliseconds, at least min */
	CONFIG_PATH,     /* char *, made absolute */
};

/* One key. The table of all is what validates, what gives the defaults, and what the documentation is made of. */
struct config_key {
	const char *path; /* "limits.body"; "listen[].serve" and "plugins.NAME.load" in their objects */
	const char *type; /* for people */
	enum config_kind kind;
	size_t offset; /* of the value in the struct that the object is read into */
	int64_t min, max;
	void (*read)(struct reader *r, void *into, const struct json *v);
	const char *fallback; /* the default as JSON, or NULL */
	const char *shown;    /* the default in words, where it is no JSON */
	const char *help;
	const char *schema; /* CONFIG_CUSTOM: what an editor can know about the value, as JSON Schema */
};

/* config_table.c */
extern const struct config_key config_keys[];
extern const size_t config_key_count;
/* `prefix` is "" for the file as a whole, else that of the object's keys in the table; `what` names it for messages. */
void config_read_object(struct config_reader *cr, const char *prefix, const char *what, const struct json *object,
			void *into);
/* The name of a key within the object that `prefix` names, or NULL when it belongs to another one. */
const char *config_name_within(const char *path, const char *prefix);
/* What the file does not say. */
void config_read_defaults(struct config_reader *cr);

/* Handlers of CONFIG_CUSTOM; `into` is the struct config except where it says otherwise. */
void config_read_schema(struct reader *r, void *into, const struct json *v);
void config_read_mode(struct reader *r, void *into, const struct json *v);
void config_read_group(struct reader *r, void *into, const struct json *v);
void config_read_url(struct reader *r, void *into, const struct json *v);
void config_read_proxies(struct reader *r, void *into, const struct json *v);
void config_read_store(struct reader *r, void *into, const struct json *v);
void config_read_on_failure(struct reader *r, void *into, const struct json *v);
void config_read_env(struct reader *r, void *into, const struct json *v);
/* config_plugin.c */
void config_read_plugins(struct reader *r, void *into, const struct json *v);
void config_read_plugin_with(struct reader *r, void *into, const struct json *v); /* struct plugin_config */
/* config_listen.c */
void config_read_listen(struct reader *r, void *into, const struct json *v);
void config_read_address(struct reader *r, void *into, const struct json *v); /* struct listen_config */
void config_read_serve(struct reader *r, void *into, const struct json *v);   /* struct listen_config */
/* config_tls.c, all for struct listen_config */
void config_read_certificates(struct reader *r, void *into, const struct json *v);
void config_read_client_auth(struct reader *r, void *into, const struct json *v);
void config_read_min_version(struct reader *r, void *into, const struct json *v);
/* What is missing or fits nothing among its keys. */
void config_check_tls(struct config_reader *cr, struct listen_config *l);
void config_free_tls(struct tls_config *t);
/* Whether only this machine can reach it. */
bool config_is_local(const struct listen_config *l);

/* config_check.c: what only the whole shows. */
void config_check(struct config_reader *cr);

#endif
