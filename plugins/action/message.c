#include "message.h"
#include <stdio.h>
#include <string.h>
#include "scan.h"

#define MEMBERS_MAX 16

#define BIT(type) (1u << (type))
#define ALL_TYPES UINT32_MAX
#define WITH_ID (BIT(MESSAGE_ACTION) | BIT(MESSAGE_SUBSCRIBE) | BIT(MESSAGE_UNSUBSCRIBE))

static const char *const type_names[] = {
	[MESSAGE_NONE] = "other",
	[MESSAGE_AUTH] = "auth",
	[MESSAGE_ACTION] = "action",
	[MESSAGE_SUBSCRIBE] = "subscribe",
	[MESSAGE_UNSUBSCRIBE] = "unsubscribe",
	[MESSAGE_PING] = "ping",
};

#define TYPE_COUNT (sizeof(type_names) / sizeof(type_names[0]))

const char *message_type_name(enum message_type type)
{
	return type_names[type];
}

static bool fail(struct message_error *e, const char *code, const char *key, const char *problem)
{
	e->code = code;
	if (key)
		snprintf(e->text, sizeof(e->text), "\"%s\" %s", key, problem);
	else
		snprintf(e->text, sizeof(e->text), "the message %s", problem);
	return false;
}

/* ---- The members: each gives NULL, or what is wrong with the value ---- */

static const char *read_text(tappet_str value, char *ret, size_t size, size_t *ret_len)
{
	if (!scan_string(value, ret, size, ret_len))
		return "has to be a text that is not too long";
	return *ret_len == 0 ? "has to be a text that is not empty" : NULL;
}

/* One that goes on as a text that ends with a NUL. */
static const char *read_name(tappet_str value, char *ret, size_t size)
{
	size_t len;
	const char *problem = read_text(value, ret, size, &len);
	return problem || strlen(ret) == len ? problem : "has a NUL inside";
}

static const char *read_token(struct message *m, tappet_str value)
{
	return read_text(value, m->token, sizeof(m->token), &m->token_len);
}

static const char *read_topic(struct message *m, tappet_str value)
{
	if (!scan_string(value, m->topic, sizeof(m->topic), &m->topic_len))
		return "has to be a text of at most 255 bytes";
	return topic_problem(tappet_strn(m->topic, m->topic_len));
}

static const char *read_data(struct message *m, tappet_str value)
{
	m->data = value;
	return NULL;
}

static const char *read_key(struct message *m, tappet_str value)
{
	if (scan_string(value, m->key, sizeof(m->key), &m->key_len) && m->key_len > 0)
		return NULL;
	return "has to be a text of 1 to 255 bytes";
}

static const char *read_since(struct message *m, tappet_str value)
{
	m->has_since = true;
	return scan_count(value, &m->since) ? NULL : "has to be the number of an event";
}

static const char *read_batch(struct message *m, tappet_str value)
{
	return scan_boolean(value, &m->batch) ? NULL : "has to be true or false";
}

/* ---- The filter ---- */

/* Letters and dots, with a '*' at the end at most: what stands between commas must not have any. */
static bool is_type(const char *text)
{
	const size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz.");
	return text[len] == '\0' || (text[len] == '*' && text[len + 1] == '\0');
}

static const char *read_types(struct message_filter *f, tappet_str value)
{
	static const char problem[] = "has to be a list of 1 to 32 types of events, such as \"activity.*\"";
	tappet_str items[MESSAGE_TYPES_MAX];
	size_t count = 0, len = 0;
	if (scan_list(value, items, MESSAGE_TYPES_MAX, &count) || count == 0)
		return problem;
	for (size_t i = 0; i < count; i++) {
		char type[64];
		if (read_name(items[i], type, sizeof(type)) || !is_type(type))
			return problem;
		const int n = snprintf(f->types + len, sizeof(f->types) - len, "%s%s", i ? "," : "", type);
		if ((size_t)n >= sizeof(f->types) - len)
			return problem;
		len += (size_t)n;
	}
	return NULL;
}

static const char *read_activity(struct message_filter *f, tappet_str value)
{
	if (!read_name(value, f->activity, sizeof(f->activity)) &&
	    strspn(f->activity, "0123456789abcdef") == MESSAGE_ACTIVITY_LEN)
		return NULL;
	return "has to be 24 hexadecimal digits";
}

static bool key_is(tappet_str key, const char *name)
{
	return key.len == strlen(name) && memcmp(key.ptr, name, key.len) == 0;
}

static bool read_filter(struct message *m, tappet_str value, struct message_error *e)
{
	struct member members[MEMBERS_MAX];
	size_t count = 0;
	if (scan_object(value, members, MEMBERS_MAX, &count))
		return fail(e, "invalid-value", "filter", "has to be an object that has no member twice");
	for (size_t i = 0; i < count; i++) {
		const tappet_str key = members[i].key, v = members[i].value;
		struct message_filter *f = &m->filter;
		const char *name = NULL, *problem = NULL;
		if (key_is(key, name = "workflow"))
			problem = read_name(v, f->workflow, sizeof(f->workflow));
		else if (key_is(key, name = "team"))
			problem = read_name(v, f->team, sizeof(f->team));
		else if (key_is(key, name = "activity"))
			problem = read_activity(f, v);
		else if (key_is(key, name = "types"))
			problem = read_types(f, v);
		else
			return fail(e, "invalid-value", "filter",
				    "has a member other than workflow, team, activity and types");
		if (problem)
			return fail(e, "invalid-value", name, problem);
	}
	return true;
}

/* ---- The whole ---- */

static const struct {
	const char *name;
	uint32_t types; /* that may have it */
	const char *(*read)(struct message *m, tappet_str value);
} known[] = {
	{"type", ALL_TYPES, NULL},
	{"id", ALL_TYPES, NULL},
	{"filter", BIT(MESSAGE_SUBSCRIBE), NULL},
	{"token", BIT(MESSAGE_AUTH), read_token},
	{"topic", BIT(MESSAGE_ACTION), read_topic},
	{"data", BIT(MESSAGE_ACTION), read_data},
	{"key", BIT(MESSAGE_ACTION), read_key},
	{"since", BIT(MESSAGE_SUBSCRIBE), read_since},
	{"batch", BIT(MESSAGE_SUBSCRIBE), read_batch},
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static const tappet_str *find(const struct member *members, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (key_is(members[i].key, name))
			return &members[i].value;
	return NULL;
}

/* Before anything else, so that an error can say to what it belongs. */
static bool read_id(struct message *m, const tappet_str *value, struct message_error *e)
{
	if (!value)
		return true;
	if (scan_string(*value, m->id, sizeof(m->id), &m->id_len) && m->id_len > 0)
		return true;
	m->id_len = 0;
	return fail(e, "bad-message", "id", "has to be a text of 1 to 128 bytes");
}

static bool read_type(struct message *m, const tappet_str *value, struct message_error *e)
{
	char name[32];
	size_t len;
	if (!value)
		return fail(e, "bad-message", NULL, "has no \"type\"");
	if (value->ptr[0] != '"')
		return fail(e, "bad-message", "type", "has to be a text");
	if (scan_string(*value, name, sizeof(name), &len))
		for (size_t i = MESSAGE_AUTH; i < TYPE_COUNT; i++)
			if (strlen(type_names[i]) == len && memcmp(type_names[i], name, len) == 0)
				m->type = (enum message_type)i;
	return m->type ? true
		       : fail(e, "unknown-type", "type", "is none of auth, action, subscribe, unsubscribe and ping");
}

static bool read_member(struct message *m, const struct member *member, struct message_error *e)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		if (!key_is(member->key, known[i].name) || !(known[i].types & BIT(m->type)))
			continue;
		if (strcmp(known[i].name, "filter") == 0)
			return read_filter(m, member->value, e);
		const char *problem = known[i].read ? known[i].read(m, member->value) : NULL;
		return problem ? fail(e, "invalid-value", known[i].name, problem) : true;
	}
	return fail(e, "bad-message", NULL, "has a member that its type does not have");
}

static bool has_needed(const struct message *m, struct message_error *e)
{
	if (m->id_len == 0 && (WITH_ID & BIT(m->type)))
		return fail(e, "bad-message", NULL, "has no \"id\"");
	if (m->type == MESSAGE_AUTH && m->token_len == 0)
		return fail(e, "bad-message", NULL, "has no \"token\"");
	if (m->type == MESSAGE_ACTION && m->topic_len == 0)
		return fail(e, "bad-message", NULL, "has no \"topic\"");
	return true;
}

bool message_read(tappet_str text, struct message *ret, struct message_error *ret_error)
{
	struct member members[MEMBERS_MAX];
	size_t count = 0;
	*ret = (struct message){0};
	const char *problem = scan_object(text, members, MEMBERS_MAX, &count);
	if (problem)
		return fail(ret_error, "bad-message", NULL, problem);
	if (!read_id(ret, find(members, count, "id"), ret_error) ||
	    !read_type(ret, find(members, count, "type"), ret_error))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_member(ret, &members[i], ret_error))
			return false;
	return has_needed(ret, ret_error);
}
