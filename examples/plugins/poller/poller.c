/* Starts a workflow for each line that is appended to a file of JSON lines. It shows a cursor that neither leads nor lags (it is
 * committed with the activity), and how slow input is read on the pool of threads in place of the loop. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../source.h"

#define CHUNK (64 * 1024) /* also the longest line */

/* Where the next line begins. The inode tells a file that was replaced from one that grew, the turn counts the files that came one
 * after another under this path: the same place in the next one is another line, with another dedup key. */
struct cursor {
	long long inode, turn, offset;
};

struct trigger {
	struct source source;
	int64_t every_ms;
	int reading; /* it is the pool's then, and may outlive its trigger */
	int freed, failed, looked;
	int skipping; /* within a line that is too long */
	struct cursor cursor;
	size_t begin, end; /* of what is left in `text` */
	char *path;
	tappet_checkpoint checkpoint;
	char key[80], value[80], text[CHUNK];
};

static const tappet_option trigger_options[] = {
	{"path", TAPPET_STRING, TAPPET_REQUIRED, NULL, "The file; one JSON value a line, appended.", NULL},
	{"every", TAPPET_DURATION, 0, "10s", "How often it is looked at; less often after failures.", NULL},
};

static void pass(struct trigger *t, size_t len)
{
	t->begin += len;
	t->cursor.offset += (long long)len;
}

static void drop_line(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	const char *end = memchr(t->text + t->begin, '\n', t->end - t->begin);
	pass(t, (size_t)(end - t->text) - t->begin + 1);
}

/* On a thread of the pool. */
static void read_chunk(void *arg)
{
	struct trigger *t = arg;
	struct stat status;
	ssize_t n = -1;
	const int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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

static void release(struct trigger *t)
{
	free(t->path);
	free(t);
}

static void on_read(void *arg, int32_t result)
{
	struct trigger *t = arg;
	struct plugin *p = t->source.plugin;
	t->reading = 0;
	if (t->freed) {
		release(t);
	} else if (result != TAPPET_OK || t->failed) {
		source_back_off(&t->source, "the file cannot be read");
	} else {
		t->looked = 1;
		source_is_well(&t->source);
		source_go(&t->source);
	}
	plugin_ended_one(p);
}

/* No whole line is left: reads on, at once when there is more, else when it is time again. */
static void look_again(struct trigger *t)
{
	struct plugin *p = t->source.plugin;
	const size_t left = t->end - t->begin;
	if (left == CHUNK && !t->skipping)
		source_refuse(&t->source, TAPPET_REASON_TOO_LARGE, "a line is longer than 64 KiB");
	t->skipping = t->skipping || left == CHUNK;
	const int more = !t->looked || t->end == CHUNK;
	if (t->skipping)
		pass(t, left);
	t->looked = 0;
	t->begin = t->end = 0;
	t->reading = more && p->host->work(p->self, read_chunk, on_read, t) == TAPPET_OK;
	p->under_way += t->reading;
	if (!t->reading)
		source_later(&t->source, t->every_ms);
}

static int next_line(struct source *s, tappet_emission *item)
{
	struct trigger *t = (struct trigger *)s;
	const char *end;
	if (t->reading)
		return 0;
	while ((end = memchr(t->text + t->begin, '\n', t->end - t->begin)) && t->skipping) {
		t->skipping = 0; /* that was the end of it */
		drop_line(s);
	}
	if (!end) {
		look_again(t);
		return 0;
	}
	const size_t len = (size_t)(end - t->text) - t->begin;
	const struct cursor c = t->cursor;
	snprintf(t->key, sizeof(t->key), "%lld:%lld:%lld", c.inode, c.turn, c.offset);
	snprintf(t->value, sizeof(t->value), "%lld:%lld:%lld", c.inode, c.turn, c.offset + (long long)len + 1);
	t->checkpoint = (tappet_checkpoint){tappet_cstr("cursor"), tappet_cstr(t->value)};
	item->payload = tappet_strn(t->text + t->begin, len);
	item->dedup_key = tappet_cstr(t->key);
	item->checkpoints = &t->checkpoint;
	item->checkpoint_count = 1;
	return 1;
}

static void trigger_free(void *state, void *trigger_state)
{
	struct trigger *t = trigger_state;
	(void)state;
	t->freed = 1;
	if (!t->reading)
		release(t);
}

static void configure(struct trigger *t, const tappet_trigger_info *info)
{
	const tappet_host *host = t->source.plugin->host;
	tappet_str path;
	host->config_int(info->config, "every", 0, &t->every_ms);
	if (host->config_str(info->config, "path", 0, &path) == TAPPET_OK)
		t->path = strndup(path.ptr, path.len);
	if (info->checkpoint_count == 1 && info->checkpoints->value.len < sizeof(t->value)) {
		memcpy(t->value, info->checkpoints->value.ptr, info->checkpoints->value.len);
		sscanf(t->value, "%lld:%lld:%lld", &t->cursor.inode, &t->cursor.turn, &t->cursor.offset);
	}
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct trigger *t = *ret_state = calloc(1, sizeof(*t));
	if (!t)
		return TAPPET_ENOMEM;
	t->source = SOURCE(state, handle, next_line, drop_line, NULL);
	configure(t, info);
	int32_t r = t->path && t->every_ms > 0 && t->every_ms <= 86400000 ? source_add(&t->source) : TAPPET_EINVAL;
	if (r != TAPPET_OK)
		release(t);
	return r;
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "poller",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow for each line of JSON that is appended to a file.",
	.trigger_options = trigger_options,
	.trigger_option_count = 2,
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
