/* A plugin with an endpoint that breaks no rule, as the ground for the broken_ws_*.c, which say what becomes of an upgrade. */
#ifndef TESTS_HOST_BROKEN_WS_H
#define TESTS_HOST_BROKEN_WS_H

#include "broken.h"
#include <string.h>
#include <tappet/ws.h>

struct line {
	struct serving *serving;
	struct line *next;
	tappet_ws *ws;
};

struct serving {
	const tappet_ws1 *ws;
	struct state *state;
	tappet_ws_endpoint *endpoint;
	struct line *lines;
	tappet_ws *last;       /* for who uses it too late */
	int stopping, forgets; /* forgets: the connections that are there when it is to stop */
};

/* In the file that includes this. */
static void on_upgrade(void *arg, tappet_request *request);
static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes);

static void leave_when_alone(struct serving *s)
{
	if (s->stopping && (!s->lines || s->forgets))
		s->state->host->stopped(s->state->self);
}

static void on_closed(void *arg, tappet_ws *ws, const tappet_ws_end *end)
{
	struct line *l = arg;
	struct serving *s = l->serving;
	struct line **at = &s->lines;
	(void)ws;
	if (end->retry_ms)
		return;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	free(l);
	leave_when_alone(s);
}

static inline tappet_ws *take(struct serving *s, tappet_request *request)
{
	static const tappet_ws_handler handler = {
		.struct_size = sizeof(handler), .message = on_message, .closed = on_closed};
	struct line *l = calloc(1, sizeof(*l));
	if (!l)
		abort();
	l->serving = s;
	if (s->ws->accept(request, &handler, l, &l->ws) != TAPPET_OK) {
		free(l);
		return NULL;
	}
	l->next = s->lines;
	s->lines = l;
	return l->ws;
}

static void serve(struct state *state)
{
	const tappet_ws_endpoint_options options = {
		.struct_size = sizeof(options), .pattern = "/broken", .surface = TAPPET_SURFACE_ACTION};
	struct serving *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->state = state;
	s->ws = state->host->capability(state->self, TAPPET_WS_1);
	s->ws->endpoint_add(state->self, &options, on_upgrade, s, &s->endpoint);
	state->kept = s;
}

static void end(struct state *state)
{
	struct serving *s = state->kept;
	s->ws->endpoint_remove(s->endpoint);
	s->stopping = 1;
	for (struct line *l = s->forgets ? NULL : s->lines; l; l = l->next)
		s->ws->close(l->ws, TAPPET_WS_GOING_AWAY, tappet_cstr(NULL));
	leave_when_alone(s);
}

static void leave(struct state *state)
{
	struct serving *s = state->kept;
	while (s->lines) {
		struct line *l = s->lines;
		s->lines = l->next;
		free(l);
	}
	free(s);
}

/* `stopped` is said when the last connection is over. */
static const struct hooks hooks = {.start = serve, .stop = end, .destroy = leave, .never_stops = 1};

#endif
