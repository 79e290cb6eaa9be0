/* The filewatch plugin: descriptor and lifecycle. */
#include "filewatch.h"
#include <errno.h>
#include <stdlib.h>

#define VERSION "0.1.0"

/* ---- What the parts ask of the plugin ---- */

int64_t plugin_now(const struct plugin *p)
{
	return p->host->mono_ms(p->self);
}

void plugin_log(const struct plugin *p, int32_t level, const char *message, const char *key, const char *value)
{
	const tappet_field field = {key, tappet_cstr(value)};
	p->host->log(p->self, level, message, &field, 1);
}

void plugin_begin(struct plugin *p)
{
	p->busy++;
}

static void check_stopped(struct plugin *p)
{
	if (!p->stopping || p->stopped || p->busy > 0)
		return;
	p->stopped = true;
	p->host->stopped(p->self);
}

void plugin_end(struct plugin *p)
{
	p->busy--;
	check_stopped(p);
}

/* ---- Life ---- */

static void add_metrics(struct plugin *p)
{
	const struct {
		tappet_metric **to;
		int32_t kind;
		const char *name, *help;
	} all[] = {
		{&p->metric.events, TAPPET_COUNTER, "events_total", "Events that the kernel has sent."},
		{&p->metric.overflows, TAPPET_COUNTER, "overflows_total", "How often it has lost events."},
		{&p->metric.watched, TAPPET_GAUGE, "folders_watched", "Folders that send events."},
		{&p->metric.polled, TAPPET_GAUGE, "folders_polled", "Folders that are polled."},
		{&p->metric.files, TAPPET_GAUGE, "files", "Entries of the journals, folders not counted."},
		{&p->metric.changes, TAPPET_COUNTER, "changes_total", "Changes that were told."},
		{&p->metric.scans, TAPPET_COUNTER, "scans_total", "Listings of folders."},
		{&p->metric.pending, TAPPET_GAUGE, "pending", "Names that wait until they are quiet."},
		{&p->metric.retries, TAPPET_COUNTER, "retries_total", "Emissions that had to be sent again."},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		*all[i].to = p->host->metric(p->self, all[i].kind, all[i].name, all[i].help);
}

static void destroy(void *state)
{
	struct plugin *p = state;
	inotify_close(p);
	mounts_close(p);
	free(p->by_wd);
	free(p);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *p = calloc(1, sizeof(*p));
	if (!p)
		return TAPPET_ENOMEM;
	p->host = host;
	p->self = self;
	p->inotify = p->mountinfo = -1;
	(void)host->config_int(config, "maxPending", 0, &p->pending_max);
	add_metrics(p);
	*ret_state = p;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_trigger)
{
	struct plugin *p = state;
	struct tree *t;
	const int32_t r = tree_add(p, trigger, info->config, &t);
	if (r != TAPPET_OK)
		return r;
	*ret_trigger = t;
	/* Its state may be read when this has returned. */
	if (p->started)
		tree_pump_later(t);
	if (p->started && !t->again_timer) {
		tree_remove(t);
		tree_free(t);
		return TAPPET_ENOMEM;
	}
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	(void)state;
	tree_remove(trigger_state);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	tree_free(trigger_state);
}

static int32_t start(void *state)
{
	struct plugin *p = state;
	int32_t r = inotify_open(p);
	if (r == TAPPET_OK)
		r = mounts_open(p);
	if (r != TAPPET_OK)
		return r;
	p->started = true;
	for (struct tree *t = p->trees; t; t = t->next)
		tree_pump(t);
	return TAPPET_OK;
}

static void resume(void *state)
{
	struct plugin *p = state;
	for (struct tree *t = p->trees; t; t = t->next)
		if (t->ready)
			tree_pump(t);
}

/* What waits is found again at the next start. */
static void stop(void *state, int64_t deadline_ms)
{
	struct plugin *p = state;
	(void)deadline_ms;
	for (struct tree *t = p->trees; t; t = t->next) {
		store_leave(t);
		tree_stop_timers(t);
	}
	p->stopping = true;
	inotify_close(p);
	mounts_close(p);
	check_stopped(p);
}

/* ---- Checking ---- */

static void check_options(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	int64_t max;
	if (checker->config_int(config, "maxPending", 0, &max) == TAPPET_OK && max < 1000)
		checker->mistake(check, "maxPending", 0, "", "expected 1000 or more");
}

struct checking {
	const tappet_checker *checker;
	tappet_check *check;
};

static void tell_mistake(void *arg, const char *key, size_t index, const char *message)
{
	const struct checking *c = arg;
	c->checker->mistake(c->check, key, index, "", message);
}

static void check_trigger(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	struct checking c = {checker, check};
	const struct option_reader reader = {.count = checker->config_count,
					     .str = checker->config_str,
					     .integer = checker->config_int,
					     .boolean = checker->config_bool,
					     .mistake = tell_mistake,
					     .arg = &c};
	struct options o;
	if (options_read(&reader, config, &o) == 0)
		options_release(&o);
}

/* ---- Descriptor ---- */

static const tappet_option options[] = {
	{"maxPending", TAPPET_INTEGER, 0, "65536",
	 "How many names of a trigger may wait until they are quiet. Beyond that folders are listed again later.",
	 NULL},
};

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 4,
	.name = "filewatch",
	.version = VERSION,
	.license = "MIT",
	.summary = "Starts workflows when files are created, changed, removed or moved.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.trigger_options = trigger_options,
	.trigger_option_count = TRIGGER_OPTIONS,
	.option_size = sizeof(tappet_option),
	.sample = "{\"root\":\"/srv/site\",\"kind\":\"changed\",\"path\":\"/srv/site/docs/a.md\",\"relative\":\"docs/"
		  "a.md\","
		  "\"name\":\"a.md\",\"type\":\"file\",\"size\":1234,\"mtime\":\"2027-01-04T08:00:00.123456789Z\","
		  "\"ctime\":\"2027-01-04T08:00:00.123456789Z\",\"inode\":131074,\"differs\":[\"size\",\"mtime\","
		  "\"ctime\"]}",
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.resume = resume,
	.stop = stop,
	.destroy = destroy,
	.check_options = check_options,
	.check_trigger = check_trigger,
	.list_checkpoints = 1,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
