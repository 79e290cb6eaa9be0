/* Starts a workflow for each line that is appended to a file of JSON lines. It shows a cursor that neither leads nor lags (it is
 * committed with the activity), and how slow input is read on the pool of threads in place of the loop. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tappet/plugin.h>
#include <unistd.h>

#define CHUNK (64 * 1024) /* also the longest line */

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	struct trigger *triggers;
	int under_way; /* emissions and reads whose callback has not fired */
	int stopping, paused;
};

/* Where the next line begins. The inode tells a file that was replaced from one that grew, the turn counts the files that came one
 * after another under this path: the same place in the next one is another line, with another dedup key. */
struct cursor {
	long long inode, turn, offset;
};

struct trigger {
	struct trigger *next;
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_timer *timer;
	int64_t every_ms, wait_ms;
	int in_flight;      /* an emission or a read: one thing at a time */
	int removed, freed; /* a read may outlive its trigger, so the last of the two frees */
	int skipping;       /* within a line that is too long */
	struct cursor cursor;
	size_t begin, end; /* of what is left in `text` */
	int failed;        /* of the last read */
	char *path;
	char text[CHUNK];
};

static const tappet_option trigger_options[] = {
	{"path", TAPPET_STRING, TAPPET_REQUIRED, NULL, "The file; one JSON value a line, appended.", NULL},
	{"every", TAPPET_DURATION, 0, "10s", "How often it is looked at; failures make it up to 32 times longer.",
	 NULL},
};

static void go_on(struct trigger *t);

static void on_timer(void *arg)
{
	struct trigger *t = arg;

	t->timer = NULL;
	go_on(t);
}

static void wait_for(struct trigger *t, int64_t ms)
{
	const tappet_host *host = t->plugin->host;

	if (!t->timer && host->timer_start(t->plugin->self, ms, 0, on_timer, t, &t->timer) != TAPPET_OK)
		host->health(t->plugin->self, t->handle, TAPPET_HEALTH_DEAD, "no timer", 0);
}

static void back_off(struct trigger *t, const char *reason)
{
	struct plugin *p = t->plugin;

	t->wait_ms = t->wait_ms < t->every_ms * 32 ? t->wait_ms * 2 : t->wait_ms;
	p->host->health(p->self, t->handle, TAPPET_HEALTH_BACKING_OFF, reason, p->host->wall_ms(p->self) + t->wait_ms);
	wait_for(t, t->wait_ms);
}

static void recovered(struct trigger *t)
{
	if (t->wait_ms != t->every_ms)
		t->plugin->host->health(t->plugin->self, t->handle, TAPPET_HEALTH_RUNNING, "", 0);
	t->wait_ms = t->every_ms;
}

/* 1 when the plugin still has something to do with this trigger. */
static int ended(struct trigger *t)
{
	struct plugin *p = t->plugin;

	t->in_flight = 0;
	p->under_way--;
	if (p->stopping && p->under_way == 0)
		p->host->stopped(p->self);
	return !p->stopping && !t->removed;
}

/* Only these are not final: the line is still to be taken, and the cursor stays before it. */
static int is_passing(const tappet_result *result)
{
	return result->outcome == TAPPET_ECANCELED || result->outcome == TAPPET_EUNKNOWN ||
	       (result->outcome == TAPPET_EREFUSED &&
		(result->reason == TAPPET_REASON_RATE || result->reason == TAPPET_REASON_QUEUE_FULL ||
		 result->reason == TAPPET_REASON_STORE));
}

static void pass(struct trigger *t, size_t len)
{
	t->begin += len;
	t->cursor.offset += (long long)len;
}

static void settled(void *arg, const tappet_result *result)
{
	struct trigger *t = arg;
	const char *end = memchr(t->text + t->begin, '\n', t->end - t->begin);

	if (!ended(t))
		return;
	if (is_passing(result)) {
		back_off(t, tappet_strerror(result->outcome));
		return;
	}
	recovered(t);
	pass(t, (size_t)(end - t->text) - t->begin + 1);
	go_on(t);
}

static void write_cursor(char *out, size_t size, struct cursor at, size_t further)
{
	snprintf(out, size, "%lld:%lld:%lld", at.inode, at.turn, at.offset + (long long)further);
}

static struct cursor read_cursor(const char *value)
{
	long long at[3] = {0};

	for (int i = 0; i < 3 && value; i++, value = value ? strchr(value, ':') : NULL)
		at[i] = strtoll(*value == ':' ? ++value : value, NULL, 10);
	return (struct cursor){at[0], at[1], at[2]};
}

/* One line at a time: were a later one stored before this one failed, its cursor would lead past this one. */
static int32_t emit(struct trigger *t, size_t len)
{
	struct plugin *p = t->plugin;
	char key[80], value[80];
	int32_t r;

	write_cursor(key, sizeof(key), t->cursor, 0);
	write_cursor(value, sizeof(value), t->cursor, len + 1);
	r = p->host->emit(
		t->handle,
		&(tappet_emission){.struct_size = sizeof(tappet_emission),
				   .payload = tappet_strn(t->text + t->begin, len),
				   .dedup_key = tappet_cstr(key),
				   .checkpoints = &(tappet_checkpoint){tappet_cstr("cursor"), tappet_cstr(value)},
				   .checkpoint_count = 1,
				   .checkpoint_size = sizeof(tappet_checkpoint)},
		settled, t);
	if (r == TAPPET_OK) {
		p->under_way++;
		t->in_flight = 1;
	}
	return r;
}

/* On a thread of the pool: touches nothing but what a read owns while it is in flight. */
static void read_chunk(void *arg)
{
	struct trigger *t = arg;
	struct stat status;
	ssize_t n = -1;
	int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && fstat(fd, &status) == 0) {
		if (t->cursor.inode != (long long)status.st_ino || t->cursor.offset > status.st_size)
			t->cursor = (struct cursor){(long long)status.st_ino, t->cursor.turn + 1, 0};
		n = pread(fd, t->text, CHUNK, t->cursor.offset);
	}
	if (fd >= 0)
		close(fd);
	t->failed = n < 0;
	t->begin = 0;
	t->end = n > 0 ? (size_t)n : 0;
}

static void refuse(struct trigger *t, int32_t reason, const char *detail)
{
	t->plugin->host->refuse(t->plugin->self, t->handle, reason, tappet_cstr(detail));
}

/* A chunk without an end of line: one that is still being written, or one that never fits. */
static void on_rest(struct trigger *t)
{
	if (t->skipping || t->end - t->begin == CHUNK) {
		if (!t->skipping)
			refuse(t, TAPPET_REASON_TOO_LARGE, "a line is longer than 64 KiB");
		t->skipping = 1;
		pass(t, t->end - t->begin);
	}
}

static void on_read(void *arg, int32_t result)
{
	struct trigger *t = arg;
	size_t had;

	if (t->freed) {
		struct plugin *p = t->plugin;

		free(t->path);
		free(t);
		p->under_way--;
		if (p->stopping && p->under_way == 0)
			p->host->stopped(p->self);
		return;
	}
	if (!ended(t))
		return;
	if (result != TAPPET_OK || t->failed) {
		back_off(t, "the file cannot be read");
		return;
	}
	recovered(t);
	had = t->end;
	if (had > 0 && memchr(t->text, '\n', had))
		go_on(t);
	else if (had == CHUNK)
		on_rest(t), wait_for(t, 0);
	else
		on_rest(t), wait_for(t, t->every_ms);
}

/* The next step of a trigger that does nothing right now: the next line, else the next chunk. */
static void go_on(struct trigger *t)
{
	struct plugin *p = t->plugin;
	const char *end;

	while (!p->paused && !p->stopping && (end = memchr(t->text + t->begin, '\n', t->end - t->begin))) {
		size_t len = (size_t)(end - t->text) - t->begin;
		int32_t r = t->skipping ? TAPPET_EINVAL : emit(t, len);

		if (r == TAPPET_ENOMEM)
			back_off(t, tappet_strerror(r));
		if (r != TAPPET_EINVAL && r != TAPPET_ETOOBIG)
			return; /* settled, resume or the timer goes on */
		if (!t->skipping)
			refuse(t, TAPPET_REASON_MALFORMED, "a line that is not JSON");
		t->skipping = 0;
		pass(t, len + 1);
	}
	if (p->paused || p->stopping)
		return;
	if (p->host->work(p->self, read_chunk, on_read, t) != TAPPET_OK) {
		back_off(t, "no thread is free");
		return;
	}
	p->under_way++;
	t->in_flight = 1;
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

static void trigger_free(void *state, void *trigger_state)
{
	struct trigger *t = trigger_state;

	(void)state;
	t->freed = 1;
	if (t->in_flight)
		return;
	free(t->path);
	free(t);
}

static int32_t configure(struct trigger *t, const tappet_trigger_info *info)
{
	const tappet_host *host = t->plugin->host;
	tappet_str path;
	int32_t r = host->config_int(info->config, "every", 0, &t->every_ms);

	if (r == TAPPET_OK)
		r = host->config_str(info->config, "path", 0, &path);
	if (r == TAPPET_OK && (t->every_ms < 1 || t->every_ms > INT64_C(86400000)))
		r = TAPPET_EINVAL;
	if (r != TAPPET_OK)
		return r;
	t->wait_ms = t->every_ms;
	t->path = strndup(path.ptr, path.len);
	for (size_t i = 0; i < info->checkpoint_count; i++) {
		/* Walked by the size that came with them: a newer host's may be larger. */
		const tappet_checkpoint *c =
			(const void *)((const char *)info->checkpoints + i * info->checkpoint_size);
		char value[80] = "";

		if (c->key.len != strlen("cursor") || memcmp(c->key.ptr, "cursor", c->key.len) != 0)
			continue;
		memcpy(value, c->value.ptr, c->value.len < sizeof(value) ? c->value.len : sizeof(value) - 1);
		t->cursor = read_cursor(value);
	}
	return t->path ? TAPPET_OK : TAPPET_ENOMEM;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *p = state;
	struct trigger *t = calloc(1, sizeof(*t));
	int32_t r;

	if (!t)
		return TAPPET_ENOMEM;
	t->plugin = p;
	t->handle = handle;
	r = configure(t, info);
	/* The first look comes with the loop's next turn: nothing may be emitted from in here. */
	if (r == TAPPET_OK)
		r = p->host->timer_start(p->self, 0, 0, on_timer, t, &t->timer);
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
	if (t->timer)
		t->plugin->host->timer_stop(t->timer);
	t->timer = NULL;
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

static void pause_all(void *state)
{
	((struct plugin *)state)->paused = 1;
}

/* Whoever waits for a timer goes on by itself, unless it fired meanwhile. */
static void resume_all(void *state)
{
	struct plugin *p = state;

	p->paused = 0;
	for (struct trigger *t = p->triggers; t; t = t->next)
		if (!t->in_flight && !t->timer)
			go_on(t);
}

static void stop(void *state, int64_t deadline_ms)
{
	struct plugin *p = state;

	(void)deadline_ms;
	p->stopping = 1;
	for (struct trigger *t = p->triggers; t; t = t->next)
		hush(t);
	if (p->under_way == 0)
		p->host->stopped(p->self);
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "poller",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow for each line of JSON that is appended to a file.",
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
