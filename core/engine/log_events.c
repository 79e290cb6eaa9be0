/* Tells the bus of what has been added to a log. The text is put into an event only when somebody wants it: the store joins it
 * for those who come later. */
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

#include "model/log_line.h"

static void publish(struct engine *e, const struct store_log *l, const struct store_log_line *kept)
{
	struct event event = {.seq = kept->seq, .time_ms = l->time_ms, .type = EVENT_STEP_LOG};
	const struct log_line line = {
		.position = kept->position,
		.step = l->step,
		.attempt = l->attempt,
		.stream = kept->stream,
		.text = kept->text,
		.len = kept->len,
	};
	bool wanted = bus_is_wanted(e->options.bus, EVENT_STEP_LOG);

	memcpy(event.workflow_id, l->workflow_id, ID_SIZE);
	memcpy(event.activity_id, l->id, ID_SIZE);
	event.data = wanted ? log_line_data(&line) : NULL;
	/* Without memory it is a hole, and the store is read. */
	if (event.data || !wanted)
		bus_publish(e->options.bus, &event, 1);
	event_release(&event);
}

void log_publish(struct engine *e, const struct store_log *l)
{
	for (size_t i = 0; i < l->ret_line_count && e->options.bus; i++)
		publish(e, l, &l->ret_lines[i]);
}
