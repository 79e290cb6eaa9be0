/* Answers that go on, several at once, read line by line. */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include "cli/command.h"

#define STREAMS_MAX 2

struct stream_reader {
	const char *paths[STREAMS_MAX];
	size_t count;
	/* One line of the index-th of them, without its end; empty ones are left out. */
	void (*line)(void *arg, size_t index, const char *text, size_t len);
	/* Between lines, when other requests may be made. False: that was enough. */
	bool (*between)(void *arg);
	void *arg;
};

/* Reads until `between` says that it was enough, or one of them has ended. CLI_OK; CLI_REFUSED when the daemon does not
 * serve them (it is not told); CLI_UNREACHABLE when it is away (likewise); others have been told. */
int stream_read(struct cli *c, const struct stream_reader *reader);

#endif
