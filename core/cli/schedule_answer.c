#include "cli/schedule_answer.h"

#include <errno.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/command.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024)
#define ANSWER_MAX ((size_t)1024 * 1024)

static int fail(struct pattern_error *error, const char *format, const char *text)
{
	snprintf(error->message, sizeof(error->message), format, text);
	return -EINVAL;
}

/* A time without an offset is one of the zone. */
static int read_from(const char *text, struct zone *zone, int64_t *ret, struct pattern_error *error)
{
	struct moment m;
	int64_t gap, at_s;
	if (!text) {
		*ret = clock_wall_ms();
		return 0;
	}
	if (moment_parse(text, &m) < 0)
		return fail(error, "from \"%.60s\": expected a date and time such as 2026-12-31T09:00:00+01:00", text);
	at_s = m.has_offset ? m.local_s - m.offset_s : zone_instant(zone, m.local_s, &gap);
	*ret = at_s * 1000 + m.ms;
	return 0;
}

int schedule_ask(const struct schedule_question *q, struct zones *zones, struct schedule **ret, int64_t *ret_from_ms,
		 struct pattern_error *ret_error)
{
	struct schedule *s;
	int r = schedule_compile(&q->options, zones, &s, ret_error);
	if (r < 0)
		return r;
	r = read_from(q->from, schedule_zone(s), ret_from_ms, ret_error);
	if (r < 0) {
		schedule_free(s);
		return r;
	}
	if (schedule_kind(s) == SCHEDULE_EVERY)
		schedule_set_anchor(s, *ret_from_ms);
	*ret = s;
	return 0;
}

/* ---- One answer ------------------------------------------------------------------------------------------------ */

static void write_error(struct buf *out, const char *message)
{
	jsonw_open(out, '{');
	jsonw_key(out, "valid");
	jsonw_bool(out, false);
	jsonw_key(out, "error");
	jsonw_str(out, message);
	jsonw_close(out, '}');
}

static void write_instants(const struct schedule *s, int64_t from_ms, int64_t count, struct buf *out)
{
	struct schedule_fire fire;
	char text[INSTANT_TEXT_MAX];
	jsonw_open(out, '{');
	jsonw_key(out, "valid");
	jsonw_bool(out, true);
	jsonw_key(out, "next");
	jsonw_open(out, '[');
	for (; count > 0 && schedule_next(s, from_ms, &fire) == 0; count--) {
		jsonw_str(out, instant_format(fire.at_ms / 1000, fire.offset_s, text));
		from_ms = fire.at_ms;
	}
	jsonw_close(out, ']');
	jsonw_close(out, '}');
}

bool schedule_answer(const struct schedule_question *q, struct zones *zones, struct buf *out)
{
	struct schedule *s;
	struct pattern_error error;
	int64_t from_ms;
	const int r = schedule_ask(q, zones, &s, &from_ms, &error);
	if (r < 0) {
		write_error(out, r == -ENOMEM ? "out of memory" : error.message);
		return false;
	}
	write_instants(s, from_ms, q->count, out);
	schedule_free(s);
	return true;
}

/* ---- Lines ----------------------------------------------------------------------------------------------------- */

/* What is a text where it is there at all. */
static int read_text(const struct json *object, const char *key, const char **text, struct pattern_error *error)
{
	const struct json *value = json_get(object, key);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return fail(error, "\"%s\" must be a string", key);
	*text = json_str(value);
	return 0;
}

#define READ_WORD(opts, key, parse, place, expected)                                                                   \
	do {                                                                                                           \
		const char *word = NULL;                                                                               \
		int r = read_text(opts, key, &word, error);                                                            \
		if (r == 0 && word && (r = parse(word, place)) < 0)                                                    \
			fail(error, "\"" key "\": expected " expected ", not \"%.40s\"", word);                        \
		if (r < 0)                                                                                             \
			return r;                                                                                      \
	} while (0)

static int read_options(const struct json *line, struct pattern_options *o, struct pattern_error *error)
{
	const struct json *opts = json_get(line, "opts");
	READ_WORD(line, "dialect", dialect_of_word, &o->dialect,
		  "auto, unix, vixie, ocps, quartz, spring, robfig or aws");
	READ_WORD(opts, "day", day_of_word, &o->day, "or, and");
	READ_WORD(opts, "dow", dow_of_word, &o->dow, "0-7, 0-6 or 1-7");
	READ_WORD(opts, "dst_gap", gap_of_word, &o->gap, "run_after or skip");
	READ_WORD(opts, "dst_overlap", overlap_of_word, &o->overlap, "first, last or both");
	return read_text(line, "id", &o->id, error);
}

static int read_count(const struct json *line, int64_t *ret, struct pattern_error *error)
{
	const struct json *n = json_get(line, "n"), *next = json_get(line, "next");
	if (json_is_array(next))
		*ret = (int64_t)json_count(next);
	if (n && !json_is_null(n) && (json_int(n, ret) < 0 || *ret < 0 || *ret > SCHEDULE_COUNT_MAX))
		return fail(error, "\"%s\" must be a number from 0 to 10000", "n");
	return 0;
}

static int read_question(const struct json *line, struct schedule_question *q, struct pattern_error *error)
{
	if (!json_is_object(line))
		return fail(error, "expected an object with \"%s\"", "expr");
	int r = read_text(line, "expr", &q->options.cron, error);
	if (r == 0 && !q->options.cron)
		r = fail(error, "\"%s\" is missing", "expr");
	if (r == 0)
		r = read_options(line, &q->options.pattern, error);
	if (r == 0)
		r = read_text(line, "tz", &q->options.timezone, error);
	if (r == 0)
		r = read_text(line, "from", &q->from, error);
	return r == 0 ? read_count(line, &q->count, error) : r;
}

static void answer_line(const struct schedule_question *defaults, struct zones *zones, const char *text, size_t len,
			struct buf *out)
{
	struct schedule_question q = *defaults;
	struct pattern_error error;
	struct json_error json_error;
	struct json *line = NULL;
	buf_clear(out);
	if (json_parse(text, len, &line, &json_error) < 0)
		write_error(out, json_error.message);
	else if (read_question(line, &q, &error) < 0)
		write_error(out, error.message);
	else
		(void)schedule_answer(&q, zones, out);
	json_free(line);
	if (buf_error(out) < 0) {
		buf_clear(out);
		write_error(out, "the answer is too long");
	}
	buf_char(out, '\n');
	fwrite(out->data, 1, out->len, stdout);
}

static bool is_blank(const char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r", text[len - 1]))
		len--;
	return len == 0;
}

/* Answers the whole lines at the beginning of `input`; returns how many bytes they were. */
static size_t answer_whole(const struct schedule_question *q, struct zones *zones, const struct buf *input, size_t from,
			   struct buf *out)
{
	size_t begin = 0;
	const char *end, *look = input->data + from;
	while ((end = memchr(look, '\n', (size_t)(input->data + input->len - look)))) {
		const char *line = input->data + begin;
		if (!is_blank(line, (size_t)(end - line)))
			answer_line(q, zones, line, (size_t)(end - line), out);
		begin = (size_t)(end + 1 - input->data);
		look = end + 1;
	}
	return begin;
}

/* 1: more was read, 0: the end, or negative. */
static int read_more(int fd, struct buf *input)
{
	char *room;
	const size_t size = LINE_MAX_BYTES / 2;
	if (input->len > LINE_MAX_BYTES)
		return -EMSGSIZE;
	if (fflush(stdout) != 0 || buf_reserve(input, size, &room) < 0)
		return -ENOMEM;
	ssize_t n;
	do
		n = read(fd, room, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	input->len += (size_t)n;
	buf_terminate(input);
	return n > 0;
}

int schedule_answer_lines(const struct schedule_question *q, struct zones *zones, int fd)
{
	struct buf input, out;
	size_t seen = 0;
	int r;
	buf_init(&input, 4 * LINE_MAX_BYTES);
	buf_init(&out, ANSWER_MAX);
	while ((r = read_more(fd, &input)) > 0) {
		buf_consume(&input, answer_whole(q, zones, &input, seen, &out));
		seen = input.len;
	}
	if (r == 0 && !is_blank(buf_cstr(&input), input.len))
		answer_line(q, zones, buf_cstr(&input), input.len, &out);
	if (r == -EMSGSIZE)
		cli_error("a line may have %zu bytes at most", LINE_MAX_BYTES);
	else if (r < 0)
		cli_error("the lines cannot be read: %s", strerror(-r));
	buf_release(&input);
	buf_release(&out);
	return r < 0 ? CLI_FAILED : CLI_OK;
}
