#include "model/log_line.h"

#include "base/json.h"

/* An escaped byte takes six. */
#define ROOM_FOR_REST ((size_t)200)

const char *log_stream_name(char stream)
{
	switch (stream) {
	case 'o':
		return "stdout";
	case 'e':
		return "stderr";
	default:
		return "marker";
	}
}

char *log_line_data(const struct log_line *line)
{
	struct buf out;
	char *text;

	buf_init(&out, 6 * line->len + ROOM_FOR_REST);
	jsonw_open(&out, '{');
	if (line->text) {
		jsonw_key(&out, "order");
		jsonw_int(&out, (int64_t)line->step + 1);
		jsonw_key(&out, "attempt");
		jsonw_int(&out, line->attempt);
		jsonw_key(&out, "stream");
		jsonw_str(&out, log_stream_name(line->stream));
	}
	jsonw_key(&out, "position");
	jsonw_int(&out, (int64_t)line->position);
	if (line->text) {
		jsonw_key(&out, "text");
		jsonw_strn(&out, line->text, line->len);
	}
	jsonw_close(&out, '}');
	text = buf_detach(&out, NULL);
	buf_release(&out);
	return text;
}
