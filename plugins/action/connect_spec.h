/* The options of a trigger that connects out: where to, what it says there, and how it goes on from where it was. */
#ifndef ACTION_CONNECT_SPEC_H
#define ACTION_CONNECT_SPEC_H

#include <stdbool.h>
#include "tappet/ws.h"

#define CONNECT_HEADERS_MAX 32
#define CONNECT_PROTOCOLS_MAX 8
#define CONNECT_OPEN_MAX 32
#define CONNECT_URL_MAX 2000

struct connect_text;

/* A message that is made (connect_template.h). */
struct connect_message {
	tappet_str template;
	bool is_json; /* else it is plain text */
};

struct connect_spec {
	struct connect_text *texts; /* what all texts below point into */
	const char *url;
	char *where; /* the URL without what may be secret in it: user, query */
	tappet_http_header headers[CONNECT_HEADERS_MAX];
	size_t header_count;
	const char *protocols[CONNECT_PROTOCOLS_MAX + 1];
	const char *ca_file, *proxy;
	struct connect_message open[CONNECT_OPEN_MAX];
	size_t open_count;
	struct connect_message heartbeat, reply; /* without a template: none */
	int64_t heartbeat_ms;
	int64_t stall_ms; /* 0: silence is no sign of anything */
	int64_t ping_ms, timeout_ms;
	int64_t retry_min_ms, retry_max_ms;
	int64_t message_max;
	tappet_str cursor, key; /* paths; empty: none */
};

/* Options as they are read in a check, and in `trigger_add`. */
struct option_source {
	const tappet_config *config;
	int32_t (*str)(const tappet_config *config, const char *key, size_t index, tappet_str *ret);
	int32_t (*integer)(const tappet_config *config, const char *key, size_t index, int64_t *ret);
	bool is_check; /* secrets may be references ({"env": "NAME"}) still */
	/* What is wrong with an option, at a place inside of it as a JSON Pointer (RFC 6901). May be NULL. */
	void (*mistake)(void *arg, const char *key, size_t index, const char *pointer, const char *message);
	void *arg;
};

/* Each mistake is told. 0, TAPPET_EINVAL after a mistake, TAPPET_ENOMEM. *ret is to be released whatever it gives. */
int32_t connect_spec_read(const struct option_source *source, struct connect_spec *ret);
void connect_spec_release(struct connect_spec *s);

#endif
