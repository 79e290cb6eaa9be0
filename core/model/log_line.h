/* What a step has written, as the event step.log carries it. */
#ifndef MODEL_LOG_LINE_H
#define MODEL_LOG_LINE_H

#include <stddef.h>
#include <stdint.h>

struct log_line {
	uint64_t position; /* of the record in the log */
	uint32_t step, attempt;
	char stream;
	const char *text; /* NULL: the record is not kept any more */
	size_t len;
};

/* "stdout", "stderr", or "marker" for what the daemon itself says where it cut. */
const char *log_stream_name(char stream);
/* A JSON object, to be freed; NULL: no memory. */
char *log_line_data(const struct log_line *line);

#endif
