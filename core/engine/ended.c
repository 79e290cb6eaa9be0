#include "engine/ended.h"

#include <stdio.h>
#include <string.h>

/* What a shell makes of a signal that ended one of its commands. */
#define BY_SIGNAL 128

bool ended_well(const struct ended *e)
{
	return e->why == PROCESS_NOT_ENDED && !e->lost && e->info.si_code == CLD_EXITED && e->info.si_status == 0;
}

struct failure ended_failure(const struct ended *e)
{
	if (e->why == PROCESS_TIMEOUT)
		return (struct failure){.kind = FAILURE_TIMEOUT};
	if (e->lost)
		return (struct failure){.kind = FAILURE_OTHER};
	if (e->info.si_code == CLD_EXITED)
		return (struct failure){.kind = FAILURE_EXIT, .code = e->info.si_status};
	return (struct failure){.kind = FAILURE_SIGNAL, .code = e->info.si_status};
}

static const char *size_text(uint64_t bytes, char *text, size_t size)
{
	static const struct {
		uint64_t bytes;
		const char *unit;
	} units[] = {{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (bytes % units[i].bytes != 0)
			continue;
		(void)snprintf(text, size, "%llu%s", (unsigned long long)(bytes / units[i].bytes), units[i].unit);
		return text;
	}
	(void)snprintf(text, size, "%llu bytes", (unsigned long long)bytes);
	return text;
}

/* The signal, also where it ended a command of a shell that then exited; 0: none. */
static int signal_behind(const struct ended *e)
{
	if (e->info.si_code != CLD_EXITED)
		return e->info.si_status;
	return e->info.si_status > BY_SIGNAL ? e->info.si_status - BY_SIGNAL : 0;
}

/* A limit that may be the reason. Memory has no signal of its own: a program is told by its allocator, and does with it what
 * it likes. */
static void add_limit(const struct ended *e, struct buf *message)
{
	const struct limits_def *l = e->limits;
	int number = signal_behind(e);
	char text[32];

	if (number == SIGXCPU && l->cpu_ms)
		(void)buf_printf(message, ": it used more CPU time than limits.cpuTime (%s)",
				 duration_text(l->cpu_ms, text, sizeof(text)));
	else if (number == SIGXFSZ && l->file_size)
		(void)buf_printf(message, ": it wrote a file larger than limits.fileSize (%s)",
				 size_text(l->file_size, text, sizeof(text)));
	else if (l->memory)
		(void)buf_printf(message, " (limits.memory is %s)", size_text(l->memory, text, sizeof(text)));
}

static void describe(const struct ended *e, struct buf *message)
{
	char text[32];

	if (e->why == PROCESS_TIMEOUT) {
		(void)buf_printf(message, "timed out after %s", duration_text(e->timeout_ms, text, sizeof(text)));
		return;
	}
	if (e->lost) {
		(void)buf_str(message, "its exit status was lost");
		return;
	}
	if (e->info.si_code == CLD_EXITED)
		(void)buf_printf(message, "exited with code %d", e->info.si_status);
	else
		(void)buf_printf(message, "killed by signal %d (%s)", e->info.si_status, strsignal(e->info.si_status));
	add_limit(e, message);
}

void ended_describe(const struct ended *e, const struct tail *out, const struct tail *err, struct buf *message)
{
	size_t len;

	describe(e, message);
	len = message->len;
	(void)buf_str(message, ": ");
	tail_write(err, message);
	if (message->len == len + 2)
		tail_write(out, message);
	if (message->len == len + 2)
		message->len = len;
	buf_terminate(message);
}
