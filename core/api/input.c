/* Reading requests strictly: what is not understood is named and refused, never passed over. */
#include "api/internal.h"

#include <errno.h>
#include "base/clock.h"

static unsigned type_bit(const struct json *v)
{
	if (json_is_string(v))
		return BODY_STRING;
	if (json_is_object(v))
		return BODY_OBJECT;
	return json_is_array(v) ? BODY_ARRAY : BODY_ANY + 1U;
}

static const char *types_name(unsigned types)
{
	switch (types) {
	case BODY_STRING:
		return "a string";
	case BODY_OBJECT:
		return "an object";
	case BODY_ARRAY:
		return "an array";
	default:
		return "a string or an array";
	}
}

static bool check_member(struct http_request *r, const struct json *member, const struct api_key *keys, size_t count)
{
	const char *name = json_key(member);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (keys[i].types == BODY_ANY || (keys[i].types & type_bit(member)))
			return true;
		api_problemf(r, 422, "invalid-value", "\"%.100s\" must be %s", name, types_name(keys[i].types));
		return false;
	}
	api_problemf(r, 422, "unknown-key", "\"%.100s\" is not known here", name);
	return false;
}

static bool check_object(struct http_request *r, const struct json *body, const struct api_key *keys, size_t count)
{
	if (!json_is_object(body)) {
		api_problemf(r, 400, "invalid-json", "the body must be a JSON object");
		return false;
	}
	for (const struct json *member = json_first(body); member; member = json_next(member))
		if (!check_member(r, member, keys, count))
			return false;
	return true;
}

bool api_body_fits(struct api *a, struct http_request *r)
{
	size_t len;
	(void)http_body(r, &len);
	if (a->options.body_max == 0 || len <= a->options.body_max)
		return true;
	http_problem(r, 413, "too-large", "the body is larger than this daemon takes", 0);
	return false;
}

/* Any JSON; no body reads as {}. */
static bool parse_body(struct api *a, struct http_request *r, const char **ret_text, size_t *ret_len, struct json **ret)
{
	struct json_error error = {0};
	size_t len;
	const char *text = http_body(r, &len);
	if (!api_body_fits(a, r))
		return false;
	if (len == 0) {
		text = "{}";
		len = 2;
	}
	int error_code = json_parse(text, len, ret, &error);
	if (error_code == -EINVAL) {
		api_problemf(r, 400, "invalid-json", "the body is not JSON: %s (byte %zu)", error.message,
			     error.offset);
		return false;
	}
	if (error_code < 0) {
		api_fail(r, error_code, "body");
		return false;
	}
	*ret_text = text;
	*ret_len = len;
	return true;
}

bool api_body_json(struct api *a, struct http_request *r, const char **ret, size_t *ret_len)
{
	struct json *body = NULL;
	if (!parse_body(a, r, ret, ret_len, &body))
		return false;
	json_free(body);
	return true;
}

bool api_body(struct api *a, struct http_request *r, const struct api_key *keys, size_t count, struct json **ret)
{
	const char *text;
	size_t len;
	struct json *body = NULL;
	if (!parse_body(a, r, &text, &len, &body))
		return false;
	if (!check_object(r, body, keys, count)) {
		json_free(body);
		return false;
	}
	*ret = body;
	return true;
}

static bool key_known(const char *key, size_t len, const char *const *keys)
{
	for (; *keys; keys++)
		if (strlen(*keys) == len && memcmp(*keys, key, len) == 0)
			return true;
	return false;
}

bool api_query(struct http_request *r, const char *const *keys)
{
	const char *at = http_query(r);
	while (at && *at) {
		size_t pair = strcspn(at, "&"), key = strcspn(at, "=&");
		if (key > 0 && !key_known(at, key, keys)) {
			api_problemf(r, 400, "unknown-key", "\"%.*s\" is not known in this query",
				     (int)(key < 100 ? key : 100), at);
			return false;
		}
		at += pair + (at[pair] == '&');
	}
	return true;
}

static bool read_number(struct http_request *r, const char *name, const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > INT64_MAX) {
		api_problemf(r, 400, "invalid-value", "\"%s\" must be a whole number", name);
		return false;
	}
	*ret = value;
	return true;
}

bool api_query_number(struct http_request *r, const char *key, uint64_t *ret)
{
	const char *text = http_query_value(r, key);
	return !text || read_number(r, key, text, ret);
}

bool api_query_bool(struct http_request *r, const char *key, bool *ret)
{
	const char *text = http_query_value(r, key);
	if (!text)
		return true;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
		api_problemf(r, 400, "invalid-value", "\"%s\" must be true or false", key);
		return false;
	}
	*ret = text[0] == 't';
	return true;
}

bool api_last_event_id(struct http_request *r, uint64_t *ret)
{
	const char *text = http_header(r, "Last-Event-ID");
	return !text || text[0] == '\0' || read_number(r, "Last-Event-ID", text, ret);
}

const char *api_who(const struct http_request *r, char ret[static API_WHO_MAX])
{
	const long long uid = http_peer_uid(r);
	if (http_is_control(r) && uid >= 0)
		snprintf(ret, API_WHO_MAX, "api (control, uid %lld)", uid);
	else if (http_is_control(r))
		snprintf(ret, API_WHO_MAX, "api (control)");
	else
		snprintf(ret, API_WHO_MAX, "api (admin, %s)", http_remote(r));
	return ret;
}

bool api_wants_events(const struct http_request *r)
{
	const char *accept = http_header(r, "Accept");
	return accept && strcasestr(accept, "text/event-stream");
}

bool api_query_limit(struct http_request *r, size_t fallback, size_t most, size_t *ret)
{
	uint64_t value = fallback;
	if (!api_query_number(r, "limit", &value))
		return false;
	if (value < 1 || value > most) {
		api_problemf(r, 400, "invalid-value", "\"limit\" must be from 1 to %zu", most);
		return false;
	}
	*ret = (size_t)value;
	return true;
}

bool api_query_time(struct http_request *r, const char *key, int64_t *ret_ms)
{
	const char *text = http_query_value(r, key);
	int64_t value;
	if (!text)
		return true;
	if (clock_parse_rfc3339(text, &value) == 0) {
		*ret_ms = value;
		return true;
	}
	if (clock_parse_duration(text, &value) == 0) {
		*ret_ms = clock_wall_ms() - value;
		return true;
	}
	api_problemf(r, 400, "invalid-value",
		     "\"%s\" must be an instant such as 2026-01-31T09:00:00Z, or how long ago: 30m, 12h, 7d", key);
	return false;
}

bool api_path_workflow(struct api *a, struct http_request *r, const struct catalog_entry **ret)
{
	const char *name = http_param(r, "workflow");
	*ret = engine_find(a->options.engine, name);
	if (*ret)
		return true;
	api_problemf(r, 404, "not-found", "there is no workflow \"%.100s\"", name);
	return false;
}

bool api_path_trigger(struct http_request *r, const struct catalog_entry *entry, size_t *ret_index)
{
	const char *name = http_param(r, "trigger");
	const int index = entry->workflow ? workflow_find_trigger(entry->workflow, name) : -1;
	if (index < 0) {
		api_problemf(r, 404, "not-found", "workflow \"%s\" has no trigger \"%.100s\"", entry->slug, name);
		return false;
	}
	*ret_index = (size_t)index;
	return true;
}

bool api_query_workflow(struct api *a, struct http_request *r, const struct catalog_entry **ret)
{
	const char *name = http_query_value(r, "workflow");
	*ret = name ? engine_find(a->options.engine, name) : NULL;
	if (!name || *ret)
		return true;
	api_problemf(r, 404, "not-found", "there is no workflow \"%.100s\"", name);
	return false;
}

bool api_path_id(struct http_request *r, const char *name, const char **ret)
{
	*ret = http_param(r, name);
	if (id_valid(*ret))
		return true;
	api_problemf(r, 404, "not-found", "there is no such %s", name);
	return false;
}
