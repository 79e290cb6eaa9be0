/* schedule next, schedule explain: what a pattern means, without a daemon. What comes next of its schedules is asked there. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/json.h"
#include "cli/command.h"
#include "cli/schedule_answer.h"
#include "cli/schedules.h"

#define COUNT_DEFAULT 5
/* How far ahead `explain` looks for changes of the clock. */
#define CHANGES_AHEAD_S ((int64_t)400 * 86400)
#define CHANGES_SHOWN 2

/* ---- The command line ------------------------------------------------------------------------------------------ */

static int tell_word(const char *option, const char *expected, const char *found)
{
	cli_error("--%s must be %s, not '%s'", option, expected, found);
	return CLI_USAGE;
}

static int read_rules(const struct cli *c, struct pattern_options *o)
{
	const char *dialect = cli_value(c, "dialect"), *day = cli_value(c, "day"), *dow = cli_value(c, "dow");
	const char *gap = cli_value(c, "dst-gap"), *overlap = cli_value(c, "dst-overlap");
	if (dialect && dialect_of_word(dialect, &o->dialect) < 0)
		return tell_word("dialect", "auto, unix, vixie, ocps, quartz, spring, robfig or aws", dialect);
	if (day && day_of_word(day, &o->day) < 0)
		return tell_word("day", "or, and", day);
	if (dow && dow_of_word(dow, &o->dow) < 0)
		return tell_word("dow", "0-7, 0-6 or 1-7", dow);
	if (gap && gap_of_word(gap, &o->gap) < 0)
		return tell_word("dst-gap", "run_after or skip", gap);
	if (overlap && overlap_of_word(overlap, &o->overlap) < 0)
		return tell_word("dst-overlap", "first, last or both", overlap);
	o->id = cli_value(c, "id");
	return CLI_OK;
}

static int read_number(const char *text, int64_t *ret)
{
	char *end;
	errno = 0;
	const long long value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < 1 || value > SCHEDULE_COUNT_MAX) {
		cli_error("-n must be a number from 1 to %d, not '%s'", SCHEDULE_COUNT_MAX, text);
		return CLI_USAGE;
	}
	*ret = value;
	return CLI_OK;
}

static int read_line(const struct cli *c, struct schedule_question *q)
{
	*q = (struct schedule_question){
		.options = {.timezone = cli_value(c, "timezone")},
		.from = cli_value(c, "from"),
		.count = COUNT_DEFAULT,
	};
	return read_rules(c, &q->options.pattern);
}

static int open_zones(struct zones **ret)
{
	if (zones_new(ret) == 0)
		return CLI_OK;
	cli_error("out of memory");
	return CLI_FAILED;
}

static int ask(const struct schedule_question *q, struct zones *zones, struct schedule **ret, int64_t *ret_from_ms)
{
	struct pattern_error error;
	const int r = schedule_ask(q, zones, ret, ret_from_ms, &error);
	if (r == 0)
		return CLI_OK;
	cli_error("%s", r == -ENOMEM ? "out of memory" : error.message);
	return r == -ENOMEM ? CLI_FAILED : CLI_USAGE;
}

/* ---- next ------------------------------------------------------------------------------------------------------ */

static void print_fire(const struct schedule_fire *fire)
{
	char text[INSTANT_TEXT_MAX], said[EXPLAIN_MAX];
	fire_explain(fire, said);
	printf("%s%s%s\n", instant_format(fire->at_ms / 1000, fire->offset_s, text), said[0] ? "  " : "", said);
}

/* What the clock keeps from firing between two instants; the rest stands beside them. */
static void print_skipped(const struct schedule *s, int64_t after_ms, int64_t until_ms)
{
	char said[EXPLAIN_MAX];
	struct clock_change change;
	const struct pattern *p = schedule_pattern(s);
	int64_t after_s = after_ms / 1000;
	while (p && cron_next_change(p, schedule_zone(s), after_s, until_ms / 1000, &change) == 0) {
		if (change.kind == CHANGE_SKIPPED)
			printf("%-25s  %s\n", "-", change_explain(&change, said));
		after_s = change.at_s;
	}
}

static void print_none(const struct schedule *s, int error, int64_t shown)
{
	if (error == -ELOOP)
		puts("what comes after that is excluded, as far as it was looked");
	else if (schedule_kind(s) == SCHEDULE_REBOOT)
		puts("whenever the daemon starts");
	else
		puts(shown ? "after that it does not fire any more" : "it never fires");
}

static int print_next(const struct schedule_question *q, struct zones *zones)
{
	struct schedule *s;
	struct schedule_fire fire;
	int64_t after_ms, shown = 0;
	int r = 0;
	const int code = ask(q, zones, &s, &after_ms);
	if (code != CLI_OK)
		return code;
	for (; shown < q->count && (r = schedule_next(s, after_ms, &fire)) == 0; shown++) {
		print_skipped(s, after_ms, fire.at_ms);
		print_fire(&fire);
		after_ms = fire.at_ms;
	}
	if (r < 0)
		print_none(s, r, shown);
	schedule_free(s);
	return CLI_OK;
}

static int print_json(const struct schedule_question *q, struct zones *zones)
{
	struct buf out;
	buf_init(&out, (size_t)1024 * 1024);
	const bool valid = schedule_answer(q, zones, &out);
	puts(buf_cstr(&out));
	buf_release(&out);
	return valid ? CLI_OK : CLI_USAGE;
}

static int answer_file(const struct cli *c, struct schedule_question *q, struct zones *zones)
{
	const char *path = c->arg_count > 0 ? c->args[0] : "-";
	const int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		cli_error("%s: %s", path, strerror(errno));
		return CLI_NOT_FOUND;
	}
	if (!cli_value(c, "limit"))
		q->count = 1;
	const int code = schedule_answer_lines(q, zones, fd);
	if (fd != STDIN_FILENO)
		close(fd);
	return code;
}

static bool is_of_pattern(const struct cli *c)
{
	static const char *const others[] = {"to", "workflow", "config", "server"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (cli_flag(c, others[i])) {
			cli_error("--%s is for schedules of the daemon, not for a pattern", others[i]);
			return false;
		}
	return true;
}

int cmd_schedule_next(struct cli *c)
{
	struct schedule_question q;
	struct zones *zones;
	if (!cli_flag(c, "jsonl") && c->arg_count == 0)
		return schedules_calendar(c);
	if (!cli_flag(c, "jsonl") && schedules_is_name(c->args[0]))
		return schedules_next(c);
	int code = is_of_pattern(c) ? read_line(c, &q) : CLI_USAGE;
	if (code == CLI_OK && cli_value(c, "limit"))
		code = read_number(cli_value(c, "limit"), &q.count);
	if (code == CLI_OK)
		code = open_zones(&zones);
	if (code != CLI_OK)
		return code;
	if (cli_flag(c, "jsonl")) {
		code = answer_file(c, &q, zones);
	} else {
		q.options.cron = c->args[0];
		code = c->json ? print_json(&q, zones) : print_next(&q, zones);
	}
	zones_free(zones);
	return code;
}

/* ---- explain --------------------------------------------------------------------------------------------------- */

static void explain(const struct cli *c, const struct schedule *s, const struct zones *zones, int64_t from_ms)
{
	struct buf out;
	struct clock_change change;
	char said[EXPLAIN_MAX];
	const struct pattern *p = schedule_pattern(s);
	int64_t after_s = from_ms / 1000;
	const int64_t until_s = after_s + CHANGES_AHEAD_S;
	buf_init(&out, (size_t)64 * 1024);
	jsonw_open(&out, '{');
	jsonw_key(&out, "text");
	jsonw_str(&out, schedule_explain(s, said));
	if (!c->json)
		puts(said);
	jsonw_key(&out, "dialect");
	jsonw_str(&out, p ? dialect_word((enum dialect)p->dialect) : NULL);
	jsonw_key(&out, "timezone");
	jsonw_str(&out, zone_name(schedule_zone(s)));
	jsonw_key(&out, "tzdata");
	jsonw_str(&out, zones_version(zones));
	jsonw_key(&out, "changes");
	jsonw_open(&out, '[');
	for (int i = 0; p && i < CHANGES_SHOWN; i++, after_s = change.at_s) {
		if (cron_next_change(p, schedule_zone(s), after_s, until_s, &change) < 0)
			break;
		jsonw_str(&out, change_explain(&change, said));
		if (!c->json)
			puts(said);
	}
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	if (c->json)
		puts(buf_cstr(&out));
	buf_release(&out);
}

int cmd_schedule_explain(struct cli *c)
{
	struct schedule_question q;
	struct zones *zones;
	struct schedule *s;
	int64_t from_ms;
	int code = read_line(c, &q);
	if (code == CLI_OK)
		code = open_zones(&zones);
	if (code != CLI_OK)
		return code;
	q.options.cron = c->args[0];
	code = ask(&q, zones, &s, &from_ms);
	if (code == CLI_OK) {
		explain(c, s, zones, from_ms);
		schedule_free(s);
	}
	zones_free(zones);
	return code;
}
