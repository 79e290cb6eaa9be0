#include "support_plugin.h"

struct told told;

static struct breaches {
	char rules[8][16], message[2000];
	size_t count;
} breaches;

static void on_breach(void *arg, const char *rule, const char *message)
{
	struct breaches *b = arg;
	assert_true(b->count < 8);
	snprintf(b->rules[b->count++], sizeof(b->rules[0]), "%s", rule);
	snprintf(b->message, sizeof(b->message), "%s", message);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	told.host = host;
	told.self = self;
	told.http = host->capability(self, TAPPET_HTTP_1);
	told.activity = host->capability(self, TAPPET_ACTIVITY_1);
	told.events = host->capability(self, TAPPET_EVENTS_1);
	told.config = (tappet_config *)(uintptr_t)config;
	*ret_state = &told;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_state)
{
	struct told *t = state;
	t->trigger = trigger;
	snprintf(t->trigger_id, sizeof(t->trigger_id), "%s", info->trigger_id);
	snprintf(t->slug, sizeof(t->slug), "%s", info->workflow_slug);
	tappet_str path = {0};
	t->host->config_str(info->config, "path", 0, &path);
	snprintf(t->path, sizeof(t->path), "%.*s", (int)path.len, path.ptr ? path.ptr : "");
	t->checkpoint[0] = '\0';
	for (size_t i = 0; i < info->checkpoint_count; i++)
		snprintf(t->checkpoint, sizeof(t->checkpoint), "%.*s", (int)info->checkpoints[i].value.len,
			 info->checkpoints[i].value.ptr);
	*ret_state = trigger;
	return t->host->config_int(info->config, "every", 0, &t->every);
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct told *t = state;
	if (t->on_remove)
		t->on_remove(t, trigger_state);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)trigger_state;
	((struct told *)state)->frees++;
}

static int32_t start(void *state)
{
	struct told *t = state;
	if (t->on_start)
		t->on_start(t);
	return TAPPET_OK;
}

static void pause_told(void *state)
{
	((struct told *)state)->pauses++;
}

static void resume(void *state)
{
	((struct told *)state)->resumes++;
}

static void stop(void *state, int64_t deadline_ms)
{
	struct told *t = state;
	(void)deadline_ms;
	if (t->on_stop)
		t->on_stop(t);
	else
		t->host->stopped(t->self);
}

static void destroy(void *state)
{
	struct told *t = state;
	if (t->on_destroy)
		t->on_destroy(t);
}

static void clock_set(void *state)
{
	((struct told *)state)->clock_sets++;
}

const tappet_plugin *told_plugin(void)
{
	static const tappet_option trigger_options[] = {
		{"every", TAPPET_DURATION, 0, "1m", "How often.", NULL},
		{"path", TAPPET_PATH, 0, NULL, "Where.", NULL},
	};
	static const tappet_plugin plugin = {
		.struct_size = sizeof(tappet_plugin),
		.abi_minor = TAPPET_ABI_MINOR,
		.name = "told",
		.version = "1.0",
		.license = "MIT",
		.summary = "Does as told.",
		.trigger_options = trigger_options,
		.trigger_option_count = 2,
		.option_size = sizeof(tappet_option),
		.create = create,
		.trigger_add = trigger_add,
		.trigger_remove = trigger_remove,
		.trigger_free = trigger_free,
		.start = start,
		.pause = pause_told,
		.resume = resume,
		.stop = stop,
		.destroy = destroy,
		.clock_set = clock_set,
		.open_trigger = 1,
	};
	return &plugin;
}

const tappet_plugin *told_listing_plugin(uint32_t abi_minor)
{
	static tappet_plugin plugin;
	plugin = *told_plugin();
	plugin.abi_minor = abi_minor;
	plugin.list_checkpoints = 1;
	return &plugin;
}

testkit *told_begin(void)
{
	testkit *kit = testkit_open(told_plugin());
	breaches.count = 0;
	testkit_on_breach(kit, on_breach, &breaches);
	testkit_begin(kit, NULL, NULL);
	return kit;
}

void told_end(testkit *kit, const char *rule)
{
	testkit_close(kit);
	if (breaches.count != (rule ? 1 : 0))
		fail_msg("%zu breaches, the last: %s", breaches.count, breaches.message);
	if (rule) {
		assert_string_equal(breaches.rules[0], rule);
		assert_int_equal(strncmp(breaches.message, rule, strlen(rule)), 0);
	}
	told = (struct told){0};
}

void told_settled(void *arg, const tappet_result *result)
{
	struct told *t = arg;
	t->results++;
	t->results_inside += t->inside;
	t->last = *result;
	snprintf(t->last_id, sizeof(t->last_id), "%s", result->activity_id);
	snprintf(t->last_key, sizeof(t->last_key), "%.*s", (int)result->dedup_key.len, result->dedup_key.ptr);
	snprintf(t->last_detail, sizeof(t->last_detail), "%.*s", (int)result->detail.len, result->detail.ptr);
}

int32_t told_emit(const char *payload, const char *key, const char *checkpoint)
{
	const tappet_checkpoint at = {tappet_cstr("at"), tappet_cstr(checkpoint)};
	const tappet_emission emission = {.struct_size = sizeof(emission),
					  .payload = tappet_cstr(payload),
					  .cause = tappet_cstr("{\"remote\":\"192.0.2.1\"}"),
					  .dedup_key = tappet_cstr(key),
					  .checkpoints = &at,
					  .checkpoint_count = checkpoint ? 1 : 0,
					  .checkpoint_size = sizeof(at)};
	told.inside = true;
	int32_t r = told.host->emit(told.trigger, &emission, told_settled, &told);
	told.inside = false;
	return r;
}

void told_done(void *arg, int32_t result)
{
	*(int32_t *)arg = result;
}
