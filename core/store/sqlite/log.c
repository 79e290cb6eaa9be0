/* The logs of steps, each cut at its bound. */
#include "store/sqlite/internal.h"

#include <errno.h>

#define CUT_TEXT "the log was cut here: it has reached its bound"

/* How much of a step's log there is; a size beyond log_max says that it was cut. -ENOENT: no such activity. */
static int log_size(struct backend *b, const struct store_log *l, const uint8_t *id, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_LOG_SIZE, &st, "di", id, (int64_t)l->step);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r < 0)
		return r;
	if (r > 0) {
		*ret = sqlite3_column_int64(st, 0);
		sqlite3_reset(st);
		return 0;
	}
	r = sql_bind(&b->writer, SQL_FIND_ACTIVITY, &st, "d", id);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	sqlite3_reset(st);
	*ret = 0;
	return 0;
}

/* The event holds the number of the record, and nothing of it twice. */
static int add_event(struct backend *b, const struct store_log *l, struct store_log_line *line)
{
	char position[24];
	struct event event = {.time_ms = l->time_ms, .type = EVENT_STEP_LOG, .data = position};
	int64_t workflow = 0;
	int r = names_workflow(b, l->workflow_id, &workflow);
	if (r < 0 && r != -ENOENT)
		return r;
	memcpy(event.activity_id, l->id, ID_SIZE);
	snprintf(position, sizeof(position), "%llu", (unsigned long long)line->position);
	r = event_add(b, &event, workflow);
	line->seq = event.seq;
	return r;
}

static int add_record(struct backend *b, struct store_log *l, const uint8_t *id, char stream, const char *text,
		      size_t len)
{
	struct store_log_line *line = &l->ret_lines[l->ret_line_count++];
	*line = (struct store_log_line){.stream = stream, .text = text, .len = len};
	line->position = (uint64_t)++b->now.log_seq;
	int r = sql_run(&b->writer, SQL_ADD_LOG, "idiiiib", (int64_t)line->position, id, (int64_t)l->step,
			(int64_t)l->attempt, (int64_t)stream, l->time_ms, text, len);
	return r < 0 ? r : add_event(b, l, line);
}

/* Not in the middle of a character. */
static size_t cut_length(const char *text, size_t room)
{
	size_t len = room;
	while (len > 0 && room - len < 4 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static int append(struct backend *b, struct store_log *l, const uint8_t *id, size_t size)
{
	size_t room = b->log_max - size;
	bool cut = l->len > room;
	size_t len = cut ? cut_length(l->text, room) : l->len;
	int r = 0;

	if (len > 0)
		r = add_record(b, l, id, l->stream, l->text, len);
	if (r == 0 && cut)
		r = add_record(b, l, id, 'm', CUT_TEXT, sizeof(CUT_TEXT) - 1);
	if (r == 0)
		r = sql_run(&b->writer, SQL_SET_LOG_SIZE, "dii", id, (int64_t)l->step,
			    (int64_t)(cut ? b->log_max + 1 : size + len));
	return r;
}

int apply_log(struct backend *b, struct store_log *l)
{
	uint8_t id[ID_BLOB];
	int64_t size = 0;
	int r = id_to_blob(l->id, id) < 0 ? -ENOENT : log_size(b, l, id, &size);
	if (r == -ENOENT) {
		l->op.status = r;
		return 0;
	}
	if (r < 0 || (size_t)size > b->log_max || l->len == 0)
		return r;
	return append(b, l, id, (size_t)size);
}
