#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tappet/testkit.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

/* A plugin that reads a FIFO of its own; what is written into *ret_fd comes to it. */
static testkit *begin(int *ret_fd)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	char folder[] = "/tmp/@NAME@-XXXXXX", path[64], options[100];

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/fifo", folder);
	snprintf(options, sizeof(options), "{\"path\": \"%s\"}", path);
	CHECK(mkfifo(path, 0600) == 0);
	testkit_begin(kit, NULL, options);
	*ret_fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(*ret_fd >= 0);
	unlink(path);
	rmdir(folder);
	return kit;
}

static void put(int fd, const char *text)
{
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void each_line_becomes_an_activity(void)
{
	int fd;
	testkit *kit = begin(&fd);

	put(fd, "{\"a\":1}\n{\"a\"");
	testkit_run(kit);
	CHECK(testkit_emission_count(kit) == 1);
	CHECK(strcmp(testkit_emission_last(kit)->payload.ptr, "{\"a\":1}") == 0);
	put(fd, ":2}\n");
	testkit_run(kit);
	CHECK(testkit_emission_count(kit) == 2);
	close(fd);
	testkit_close(kit); /* says so when something is left behind */
}

static void what_is_not_json_is_refused(void)
{
	int fd;
	testkit *kit = begin(&fd);

	put(fd, "{\n1\n");
	testkit_run(kit);
	CHECK(testkit_emission_count(kit) == 1);
	CHECK(testkit_refusal_last(kit)->reason == TAPPET_REASON_MALFORMED);
	close(fd);
	testkit_close(kit);
}

static void without_credit_lines_wait(void)
{
	int fd;
	testkit *kit = begin(&fd);

	testkit_credit(kit, 4, 1000000);
	testkit_hold(kit, 1);
	put(fd, "1\n2\n3\n");
	testkit_run(kit);
	CHECK(testkit_emission_count(kit) == 2);
	CHECK(testkit_fd_count(kit) == 0);
	testkit_hold(kit, 0);
	testkit_run(kit);
	CHECK(testkit_emission_count(kit) == 3);
	CHECK(testkit_fd_count(kit) == 1);
	close(fd);
	testkit_close(kit);
}

int main(void)
{
	each_line_becomes_an_activity();
	what_is_not_json_is_refused();
	without_credit_lines_wait();
	return 0;
}
