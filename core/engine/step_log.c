/* What the daemon itself has to say about a step, among the step's own lines. */
#include "engine/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define STEP_LINE_MAX 2048

struct line {
	struct store_log log;
	struct engine *engine;
	char text[STEP_LINE_MAX];
};

static void stored(struct store_op *op)
{
	struct line *line = list_entry(op, struct line, log.op);

	if (op->status == 0)
		log_publish(line->engine, &line->log);
	free(line);
}

void step_log(const struct step *s, const char *format, ...)
{
	struct line *line = calloc(1, sizeof(*line));
	va_list args;
	int len;

	if (!line)
		return;
	va_start(args, format);
	len = vsnprintf(line->text, sizeof(line->text) - 1, format, args);
	va_end(args);
	line->log = (struct store_log){
		.op = {.kind = STORE_LOG, .done = stored},
		.step = s->index,
		.attempt = s->attempt,
		.stream = 'o',
		.time_ms = clock_wall_ms(),
		.text = line->text,
	};
	line->log.len = len < 0 ? 0 : strnlen(line->text, sizeof(line->text) - 2);
	line->text[line->log.len++] = '\n';
	memcpy(line->log.id, s->activity->id, ID_SIZE);
	memcpy(line->log.workflow_id, s->activity->workflow_id, ID_SIZE);
	line->engine = s->activity->engine;
	store_submit(s->activity->engine->store, &line->log.op);
}
