/* What the daemon itself has to say about a step, among the step's own lines. */
#include "engine/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define STEP_LINE_MAX 2048

struct line {
	struct store_log log;
	char text[STEP_LINE_MAX];
};

static void stored(struct store_op *op)
{
	free(list_entry(op, struct line, log.op));
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
	store_submit(s->activity->engine->store, &line->log.op);
}
