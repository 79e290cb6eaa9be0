#define _GNU_SOURCE 1
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../check.h"

/* A plugin that reads a FIFO of its own; what is written into *ret_fd comes to it. */
static testkit *begin(tappet_trigger **ret_trigger, int *ret_fd)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	char folder[] = "/tmp/fifo-XXXXXX", path[64], options[100];

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/fifo", folder);
	snprintf(options, sizeof(options), "{\"path\": \"%s\", \"maxLine\": 10}", path);
	CHECK(mkfifo(path, 0600) == 0);
	*ret_trigger = testkit_begin(kit, NULL, options);
	*ret_fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(*ret_fd >= 0);
	unlink(path);
	rmdir(folder);
	return kit;
}

static void put(testkit *kit, int fd, const char *text)
{
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	while (testkit_poll(kit, 0))
		continue;
}

static void end(testkit *kit, int fd)
{
	close(fd);
	testkit_close(kit); /* says so when something is left behind */
}

static void each_line_becomes_an_activity(void)
{
	tappet_trigger *trigger;
	int fd;
	testkit *kit = begin(&trigger, &fd);

	put(kit, fd, "{\"a\":1}\n{\"a\"");
	CHECK(testkit_emission_count(kit) == 1 && last_payload_is(kit, "{\"a\":1}"));
	put(kit, fd, ":2}\n3\n");
	CHECK(testkit_emission_count(kit) == 3 && last_payload_is(kit, "3"));
	end(kit, fd);
}

static void what_is_not_json_is_refused(void)
{
	tappet_trigger *trigger;
	int fd;
	testkit *kit = begin(&trigger, &fd);

	put(kit, fd, "{\n1\n");
	CHECK(testkit_emission_count(kit) == 1 && last_payload_is(kit, "1"));
	CHECK(testkit_refusal_last(kit)->reason == TAPPET_REASON_MALFORMED);
	end(kit, fd);
}

static void a_line_that_is_too_long_is_refused_once(void)
{
	tappet_trigger *trigger;
	int fd;
	testkit *kit = begin(&trigger, &fd);

	put(kit, fd, "1234567890\n12345678901234567890123456789012345\n2\n");
	CHECK(testkit_emission_count(kit) == 2 && last_payload_is(kit, "2"));
	CHECK(testkit_refusal_count(kit) == 1);
	CHECK(testkit_refusal_last(kit)->reason == TAPPET_REASON_TOO_LARGE);
	end(kit, fd);
}

static void an_unknown_outcome_is_tried_again_with_the_same_key(void)
{
	tappet_trigger *trigger;
	int fd;
	testkit *kit = begin(&trigger, &fd);

	testkit_outcome(kit, TAPPET_EUNKNOWN, TAPPET_REASON_NONE, NULL);
	put(kit, fd, "1\n2\n");
	CHECK(testkit_emission_count(kit) == 1);
	testkit_advance(kit, 1000);
	CHECK(testkit_emission_count(kit) == 3 && last_payload_is(kit, "2"));
	CHECK(strcmp(testkit_emission_at(kit, 0)->dedup_key.ptr, testkit_emission_at(kit, 1)->dedup_key.ptr) == 0);
	CHECK(strcmp(testkit_emission_at(kit, 1)->dedup_key.ptr, testkit_emission_at(kit, 2)->dedup_key.ptr) != 0);
	end(kit, fd);
}

static void without_credit_nothing_is_read(void)
{
	tappet_trigger *trigger;
	int fd;
	testkit *kit = begin(&trigger, &fd);

	testkit_credit(kit, 1, 1000000);
	testkit_hold(kit, 1);
	put(kit, fd, "1\n2\n3\n");
	CHECK(testkit_emission_count(kit) == 1 && testkit_fd_count(kit) == 0);
	testkit_hold(kit, 0);
	testkit_run(kit);
	CHECK(testkit_emission_count(kit) == 3 && testkit_fd_count(kit) == 1);
	end(kit, fd);
}

static void busy_waits_for_resume(void)
{
	tappet_trigger *trigger;
	int fd;
	testkit *kit = begin(&trigger, &fd);

	testkit_outcome(kit, TAPPET_EBUSY, TAPPET_REASON_NONE, NULL);
	put(kit, fd, "1\n");
	testkit_run(kit);
	CHECK(testkit_emission_count(kit) == 1 && last_payload_is(kit, "1"));
	end(kit, fd);
}

static void removal_and_stop_wait_for_the_outcome(void)
{
	tappet_trigger *trigger;
	int fd;
	testkit *kit = begin(&trigger, &fd);

	testkit_hold(kit, 1);
	put(kit, fd, "1\n2\n");
	testkit_trigger_remove(kit, trigger);
	CHECK(testkit_fd_count(kit) == 0);
	CHECK(!testkit_stop(kit, 5000));
	CHECK(testkit_settle(kit, 0, TAPPET_EUNKNOWN, TAPPET_REASON_NONE, NULL) == TAPPET_OK);
	CHECK(testkit_has_stopped(kit));
	CHECK(testkit_emission_count(kit) == 1);
	end(kit, fd);
}

static void a_file_is_no_fifo(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());

	CHECK(testkit_create(kit, NULL) == TAPPET_OK);
	CHECK(!testkit_trigger_add(kit, "test", "{\"path\": \"/dev/null\"}"));
	testkit_close(kit);
}

int main(void)
{
	each_line_becomes_an_activity();
	what_is_not_json_is_refused();
	a_line_that_is_too_long_is_refused_once();
	an_unknown_outcome_is_tried_again_with_the_same_key();
	without_credit_nothing_is_read();
	busy_waits_for_resume();
	removal_and_stop_wait_for_the_outcome();
	a_file_is_no_fifo();
	return 0;
}
