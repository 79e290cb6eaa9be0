/* Keeps a page of its state beyond the callback. */
#include "broken.h"

static void listed(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct state *s = arg;
	(void)result;
	if (count)
		s->kept = (void *)(uintptr_t)rows[0].value.ptr;
}

static void put(void *arg, int32_t result)
{
	(void)arg;
	(void)result;
}

static void begin(struct state *s)
{
	s->host->kv_put(s->self, NULL, tappet_cstr("k"), tappet_cstr("v"), put, s);
	s->host->kv_list(s->self, NULL, tappet_cstr(""), 10, listed, s);
}

static void fire(struct binding *b)
{
	if (b->state->kept)
		b->state->count += *(const char *)b->state->kept;
}

static const struct hooks hooks = {.start = begin, .fire = fire};
