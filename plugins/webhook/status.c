/* GET and DELETE /webhook/status/{activityId}. Both first read the activity: what the token does not cover must look
 * like what does not exist. A cancelled activity is read again, so that both answer with the same document. */
#include <stdlib.h>
#include <string.h>
#include "webhook.h"

struct query {
	struct webhook *webhook;
	tappet_request *request;
	char activity_id[ID_LEN + 1];
	char token_id[ID_LEN + 1];
	bool cancel; /* still to be done */
};

static void finish(struct query *query)
{
	struct webhook *w = query->webhook;
	free(query);
	webhook_end(w);
}

static void finish_problem(struct query *query, struct answer answer)
{
	answer_problem(query->webhook, query->request, answer);
	finish(query);
}

static struct answer answer_for_error(int32_t error)
{
	switch (error) {
	case TAPPET_ENOTFOUND:
		return (struct answer){404, 0, "not-found", "There is no such activity."};
	case TAPPET_ESTATE:
		return (struct answer){409, 0, "ended", "The activity has ended already."};
	case TAPPET_EUNKNOWN:
		return (struct answer){500, 0, "outcome-unknown", "It is not known whether this was stored."};
	default:
		return (struct answer){503, 1, "busy", "The store cannot answer at the moment; try again later."};
	}
}

static void finish_document(struct query *query, tappet_str document)
{
	char *json = document_reshape(document);
	if (!json) {
		finish_problem(query, answer_for_error(TAPPET_ENOMEM));
		return;
	}
	answer_json(query->webhook, query->request, json, strlen(json));
	free(json);
	finish(query);
}

static void read_status(struct query *query);

static void cancelled(void *arg, int32_t result)
{
	struct query *query = arg;
	if (result < 0) {
		finish_problem(query, answer_for_error(result));
		return;
	}
	query->cancel = false;
	read_status(query);
}

static void status_read(void *arg, int32_t result, const tappet_activity_info *info)
{
	struct query *query = arg;
	struct webhook *w = query->webhook;
	if (result == 0 && w->auth->covers(w->self, query->token_id, info->workflow_id) != 1)
		result = TAPPET_ENOTFOUND;
	if (result < 0) {
		finish_problem(query, answer_for_error(result));
		return;
	}
	if (!query->cancel) {
		finish_document(query, info->document);
		return;
	}
	int32_t r = w->activity->cancel(w->self, query->activity_id, cancelled, query);
	if (r < 0)
		finish_problem(query, answer_for_error(r));
}

static void read_status(struct query *query)
{
	struct webhook *w = query->webhook;
	int32_t r = w->activity->status(w->self, query->activity_id, status_read, query);
	if (r < 0)
		finish_problem(query, answer_for_error(r));
}

static bool is_id(tappet_str text)
{
	return text.len == ID_LEN && strspn(text.ptr, "0123456789abcdef") >= ID_LEN;
}

static void begin_query(struct webhook *w, tappet_request *request, const tappet_grant *grant, bool cancel)
{
	tappet_str id = w->http->param(request, "activityId");
	if (!id.ptr || !is_id(id)) {
		answer_problem(w, request, answer_for_error(TAPPET_ENOTFOUND));
		return;
	}
	struct query *query = calloc(1, sizeof(*query));
	if (!query) {
		answer_problem(w, request, answer_for_error(TAPPET_ENOMEM));
		return;
	}
	query->webhook = w;
	query->request = request;
	query->cancel = cancel;
	memcpy(query->activity_id, id.ptr, ID_LEN);
	memcpy(query->token_id, grant->token_id, ID_LEN);
	webhook_begin(w);
	read_status(query);
}

void status_request(void *arg, tappet_request *request)
{
	struct webhook *w = arg;
	tappet_str method = w->http->method(request);
	bool cancel = method.len == 6 && memcmp(method.ptr, "DELETE", 6) == 0;
	struct body body;
	tappet_grant grant;
	if (!caller_check(w, request, cancel ? TAPPET_SCOPE_CANCEL : TAPPET_SCOPE_STATUS, &body, &grant))
		return;
	if (!body_is_json(&body)) {
		answer_problem(w, request, (struct answer){400, 0, "malformed", body_error_text(BODY_NOT_JSON)});
		return;
	}
	begin_query(w, request, &grant, cancel);
}
