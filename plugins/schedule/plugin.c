/* Descriptor and lifecycle. schedule.h says what the other parts are for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schedule.h"

#define VERSION "0.1.0"

int64_t plugin_now(const struct plugin *p)
{
	return p->host->wall_ms(p->self);
}

void plugin_log(const struct plugin *p, int32_t level, const char *message, const char *key, const char *value)
{
	const tappet_field field = {key, tappet_cstr(value)};
	p->host->log(p->self, level, message, key ? &field : NULL, key ? 1 : 0);
}

static void check_stopped(struct plugin *p)
{
	if (!p->stopping || p->stopped || p->busy > 0)
		return;
	p->stopped = true;
	p->host->stopped(p->self);
}

void plugin_begin(struct plugin *p)
{
	p->busy++;
}

void plugin_end(struct plugin *p)
{
	p->busy--;
	check_stopped(p);
}

void plugin_was_put(void *arg, int32_t result)
{
	(void)result;
	plugin_end(arg);
}

int32_t plugin_put(struct plugin *p, tappet_trigger *trigger, const char *key, const char *value)
{
	const int32_t r = p->host->kv_put(p->self, trigger, tappet_cstr(key), tappet_cstr(value), plugin_was_put, p);
	if (r == TAPPET_OK)
		plugin_begin(p);
	return r;
}

/* ---- Lifecycle ---- */

static void add_metrics(struct plugin *p)
{
	const tappet_host *h = p->host;
	p->fired = h->metric(p->self, TAPPET_COUNTER, "fired_total", "Fires that were on time.");
	p->late = h->metric(p->self, TAPPET_COUNTER, "late_total", "Fires that came after their grace.");
	p->accounted = h->metric(p->self, TAPPET_COUNTER, "unfired_total",
				 "Instants that were missed, skipped, dropped, or fell into a pause.");
	p->retried = h->metric(p->self, TAPPET_COUNTER, "retries_total", "Fires that could not be stored at once.");
	p->watched = h->metric(p->self, TAPPET_GAUGE, "schedules", "Schedules under watch.");
	p->lateness = h->metric(p->self, TAPPET_HISTOGRAM, "lateness_seconds",
				"From the instant of a fire to the commit of its activity.");
}

static int32_t read_options(struct plugin *p, const tappet_config *config)
{
	tappet_str zone;
	struct zone *found;
	if (zones_new(&p->zones) < 0)
		return TAPPET_ENOMEM;
	if (p->host->config_str(config, "timezone", 0, &zone) < 0)
		zone = tappet_cstr("UTC");
	p->timezone = strndup(zone.ptr, zone.len);
	if (!p->timezone)
		return TAPPET_ENOMEM;
	(void)p->host->config_int(config, "maxSchedules", 0, &p->objects_max);
	p->objects_max = p->objects_max > 0 ? p->objects_max : 0;
	return zones_get(p->zones, p->timezone, &found) < 0 ? TAPPET_EINVAL : TAPPET_OK;
}

static void destroy(void *state)
{
	struct plugin *p = state;
	clock_stop(p);
	objects_release(p);
	heap_release(&p->heap);
	zones_free(p->zones);
	free(p->timezone);
	free(p);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *p = calloc(1, sizeof(*p));
	if (!p)
		return TAPPET_ENOMEM;
	p->host = host;
	p->self = self;
	p->inotify = -1;
	p->http = host->capability(self, TAPPET_HTTP_1);
	p->activity = host->capability(self, TAPPET_ACTIVITY_1);
	const int32_t r = read_options(p, config);
	if (r < 0) {
		destroy(p);
		return r;
	}
	add_metrics(p);
	*ret_state = p;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_trigger)
{
	struct plugin *p = state;
	struct binding *b;
	const int32_t r = binding_add(p, trigger, info, &b);
	if (r < 0)
		return r;
	*ret_trigger = b;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	(void)state;
	binding_remove(trigger_state);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	binding_free(trigger_state);
}

static int32_t start(void *state)
{
	struct plugin *p = state;
	const int32_t r = api_open(p);
	if (r < 0)
		return r;
	tzdata_watch(p);
	clock_start(p);
	return TAPPET_OK;
}

static void resume(void *state)
{
	struct plugin *p = state;
	p->blocked = false;
	clock_pump(p);
}

/* What is under way ends with callbacks of the host; what is due waits for the next start. */
static void stop(void *state, int64_t deadline_ms)
{
	struct plugin *p = state;
	(void)deadline_ms;
	p->stopping = true;
	api_close(p);
	clock_stop(p);
	tzdata_unwatch(p);
	check_stopped(p);
}

static void clock_set(void *state)
{
	struct plugin *p = state;
	if (p->started && !p->stopping)
		clock_was_set(p);
}

/* ---- Checking ---- */

static struct option_reader checker_reader(const tappet_checker *checker)
{
	return (struct option_reader){checker->config_count, checker->config_str, checker->config_int,
				      checker->config_bool};
}

static void check_options(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	struct zones *zones;
	struct zone *zone;
	tappet_str name;
	char text[ZONE_NAME_MAX], message[160];
	if (checker->config_str(config, "timezone", 0, &name) < 0 || zones_new(&zones) < 0)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)(name.len < ZONE_NAME_MAX ? name.len : ZONE_NAME_MAX), name.ptr);
	snprintf(message, sizeof(message), "expected a name that tzdata %s has, such as Europe/Amsterdam",
		 zones_version(zones));
	if (zones_get(zones, text, &zone) < 0)
		checker->mistake(check, "timezone", 0, "", message);
	zones_free(zones);
}

static void check_spec(const tappet_checker *checker, tappet_check *check, const cJSON *options, struct plugin *p)
{
	struct unit *u;
	struct spec_error error = {0};
	if (unit_new(p, options, "", 0, &u, &error) == 0) {
		(void)unit_is_sound(u, &error);
		unit_free(u);
	}
	if (error.message[0])
		checker->mistake(check, error.key, error.index, "", error.message);
}

static void check_trigger(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	static char utc[] = "UTC";
	const struct option_reader reader = checker_reader(checker);
	struct plugin p = {.timezone = utc};
	cJSON *options = spec_of_config(&reader, config);
	if (options && zones_new(&p.zones) == 0) {
		check_spec(checker, check, options, &p);
		zones_free(p.zones);
	}
	cJSON_Delete(options);
}

/* ---- Descriptor ---- */

static const tappet_option options[] = {
	{"timezone", TAPPET_STRING, 0, "UTC", "The zone of schedules that name none.", NULL},
	{"maxSchedules", TAPPET_INTEGER, 0, "1000000", "How many schedules may be made by API.", NULL},
};

static const char *const needs[] = {TAPPET_HTTP_1, NULL};

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 2,
	.name = "schedule",
	.version = VERSION,
	.license = "MIT",
	.summary = "Starts workflows at given times: cron patterns, intervals, dates.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.trigger_options = spec_options,
	.trigger_option_count = SPEC_OPTIONS,
	.option_size = sizeof(tappet_option),
	.sample = "{\"scheduledAt\":\"2027-01-04T09:00:00+01:00\",\"firedAt\":\"2027-01-04T08:00:00.003Z\","
		  "\"timezone\":\"Europe/Amsterdam\",\"schedule\":\"mornings\"}",
	.needs = needs,
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.resume = resume,
	.stop = stop,
	.destroy = destroy,
	.clock_set = clock_set,
	.check_options = check_options,
	.check_trigger = check_trigger,
	.open_trigger = 1,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
