/* Says yes before anything is stored. */
#include "broken.h"

static void add(struct state *s, tappet_trigger *handle)
{
	s->kept = handle;
}

static void request(void *arg, tappet_request *request)
{
	struct state *s = arg;
	/* The first request comes while the trigger that was added last is there. */
	if (s->count++ == 0)
		broken_emit(s, s->kept, "{}", NULL);
	s->http->respond(request, s->count == 1 ? 200 : 404, NULL, 0, tappet_cstr(""));
}

static const struct hooks hooks = {.add = add, .request = request};
