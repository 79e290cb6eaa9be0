/* The way in: what one turn of the loop submits reaches the writer together, with one lock and one signal. Handed over one
 * by one, the first operation of a turn would become a commit of its own, with all the others waiting behind its fsync. */
#include "store/internal.h"

#include <errno.h>

void submit_flush(struct store *s)
{
	if (list_empty(&s->fresh))
		return;
	uv_mutex_lock(&s->mutex);
	list_splice(&s->queue, &s->fresh);
	s->queue_len += s->fresh_len;
	s->fresh_len = 0;
	uv_cond_signal(&s->work);
	uv_mutex_unlock(&s->mutex);
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

/* Runs behind the turn's input and output. */
static void on_check(uv_check_t *check)
{
	struct store *s = check->data;
	uv_check_stop(&s->turn_end);
	uv_idle_stop(&s->turn_now);
	submit_flush(s);
}

void submit_open(struct store *s, uv_loop_t *loop)
{
	uv_idle_init(loop, &s->turn_now);
	uv_check_init(loop, &s->turn_end);
	s->turn_now.data = s->turn_end.data = s;
}

void submit_close(struct store *s, void (*close)(uv_handle_t *handle))
{
	close((uv_handle_t *)&s->turn_now);
	close((uv_handle_t *)&s->turn_end);
}

void store_submit(struct store *s, struct store_op *op)
{
	if (s->closing) {
		op->status = -ECANCELED;
		uv_mutex_lock(&s->mutex);
		list_append(&s->results, &op->node);
		uv_mutex_unlock(&s->mutex);
		return;
	}
	if (list_empty(&s->fresh)) {
		/* The idle handle keeps this turn from waiting for input before it gets to its end. */
		uv_idle_start(&s->turn_now, on_idle);
		uv_check_start(&s->turn_end, on_check);
	}
	list_append(&s->fresh, &op->node);
	s->fresh_len++;
}
