/* Runs a command for as long as its trigger is there and starts a workflow for each line of its output. It shows a thread of one's
 * own, which may block as the loop may not: it reads, hands each line to the loop by `post`, and waits until that is settled, so that
 * a command that prints faster than can be taken waits in its write. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>
#include "../child.h"
#include "../quote.h"
#include "../source.h"

#define LINE_MAX_BYTES 4096 /* a longer one comes in pieces */

struct trigger {
	struct source source;
	pthread_t thread;
	int running, due, freed; /* a thread: until on_end */
	atomic_int pid, ending;
	sem_t settled;
	size_t len; /* of the line, which is the loop's while this is not 0: the thread waits */
	char line[LINE_MAX_BYTES], payload[QUOTE_MAX(LINE_MAX_BYTES) + 16];
	char *command;
};

static const tappet_option trigger_options[] = {
	{"command", TAPPET_STRING, TAPPET_REQUIRED, NULL, "What /bin/sh is to run; \"exec PROGRAM\" for one alone.",
	 NULL},
};

static void release(struct trigger *t)
{
	free(t->command);
	sem_destroy(&t->settled);
	free(t);
}

/* ---- On the thread ---- */

static void on_line(void *arg);
static void on_end(void *arg);

static void *read_lines(void *arg)
{
	struct trigger *t = arg;
	const struct plugin *p = t->source.plugin;
	int ends[2];
	FILE *output = pipe2(ends, O_CLOEXEC) == 0 ? fdopen(ends[0], "r") : NULL;
	if (output) {
		atomic_store(&t->pid, child_start(t->command, ends[1]));
		close(ends[1]);
	}
	/* Whoever of the two threads sees what the other has set ends the command. */
	if (atomic_load(&t->ending) && atomic_load(&t->pid))
		kill(-atomic_load(&t->pid), SIGKILL);
	while (output && !atomic_load(&t->ending) && fgets(t->line, sizeof(t->line), output)) {
		p->host->post(p->self, on_line, t);
		sem_wait(&t->settled);
	}
	if (output)
		fclose(output);
	if (atomic_load(&t->pid))
		child_wait(atomic_load(&t->pid));
	p->host->post(p->self, on_end, t);
	return NULL;
}

/* ---- On the loop ---- */

static void on_line(void *arg)
{
	struct trigger *t = arg;
	t->len = strcspn(t->line, "\n");
	source_is_well(&t->source);
	if (t->len == 0 || t->source.removed)
		sem_post(&t->settled);
	else
		source_go(&t->source);
}

static void on_end(void *arg)
{
	struct trigger *t = arg;
	struct plugin *p = t->source.plugin;
	const pid_t pid = atomic_exchange(&t->pid, 0);
	pthread_join(t->thread, NULL); /* this was the last that it did */
	if (pid)
		child_forget(pid);
	t->running = 0;
	t->freed ? release(t) : source_go(&t->source);
	plugin_ended_one(p);
}

static void run(struct trigger *t)
{
	struct plugin *p = t->source.plugin;
	t->due = 0;
	t->running = pthread_create(&t->thread, NULL, read_lines, t) == 0;
	p->under_way += t->running;
	if (!t->running)
		source_later(&t->source, RETRY_MS);
}

static int next_line(struct source *s, tappet_emission *item)
{
	struct trigger *t = (struct trigger *)s;
	if (!t->running && !t->due) {
		t->due = 1;
		source_back_off(s, "the command has ended, or did not start");
	} else if (!t->running) {
		run(t);
	}
	if (t->len == 0 || !t->running)
		return 0;
	size_t len = (size_t)sprintf(t->payload, "{\"line\":");
	len += quote(t->payload + len, t->line, t->len);
	t->payload[len++] = '}';
	item->payload = tappet_strn(t->payload, len);
	return 1;
}

static void drop_line(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	t->len = 0;
	sem_post(&t->settled);
}

static void end(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	atomic_store(&t->ending, 1);
	const pid_t pid = atomic_load(&t->pid);
	if (pid)
		kill(-pid, SIGTERM);
	sem_post(&t->settled);
}

static void trigger_free(void *state, void *trigger_state)
{
	struct trigger *t = trigger_state;
	(void)state;
	t->freed = 1;
	if (!t->running)
		release(t);
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	const tappet_host *host = ((struct plugin *)state)->host;
	struct trigger *t = *ret_state = calloc(1, sizeof(*t));
	tappet_str command;
	if (!t)
		return TAPPET_ENOMEM;
	t->source = SOURCE(state, handle, next_line, drop_line, end);
	t->due = 1;
	sem_init(&t->settled, 0, 0);
	int32_t r = host->config_str(info->config, "command", 0, &command);
	t->command = r == TAPPET_OK ? strndup(command.ptr, command.len) : NULL;
	if (r == TAPPET_OK)
		r = t->command ? source_add(&t->source) : TAPPET_ENOMEM;
	if (r != TAPPET_OK)
		release(t);
	return r;
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "command",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow for each line that a command prints.",
	.trigger_options = trigger_options,
	.trigger_option_count = 1,
	.option_size = sizeof(tappet_option),
	.sample = "{\"line\":\"text\"}",
	.trigger_add = trigger_add,
	.trigger_free = trigger_free,
	SOURCE_FUNCTIONS,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
