#include "support_schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define TEXT_MAX 4096

int64_t utc_of(const char *text)
{
	struct moment m;
	assert_int_equal(moment_parse(text, &m), 0);
	return m.local_s - m.offset_s;
}

struct pattern_options question_rules(const struct question *q)
{
	struct pattern_options o = {.id = q->id};
	if (q->dialect)
		assert_int_equal(dialect_of_word(q->dialect, &o.dialect), 0);
	if (q->day)
		assert_int_equal(day_of_word(q->day, &o.day), 0);
	if (q->dow)
		assert_int_equal(dow_of_word(q->dow, &o.dow), 0);
	if (q->gap)
		assert_int_equal(gap_of_word(q->gap, &o.gap), 0);
	if (q->overlap)
		assert_int_equal(overlap_of_word(q->overlap, &o.overlap), 0);
	return o;
}

static void show_next(const struct schedule *s, const char *from, size_t count, char *out)
{
	struct schedule_fire fire;
	char text[INSTANT_TEXT_MAX];
	int64_t after = utc_of(from) * 1000;
	size_t len = 0;
	out[0] = '\0';
	for (; count > 0; count--) {
		if (schedule_next(s, after, &fire) < 0) {
			snprintf(out + len, TEXT_MAX - len, "%s.", len ? " " : "");
			return;
		}
		assert_true(fire.at_ms > after);
		len += (size_t)snprintf(out + len, TEXT_MAX - len, "%s%s", len ? " " : "",
					instant_format(fire.at_ms / 1000, fire.offset_s, text));
		after = fire.at_ms;
	}
}

static size_t count_words(const char *text)
{
	size_t count = *text != '\0';
	for (; *text; text++)
		count += *text == ' ';
	return count;
}

void check_question(struct zones *zones, const struct question *q)
{
	struct schedule *s;
	struct pattern_error error = {""};
	char found[TEXT_MAX];
	const struct schedule_options o = {.cron = q->expr, .timezone = q->zone, .pattern = question_rules(q)};
	const int r = schedule_compile(&o, zones, &s, &error);
	if (!q->next) {
		if (r == 0)
			fail_msg("\"%s\" (%s) was taken", q->expr, q->dialect ? q->dialect : "auto");
		assert_true(error.message[0] != '\0');
		return;
	}
	if (r < 0)
		fail_msg("\"%s\" (%s) was refused: %s", q->expr, q->dialect ? q->dialect : "auto", error.message);
	show_next(s, q->from ? q->from : "2026-01-01T00:00:00Z", count_words(q->next), found);
	if (strcmp(found, q->next) != 0)
		fail_msg("\"%s\" (%s)\n  found    %s\n  expected %s", q->expr, q->dialect ? q->dialect : "auto", found,
			 q->next);
	schedule_free(s);
}

void check_questions(const struct question *questions, size_t count)
{
	struct zones *zones;
	assert_int_equal(zones_new(&zones), 0);
	for (size_t i = 0; i < count; i++)
		check_question(zones, &questions[i]);
	zones_free(zones);
}

const char *refusal(const char *expr, const char *dialect)
{
	static struct pattern_error error;
	struct pattern pattern;
	char zone[ZONE_NAME_MAX];
	const struct question q = {.dialect = dialect};
	const struct pattern_options o = question_rules(&q);
	assert_int_equal(pattern_parse(expr, &o, &pattern, zone, &error), -22);
	return error.message;
}

struct schedule *compile(struct zones *zones, const struct schedule_options *options)
{
	struct schedule *s = NULL;
	struct pattern_error error = {""};
	if (schedule_compile(options, zones, &s, &error) < 0)
		fail_msg("%s", error.message);
	return s;
}

void zone_copy(const char *from, const char *folder, const char *name)
{
	char path[256], bytes[8192];
	FILE *in = fopen(from, "re");
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
	FILE *out = fopen(path, "we");
	assert_non_null(in);
	assert_non_null(out);
	const size_t len = fread(bytes, 1, sizeof(bytes), in);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
	fclose(in);
}

void tzdata_version(const char *folder, const char *version)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/tzdata.zi", folder);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "# version %s\n", version);
	fclose(file);
}

void tzdata_remove(const char *folder, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}
