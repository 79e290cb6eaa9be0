/* The options of one trigger, read once: for `tappet check` (what is wrong, and where) and for the trigger itself.
 *
 * A settings object is constant and shared: by triggers with the same options, and by requests that still wait for an answer and
 * hold it beyond their trigger's end. */
#ifndef WEBHOOK_SETTINGS_H
#define WEBHOOK_SETTINGS_H

#include <stdbool.h>
#include "tappet/plugin.h"
#include "verify.h"

enum method { METHOD_GET = 1, METHOD_POST = 2, METHOD_PUT = 4, METHOD_PATCH = 8, METHOD_DELETE = 16 };

enum body_kind { BODY_AUTO, BODY_JSON, BODY_FORM, BODY_TEXT, BODY_BYTES };

/* How a sender makes sure of the receiver before it sends events. */
enum handshake {
	HANDSHAKE_NONE,
	HANDSHAKE_SLACK,       /* {"type":"url_verification","challenge":…} */
	HANDSHAKE_DISCORD,     /* {"type":1} */
	HANDSHAKE_CLOUDEVENTS, /* OPTIONS with WebHook-Request-Origin */
	HANDSHAKE_CHALLENGE    /* a value in the query that is sent back */
};

struct cors {
	char **origins; /* NULL at the end; the only one may be "*" */
	char *headers;  /* "X-A, X-B", or NULL */
	bool credentials;
	int64_t max_age_s;
};

/* The answer that is made of what became of the activity. */
struct reply {
	char *status, *body, *type; /* templates; body NULL: none */
	char **headers;             /* name, template, name, template, ..., NULL */
	int64_t wait_ms;            /* 0: at once */
};

#define SETTINGS_HASH_SIZE 32
#define SETTINGS_BUCKETS 1024

struct settings;

/* The settings of all triggers, each one once. */
struct settings_shelf {
	struct settings *buckets[SETTINGS_BUCKETS];
};

struct settings {
	size_t references;
	struct settings *next;        /* in the shelf's bucket */
	struct settings_shelf *shelf; /* NULL: it is in none */
	unsigned char hash[SETTINGS_HASH_SIZE];
	struct verifier *verifier;
	bool guarded; /* by more than a token: nothing but its own routes may start it */
	unsigned methods;
	enum body_kind body;
	char **headers; /* beside the usual ones; NULL at the end, or NULL */
	bool all_headers;
	char **paths; /* NULL at the end, or NULL */
	int64_t wait_ms;
	int32_t success;
	struct reply *reply;                 /* or NULL */
	struct cors *cors;                   /* or NULL */
	int64_t per_address, per_address_ms; /* 0: no limit */
	enum handshake handshake;
	char *challenge, *verify_token; /* the latter NULL: none is asked for */
	bool cloud_events;
	char *dedup_header;   /* or NULL */
	size_t keep_requests; /* 0: none are kept */
	size_t keep_body;     /* of larger bodies only the beginning is kept */
};

/* Where options are read from; `mistake` and `claim` may be NULL. */
struct settings_source {
	size_t (*count)(const tappet_config *config, const char *key);
	int32_t (*str)(const tappet_config *config, const char *key, size_t index, tappet_str *ret);
	int32_t (*integer)(const tappet_config *config, const char *key, size_t index, int64_t *ret);
	int32_t (*boolean)(const tappet_config *config, const char *key, int32_t *ret);
	const tappet_config *config;
	struct verify_mistakes mistakes;
	bool secrets_resolved;
};

/* TAPPET_EINVAL when there was a mistake. */
int32_t settings_read(const struct settings_source *source, struct settings **ret);
/* As settings_read, but of a trigger with the same options it takes what is there. `options` is the table of them. */
int32_t settings_take(struct settings_shelf *shelf, const struct settings_source *source, const tappet_option *options,
		      size_t count, struct settings **ret);
/* The last reference goes. */
void settings_leave(struct settings *s);
struct settings *settings_ref(struct settings *s);
void settings_unref(struct settings *s);

/* Whether a template asks for what is known only when the activity has ended; false in *ret_valid when it is none. */
bool template_needs_end(const char *text, bool *ret_valid);
/* "250ms", "10s", "5m", "2h", "30d"; false when it is none. */
bool duration_read(const char *text, int64_t *ret_ms);
unsigned method_bit(tappet_str name);

#endif
