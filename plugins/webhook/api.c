#include "api.h"
#include <string.h>

static const struct {
	const char *methods, *pattern;
	tappet_http_cb cb;
} routes[API_ROUTE_COUNT] = {
	{"GET", "/secrets/{workflow}", api_secrets_get},
	{"GET", "/secrets/{workflow}/{trigger}", api_secrets_get},
	{"GET", "/sign/{workflow}", api_sign_get},
	{"GET", "/sign/{workflow}/{trigger}", api_sign_get},
	{"POST", "/sign/{workflow}", api_sign_post},
	{"POST", "/sign/{workflow}/{trigger}", api_sign_post},
	{"GET", "/requests/{workflow}", api_requests_list},
	{"GET,DELETE", "/requests/{workflow}/{trigger}", api_requests_list},
	{"GET,DELETE", "/requests/{workflow}/{trigger}/{id}", api_requests_one},
	{"POST", "/requests/{workflow}/{trigger}/{id}/replay", api_requests_replay},
};

int32_t api_open(struct webhook *w)
{
	int32_t r = TAPPET_OK;
	for (size_t i = 0; i < API_ROUTE_COUNT && r == TAPPET_OK; i++)
		r = w->http->api_route_add(w->self, routes[i].methods, routes[i].pattern, routes[i].cb, w,
					   &w->api_routes[i]);
	/* A host without an API has no administrators either. */
	return r == TAPPET_ENOTSUP ? TAPPET_OK : r;
}

void api_close(struct webhook *w)
{
	for (size_t i = 0; i < API_ROUTE_COUNT; i++) {
		w->http->route_remove(w->api_routes[i]);
		w->api_routes[i] = NULL;
	}
}

static bool copy_param(const struct webhook *w, tappet_request *request, const char *name,
		       char out[static API_NAME_MAX])
{
	const tappet_str text = w->http->param(request, name);
	out[0] = '\0';
	if (text.len >= API_NAME_MAX || (text.len > 0 && memchr(text.ptr, '\0', text.len)))
		return false;
	if (text.len > 0)
		memcpy(out, text.ptr, text.len);
	out[text.len] = '\0';
	return true;
}

void api_absent(const struct webhook *w, tappet_request *request)
{
	w->http->problem(request, 404, "not-found",
			 "No webhook trigger with this name runs: 'tappet workflows' shows those there are.", 0);
}

bool api_target_read(const struct webhook *w, tappet_request *request, struct api_target *ret)
{
	if (w->stopping) {
		api_failed(w, request, TAPPET_ESTATE);
		return false;
	}
	if (copy_param(w, request, "workflow", ret->workflow) && copy_param(w, request, "trigger", ret->trigger))
		return true;
	api_absent(w, request);
	return false;
}

struct binding *api_find(const struct webhook *w, tappet_request *request, const struct api_target *target)
{
	struct binding *b = triggers_find(&w->triggers, target->workflow, target->trigger[0] ? target->trigger : NULL);
	if (!b)
		api_absent(w, request);
	return b;
}

void api_failed(const struct webhook *w, tappet_request *request, int32_t error)
{
	if (error == TAPPET_ESTATE)
		w->http->problem(request, 503, "stopping", "The daemon is stopping.", 1);
	else
		w->http->problem(request, 503, "store", "The store could not be asked now.", 1);
}

void api_answer(const struct webhook *w, tappet_request *request, struct text *body)
{
	if (body->failed)
		w->http->problem(request, 503, "busy", "Out of memory.", 1);
	else
		answer_json(w, request, body->bytes, body->len);
	text_release(body);
}
