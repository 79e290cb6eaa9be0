/* The daemon itself: what it is, how it is, its plugins, and reloading. */
#include "api/internal.h"

#include <errno.h>
#include "model/workflow.h"
#include "version.h"

void api_system_about(struct api *a, struct http_request *r)
{
	struct buf out;
	buf_init(&out, 1024);
	jsonw_open(&out, '{');
	api_member(&out, "name", "tappet");
	api_member(&out, "version", TAPPET_VERSION);
	jsonw_key(&out, "ready");
	jsonw_bool(&out, a->ready);
	jsonw_close(&out, '}');
	api_reply(r, 200, &out);
}

void api_system_plugins(struct api *a, struct http_request *r)
{
	struct buf out;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "plugins");
	a->options.plugins(a->options.arg, &out);
	jsonw_close(&out, '}');
	api_reply(r, 200, &out);
}

/* For editors: what `tappet schema` prints. */
void api_system_schema(struct api *a, struct http_request *r)
{
	static const char type[] = "application/schema+json";
	const struct http_header_field header = {"Content-Type", type, sizeof(type) - 1};
	const char *name = http_param(r, "schema");
	struct buf out;
	buf_init(&out, API_ANSWER_MAX);
	if (strcmp(name, "workflow") == 0)
		workflow_schema(&out);
	else if (strcmp(name, "config") == 0)
		a->options.config_schema(a->options.arg, &out);
	else
		api_problemf(r, 404, "not-found", "there are two schemas: workflow and config");
	if (out.len > 0)
		http_respond(r, 200, &header, 1, buf_cstr(&out), out.len);
	buf_release(&out);
}

/* ---- Reload ---------------------------------------------------------------------------------------------------- */

static void answer_mistakes(struct http_request *r, const char *mistakes)
{
	static const char type[] = "application/problem+json";
	const struct http_header_field header = {"Content-Type", type, sizeof(type) - 1};
	struct buf out;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	api_member(&out, "type", "tappet:invalid-definitions");
	api_member(&out, "title", "Unprocessable Content");
	jsonw_key(&out, "status");
	jsonw_int(&out, 422);
	api_member(&out, "detail", "there are mistakes, nothing was changed");
	jsonw_key(&out, "mistakes");
	jsonw_open(&out, '[');
	while (*mistakes) {
		const size_t len = strcspn(mistakes, "\n");
		if (len > 0)
			jsonw_strn(&out, mistakes, len);
		mistakes += len + (mistakes[len] == '\n');
	}
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	if (buf_error(&out) < 0)
		api_fail(r, -ENOMEM, "definition");
	else
		http_respond(r, 422, &header, 1, buf_cstr(&out), out.len);
	buf_release(&out);
}

static void reloaded(void *arg, int status, const char *mistakes)
{
	struct api_call *call = arg;
	struct buf out;
	if (status == -EINVAL) {
		answer_mistakes(call->request, mistakes ? mistakes : "");
	} else if (status == -EBUSY) {
		http_problem(call->request, 409, "busy", "definitions are being reloaded already", 0);
	} else if (status < 0) {
		api_fail(call->request, status, "folder of workflows");
	} else {
		buf_init(&out, 64);
		buf_str(&out, "{\"reloaded\":true}");
		api_reply(call->request, 200, &out);
	}
	api_call_close(call);
}

void api_system_reload(struct api *a, struct http_request *r)
{
	struct json *body;
	if (!api_body(a, r, NULL, 0, &body))
		return;
	json_free(body);
	struct api_call *call = api_call_open(a, r, sizeof(*call));
	if (call)
		a->options.reload(a->options.arg, reloaded, call);
}

/* ---- Health and metrics ---------------------------------------------------------------------------------------- */

static void write_part(void *arg, const char *part, enum health_state state, const char *reason)
{
	struct buf *out = arg;
	jsonw_open(out, '{');
	api_member(out, "part", part);
	api_member(out, "state", health_state_name(state));
	api_member(out, "reason", reason);
	jsonw_close(out, '}');
}

void api_system_health(struct api *a, struct http_request *r)
{
	const enum health_state worst = health_worst(a->options.health);
	struct buf out;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	api_member(&out, "status", health_state_name(worst));
	api_member(&out, "version", TAPPET_VERSION);
	jsonw_key(&out, "parts");
	jsonw_open(&out, '[');
	health_each(a->options.health, write_part, &out);
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	api_reply(r, worst == HEALTH_DOWN ? 503 : 200, &out);
}

static void look_at_store(void *arg, const char *part, enum health_state state, const char *reason)
{
	bool *down = arg;
	(void)reason;
	if (strcmp(part, "store") == 0 && state == HEALTH_DOWN)
		*down = true;
}

void api_system_ready(struct api *a, struct http_request *r)
{
	bool down = false;
	struct buf out;
	health_each(a->options.health, look_at_store, &down);
	const char *reason = NULL;
	if (!a->ready)
		reason = a->started ? "the daemon is stopping" : "the daemon is starting";
	else if (down)
		reason = "the store is down";
	else if (store_is_full(a->options.store))
		reason = "the store takes nothing new now";
	buf_init(&out, 1024);
	jsonw_open(&out, '{');
	jsonw_key(&out, "ready");
	jsonw_bool(&out, !reason);
	api_member(&out, "reason", reason);
	jsonw_close(&out, '}');
	api_reply(r, reason ? 503 : 200, &out);
}

void api_system_metrics(struct api *a, struct http_request *r)
{
	static const char type[] = "text/plain; version=0.0.4; charset=utf-8";
	const struct http_header_field header = {"Content-Type", type, sizeof(type) - 1};
	struct buf out;
	buf_init(&out, API_ANSWER_MAX);
	int error = metrics_render(a->options.metrics, &out);
	if (error < 0 || buf_error(&out) < 0)
		api_fail(r, error < 0 ? error : -ENOMEM, "metrics");
	else
		http_respond(r, 200, &header, 1, buf_cstr(&out), out.len);
	buf_release(&out);
}
