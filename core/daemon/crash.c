#include <signal.h>
#include <unistd.h>
#include "daemon/internal.h"

static void say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));
	(void)written;
}

/* Async-signal-safe calls only (signal-safety(7)). SA_RESETHAND: the second raise kills with the signal's own default. */
static void on_fatal(int signal)
{
	const char *where = host_breadcrumb();
	say("tappet: fatal signal ");
	char number[3] = {(char)('0' + signal / 10), (char)('0' + signal % 10), '\0'};
	say(number);
	if (*where) {
		say(" inside ");
		say(where);
	}
	say("\n");
	raise(signal);
}

void crash_report_install(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++) {
		struct sigaction before,
			action = {.sa_handler = on_fatal, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
		/* A sanitizer has a better report of its own. */
		if (sigaction(fatal[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			sigaction(fatal[i], &action, NULL);
	}
}
