#include "base/log.h"

#include <errno.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

/* Set once before any thread starts, read-only afterwards. */
static struct {
	enum log_level least;
	bool json, journal, colour;
} sink = {.least = LOG_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level least, bool json)
{
	sink.least = least;
	sink.json = json;
	/* systemd sets it when stderr goes to the journal, which knows the time and reads "<N>". */
	sink.journal = getenv("JOURNAL_STREAM") != NULL && !isatty(STDERR_FILENO);
	sink.colour = isatty(STDERR_FILENO);
}

bool log_enabled(enum log_level level)
{
	return level >= sink.least;
}

int log_level_parse(const char *name, enum log_level *ret)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++) {
		if (strcmp(name, level_names[i]) != 0)
			continue;
		*ret = (enum log_level)i;
		return 0;
	}
	return -EINVAL;
}

const char *log_strerror(int error)
{
	if (error >= 0)
		return "ok";
	const char *text = strerrordesc_np(-error);
	return text ? text : "unknown error";
}

static void write_json(struct buf *line, enum log_level level, const char *message, const struct log_field *fields)
{
	jsonw_open(line, '{');
	jsonw_key(line, "time");
	jsonw_time(line, clock_wall_ms());
	jsonw_key(line, "level");
	jsonw_str(line, level_names[level]);
	jsonw_key(line, "message");
	jsonw_str(line, message);
	for (; fields->kind != LOG_FIELD_END; fields++) {
		jsonw_key(line, fields->key);
		if (fields->kind == LOG_FIELD_INT)
			jsonw_int(line, fields->num);
		else
			jsonw_str(line, fields->str);
	}
	jsonw_close(line, '}');
}

/* Values with spaces or control characters are quoted: nobody outside can forge a line or a field. */
static void write_value(struct buf *line, const char *value)
{
	bool plain = value && *value;
	for (const char *p = value; plain && *p; p++)
		plain = *p > ' ' && *p < 0x7f && *p != '"' && *p != '=' && *p != '\\';
	if (plain)
		buf_str(line, value);
	else
		jsonw_strn(line, value ? value : "", value ? strlen(value) : 0);
}

static void write_text(struct buf *line, enum log_level level, const char *message, const struct log_field *fields)
{
	static const int priorities[] = {7, 6, 4, 3};
	static const char *const colours[] = {"\033[2m", "", "\033[33m", "\033[31m"};
	char when[CLOCK_TEXT_MAX];
	if (sink.journal)
		buf_printf(line, "<%d>", priorities[level]);
	else
		buf_printf(line, "%s %s%-5s%s ", clock_rfc3339(clock_wall_ms(), when),
			   sink.colour ? colours[level] : "", level_names[level],
			   sink.colour && *colours[level] ? "\033[0m" : "");
	buf_str(line, message);
	for (; fields->kind != LOG_FIELD_END; fields++) {
		buf_printf(line, " %s=", fields->key);
		if (fields->kind == LOG_FIELD_INT)
			buf_printf(line, "%lld", (long long)fields->num);
		else
			write_value(line, fields->str);
	}
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
	if (!log_enabled(level))
		return;
	struct buf line;
	buf_init(&line, 64 * 1024);
	if (sink.json)
		write_json(&line, level, message, fields);
	else
		write_text(&line, level, message, fields);
	buf_char(&line, '\n');
	/* One write per line, so that lines of several threads do not mix. A log that cannot be written is nobody's error. */
	ssize_t written = write(STDERR_FILENO, line.data ? line.data : "\n", line.data ? line.len : 1);
	(void)written;
	buf_release(&line);
}
