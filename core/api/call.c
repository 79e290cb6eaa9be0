#include "api/internal.h"

void api_unref(struct api *a)
{
	if (--a->references > 0)
		return;
	free(a->public_host);
	free(a->routes);
	free(a);
}

void *api_call_open(struct api *a, struct http_request *r, size_t size)
{
	struct api_call *call = calloc(1, size);
	if (!call) {
		http_problem(r, 503, "no-memory", "out of memory", 1);
		return NULL;
	}
	call->api = a;
	call->request = r;
	a->references++;
	return call;
}

void api_call_close(void *call)
{
	struct api_call *c = call;
	if (!c)
		return;
	api_unref(c->api);
	free(c);
}
