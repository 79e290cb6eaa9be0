#include "base/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include "base/json_scan.h"
#include "base/map.h"

/* `struct json` is cJSON's node under another name: no other file can look into it. */
static const cJSON *node(const struct json *v)
{
	return (const cJSON *)(const void *)v;
}

static const struct json *value(const cJSON *n)
{
	return (const struct json *)(const void *)n;
}

/* *ret_twice: the member whose key stands before already. */
static int few_keys_unique(const cJSON *object, const cJSON **ret_twice)
{
	for (const cJSON *a = object->child; a; a = a->next)
		for (const cJSON *b = a->next; b; b = b->next)
			if (strcmp(a->string, b->string) == 0) {
				*ret_twice = b;
				return -EINVAL;
			}
	return 0;
}

static int many_keys_unique(const cJSON *object, const cJSON **ret_twice)
{
	struct map seen;
	map_init(&seen);
	int r = 0;
	for (const cJSON *c = object->child; c && r == 0; c = c->next) {
		void *before = NULL;
		r = map_put_str(&seen, c->string, &seen, &before);
		if (r < 0 || !before)
			continue;
		*ret_twice = c;
		r = -EINVAL;
	}
	map_release(&seen);
	return r;
}

/* A key that stands twice would be read one way here and another way elsewhere. */
static int keys_unique(const cJSON *n, const cJSON **ret_twice)
{
	if (cJSON_IsObject(n)) {
		size_t count = 0;
		for (const cJSON *c = n->child; c && count <= 16; c = c->next)
			count++;
		int r = count <= 16 ? few_keys_unique(n, ret_twice) : many_keys_unique(n, ret_twice);
		if (r < 0)
			return r;
	}
	for (const cJSON *c = n->child; c; c = c->next) {
		int r = c->child ? keys_unique(c, ret_twice) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int refuse(struct json_error *error, size_t offset, const char *message)
{
	if (error) {
		error->offset = offset;
		snprintf(error->message, sizeof(error->message), "%s", message);
	}
	return -EINVAL;
}

int json_parse(const char *text, size_t len, struct json **ret, struct json_error *ret_error)
{
	int r = json_check(text, len, ret_error);
	if (r < 0)
		return r;
	const char *end = NULL;
	cJSON *root = cJSON_ParseWithLengthOpts(text, len, &end, false);
	if (!root)
		return refuse(ret_error, end ? (size_t)(end - text) : 0,
			      "a number with too many digits, or out of memory");
	const cJSON *twice = NULL;
	r = keys_unique(root, &twice);
	if (r < 0) {
		size_t value_at = 0, key_at = 0;
		if (r == -EINVAL && json_locate(text, len, value(root), value(twice), &value_at, &key_at))
			refuse(ret_error, key_at, "this key stands twice in one object");
		cJSON_Delete(root);
		return r;
	}
	*ret = (struct json *)(void *)root;
	return 0;
}

void json_free(struct json *v)
{
	cJSON_Delete((cJSON *)(void *)v);
}

bool json_is_object(const struct json *v)
{
	return cJSON_IsObject(node(v));
}

bool json_is_array(const struct json *v)
{
	return cJSON_IsArray(node(v));
}

bool json_is_string(const struct json *v)
{
	return cJSON_IsString(node(v));
}

bool json_is_number(const struct json *v)
{
	return cJSON_IsNumber(node(v));
}

bool json_is_bool(const struct json *v)
{
	return cJSON_IsBool(node(v));
}

bool json_is_null(const struct json *v)
{
	return cJSON_IsNull(node(v));
}

const char *json_type_name(const struct json *v)
{
	if (json_is_object(v))
		return "object";
	if (json_is_array(v))
		return "array";
	if (json_is_string(v))
		return "string";
	if (json_is_number(v))
		return "number";
	return json_is_bool(v) ? "boolean" : "null";
}

const struct json *json_get(const struct json *object, const char *key)
{
	return json_is_object(object) ? value(cJSON_GetObjectItemCaseSensitive(node(object), key)) : NULL;
}

const char *json_str(const struct json *v)
{
	return cJSON_GetStringValue(node(v));
}

const char *json_get_str(const struct json *object, const char *key)
{
	return json_str(json_get(object, key));
}

bool json_bool(const struct json *v)
{
	return cJSON_IsTrue(node(v));
}

double json_number(const struct json *v)
{
	return json_is_number(v) ? cJSON_GetNumberValue(node(v)) : 0;
}

int json_int(const struct json *v, int64_t *ret)
{
	double number = json_number(v);
	if (!json_is_number(v) || number != floor(number) || fabs(number) > 9007199254740992.0)
		return -EINVAL;
	*ret = (int64_t)number;
	return 0;
}

const struct json *json_first(const struct json *v)
{
	return json_is_object(v) || json_is_array(v) ? value(node(v)->child) : NULL;
}

const struct json *json_next(const struct json *item)
{
	return item ? value(node(item)->next) : NULL;
}

const char *json_key(const struct json *member)
{
	return member ? node(member)->string : NULL;
}

size_t json_count(const struct json *v)
{
	size_t count = 0;
	for (const struct json *c = json_first(v); c; c = json_next(c))
		count++;
	return count;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static int print(const cJSON *n, struct buf *out, bool sorted);

static int print_sorted(const cJSON *object, struct buf *out)
{
	size_t count = json_count(value(object)), i = 0;
	const cJSON **members = calloc(count + 1, sizeof(cJSON *));
	if (!members)
		return -ENOMEM;
	for (const cJSON *c = object->child; c; c = c->next)
		members[i++] = c;
	qsort(members, count, sizeof(*members), compare_keys);
	int r = 0;
	for (i = 0; i < count && r == 0; i++) {
		jsonw_key(out, members[i]->string);
		r = print(members[i], out, true);
	}
	free(members);
	return r;
}

static int print_members(const cJSON *n, struct buf *out, bool sorted)
{
	if (sorted && cJSON_IsObject(n))
		return print_sorted(n, out);
	for (const cJSON *c = n->child; c; c = c->next) {
		if (cJSON_IsObject(n))
			jsonw_key(out, c->string);
		int r = print(c, out, sorted);
		if (r < 0)
			return r;
	}
	return 0;
}

static int print(const cJSON *n, struct buf *out, bool sorted)
{
	const struct json *v = value(n);
	int r = 0;
	if (json_is_object(v) || json_is_array(v)) {
		jsonw_open(out, json_is_object(v) ? '{' : '[');
		r = print_members(n, out, sorted);
		jsonw_close(out, json_is_object(v) ? '}' : ']');
	} else if (json_is_string(v)) {
		jsonw_str(out, json_str(v));
	} else if (json_is_number(v)) {
		jsonw_number(out, json_number(v));
	} else if (json_is_bool(v)) {
		jsonw_bool(out, json_bool(v));
	} else {
		jsonw_null(out);
	}
	return r < 0 ? r : buf_error(out);
}

int json_print(const struct json *v, struct buf *out)
{
	return print(node(v), out, false);
}

int json_print_canonical(const struct json *v, struct buf *out)
{
	return print(node(v), out, true);
}
