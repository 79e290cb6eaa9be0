/* Starts a workflow for each line of JSON that is written into a FIFO. It shows what a watched descriptor needs: it is watched only while
 * there is nothing to hand over, so that writers wait in place of memory filling up. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../source.h"

struct trigger {
	struct source source;
	tappet_fd *watch;
	int fd;
	int skipping; /* within a line that is too long */
	size_t used, line_max;
	char *text; /* what has been read; its first line stays until it is settled */
};

static const tappet_option trigger_options[] = {
	{"path", TAPPET_STRING, TAPPET_REQUIRED, NULL, "The FIFO, made by mkfifo(1).", NULL},
	{"maxLine", TAPPET_SIZE, 0, "64KiB", "The longest line, 1 B to 1 MiB; longer ones are refused.", NULL},
};

static void unwatch(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	if (t->watch)
		s->plugin->host->fd_unwatch(t->watch);
	t->watch = NULL;
}

static void on_ready(void *arg, int32_t events, int32_t error)
{
	struct trigger *t = arg;
	const struct plugin *p = t->source.plugin;
	const ssize_t n = error ? -1 : read(t->fd, t->text + t->used, t->line_max + 1 - t->used);
	(void)events;
	t->used += n > 0 ? (size_t)n : 0;
	unwatch(&t->source);
	if (error)
		p->host->health(p->self, t->source.handle, TAPPET_HEALTH_DEAD, "the FIFO cannot be read", 0);
	else
		source_go(&t->source);
}

static void drop_line(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	const char *end = memchr(t->text, '\n', t->used);
	const size_t len = end ? (size_t)(end - t->text) + 1 : t->used;
	t->skipping = !end; /* its end is still to come */
	t->used -= len;
	memmove(t->text, t->text + len, t->used);
}

/* A line that does not fit is refused once, and what is left of it thrown away as it comes. */
static void drop_what_is_too_long(struct trigger *t)
{
	while (t->skipping && t->used > 0)
		drop_line(&t->source);
	if (t->used <= t->line_max || memchr(t->text, '\n', t->used))
		return;
	source_refuse(&t->source, TAPPET_REASON_TOO_LARGE, "a line is longer than maxLine");
	drop_line(&t->source);
}

static int next_line(struct source *s, tappet_emission *item)
{
	struct trigger *t = (struct trigger *)s;
	const struct plugin *p = s->plugin;
	drop_what_is_too_long(t);
	const char *end = memchr(t->text, '\n', t->used);
	if (!end) {
		if (!t->watch &&
		    p->host->fd_watch(p->self, t->fd, TAPPET_READABLE, on_ready, t, &t->watch) != TAPPET_OK)
			source_later(s, RETRY_MS);
		return 0;
	}
	item->payload = tappet_strn(t->text, (size_t)(end - t->text));
	return 1;
}

/* Opened for writing as well: a FIFO without a writer would be at its end. */
static int32_t open_fifo(struct trigger *t, const tappet_config *config)
{
	const tappet_host *host = t->source.plugin->host;
	struct stat status;
	tappet_str path;
	int64_t line_max = 0;
	host->config_int(config, "maxLine", 0, &line_max);
	if (host->config_str(config, "path", 0, &path) != TAPPET_OK || line_max < 1 || line_max > 1 << 20)
		return TAPPET_EINVAL;
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
	struct trigger *t = *ret_state = calloc(1, sizeof(*t));
	if (!t)
		return TAPPET_ENOMEM;
	t->source = SOURCE(state, handle, next_line, drop_line, unwatch);
	t->fd = -1;
	int32_t r = open_fifo(t, info->config);
	if (r == TAPPET_OK)
		r = source_add(&t->source);
	if (r != TAPPET_OK)
		trigger_free(p, t);
	return r;
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
	.trigger_add = trigger_add,
	.trigger_free = trigger_free,
	SOURCE_FUNCTIONS,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
