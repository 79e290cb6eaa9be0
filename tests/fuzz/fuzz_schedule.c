/* Any bytes as a pattern: it is refused with a reason, or every next instant comes after the one before it, as many are
 * counted as there are, and the words for it end. The first three bytes choose rules, zone and time. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schedule/rules/schedule.h"

#define NEXT_MAX 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
	if (!truth)
		abort();
}

static const char *const zone_names[] = {"UTC",           "Europe/Amsterdam", "Australia/Lord_Howe",
					 "Pacific/Apia",  "America/Santiago", "Africa/Casablanca",
					 "Europe/Dublin", "Antarctica/Troll"};

static struct zone *zone_of(uint8_t choice)
{
	static struct zones *zones;
	struct zone *zone = NULL;
	if (!zones)
		expect(zones_new(&zones) == 0);
	expect(zones_get(zones, zone_names[choice % 8], &zone) == 0);
	return zone;
}

static void check_instants(const struct pattern *p, struct zone *zone, int64_t after)
{
	struct fire fire, last;
	const int64_t first = after;
	int64_t count = 0;
	while (count < NEXT_MAX && cron_next(p, zone, after, &fire) == 0) {
		expect(fire.at_s > after);
		expect(fire.offset_s > -86400 && fire.offset_s < 86400);
		after = fire.at_s;
		count++;
	}
	if (count == 0 || after > 253402300799)
		return;
	expect(cron_count(p, zone, first, after) == count);
	expect(cron_last(p, zone, first, after, &last) == 0 && last.at_s == after);
}

static void check_words(const char *text, const struct pattern_options *rules, struct zones *zones)
{
	struct schedule *s;
	struct pattern_error error;
	char said[EXPLAIN_MAX];
	const struct schedule_options o = {.cron = text, .pattern = *rules};
	if (schedule_compile(&o, zones, &s, &error) < 0)
		return;
	expect(strlen(schedule_explain(s, said)) < EXPLAIN_MAX);
	schedule_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zones *zones;
	struct pattern p;
	struct pattern_error error = {""};
	char text[PATTERN_TEXT_MAX + 100], zone[ZONE_NAME_MAX];
	if (size < 3 || size >= sizeof(text))
		return 0;
	if (!zones)
		expect(zones_new(&zones) == 0);
	const struct pattern_options rules = {
		.dialect = (enum dialect)(data[0] % DIALECT_COUNT),
		.gap = (enum gap_rule)(data[1] % 3),
		.overlap = (enum overlap_rule)(data[1] / 3 % 4),
		.day = (enum day_rule)(data[1] / 12 % 3),
		.dow = (enum dow_rule)(data[1] / 36 % 4),
		.id = "fuzz",
	};
	memcpy(text, data + 3, size - 3);
	text[size - 3] = '\0';
	if (pattern_parse(text, &rules, &p, zone, &error) < 0) {
		expect(error.message[0] != '\0');
		return 0;
	}
	/* From 1900 to 2400. */
	if (p.kind == PATTERN_CRON)
		check_instants(&p, zone_of(data[0] / DIALECT_COUNT), -2208988800 + (int64_t)data[2] * 61850000);
	check_words(text, &rules, zones);
	return 0;
}
