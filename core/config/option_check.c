#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/size.h"
#include "config/config.h"
#include "config/option.h"
#include "config/option_values.h"
#include "config/secret.h"
#include "model/reader.h"

#define TEXT_MAX (1024 * 1024)

struct check {
	struct reader reader;
	const struct option *table;
	size_t count;
	const char *folder; /* of tappet.json; NULL: paths stay as they are */
	bool secrets;       /* are read */
	struct option_values *values;
};

static void keep_text(struct check *c, struct option_item *item, const char *text, size_t len)
{
	item->text = malloc(len + 1);
	if (!item->text) {
		c->reader.error = -ENOMEM;
		return;
	}
	memcpy(item->text, text, len);
	item->text[len] = '\0';
	item->len = len;
}

/* ---- Secrets ---- */

static bool resolve(struct check *c, const struct json *v, char **ret, size_t *ret_len)
{
	const char *variable = json_get_str(v, "env");
	int r = secret_resolve(v, c->folder, ret, ret_len);

	if (r == 0)
		return true;
	if (r == -ENOMEM)
		c->reader.error = r;
	else if (variable)
		reader_mistake(&c->reader, v, false, "the secret's variable \"%.100s\" is not set", variable);
	else
		reader_mistake(&c->reader, v, false, "cannot read the secret's file \"%.200s\": %s",
			       json_get_str(v, "file"), log_strerror(r));
	return false;
}

static void read_secret(struct check *c, const struct json *v, struct option_item *item)
{
	char message[160];

	if (secret_check(v, message, sizeof(message)) < 0) {
		if (json_key(v))
			reader_mistake(&c->reader, v, false, "\"%s\": %s", json_key(v), message);
		else
			reader_mistake(&c->reader, v, false, "%s", message);
		return;
	}
	if (!c->secrets || !resolve(c, v, &item->text, &item->len))
		keep_text(c, item, "", 0);
}

/* JSON in which every reference to a secret has become the secret. */
static void write_resolved(struct check *c, const struct json *v, bool may_be_secret, struct buf *out)
{
	char bracket = json_is_array(v) ? '[' : '{';
	char *secret = NULL;
	size_t len = 0;

	if (!json_is_object(v) && !json_is_array(v)) {
		(void)json_print(v, out);
		return;
	}
	if (may_be_secret && secret_check(v, NULL, 0) == 0) {
		if (resolve(c, v, &secret, &len))
			jsonw_strn(out, secret, len);
		else
			jsonw_null(out);
		secret_free(secret, len);
		return;
	}
	jsonw_open(out, bracket);
	for (const struct json *member = json_first(v); member; member = json_next(member)) {
		if (bracket == '{')
			jsonw_key(out, json_key(member));
		write_resolved(c, member, true, out);
	}
	jsonw_close(out, bracket == '{' ? '}' : ']');
}

/* ---- One value ---- */

static void read_json(struct check *c, const struct option *o, const struct json *v, struct option_item *item)
{
	bool secrets = (o->flags & OPTION_SECRET) && c->secrets;
	struct buf text;

	if (o->type == OPTION_OBJECT && !json_is_object(v)) {
		reader_expected(&c->reader, v, "an object");
		return;
	}
	buf_init(&text, TEXT_MAX);
	if (secrets)
		write_resolved(c, v, o->type == OPTION_JSON, &text);
	else
		(void)json_print(v, &text);
	if (buf_error(&text) == -ENOMEM)
		c->reader.error = -ENOMEM;
	else if (buf_error(&text))
		reader_mistake(&c->reader, v, false, "\"%s\": larger than %d bytes", o->key, TEXT_MAX);
	else
		keep_text(c, item, buf_cstr(&text), text.len);
	if (secrets && text.data)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
}

static void read_size(struct check *c, const struct json *v, struct option_item *item)
{
	static const char what[] = "a size such as \"64KiB\" or \"1MiB\", or a number of bytes";
	uint64_t size;

	if (json_is_string(v) && size_parse(json_str(v), &size) == 0)
		item->number = (int64_t)size;
	else if (json_is_string(v))
		reader_mistake(&c->reader, v, false, "expected %s, found \"%.60s\"", what, json_str(v));
	else if (!json_is_number(v))
		reader_expected(&c->reader, v, what);
	else if (json_int(v, &item->number) < 0 || item->number < 0)
		reader_mistake(&c->reader, v, false, "expected %s, found %.17g", what, json_number(v));
}

static void read_integer(struct check *c, const struct json *v, struct option_item *item)
{
	if (!json_is_number(v))
		reader_expected(&c->reader, v, "a whole number");
	else if (json_int(v, &item->number) < 0)
		reader_mistake(&c->reader, v, false, "expected a whole number, found %.17g", json_number(v));
}

static void read_string(struct check *c, const struct json *v, struct option_item *item)
{
	if (json_is_string(v))
		keep_text(c, item, json_str(v), strlen(json_str(v)));
	else
		reader_expected(&c->reader, v, "a string");
}

static void keep_path(struct check *c, struct option_item *item, const char *text)
{
	item->text = config_path(c->folder ? c->folder : "", text);
	if (item->text)
		item->len = strlen(item->text);
	else
		c->reader.error = -ENOMEM;
}

static void read_path(struct check *c, const struct json *v, struct option_item *item)
{
	if (!json_is_string(v))
		reader_expected(&c->reader, v, "a path");
	else if (!*json_str(v))
		reader_mistake(&c->reader, v, false, "expected a path, found \"\"");
	else
		keep_path(c, item, json_str(v));
}

static void read_value(struct check *c, const struct option *o, const struct json *v, struct option_item *item)
{
	bool flag = false;

	switch (o->type) {
	case OPTION_STRING:
		if (o->flags & OPTION_SECRET)
			read_secret(c, v, item);
		else
			read_string(c, v, item);
		break;
	case OPTION_INTEGER:
		read_integer(c, v, item);
		break;
	case OPTION_BOOLEAN:
		(void)reader_bool(&c->reader, v, &flag);
		item->number = flag;
		break;
	case OPTION_DURATION:
		(void)reader_duration(&c->reader, v, 0, &item->number);
		break;
	case OPTION_SIZE:
		read_size(c, v, item);
		break;
	case OPTION_OBJECT:
	case OPTION_JSON:
		read_json(c, o, v, item);
		break;
	case OPTION_PATH:
		read_path(c, v, item);
		break;
	}
}

static void read_option(struct check *c, const struct option *o, struct option_entry *entry, const struct json *v)
{
	bool list = (o->flags & OPTION_MULTI) && json_is_array(v);
	size_t count = list ? json_count(v) : 1, index = 0;

	entry->set = true;
	if (count == 0 && (o->flags & OPTION_REQUIRED))
		reader_mistake(&c->reader, v, false, "\"%s\": expected at least one value", o->key);
	entry->items = reader_calloc(&c->reader, count, sizeof(*entry->items));
	if (!entry->items)
		return;
	entry->count = count;
	if (!list) {
		read_value(c, o, v, &entry->items[0]);
		return;
	}
	for (const struct json *item = json_first(v); item; item = json_next(item))
		read_value(c, o, item, &entry->items[index++]);
}

/* ---- The table ---- */

static size_t find(const struct check *c, const char *key)
{
	size_t i = 0;

	while (i < c->count && strcmp(c->table[i].key, key) != 0)
		i++;
	return i;
}

static void unknown(struct check *c, const struct json *member)
{
	const char *near = option_nearest(c->table, c->count, json_key(member));

	if (near)
		reader_mistake(&c->reader, member, true, "unknown option \"%.80s\": did you mean \"%s\"?",
			       json_key(member), near);
	else
		reader_mistake(&c->reader, member, true, "unknown option \"%.80s\"", json_key(member));
}

static void read_member(struct check *c, const struct json *member)
{
	size_t index = find(c, json_key(member));
	const char *newer;

	if (index == c->count) {
		unknown(c, member);
		return;
	}
	/* The value of a deprecated key is that of the key that replaced it. */
	newer = c->table[index].replaced_by;
	if (newer && find(c, newer) < c->count)
		index = find(c, newer);
	if (c->values->entries[index].set)
		reader_mistake(&c->reader, member, true, "\"%s\" stands here under an older name as well",
			       c->table[index].key);
	else
		read_option(c, &c->table[index], &c->values->entries[index], member);
}

static bool default_value(const struct option *o, struct check *c, struct option_item *item)
{
	const char *text = o->default_value;
	struct json *v = NULL;
	size_t size = 0;
	char *end = NULL;
	bool fine = true;

	switch (o->type) {
	case OPTION_STRING:
		keep_text(c, item, text, strlen(text));
		break;
	case OPTION_INTEGER:
		item->number = strtoll(text, &end, 10);
		fine = end != text && *end == '\0';
		break;
	case OPTION_BOOLEAN:
		item->number = strcmp(text, "true") == 0;
		fine = item->number || strcmp(text, "false") == 0;
		break;
	case OPTION_DURATION:
		fine = clock_parse_duration(text, &item->number) == 0;
		break;
	case OPTION_SIZE:
		fine = size_parse(text, &size) == 0;
		item->number = (int64_t)size;
		break;
	case OPTION_OBJECT:
	case OPTION_JSON:
		fine = json_parse(text, strlen(text), &v, NULL) == 0 && (o->type == OPTION_JSON || json_is_object(v));
		keep_text(c, item, text, strlen(text));
		json_free(v);
		break;
	case OPTION_PATH:
		fine = *text != '\0';
		keep_path(c, item, text);
		break;
	}
	return fine;
}

static void fill_default(struct check *c, const struct option *o, struct option_entry *entry)
{
	entry->items = reader_calloc(&c->reader, 1, sizeof(*entry->items));
	if (!entry->items)
		return;
	entry->count = 1;
	if (!default_value(o, c, &entry->items[0]))
		reader_mistake(&c->reader, NULL, false, "the default of option \"%s\" is no %s: \"%.80s\"", o->key,
			       option_type_name(o->type), o->default_value);
}

static void read_all(struct check *c, const struct json *object)
{
	for (const struct json *member = json_first(object); member; member = json_next(member))
		read_member(c, member);
	for (size_t i = 0; i < c->count; i++) {
		const struct option *o = &c->table[i];
		struct option_entry *entry = &c->values->entries[i];

		if (entry->set)
			continue;
		if (o->flags & OPTION_REQUIRED)
			reader_mistake(&c->reader, object, false, "option \"%s\" is missing", o->key);
		else if (o->default_value)
			fill_default(c, o, entry);
	}
}

static int run(struct check *c, const struct json_file *file, const struct json *object, struct diag *d,
	       struct option_values **ret)
{
	int r;

	reader_init(&c->reader, file, d);
	c->values = calloc(1, sizeof(*c->values) + c->count * sizeof(c->values->entries[0]));
	if (!c->values)
		return -ENOMEM;
	c->values->count = c->count;
	for (size_t i = 0; i < c->count; i++) {
		c->values->entries[i].type = c->table[i].type;
		c->values->entries[i].key = reader_strdup(&c->reader, c->table[i].key);
	}
	if (object && !json_is_object(object))
		reader_expected(&c->reader, object, "an object with options");
	else if (!c->reader.error)
		read_all(c, object);
	r = reader_finish(&c->reader);
	if (r < 0 || !ret) {
		option_values_free(c->values);
		return r;
	}
	*ret = c->values;
	return 0;
}

int option_check(const struct option *table, size_t count, const struct json_file *file, const struct json *object,
		 const char *folder, struct diag *d, struct option_values **ret)
{
	struct check c = {.table = table, .count = count, .folder = folder, .secrets = folder != NULL};

	return run(&c, file, object, d, ret);
}

int option_check_form(const struct option *table, size_t count, const struct json_file *file, const struct json *object,
		      const char *folder, struct diag *d, struct option_values **ret)
{
	struct check c = {.table = table, .count = count, .folder = folder};

	return run(&c, file, object, d, ret);
}
