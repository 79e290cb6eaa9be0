/* Any bytes as a message of a client: it is an error with words, or what was read is within its bounds, and the parser of the
 * host agrees that the text is JSON, and says the same of its members. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "action/message.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
	if (!truth)
		abort();
}

static void check_member(const struct json *tree, const char *key, const char *text, size_t len)
{
	const char *value = json_get_str(tree, key);
	if (len == 0)
		return;
	expect(value && strlen(value) == len && memcmp(value, text, len) == 0);
}

/* The host refuses more: what is no UTF-8, a NUL inside of a text, a key twice. */
static void compare(const char *text, size_t len, const struct message *m)
{
	struct json *tree = NULL;
	if (json_parse(text, len, &tree, NULL) < 0)
		return;
	check_member(tree, "type", message_type_name(m->type), strlen(message_type_name(m->type)));
	check_member(tree, "id", m->id, m->id_len);
	check_member(tree, "topic", m->topic, m->topic_len);
	check_member(tree, "key", m->key, m->key_len);
	check_member(tree, "token", m->token, m->token_len);
	json_free(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct message m;
	struct message_error error = {NULL, ""};
	if (!message_read(tappet_strn(text, size), &m, &error)) {
		expect(error.code && error.text[0]);
		expect(m.id_len <= MESSAGE_ID_MAX);
		return 0;
	}
	expect(m.type != MESSAGE_NONE);
	expect(m.data.len == 0 || (m.data.ptr > text && m.data.ptr + m.data.len < text + size));
	expect(m.type != MESSAGE_ACTION || !topic_problem(tappet_strn(m.topic, m.topic_len)));
	expect(strlen(m.filter.types) < MESSAGE_TYPES_SIZE);
	compare(text, size, &m);
	return 0;
}
