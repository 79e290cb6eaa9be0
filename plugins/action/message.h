/* The messages of clients in the protocol tappet.v1: JSON objects with a "type". Reading one says all that can be said of it
 * without knowing who sends it. */
#ifndef ACTION_MESSAGE_H
#define ACTION_MESSAGE_H

#include "topic.h"

#define MESSAGE_ID_MAX 128
#define MESSAGE_KEY_MAX 255
#define MESSAGE_NAME_MAX 128
#define MESSAGE_TOKEN_MAX 512
#define MESSAGE_TYPES_MAX 32
#define MESSAGE_TYPES_SIZE 1024
#define MESSAGE_ACTIVITY_LEN 24

enum message_type { MESSAGE_NONE, MESSAGE_AUTH, MESSAGE_ACTION, MESSAGE_SUBSCRIBE, MESSAGE_UNSUBSCRIBE, MESSAGE_PING };

/* What a subscriber wants; an empty text: all. */
struct message_filter {
	char workflow[MESSAGE_NAME_MAX + 1]; /* slug or id */
	char team[MESSAGE_NAME_MAX + 1];
	char activity[MESSAGE_ACTIVITY_LEN + 1];
	char types[MESSAGE_TYPES_SIZE]; /* with commas between them */
};

struct message {
	enum message_type type;
	char id[MESSAGE_ID_MAX + 1]; /* "": none; it may have a NUL inside */
	size_t id_len;
	char token[MESSAGE_TOKEN_MAX + 1];
	size_t token_len;
	char topic[TOPIC_MAX + 1];
	size_t topic_len;
	char key[MESSAGE_KEY_MAX + 1];
	size_t key_len;
	tappet_str data; /* JSON, as it stands in the text; empty: none */
	struct message_filter filter;
	bool has_since, batch;
	uint64_t since;
};

struct message_error {
	const char *code; /* as it is sent: "bad-message", "unknown-type", "invalid-value" */
	char text[160];
};

/* False: *ret_error says why. The type and the id of *ret are there if they could be read. */
bool message_read(tappet_str text, struct message *ret, struct message_error *ret_error);
/* How a type is written; "other" for MESSAGE_NONE. */
const char *message_type_name(enum message_type type);

#endif
