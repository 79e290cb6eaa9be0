/* What people and programs say to steps that wait: yes or no to an `approve`, an action to a `wait`. */
#include "api/internal.h"

#include <errno.h>

/* ---- Approvals ------------------------------------------------------------------------------------------------- */

static void decided(void *arg, int status)
{
	struct api_call *call = arg;
	struct http_request *r = call->request;
	struct buf out;
	if (status == -EALREADY) {
		http_problem(r, 409, "answered", "it has been answered already, or is over", 0);
	} else if (status == -EAGAIN) {
		http_problem(r, 409, "not-waiting", "the step does not ask yet", 0);
	} else if (status < 0) {
		api_fail(r, status, "activity, or no step of kind approve in it");
	} else {
		buf_init(&out, 4096);
		jsonw_open(&out, '{');
		api_member(&out, "activityId", http_param(r, "activity"));
		api_member(&out, "step", http_param(r, "step"));
		jsonw_close(&out, '}');
		api_reply(r, 200, &out);
	}
	api_call_close(call);
}

static void decide(struct api *a, struct http_request *r, bool approved)
{
	static const struct api_key keys[] = {{"by", BODY_STRING}, {"comment", BODY_STRING}};
	const char *id;
	char who[API_WHO_MAX];
	struct json *body;
	if (!api_path_id(r, "activity", &id) || !api_body(a, r, keys, 2, &body))
		return;
	struct api_call *call = api_call_open(a, r, sizeof(*call));
	if (call) {
		const char *by = json_get_str(body, "by");
		int error = engine_approve(a->options.engine, id, http_param(r, "step"), approved,
					   by && by[0] ? by : api_who(r, who), json_get_str(body, "comment"), decided,
					   call);
		if (error < 0)
			decided(call, error);
	}
	json_free(body);
}

void api_steps_approve(struct api *a, struct http_request *r)
{
	decide(a, r, true);
}

void api_steps_reject(struct api *a, struct http_request *r)
{
	decide(a, r, false);
}

/* ---- Actions --------------------------------------------------------------------------------------------------- */

static void acted(void *arg, int status, uint64_t seq, size_t released)
{
	struct api_call *call = arg;
	struct buf out;
	if (status == -EINVAL) {
		http_problem(call->request, 422, "invalid-value",
			     "a topic is words of letters, digits, - and _ joined by dots", 0);
	} else if (status < 0) {
		api_fail(call->request, status, "topic");
	} else {
		buf_init(&out, 256);
		jsonw_open(&out, '{');
		jsonw_key(&out, "seq");
		jsonw_int(&out, (int64_t)seq);
		jsonw_key(&out, "released");
		jsonw_int(&out, (int64_t)released);
		jsonw_close(&out, '}');
		api_reply(call->request, 200, &out);
	}
	api_call_close(call);
}

void api_actions_emit(struct api *a, struct http_request *r)
{
	size_t len;
	char by[API_WHO_MAX];
	const char *data;
	if (!api_body_json(a, r, &data, &len))
		return;
	struct api_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	const struct engine_action action = {
		.topic = http_param(r, "topic"), .data = data, .len = len, .by = api_who(r, by)};
	int error = engine_action(a->options.engine, &action, acted, call);
	if (error < 0)
		acted(call, error, 0, 0);
}
