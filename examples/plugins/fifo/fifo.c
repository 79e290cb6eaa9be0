/* Starts a workflow for each line of JSON that is written into a FIFO. It shows what a watched descriptor needs: reading stops where
 * nothing more can be taken, so that writers wait in place of memory filling up. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tappet/plugin.h>
#include <unistd.h>

#define RETRY_MS 1000

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	struct trigger *triggers;
	int under_way; /* emissions whose callback has not fired */
	int stopping, paused;
};

struct trigger {
	struct trigger *next;
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_fd *watch; /* only while a line may be taken */
	tappet_timer *retry;
	int fd;
	int in_flight, removed;
	int skipping; /* within a line that is too long */
	long lines;   /* for dedup keys */
	int64_t begun_ms;
	size_t used, line_max;
	char *text; /* what has been read; its first line stays until it is settled */
};

static const tappet_option trigger_options[] = {
	{"path", TAPPET_STRING, TAPPET_REQUIRED, NULL, "The FIFO, made by mkfifo(1).", NULL},
	{"maxLine", TAPPET_SIZE, 0, "64KiB", "The longest line, 1 B to 1 MiB; longer ones are refused.", NULL},
};

static void go_on(void *arg);

static void drop_line(struct trigger *t)
{
	char *end = memchr(t->text, '\n', t->used);
	size_t len = end ? (size_t)(end - t->text) + 1 : t->used;

	t->skipping = !end; /* its end is still to come */
	t->used -= len;
	memmove(t->text, t->text + len, t->used);
	t->lines++;
}

static void refuse(struct trigger *t, int32_t reason, const char *detail)
{
	t->plugin->host->refuse(t->plugin->self, t->handle, reason, tappet_cstr(detail));
	drop_line(t);
}

/* Nobody knows whether it was stored, or it surely was not: the same line with the same key, a little later. */
static void retry_later(struct trigger *t)
{
	const tappet_host *host = t->plugin->host;

	if (host->timer_start(t->plugin->self, RETRY_MS, 0, go_on, t, &t->retry) != TAPPET_OK)
		host->health(t->plugin->self, t->handle, TAPPET_HEALTH_DEAD, "no timer", 0);
}

static void settled(void *arg, const tappet_result *result)
{
	struct trigger *t = arg;
	struct plugin *p = t->plugin;

	t->in_flight = 0;
	p->under_way--;
	if (p->stopping && p->under_way == 0)
		p->host->stopped(p->self);
	if (p->stopping || t->removed)
		return;
	if (result->outcome == TAPPET_ECANCELED || result->outcome == TAPPET_EUNKNOWN) {
		retry_later(t);
		return;
	}
	drop_line(t);
	go_on(t);
}

/* One line at a time: it can only be repeated while it is still here. TAPPET_EBUSY: `resume` follows. */
static int32_t emit(struct trigger *t, size_t len)
{
	struct plugin *p = t->plugin;
	char key[64];
	int32_t r;

	snprintf(key, sizeof(key), "%lld-%ld", (long long)t->begun_ms, t->lines);
	r = p->host->emit(t->handle,
			  &(tappet_emission){.struct_size = sizeof(tappet_emission),
					     .payload = tappet_strn(t->text, len),
					     .dedup_key = tappet_cstr(key)},
			  settled, t);
	if (r == TAPPET_OK) {
		p->under_way++;
		t->in_flight = 1;
	} else if (r == TAPPET_ENOMEM) {
		retry_later(t);
	} else if (r != TAPPET_EBUSY && r != TAPPET_ESTATE) {
		refuse(t, TAPPET_REASON_MALFORMED, "a line that is not JSON");
		return TAPPET_OK;
	}
	return r;
}

/* Takes lines out of the buffer. 1 when more may be read. */
static int take_lines(struct trigger *t)
{
	char *end;

	while ((end = memchr(t->text, '\n', t->used))) {
		if (t->skipping)
			drop_line(t);
		else if (emit(t, (size_t)(end - t->text)) != TAPPET_OK || t->in_flight)
			return 0;
	}
	if (t->skipping)
		t->used = 0;
	else if (t->used > t->line_max)
		refuse(t, TAPPET_REASON_TOO_LARGE, "a line is longer than maxLine");
	return 1;
}

static void unwatch(struct trigger *t)
{
	if (t->watch)
		t->plugin->host->fd_unwatch(t->watch);
	t->watch = NULL;
}

static void on_ready(void *arg, int32_t events, int32_t error)
{
	struct trigger *t = arg;
	ssize_t n = error ? -1 : read(t->fd, t->text + t->used, t->line_max + 1 - t->used);

	(void)events;
	if (error) {
		unwatch(t);
		t->plugin->host->health(t->plugin->self, t->handle, TAPPET_HEALTH_DEAD, "the FIFO cannot be read", 0);
		return;
	}
	t->used += n > 0 ? (size_t)n : 0;
	if (!take_lines(t))
		unwatch(t);
}

static void go_on(void *arg)
{
	struct trigger *t = arg;
	struct plugin *p = t->plugin;

	t->retry = NULL;
	if (p->stopping || p->paused || t->in_flight || t->watch || !take_lines(t))
		return;
	if (p->host->fd_watch(p->self, t->fd, TAPPET_READABLE, on_ready, t, &t->watch) != TAPPET_OK)
		retry_later(t);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *p = calloc(1, sizeof(*p));

	(void)config;
	if (!p)
		return TAPPET_ENOMEM;
	p->host = host;
	p->self = self;
	*ret_state = p;
	return TAPPET_OK;
}

/* Opened for writing as well: a FIFO without a writer would be at its end. */
static int32_t open_fifo(struct trigger *t, const tappet_config *config)
{
	const tappet_host *host = t->plugin->host;
	struct stat status;
	tappet_str path;
	int64_t line_max = 0;
	int32_t r = host->config_str(config, "path", 0, &path);

	if (r == TAPPET_OK)
		r = host->config_int(config, "maxLine", 0, &line_max);
	if (r == TAPPET_OK && (line_max < 1 || line_max > 1 << 20))
		r = TAPPET_EINVAL;
	if (r != TAPPET_OK)
		return r;
	/* Looked at before: opening a device may do something. */
	if (stat(path.ptr, &status) != 0 || !S_ISFIFO(status.st_mode))
		return TAPPET_EINVAL;
	t->line_max = (size_t)line_max;
	t->text = malloc(t->line_max + 1);
	t->fd = t->text ? open(path.ptr, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	return t->fd >= 0 ? TAPPET_OK : t->text ? TAPPET_EIO : TAPPET_ENOMEM;
}

static void trigger_free(void *state, void *trigger_state)
{
	struct trigger *t = trigger_state;

	(void)state;
	if (t->fd >= 0)
		close(t->fd);
	free(t->text);
	free(t);
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *p = state;
	struct trigger *t = calloc(1, sizeof(*t));
	int32_t r;

	if (!t)
		return TAPPET_ENOMEM;
	*t = (struct trigger){.plugin = p, .handle = handle, .fd = -1, .begun_ms = p->host->wall_ms(p->self)};
	r = open_fifo(t, info->config);
	if (r == TAPPET_OK)
		r = p->host->fd_watch(p->self, t->fd, TAPPET_READABLE, on_ready, t, &t->watch);
	if (r != TAPPET_OK) {
		trigger_free(p, t);
		return r;
	}
	t->next = p->triggers;
	p->triggers = t;
	*ret_state = t;
	return TAPPET_OK;
}

static void hush(struct trigger *t)
{
	unwatch(t);
	if (t->retry)
		t->plugin->host->timer_stop(t->retry);
	t->retry = NULL;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct trigger **at = &((struct plugin *)state)->triggers, *t = trigger_state;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->removed = 1;
	hush(t);
}

static int32_t start(void *state)
{
	(void)state;
	return TAPPET_OK;
}

/* What is in the FIFO waits there. */
static void pause_all(void *state)
{
	struct plugin *p = state;

	p->paused = 1;
	for (struct trigger *t = p->triggers; t; t = t->next)
		hush(t);
}

static void resume_all(void *state)
{
	struct plugin *p = state;

	p->paused = 0;
	for (struct trigger *t = p->triggers; t; t = t->next)
		if (!t->retry)
			go_on(t);
}

static void stop(void *state, int64_t deadline_ms)
{
	struct plugin *p = state;

	(void)deadline_ms;
	p->stopping = 1;
	pause_all(p);
	if (p->under_way == 0)
		p->host->stopped(p->self);
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "fifo",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow for each line of JSON that is written into a FIFO.",
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{\"any\":\"JSON\"}",
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.pause = pause_all,
	.resume = resume_all,
	.stop = stop,
	.destroy = free,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
