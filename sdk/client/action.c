/* Actions: kept until they are answered, and sent again on each new connection. */
#include <errno.h>
#include <stdlib.h>
#include "base/digest.h"
#include "internal.h"

#define MATCHES_MAX 4096
/* No daemon takes less. */
#define NEVER_TOO_BIG 1024

/* ---- sending ----------------------------------------------------------------------------------------------------- */

void actions_send(tappet_client *c)
{
	list_each (node, &c->actions) {
		struct action *a = list_entry(node, struct action, node);
		if (a->sent)
			continue;
		if (!client_say(c, a->message, a->len))
			return;
		a->sent = true;
	}
}

void actions_unsend(tappet_client *c)
{
	list_each (node, &c->actions)
		list_entry(node, struct action, node)->sent = false;
}

/* Without a key, what is sent twice would be done twice. */
static void make_key(char ret[static 256])
{
	uint8_t random[16];
	digest_random(random, sizeof(random));
	digest_hex(random, sizeof(random), ret);
}

static int write_message(struct buf *b, const struct action *a, const char *topic, tappet_str data)
{
	buf_init(b, DATA_MAX);
	jsonw_open(b, '{');
	jsonw_key(b, "type");
	jsonw_str(b, "action");
	jsonw_key(b, "id");
	jsonw_str(b, a->id);
	jsonw_key(b, "topic");
	jsonw_str(b, topic);
	if (data.len > 0) {
		jsonw_key(b, "data");
		jsonw_raw(b, data.ptr, data.len);
	}
	jsonw_key(b, "key");
	jsonw_str(b, a->key);
	jsonw_close(b, '}');
	return buf_error(b);
}

static int32_t make(tappet_client *c, const char *topic, tappet_str data, const char *key, struct action **ret)
{
	struct action head = {.sent = false}, *a;
	struct buf b;
	client_next_id(c, 'a', head.id);
	if (key)
		snprintf(head.key, sizeof(head.key), "%s", key);
	else
		make_key(head.key);
	int r = write_message(&b, &head, topic, data);
	a = r == 0 ? malloc(sizeof(*a) + b.len + 1) : NULL;
	if (a) {
		*a = head;
		a->len = b.len;
		memcpy(a->message, buf_cstr(&b), b.len + 1);
		list_init(&a->node);
	}
	buf_release(&b);
	*ret = a;
	return r == -ENOBUFS ? TAPPET_ETOOBIG : a ? TAPPET_OK : TAPPET_ENOMEM;
}

static int32_t check(const tappet_client *c, const char *topic, tappet_str data, const char *key)
{
	if (!topic || !topic[0] || strlen(topic) > 255 || (key && (!key[0] || strlen(key) > 255)) ||
	    (data.len > 0 && !data.ptr))
		return TAPPET_EINVAL;
	if (c->over || c->closing)
		return TAPPET_ESTATE;
	if (data.len > DATA_MAX)
		return TAPPET_ETOOBIG;
	if (c->action_count >= ACTIONS_MAX || c->action_bytes + data.len > ACTIONS_BYTES_MAX)
		return TAPPET_EBUSY;
	return data.len > 0 && json_check(data.ptr, data.len, NULL) < 0 ? TAPPET_EINVAL : TAPPET_OK;
}

int32_t tappet_client_action(tappet_client *client, const char *topic, tappet_str data, const char *key,
			     tappet_client_ack_cb cb, void *arg)
{
	struct action *a;
	if (!client)
		return TAPPET_EINVAL;
	int32_t error = check(client, topic, data, key);
	if (!error)
		error = make(client, topic, data, key, &a);
	if (error)
		return error;
	if (map_put_str(&client->action_ids, a->id, a, NULL) < 0) {
		free(a);
		return TAPPET_ENOMEM;
	}
	a->cb = cb;
	a->arg = arg;
	list_append(&client->actions, &a->node);
	client->action_count++;
	client->action_bytes += a->len;
	/* Behind those that wait already. */
	actions_send(client);
	return TAPPET_OK;
}

size_t tappet_client_pending(const tappet_client *client)
{
	return client->action_count;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void forget(tappet_client *c, struct action *a)
{
	map_remove_str(&c->action_ids, a->id);
	list_remove(&a->node);
	c->action_count--;
	c->action_bytes -= a->len;
}

static void tell(struct action *a, tappet_client_ack *ack)
{
	ack->struct_size = sizeof(*ack);
	ack->match_size = sizeof(tappet_client_match);
	ack->key = tappet_cstr(a->key);
	if (a->cb)
		a->cb(a->arg, ack);
	free(a);
}

void actions_fail(tappet_client *c, int32_t error, const char *message)
{
	struct list *node;
	while ((node = list_first(&c->actions))) {
		tappet_client_ack ack = {.error = error, .message = tappet_cstr(message)};
		struct action *a = list_entry(node, struct action, node);
		forget(c, a);
		tell(a, &ack);
	}
}

/* The daemon does not say which one it was. If it was another one, the next end is about that. */
void actions_fail_largest(tappet_client *c)
{
	struct action *largest = NULL;
	list_each (node, &c->actions) {
		struct action *a = list_entry(node, struct action, node);
		if (a->sent && a->len > (largest ? largest->len : NEVER_TOO_BIG))
			largest = a;
	}
	if (!largest)
		return;
	tappet_client_ack ack = {.error = TAPPET_ETOOBIG,
				 .message = tappet_cstr("The action is larger than the daemon takes.")};
	client_enter(c);
	forget(c, largest);
	tell(largest, &ack);
	client_leave(c);
}

int32_t error_of_code(const char *code)
{
	static const struct {
		const char *code;
		int32_t error;
	} known[] = {
		{"busy", TAPPET_EBUSY},          {"outcome-unknown", TAPPET_EUNKNOWN},
		{"forbidden", TAPPET_EDENIED},   {"unauthorized", TAPPET_EDENIED},
		{"too-many", TAPPET_EREFUSED},   {"invalid-value", TAPPET_EINVAL},
		{"bad-message", TAPPET_EINVAL},  {"unknown-type", TAPPET_EINVAL},
		{"not-found", TAPPET_ENOTFOUND},
	};
	for (size_t i = 0; code && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(code, known[i].code) == 0)
			return known[i].error;
	return TAPPET_EIO;
}

static void read_matches(const struct json *list, tappet_client_match *matches, size_t *count)
{
	for (const struct json *m = json_first(list); m && *count < MATCHES_MAX; m = json_next(m))
		matches[(*count)++] = (tappet_client_match){
			.struct_size = sizeof(tappet_client_match),
			.workflow = tappet_cstr(json_get_str(m, "workflow")),
			.trigger = tappet_cstr(json_get_str(m, "trigger")),
			.activity_id = tappet_cstr(json_get_str(m, "activityId")),
			.duplicate = json_bool(json_get(m, "duplicate")),
			.reason = tappet_cstr(json_get_str(m, "reason")),
			.detail = tappet_cstr(json_get_str(m, "detail")),
		};
}

bool actions_answer(tappet_client *c, const struct json *message, tappet_str text)
{
	const char *id = json_get_str(message, "id");
	struct action *a = id ? map_get_str(&c->action_ids, id) : NULL;
	if (!a)
		return false;
	const struct json *activities = json_get(message, "activities"), *refused = json_get(message, "refused");
	const bool is_ack = strcmp(json_get_str(message, "type"), "ack") == 0;
	const char *code = json_get_str(message, "code");
	tappet_client_match *matches = calloc(json_count(activities) + json_count(refused) + 1, sizeof(*matches));
	tappet_client_ack ack = {
		.error = is_ack ? TAPPET_OK : error_of_code(code),
		.code = tappet_cstr(code),
		.message = tappet_cstr(json_get_str(message, "message")),
		.matches = (const char *)matches,
		.json = text,
	};
	json_int(json_get(message, "retryAfterMs"), &ack.retry_after_ms);
	json_int(json_get(message, "matched"), &ack.matched_count);
	json_int(json_get(message, "released"), &ack.released_count);
	if (matches) {
		read_matches(activities, matches, &ack.match_count);
		read_matches(refused, matches, &ack.match_count);
	}
	forget(c, a);
	tell(a, &ack);
	free(matches);
	return true;
}
