/* How long a pattern takes to be read, and its next instant to be found: in UTC, in a zone, and at the worst. Prints JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "schedule/rules/schedule.h"

#define ROUNDS 1000000
/* The best of so many: what else runs on the machine only adds. */
#define REPEATS 7
#define WORST_ROUNDS 2000
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const common[] = {"* * * * *",   "*/15 * * * *",   "0 9 * * 1-5",   "30 2 1 * *",
				     "0 0 * * sun", "5 4 1,15 * fri", "0 0 0 1 1 * *", "0 12 L * *"};
/* What makes a search long: days that are rare, that are near no other, or that the clock takes away. */
static const char *const hard[] = {"0 0 29 2 +mon",
				   "0 0 29 2 *",
				   "0 0 31 2,4,6,9,11,12 +sat#5",
				   "30 2 8-14 3 +sun",
				   "59 23 31 12 *",
				   "0 0 29W 2 +fri",
				   "0 0 * 2 5#5",
				   "0 0 0 29 2 * 2104-2400/100",
				   "0 0 L-28 2 +sun",
				   "0 0 0 1 1 * 2500-9999/499"};
static const char *const zones_of_worst[] = {"UTC", "Europe/Amsterdam", "America/New_York", "Africa/Casablanca",
					     "Europe/Dublin"};

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct pattern parse(const char *text)
{
	struct pattern p;
	struct pattern_error error;
	char zone[ZONE_NAME_MAX];
	if (pattern_parse(text, &(struct pattern_options){.dialect = DIALECT_UNIX}, &p, zone, &error) < 0) {
		fprintf(stderr, "%s: %s\n", text, error.message);
		exit(1);
	}
	return p;
}

static double parse_ns(struct zone *zone)
{
	(void)zone;
	const double begin = now_ns();
	for (size_t i = 0; i < ROUNDS / 10; i++)
		parse(common[i % COUNT(common)]);
	return (now_ns() - begin) / (ROUNDS / 10);
}

/* From times all over ten years, so that nothing is foreseen. */
static double next_ns(struct zone *zone)
{
	struct pattern patterns[COUNT(common)];
	struct fire fire;
	int64_t sum = 0, after = 1767225600;
	for (size_t i = 0; i < COUNT(common); i++)
		patterns[i] = parse(common[i]);
	const double begin = now_ns();
	for (size_t i = 0; i < ROUNDS; i++) {
		after = 1767225600 + (after * 48271 + 11) % 315360000;
		if (cron_next(&patterns[i % COUNT(common)], zone, after, &fire) == 0)
			sum += fire.at_s;
	}
	const double ns = (now_ns() - begin) / ROUNDS;
	return sum ? ns : -1;
}

/* Schedules go from instant to instant. */
static double chain_ns(struct zone *zone)
{
	struct pattern patterns[COUNT(common)];
	struct fire fire;
	int64_t after[COUNT(common)];
	for (size_t i = 0; i < COUNT(common); i++) {
		patterns[i] = parse(common[i]);
		after[i] = 1767225600;
	}
	const double begin = now_ns();
	for (size_t i = 0; i < ROUNDS; i++) {
		const size_t which = i % COUNT(common);
		after[which] = cron_next(&patterns[which], zone, after[which], &fire) == 0 && fire.at_s < 4000000000
				       ? fire.at_s
				       : 1767225600;
	}
	return (now_ns() - begin) / ROUNDS;
}

static double best_of(double (*measure)(struct zone *zone), struct zone *zone)
{
	double best = measure(zone);
	for (int i = 1; i < REPEATS; i++) {
		const double ns = measure(zone);
		best = ns < best ? ns : best;
	}
	return best;
}

static double worst_ns(struct zones *zones, const char **ret_pattern, const char **ret_zone)
{
	double worst = 0;
	struct fire fire;
	for (size_t z = 0; z < COUNT(zones_of_worst); z++)
		for (size_t i = 0; i < COUNT(hard); i++)
			for (int64_t year = 2024; year < 2120; year += 7) {
				struct zone *zone = NULL;
				const struct pattern p = parse(hard[i]);
				const int64_t after = (year - 1970) * 31556952;
				if (zones_get(zones, zones_of_worst[z], &zone) < 0)
					exit(1);
				cron_next(&p, zone, after, &fire);
				const double begin = now_ns();
				for (int n = 0; n < WORST_ROUNDS; n++)
					cron_next(&p, zone, after, &fire);
				const double ns = (now_ns() - begin) / WORST_ROUNDS;
				if (ns > worst) {
					worst = ns;
					*ret_pattern = hard[i];
					*ret_zone = zones_of_worst[z];
				}
			}
	return worst;
}

int main(void)
{
	struct zones *zones;
	struct zone *zone;
	const char *pattern = "", *where = "";
	if (zones_new(&zones) < 0)
		return 1;
	const double begin = now_ns();
	if (zones_get(zones, "Europe/Amsterdam", &zone) < 0)
		return 1;
	const double zone_ns = now_ns() - begin, worst = worst_ns(zones, &pattern, &where);
	printf("{\"parse_ns\":%.1f,\"utc_ns\":%.1f,\"utc_chain_ns\":%.1f,\"zoned_ns\":%.1f,\"zoned_chain_ns\":%.1f,"
	       "\"worst_ns\":%.1f,\"worst\":\"%s, %s\",\"zone_ms\":%.2f,\"schedule_bytes\":%zu}\n",
	       best_of(parse_ns, NULL), best_of(next_ns, NULL), best_of(chain_ns, NULL), best_of(next_ns, zone),
	       best_of(chain_ns, zone), worst, pattern, where, zone_ns / 1e6, sizeof(struct pattern));
	zones_free(zones);
	return 0;
}
