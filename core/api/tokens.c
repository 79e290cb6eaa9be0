#include "api/internal.h"

#include <errno.h>
#include "base/clock.h"

#define LABEL_MAX 200                                /* of the engine */
#define EXPIRY_MAX_MS (INT64_C(253402300800) * 1000) /* the year 10000, which RFC 3339 cannot write */

static void write_workflows(struct api *a, const struct access_token *token, struct buf *out)
{
	jsonw_key(out, "workflows");
	jsonw_open(out, '[');
	for (size_t i = 0; i < token->workflow_count; i++) {
		const struct catalog_entry *entry = engine_find(a->options.engine, token->workflow_ids[i]);
		jsonw_str(out, entry ? entry->slug : token->workflow_ids[i]);
	}
	jsonw_close(out, ']');
	jsonw_key(out, "workflowIds");
	jsonw_open(out, '[');
	for (size_t i = 0; i < token->workflow_count; i++)
		jsonw_str(out, token->workflow_ids[i]);
	jsonw_close(out, ']');
}

static void write_scopes(const char *scopes, struct buf *out)
{
	jsonw_key(out, "scopes");
	jsonw_open(out, '[');
	while (*scopes) {
		const size_t len = strcspn(scopes, " ");
		if (len > 0)
			jsonw_strn(out, scopes, len);
		scopes += len + (scopes[len] == ' ');
	}
	jsonw_close(out, ']');
}

static void write_token(struct api *a, const struct access_token *token, const char *secret, struct buf *out)
{
	jsonw_open(out, '{');
	api_member(out, "id", token->id);
	api_member(out, "token", secret);
	api_member(out, "label", token->label);
	write_workflows(a, token, out);
	api_member(out, "team", token->team);
	write_scopes(token->scopes, out);
	api_member_time(out, "createdAt", token->created_ms);
	jsonw_key(out, "expiresAt");
	jsonw_time(out, token->expires_ms);
	api_member_time(out, "lastUsedAt", token->last_used_ms);
	jsonw_close(out, '}');
}

struct token_listing {
	struct api *api;
	const struct catalog_entry *only;
	struct buf *out;
};

static void visit_token(void *arg, const struct access_token *token)
{
	const struct token_listing *l = arg;
	if (!l->only || access_covers(l->api->options.engine, token, l->only))
		write_token(l->api, token, NULL, l->out);
}

void api_tokens_list(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"workflow", NULL};
	struct token_listing l = {.api = a};
	struct buf out;
	if (!api_query(r, keys) || !api_query_workflow(a, r, &l.only))
		return;
	buf_init(&out, API_ANSWER_MAX);
	l.out = &out;
	jsonw_open(&out, '{');
	jsonw_key(&out, "tokens");
	jsonw_open(&out, '[');
	access_each(a->options.engine, visit_token, &l);
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	api_reply(r, 200, &out);
}

/* ---- Making and renewing --------------------------------------------------------------------------------------- */

struct secret_call {
	struct api_call base;
	int success; /* the HTTP status */
};

static void fail_token(struct http_request *r, int error)
{
	if (error == -EINVAL)
		api_problemf(r, 422, "invalid-value",
			     "\"scopes\" are trigger, status, cancel, subscribe and action:PATTERN");
	else
		api_fail(r, error, "token");
}

static void got_secret(void *arg, int status, const char *secret, const struct access_token *token)
{
	struct secret_call *call = arg;
	struct buf out;
	if (status < 0) {
		fail_token(call->base.request, status);
	} else {
		buf_init(&out, API_ANSWER_MAX);
		write_token(call->base.api, token, secret, &out);
		api_reply(call->base.request, call->success, &out);
	}
	api_call_close(call);
}

/* "never", a duration from now, a day, or an instant. */
static bool read_expiry(struct http_request *r, const struct json *body, int64_t *ret)
{
	const char *text = json_get_str(body, "expires");
	char instant[CLOCK_TEXT_MAX];
	const int64_t now = clock_wall_ms();
	int64_t value;
	if (!text)
		return true;
	if (strcmp(text, "never") == 0) {
		*ret = 0;
		return true;
	}
	snprintf(instant, sizeof(instant), strlen(text) == 10 ? "%sT00:00:00Z" : "%s", text);
	if (clock_parse_duration(text, &value) == 0)
		value = value > INT64_MAX - now ? INT64_MAX : now + value;
	else if (clock_parse_rfc3339(instant, &value) < 0)
		value = -1;
	if (value > now && value < EXPIRY_MAX_MS) {
		*ret = value;
		return true;
	}
	api_problemf(
		r, 422, "invalid-value",
		"\"expires\" must be a duration such as 30d, a day or instant to come such as 2030-01-31, or never");
	return false;
}

static bool read_scopes(struct http_request *r, const struct json *body, struct buf *out)
{
	const struct json *scopes = json_get(body, "scopes");
	if (json_is_string(scopes))
		buf_str(out, json_str(scopes));
	for (const struct json *scope = json_first(scopes); json_is_array(scopes) && scope; scope = json_next(scope)) {
		if (!json_is_string(scope)) {
			api_problemf(r, 422, "invalid-value", "\"scopes\" must be a list of strings");
			return false;
		}
		buf_printf(out, "%s%s", out->len > 0 ? " " : "", json_str(scope));
	}
	if (buf_error(out) == 0 && (!scopes || out->len > 0))
		return true;
	api_problemf(r, 422, "invalid-value", out->len > 0 ? "\"scopes\" is too long" : "\"scopes\" is empty");
	return false;
}

static bool add_workflow(struct api *a, struct http_request *r, const struct json *name, const char **ret)
{
	const char *text = json_str(name);
	const struct catalog_entry *entry = text ? engine_find(a->options.engine, text) : NULL;
	if (entry) {
		*ret = entry->id;
		return true;
	}
	api_problemf(r, 422, "unknown-workflow", "there is no workflow \"%.100s\"", text ? text : json_type_name(name));
	return false;
}

/* The ids of `workflow` or `workflows`; *ret_ids is freed by the caller. */
static bool read_workflows(struct api *a, struct http_request *r, const struct json *body, const char ***ret_ids,
			   size_t *ret_count)
{
	const struct json *one = json_get(body, "workflow"), *several = json_get(body, "workflows");
	const size_t most = one ? 1 : json_count(several);
	const char **ids = calloc(most + 1, sizeof(*ids));
	size_t count = 0;
	if (!ids) {
		api_fail(r, -ENOMEM, "token");
		return false;
	}
	for (const struct json *name = one ? one : json_first(several); name && count < most; name = json_next(name))
		if (!add_workflow(a, r, name, &ids[count++])) {
			free(ids);
			return false;
		}
	*ret_ids = ids;
	*ret_count = count;
	return true;
}

static bool check_cover(struct http_request *r, const struct json *body)
{
	const int given = (json_get(body, "workflow") != NULL) + (json_count(json_get(body, "workflows")) > 0) +
			  (json_get(body, "team") != NULL);
	if (given == 1)
		return true;
	api_problemf(r, 422, "invalid-value", "give one of \"workflow\", \"workflows\" and \"team\"");
	return false;
}

/* A team without a name would be all the workflows that have none. */
static bool check_names(struct http_request *r, const struct json *body)
{
	const char *team = json_get_str(body, "team"), *label = json_get_str(body, "label");
	if (team && team[0] == '\0')
		api_problemf(r, 422, "invalid-value", "\"team\" is empty");
	else if (label && strlen(label) > LABEL_MAX)
		api_problemf(r, 422, "invalid-value", "\"label\" is longer than %d bytes", LABEL_MAX);
	else
		return true;
	return false;
}

static void create(struct api *a, struct http_request *r, const struct access_request *request)
{
	struct secret_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	call->success = 201;
	int error = access_create(a->options.engine, request, got_secret, call);
	if (error < 0)
		got_secret(call, error, NULL, NULL);
}

void api_tokens_create(struct api *a, struct http_request *r)
{
	static const struct api_key keys[] = {
		{"workflow", BODY_STRING},
		{"workflows", BODY_ARRAY},
		{"team", BODY_STRING},
		{"label", BODY_STRING},
		{"scopes", BODY_STRING | BODY_ARRAY},
		{"expires", BODY_STRING},
	};
	struct access_request request = {0};
	const char **ids = NULL;
	struct json *body;
	struct buf scopes;
	if (!api_body(a, r, keys, sizeof(keys) / sizeof(keys[0]), &body))
		return;
	buf_init(&scopes, 4096);
	if (check_cover(r, body) && check_names(r, body) && read_scopes(r, body, &scopes) &&
	    read_expiry(r, body, &request.expires_ms) && read_workflows(a, r, body, &ids, &request.workflow_count)) {
		request.workflow_ids = ids;
		request.team = json_get_str(body, "team");
		request.label = json_get_str(body, "label") ? json_get_str(body, "label") : "";
		request.scopes = scopes.len > 0 ? buf_cstr(&scopes) : NULL;
		create(a, r, &request);
	}
	free(ids);
	buf_release(&scopes);
	json_free(body);
}

void api_tokens_renew(struct api *a, struct http_request *r)
{
	static const struct api_key keys[] = {{"expires", BODY_STRING}};
	int64_t expires_ms = -1;
	const char *id;
	struct json *body;
	if (!api_path_id(r, "token", &id) || !api_body(a, r, keys, 1, &body))
		return;
	const bool valid = read_expiry(r, body, &expires_ms);
	json_free(body);
	struct secret_call *call = valid ? api_call_open(a, r, sizeof(*call)) : NULL;
	if (!call)
		return;
	call->success = 200;
	int error = access_renew(a->options.engine, id, expires_ms, got_secret, call);
	if (error < 0)
		got_secret(call, error, NULL, NULL);
}

static void revoked(void *arg, int status)
{
	struct api_call *call = arg;
	if (status < 0)
		api_fail(call->request, status, "token");
	else
		http_respond(call->request, 204, NULL, 0, NULL, 0);
	api_call_close(call);
}

void api_tokens_revoke(struct api *a, struct http_request *r)
{
	const char *id;
	struct api_call *call;
	if (!api_path_id(r, "token", &id) || !(call = api_call_open(a, r, sizeof(*call))))
		return;
	int error = access_revoke(a->options.engine, id, revoked, call);
	if (error < 0)
		revoked(call, error);
}
