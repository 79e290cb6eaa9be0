#include "model/order.h"

#include <errno.h>
#include <stdlib.h>

enum colour { UNSEEN = 0, ON_PATH, DONE };

/* A depth-first walk along the needs, with a stack of its own: definitions come from outside and may be deep. */
struct walk {
	const struct step_def *steps;
	size_t *order, order_len;
	size_t *path, path_len;
	size_t *next; /* per step: which of its needs to look at next */
	unsigned char *colour;
	void (*cycle)(void *arg, const size_t *path, size_t len);
	void *arg;
	int result;
};

static void enter(struct walk *w, size_t step)
{
	w->colour[step] = ON_PATH;
	w->path[w->path_len++] = step;
}

static void found_cycle(struct walk *w, size_t first)
{
	size_t from = w->path_len;

	w->result = -ELOOP;
	while (w->path[from - 1] != first)
		from--;
	if (w->cycle)
		w->cycle(w->arg, w->path + from - 1, w->path_len - from + 1);
}

static void walk_from(struct walk *w, size_t start)
{
	enter(w, start);
	while (w->path_len > 0) {
		size_t step = w->path[w->path_len - 1];
		size_t need;

		if (w->next[step] == w->steps[step].needs_count) {
			w->colour[step] = DONE;
			w->order[w->order_len++] = step;
			w->path_len--;
			continue;
		}
		need = w->steps[step].needs[w->next[step]++];
		if (w->colour[need] == UNSEEN)
			enter(w, need);
		else if (w->colour[need] == ON_PATH)
			found_cycle(w, need);
	}
}

int order_steps(const struct step_def *steps, size_t count, size_t *ret_order,
		void (*cycle)(void *arg, const size_t *path, size_t len), void *arg)
{
	struct walk w = {.steps = steps, .order = ret_order, .cycle = cycle, .arg = arg};
	int r = -ENOMEM;

	w.path = calloc(count + 1, sizeof(*w.path));
	w.next = calloc(count + 1, sizeof(*w.next));
	w.colour = calloc(count + 1, sizeof(*w.colour));
	if (!w.path || !w.next || !w.colour)
		goto cleanup;
	for (size_t i = 0; i < count; i++)
		if (w.colour[i] == UNSEEN)
			walk_from(&w, i);
	r = w.result;
cleanup:
	free(w.path);
	free(w.next);
	free(w.colour);
	return r;
}
