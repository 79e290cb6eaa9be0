/* The life of plugins and triggers: who is called when, what is replaced and what is left alone, and how it all
 * ends. */
#include "host/support_host.h"
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include "host/internal.h"

#define ID "0123456789abcdef01234567"
#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	fixture_open(&f, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void sync_definition(const char *definition, bool enabled)
{
	struct workflow *w = fixture_workflow(definition);
	struct catalog_entry entry = fixture_entry(ID, w);
	entry.enabled = enabled;
	fixture_sync(&f, &entry);
	workflow_unref(w);
}

static void assert_health(const char *trigger_id, const char *words)
{
	char *text = health_of(&f, ID, trigger_id);
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in %s", words, text);
	free(text);
}

static void a_plugin_lives_through_all_its_calls(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	assert_int_equal(host_create(f.host, &f.diag), 0);
	sync_definition("{\"triggers\": [{\"plugin\": \"probe\", \"with\": {\"path\": \"/x\"}}]," STEPS "}", true);
	assert_int_equal(f.probe->adds, 1);
	assert_string_equal(f.probe->triggers[0]->path, "/x");
	assert_string_equal(f.probe->triggers[0]->workflow_id, ID);
	assert_int_equal(f.probe->starts, 0);
	assert_int_equal(host_start(f.host, &f.diag), 0);
	assert_int_equal(f.probe->starts, 1);
	assert_health("probe", "running");
	fixture_stop(&f, 5000);
	assert_int_equal(f.probe->stops, 1);
	assert_int_equal(f.probe->removes, 1);
	assert_int_equal(f.probe->frees, 1);
	assert_int_equal(f.probe->destroys, 0);
	host_free(f.host);
	assert_int_equal(f.probe->destroys, 1);
	/* For the teardown. */
	const struct host_options options = {.loop = &f.loop};
	assert_int_equal(host_open(&options, &f.host), 0);
}

static void instances_of_one_shared_object_have_their_own_options(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "one", "probe", "{\"greeting\": \"ahoy\"}"), 0);
	assert_int_equal(fixture_load(&f, "two", "probe", NULL), 0);
	fixture_start(&f);
	assert_string_equal(f.probe[0].greeting, "ahoy");
	assert_string_equal(f.probe[1].greeting, "hello");
	sync_definition("{\"triggers\": [{\"plugin\": \"two\"}]," STEPS "}", true);
	assert_int_equal(f.probe[0].adds, 0);
	assert_int_equal(f.probe[1].adds, 1);
}

/* A definition with so many triggers of the probe; the first ones are left out. */
static char *probe_triggers(size_t from, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	fprintf(out, "{\"triggers\": [");
	for (size_t i = from; i < count; i++)
		fprintf(out, "%s{\"id\": \"t%zu\", \"plugin\": \"probe\"}", i > from ? "," : "", i);
	fprintf(out, "]," STEPS "}");
	fclose(out);
	return text;
}

static void removing_one_of_many_triggers_touches_no_other(void **state)
{
	enum { COUNT = 90 };
	(void)state;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	char *all = probe_triggers(0, COUNT), *fewer = probe_triggers(1, COUNT);
	sync_definition(all, true);
	assert_int_equal(f.probe->adds, COUNT);
	sync_definition(fewer, true);
	assert_int_equal(f.probe->adds, COUNT);
	assert_int_equal(f.probe->removes, 1);
	assert_int_equal(f.probe->frees, 1);
	assert_true(f.probe->triggers[0]->freed);
	for (size_t i = 1; i < COUNT; i++)
		assert_false(f.probe->triggers[i]->removed);
	free(all);
	free(fewer);
}

enum { HERDS = 100, HERD = 1000 }; /* 100,000 triggers, in workflows of as many as one may have */

struct herd {
	struct tappet_trigger *at[HERD], as_it_was[HERD];
};

static struct tappet_trigger *find_trigger(const char *workflow_id, const char *trigger_id)
{
	char key[100];
	snprintf(key, sizeof(key), "%s/%s", workflow_id, trigger_id);
	return map_get_str(&f.host->triggers, key);
}

static struct herd *herds_sync(struct workflow *w)
{
	struct herd *herds = calloc(HERDS, sizeof(*herds));
	assert_non_null(herds);
	for (size_t i = 0; i < HERDS; i++) {
		char id[ID_SIZE];
		snprintf(id, sizeof(id), "%024zx", i);
		struct catalog_entry entry = fixture_entry(id, w);
		fixture_sync(&f, &entry);
		for (size_t k = 0; k < HERD; k++) {
			herds[i].at[k] = find_trigger(id, w->triggers[k].id);
			assert_non_null(herds[i].at[k]);
		}
	}
	for (size_t i = 0; i < HERDS; i++)
		for (size_t k = 0; k < HERD; k++)
			herds[i].as_it_was[k] = *herds[i].at[k];
	return herds;
}

/* Of all others, the removal may write to no more than the two neighbours in the plugin's list. */
static void removing_one_of_a_hundred_thousand_writes_to_no_other(void **state)
{
	const size_t one = 50;
	size_t written = 0;
	(void)state;
	f.probe->keep_triggers = false;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	char *all_text = probe_triggers(0, HERD), *fewer_text = probe_triggers(1, HERD);
	struct workflow *all = fixture_workflow(all_text), *fewer = fixture_workflow(fewer_text);
	struct herd *herds = herds_sync(all);
	assert_int_equal(f.probe->adds, HERDS * HERD);
	struct catalog_entry entry = fixture_entry(herds[one].at[0]->owner->id, fewer);
	fixture_sync(&f, &entry);
	assert_int_equal(f.probe->adds, HERDS * HERD);
	assert_int_equal(f.probe->removes, 1);
	assert_int_equal(f.probe->frees, 1);
	for (size_t i = 0; i < HERDS; i++)
		for (size_t k = 0; i != one && k < HERD; k++)
			written += memcmp(herds[i].at[k], &herds[i].as_it_was[k], sizeof(herds[i].as_it_was[k])) != 0;
	assert_true(written <= 2);
	for (size_t k = 1; k < HERD; k++)
		assert_ptr_equal(find_trigger(entry.id, all->triggers[k].id), herds[one].at[k]);
	assert_null(find_trigger(entry.id, all->triggers[0].id));
	free(herds);
	workflow_unref(all);
	workflow_unref(fewer);
	free(all_text);
	free(fewer_text);
}

static void a_failing_create_is_told(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "it", "failing_create", NULL), 0);
	assert_int_equal(host_create(f.host, &f.diag), -EINVAL);
	assert_true(diag_says(&f.diag, "plugin it: create failed: input/output error"));
}

static void a_failing_start_is_told_and_the_plugin_destroyed(void **state)
{
	(void)state;
	f.probe->start_result = TAPPET_EIO;
	assert_int_equal(fixture_load(&f, "it", "probe", NULL), 0);
	assert_int_equal(host_create(f.host, &f.diag), 0);
	sync_definition("{\"triggers\": [{\"plugin\": \"it\"}]," STEPS "}", true);
	assert_int_equal(host_start(f.host, &f.diag), -EINVAL);
	assert_true(diag_says(&f.diag, "plugin it: start failed"));
	fixture_stop(&f, 5000);
	assert_int_equal(f.probe->stops, 0);
	assert_int_equal(f.probe->frees, 1);
}

#define TWO(first, second)                                                                                             \
	"{\"triggers\": [{\"id\": \"a\", \"plugin\": \"probe\", \"with\": {\"path\": \"" first "\"}},"                 \
	"{\"id\": \"b\", \"plugin\": \"probe\", \"with\": {\"path\": \"" second "\"}}]," STEPS "}"

static void open_two(void)
{
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	sync_definition(TWO("/a", "/b"), true);
	assert_int_equal(f.probe->adds, 2);
}

static void an_unchanged_trigger_is_left_alone(void **state)
{
	(void)state;
	open_two();
	sync_definition(TWO("/a", "/b"), true);
	assert_int_equal(f.probe->adds, 2);
	assert_int_equal(f.probe->removes, 0);
}

static void a_trigger_with_other_options_is_replaced_alone(void **state)
{
	(void)state;
	open_two();
	sync_definition(TWO("/a", "/c"), true);
	assert_int_equal(f.probe->adds, 3);
	assert_int_equal(f.probe->removes, 1);
	assert_int_equal(f.probe->frees, 1);
	assert_false(f.probe->triggers[0]->removed);
	assert_true(f.probe->triggers[1]->freed);
	assert_string_equal(f.probe->triggers[2]->path, "/c");
}

static void a_trigger_that_is_gone_is_removed_alone(void **state)
{
	(void)state;
	open_two();
	sync_definition("{\"triggers\": [{\"id\": \"b\", \"plugin\": \"probe\", \"with\": {\"path\": \"/b\"}}]," STEPS
			"}",
			true);
	assert_int_equal(f.probe->adds, 2);
	assert_true(f.probe->triggers[0]->freed);
	assert_false(f.probe->triggers[1]->removed);
}

static void a_workflow_that_is_switched_off_has_no_triggers(void **state)
{
	(void)state;
	open_two();
	sync_definition(TWO("/a", "/b"), false);
	assert_int_equal(f.probe->frees, 2);
	sync_definition(TWO("/a", "/b"), true);
	assert_int_equal(f.probe->adds, 4);
}

static void a_disabled_trigger_is_not_added(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	sync_definition("{\"triggers\": [{\"plugin\": \"probe\", \"enabled\": false}]," STEPS "}", true);
	assert_int_equal(f.probe->adds, 0);
}

static void a_trigger_without_its_plugin_is_dead(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	sync_definition("{\"triggers\": [{\"plugin\": \"mqtt\"}, {\"plugin\": \"probe\"}]," STEPS "}", true);
	assert_health("mqtt", "{\"state\":\"dead\",\"reason\":\"plugin mqtt is not loaded\"}");
	assert_health("probe", "running");
	assert_int_equal(health_worst(f.health), HEALTH_DEGRADED);
	sync_definition("{\"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}", true);
	assert_int_equal(health_worst(f.health), HEALTH_OK);
}

static void a_trigger_with_wrong_options_is_dead_alone(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	sync_definition("{\"triggers\": [{\"id\": \"bad\", \"plugin\": \"probe\", \"with\": {\"times\": \"often\"}}, "
			"{\"plugin\": "
			"\"probe\"}]," STEPS "}",
			true);
	assert_health("bad", "dead");
	assert_health("bad", "whole number");
	assert_health("probe", "running");
}

static void a_trigger_that_its_plugin_does_not_take_is_dead(void **state)
{
	(void)state;
	f.probe->add_result = TAPPET_EEXIST;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	sync_definition("{\"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}", true);
	assert_health("probe", "exists already");
	/* The next sync gives it another chance. */
	f.probe->add_result = 0;
	sync_definition("{\"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}", true);
	assert_health("probe", "running");
}

static void replaces_itself(struct probe *p, tappet_trigger *trigger)
{
	p->host->health(p->self, trigger, TAPPET_HEALTH_BACKING_OFF, "no answer", 1577836800000);
}

static void a_trigger_says_how_it_is(void **state)
{
	(void)state;
	f.probe->on_add = replaces_itself;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	sync_definition("{\"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}", true);
	assert_health("probe", "\"backing-off\",\"reason\":\"no answer\",\"until\":\"2020-01-01T00:00:00.000Z\"");
	tappet_trigger *t = f.probe->triggers[0]->handle;
	f.probe->host->health(f.probe->self, t, TAPPET_HEALTH_RUNNING, NULL, 0);
	assert_health("probe", "{\"state\":\"running\"}");
	f.probe->host->health(f.probe->self, NULL, TAPPET_HEALTH_DEAD, "the broker is gone", 0);
	assert_health("probe", "the broker is gone");
	assert_int_equal(health_worst(f.health), HEALTH_DOWN);
}

static struct workflow *many_triggers(size_t count)
{
	struct workflow *w = fixture_workflow("{\"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}");
	struct trigger_def *all = calloc(count, sizeof(*all));
	assert_non_null(all);
	for (size_t i = 0; i < count; i++) {
		char id[32];
		snprintf(id, sizeof(id), "t%zu", i);
		all[i] = (struct trigger_def){.id = strdup(id),
					      .plugin = strdup("probe"),
					      .with_json = strdup("{\"path\":\"/x\"}"),
					      .enabled = true};
	}
	free(w->triggers[0].id);
	free(w->triggers[0].plugin);
	free(w->triggers[0].with_json);
	free(w->triggers);
	w->triggers = all;
	w->trigger_count = count;
	return w;
}

static void a_hundred_thousand_triggers_are_cheap(void **state)
{
	const size_t count = 100000;
	(void)state;
	f.probe->keep_triggers = false;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	struct workflow *w = many_triggers(count);
	struct catalog_entry entry = fixture_entry(ID, w);
	int64_t begin_ms = clock_mono_ms();
	fixture_sync(&f, &entry);
	int64_t took_ms = clock_mono_ms() - begin_ms;
	assert_int_equal(f.probe->adds, count);
	printf("100,000 triggers: %lld ms\n", (long long)took_ms);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(took_ms < 1000);
#endif
	workflow_unref(w);
}

static void say_stopped(void *arg)
{
	struct probe *p = arg;
	p->host->stopped(p->self);
}

static void *stop_soon(void *arg)
{
	struct probe *p = arg;
	p->host->post(p->self, say_stopped, p);
	return NULL;
}

static void the_end_waits_for_stopped(void **state)
{
	(void)state;
	f.probe->hold_stop = true;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	pthread_t thread;
	host_stop(f.host, 10000, NULL, NULL);
	assert_int_equal(f.probe->stops, 1);
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, f.probe), 0);
	pthread_join(thread, NULL);
	f.stopped = true;
	until(&f, f.host->finished);
}

/* In a process of its own, since what a late plugin may still use is left to the process's end. */
static int run_late(void)
{
	f.probe->hold_stop = true;
	if (fixture_load(&f, "slowcoach", "probe", NULL) < 0 || fixture_load(&f, "quick", "good", NULL) < 0)
		return 1;
	fixture_start(&f);
	fixture_stop(&f, 20);
	host_free(f.host);
	if (strcmp(f.late, "slowcoach") != 0)
		return 2;
	return f.probe->destroys == 0 ? 0 : 3;
}

static void a_late_plugin_is_named_and_not_destroyed(void **state)
{
	int status = -1;
	(void)state;
	pid_t child = fork();
	if (child == 0)
		_exit(run_late());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void nothing_ready(void *arg, int32_t events, int32_t error)
{
	(void)arg;
	(void)events;
	(void)error;
}

static void what_a_plugin_leaves_behind_is_released_and_named(void **state)
{
	int ends[2];
	tappet_timer *timer;
	tappet_fd *watch;
	(void)state;
	assert_int_equal(fixture_load(&f, "messy", "probe", NULL), 0);
	fixture_start(&f);
	assert_int_equal(pipe(ends), 0);
	const tappet_host *host = f.probe->host;
	assert_int_equal(host->timer_start(f.probe->self, 1000000, 0, nothing, NULL, &timer), 0);
	assert_int_equal(host->timer_start(f.probe->self, 1000000, 5, nothing, NULL, &timer), 0);
	assert_int_equal(host->fd_watch(f.probe->self, ends[0], TAPPET_READABLE, nothing_ready, NULL, &watch), 0);
	capture_begin();
	fixture_stop(&f, 5000);
	char *text = capture_end();
	assert_non_null(strstr(text, "messy"));
	assert_non_null(strstr(text, "what=timers"));
	assert_non_null(strstr(text, "watched descriptors"));
	free(text);
	close(ends[0]);
	close(ends[1]);
}

static void before_create_and_after_stop_the_host_is_closed(void **state)
{
	tappet_timer *timer = NULL;
	(void)state;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	sync_definition("{\"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}", true);
	const tappet_host *host = f.probe->host;
	fixture_stop(&f, 5000);
	assert_int_equal(host->timer_start(f.probe->self, 1, 0, nothing, NULL, &timer), TAPPET_ESTATE);
	assert_int_equal(host->post(f.probe->self, nothing, NULL), TAPPET_ESTATE);
	assert_null(host->metric(f.probe->self, TAPPET_COUNTER, "late_total", ""));
}

static void the_clocks_setting_is_told(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	assert_int_equal(fixture_load(&f, "good", "good", NULL), 0);
	assert_int_equal(host_create(f.host, &f.diag), 0);
	host_clock_changed(f.host);
	assert_int_equal(f.probe->clock_sets, 0);
	assert_int_equal(host_start(f.host, &f.diag), 0);
	host_clock_changed(f.host);
	assert_int_equal(f.probe->clock_sets, 1);
}

static void a_capability_that_the_host_lacks_is_null(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	assert_null(f.probe->host->capability(f.probe->self, TAPPET_HTTP_1));
	assert_null(f.probe->host->capability(f.probe->self, TAPPET_EVENTS_1));
	assert_null(f.probe->host->capability(f.probe->self, TAPPET_ACTIVITY_1));
	assert_null(f.probe->host->capability(f.probe->self, TAPPET_AUTH_1));
	assert_null(f.probe->host->capability(f.probe->self, "tappet.teleport/3"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_plugin_lives_through_all_its_calls),
		CASE(instances_of_one_shared_object_have_their_own_options),
		CASE(removing_one_of_many_triggers_touches_no_other),
		CASE(a_failing_create_is_told),
		CASE(a_failing_start_is_told_and_the_plugin_destroyed),
		CASE(an_unchanged_trigger_is_left_alone),
		CASE(a_trigger_with_other_options_is_replaced_alone),
		CASE(a_trigger_that_is_gone_is_removed_alone),
		CASE(removing_one_of_a_hundred_thousand_writes_to_no_other),
		CASE(a_workflow_that_is_switched_off_has_no_triggers),
		CASE(a_disabled_trigger_is_not_added),
		CASE(a_trigger_without_its_plugin_is_dead),
		CASE(a_trigger_with_wrong_options_is_dead_alone),
		CASE(a_trigger_that_its_plugin_does_not_take_is_dead),
		CASE(a_trigger_says_how_it_is),
		CASE(a_hundred_thousand_triggers_are_cheap),
		CASE(the_end_waits_for_stopped),
		CASE(a_late_plugin_is_named_and_not_destroyed),
		CASE(what_a_plugin_leaves_behind_is_released_and_named),
		CASE(before_create_and_after_stop_the_host_is_closed),
		CASE(the_clocks_setting_is_told),
		CASE(a_capability_that_the_host_lacks_is_null),
	};
	return cmocka_run_group_tests_name("host/lifecycle", tests, NULL, NULL);
}
