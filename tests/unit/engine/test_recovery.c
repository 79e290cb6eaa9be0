/* The daemon goes away in the middle: by kill -9, or by an orderly stop. */
#include "unit/engine/support_engine.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/proc.h"

static struct engine_env env[1];

static int setup(void **state)
{
	struct rig *r;

	(void)rig_setup(state);
	r = *state;
	env[0] = (struct engine_env){"ROOT", r->folder};
	r->options.env = env;
	r->options.env_count = 1;
	return 0;
}

/* What a daemon in a process of its own does: it runs one activity of `definition` until it is killed. The
 * activity's id is then in the file "id". */
static void be_daemon(const char *folder, const char *definition)
{
	struct rig *r;
	char id[ID_SIZE], path[128];
	FILE *f;

	if (setup((void **)&r) < 0)
		_exit(1);
	(void)rmdir(r->folder);
	(void)snprintf(r->folder, sizeof(r->folder), "%s", folder);
	rig_up(r);
	(void)rig_define(r, "test", definition);
	rig_run(r, "test", NULL, id);
	rig_path(r, "id", path);
	f = fopen(path, "we");
	if (!f)
		_exit(1);
	(void)fprintf(f, "%s\n", id);
	(void)fclose(f);
	for (;;)
		rig_turn(r);
}

/* This program again: a fork would have no threads. */
static pid_t start_daemon(struct rig *r, const char *definition)
{
	char *argv[] = {(char *)"daemon", r->folder, (char *)(uintptr_t)definition, NULL};
	pid_t pid = 0;

	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
	return pid;
}

static bool has_line(const struct rig *r, const char *name)
{
	char *text = rig_read(r, name);
	bool full = strchr(text, '\n') != NULL;

	free(text);
	return full;
}

/* Kills the daemon when `name` has been written. */
static void crash(struct rig *r, const char *definition, const char *name, char id[static ID_SIZE])
{
	pid_t pid = start_daemon(r, definition);
	int64_t end_ms = clock_mono_ms() + WAIT_MS;
	char *text;
	int status;

	while (!has_line(r, name) || !has_line(r, "id")) {
		assert_true(clock_mono_ms() < end_ms);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		(void)usleep(2000);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	text = rig_read(r, "id");
	memcpy(id, text, ID_LEN);
	id[ID_LEN] = '\0';
	free(text);
}

static void a_step_interrupted_by_a_crash_runs_again(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], *attempts;
	struct json *d;

	crash(r,
	      "{\"steps\":[{\"id\":\"z\",\"script\":\"echo k=1 > $TAPPET_OUTPUT; touch kept\"},"
	      "{\"id\":\"a\",\"script\":\"test -f kept || exit 9; echo $TAPPET_ATTEMPT >> $ROOT/attempts; [ "
	      "$TAPPET_ATTEMPT = 2 ] || exec sleep "
	      "600\"},{\"id\":\"b\",\"run\":[\"test\",\"$(steps.z.outputs.k)\",\"=\",\"1\"]}]}",
	      "attempts", id);
	rig_up(r);
	d = rig_wait(r, id, "completed");
	attempts = rig_read(r, "attempts");
	assert_string_equal(attempts, "1\n2\n");
	assert_int_equal((int)json_number(json_get(rig_step(d, "a"), "attempt")), 2);
	assert_int_equal((int)json_number(json_get(rig_step(d, "z"), "attempt")), 1);
	free(attempts);
	json_free(d);
	rig_down(r, 0);
}

static void an_attempt_after_a_crash_is_no_retry(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], *attempts;
	struct json *d;

	crash(r,
	      "{\"steps\":[{\"id\":\"a\",\"retry\":{\"attempts\":2,\"backoff\":\"1ms\"},\"script\":\"echo "
	      "$TAPPET_ATTEMPT >> "
	      "$ROOT/attempts; [ $TAPPET_ATTEMPT = 1 ] && exec sleep 600; exit 1\"}]}",
	      "attempts", id);
	rig_up(r);
	d = rig_wait(r, id, "failure");
	attempts = rig_read(r, "attempts");
	/* 1 was interrupted; 2 and 3 are the two that the definition allows. */
	assert_string_equal(attempts, "1\n2\n3\n");
	free(attempts);
	json_free(d);
	rig_down(r, 0);
}

static void on_crash_fail_ends_the_step(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], *attempts;
	struct json *d;

	crash(r,
	      "{\"steps\":[{\"id\":\"a\",\"onCrash\":\"fail\",\"script\":\"echo $TAPPET_ATTEMPT >> $ROOT/attempts; "
	      "exec sleep "
	      "600\"}]}",
	      "attempts", id);
	rig_up(r);
	d = rig_wait(r, id, "failure");
	assert_string_equal(json_get_str(rig_step(d, "a"), "message"), "interrupted by a crash of the daemon");
	attempts = rig_read(r, "attempts");
	assert_string_equal(attempts, "1\n");
	free(attempts);
	json_free(d);
	rig_down(r, 0);
}

static void what_a_crashed_daemon_left_is_ended_before_anything_starts(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;
	pid_t stubborn;

	/* The second attempt fails when anything of the first is still there: also one that left the group. */
	crash(r,
	      "{\"steps\":[{\"id\":\"a\",\"script\":\"if [ $TAPPET_ATTEMPT = 1 ]; then setsid sh -c 'trap \\\"\\\" "
	      "TERM; echo $$ > "
	      "$ROOT/pid; while :; do sleep 0.05; done' & wait; fi; ! kill -0 $(cat $ROOT/pid)\"}]}",
	      "pid", id);
	stubborn = rig_pid(r, "pid");
	assert_int_equal(kill(stubborn, 0), 0);
	rig_up(r);
	rig_wait_gone(r, stubborn);
	d = rig_wait(r, id, NULL);
	/* A zombie without a parent that reaps still counts for kill -0. */
	if (kill(stubborn, 0) < 0)
		assert_status(d, "completed");
	json_free(d);
	rig_down(r, 0);
}

/* Their environment is empty: they are found by what the daemon noted, and by whom they descend from. */
static void what_has_overwritten_its_environment_is_ended_too(void **state)
{
	static const char *const scripts[] = {
		/* the leader itself */
		"echo $$ > $ROOT/pid; exec env -i sleep 600",
		/* one that left its group, and does not mind SIGTERM */
		("echo 'trap \\\"\\\" TERM; echo $$ > '$ROOT'/pid; while :; do sleep 0.05; done' > s; exec env -i "
		 "setsid -w sh s"),
		"setsid env -i sh -c 'echo $$ > '$ROOT'/pid; exec sleep 600' & wait",
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct rig *r = *state;
		char id[ID_SIZE], definition[512], path[128];
		struct json *d;
		pid_t pid;

		(void)snprintf(definition, sizeof(definition),
			       "{\"steps\":[{\"id\":\"a\",\"script\":\"[ $TAPPET_ATTEMPT = 1 ] || exit 0; until [ -s "
			       "$ROOT/scratch/*.pid ]; do sleep 0.01; done; %s\"}]}",
			       scripts[i]);
		crash(r, definition, "pid", id);
		pid = rig_pid(r, "pid");
		assert_int_equal(kill(pid, 0), 0);
		rig_up(r);
		rig_wait_gone(r, pid);
		d = rig_wait(r, id, "completed");
		json_free(d);
		rig_down(r, 0);
		rig_path(r, "pid", path);
		assert_int_equal(unlink(path), 0);
		rig_path(r, "id", path);
		assert_int_equal(unlink(path), 0);
	}
}

static void a_group_whose_leader_is_gone_is_ended(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;
	pid_t pid, leader;

	crash(r,
	      "{\"steps\":[{\"id\":\"a\",\"script\":\"[ $TAPPET_ATTEMPT = 1 ] || exit 0; until [ -s "
	      "$ROOT/scratch/*.pid ]; do sleep 0.01; done; echo $$ > $ROOT/leader; env "
	      "-i sh -c "
	      "'echo $$ > '$ROOT'/pid; exec sleep 600' & wait\"}]}",
	      "pid", id);
	pid = rig_pid(r, "pid");
	leader = rig_pid(r, "leader");
	assert_int_equal(kill(leader, SIGKILL), 0);
	rig_open(r);
	rig_wait_gone(r, leader);
	assert_int_equal(kill(pid, 0), 0);
	rig_start(r);
	rig_wait_gone(r, pid);
	d = rig_wait(r, id, "completed");
	json_free(d);
	rig_down(r, 0);
}

/* The machine gives the same number out again: only with the time of the start it names a process. */
static void a_stranger_with_the_number_of_an_old_leader_is_left_alone(void **state)
{
	struct rig *r = *state;
	char path[128], text[128], boot[40];
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)"sleep 600 & echo $! > \"$0\"", path, NULL};
	struct proc p;
	pid_t pid = 0;
	FILE *f;

	/* A grandchild: one's own children are not looked at. */
	rig_path(r, "pid", path);
	assert_int_equal(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	rig_open(r);
	pid = rig_pid(r, "pid");
	assert_int_equal(proc_boot_id(boot), 0);
	assert_int_equal(proc_read(pid, &p), 0);
	(void)snprintf(text, sizeof(text), "scratch/%s.1.1.pid", "0123456789abcdef01234567");
	rig_path(r, text, path);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fprintf(f, "%s %d %d %llu\n", boot, (int)pid, (int)p.session, (unsigned long long)p.start - 1);
	(void)fclose(f);
	rig_start(r);
	assert_false(rig_exists(r, text));
	assert_int_equal(proc_read(pid, &p), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	rig_down(r, 0);
}

static void a_long_sleep_survives_a_restart(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;
	int64_t begin_ms;

	rig_up(r);
	(void)rig_define(r, "test",
			 "{\"steps\":[{\"id\":\"a\",\"sleep\":\"1500ms\"},{\"id\":\"b\",\"sleep\":\"0ms\"}]}");
	begin_ms = clock_wall_ms();
	rig_run(r, "test", NULL, id);
	json_free(rig_wait(r, id, "waiting"));
	rig_down(r, 10000);
	rig_up(r);
	d = rig_wait(r, id, "completed");
	assert_true(clock_wall_ms() - begin_ms >= 1500);
	assert_int_equal((int)json_number(json_get(rig_step(d, "a"), "attempt")), 1);
	json_free(d);
	rig_down(r, 0);
}

static void a_stop_waits_for_running_steps_within_the_drain(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	(void)rig_define(r, "test",
			 "{\"steps\":[{\"id\":\"a\",\"script\":\"echo 1 > $ROOT/began; sleep 0.3; echo v=1 > "
			 "$TAPPET_OUTPUT\"},{\"id\":\"b\",\"script\":\"echo $TAPPET_ATTEMPT > $ROOT/b\"}]}");
	rig_run(r, "test", NULL, id);
	rig_wait_file(r, "began");
	rig_down(r, 20000);
	/* Its end is recorded, nothing new was begun. */
	assert_false(rig_exists(r, "b"));
	rig_up(r);
	d = rig_wait(r, id, "completed");
	assert_int_equal((int)json_number(json_get(rig_step(d, "a"), "attempt")), 1);
	assert_true(rig_exists(r, "b"));
	json_free(d);
	rig_down(r, 0);
}

/* Several end while the transition of the first is with the store. */
static void a_stop_records_the_end_of_all_that_end_within_the_drain(void **state)
{
	enum { STEPS = 12 };
	struct rig *r = *state;
	char definition[STEPS * 200], id[ID_SIZE], name[24];
	size_t len = 0;
	char name_of_gate[128];
	struct json *d;
	int gate;

	len += (size_t)snprintf(definition, sizeof(definition), "{\"steps\":[");
	for (int i = 0; i < STEPS; i++)
		len += (size_t)snprintf(definition + len, sizeof(definition) - len,
					"%s{\"id\":\"s%d\",\"needs\":[],\"script\":\"exec 3< $ROOT/gate; "
					"echo 1 > $ROOT/began%d; read x <&3; true\"}",
					i ? "," : "", i, i);
	(void)snprintf(definition + len, sizeof(definition) - len, "]}");
	rig_path(r, "gate", name_of_gate);
	assert_int_equal(mkfifo(name_of_gate, 0600), 0);
	gate = open(name_of_gate, O_RDWR | O_CLOEXEC);
	assert_true(gate >= 0);
	rig_up(r);
	(void)rig_define(r, "test", definition);
	rig_run(r, "test", NULL, id);
	for (int i = 0; i < STEPS; i++) {
		(void)snprintf(name, sizeof(name), "began%d", i);
		rig_wait_file(r, name);
	}
	/* Ends all of them, for they have it open: each reads the end of it. */
	(void)close(gate);
	rig_down(r, 20000);
	rig_up(r);
	d = rig_wait(r, id, NULL);
	for (int i = 0; i < STEPS; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		assert_int_equal((int)json_number(json_get(rig_step(d, name), "attempt")), 1);
	}
	json_free(d);
	rig_down(r, 0);
}

static void a_stop_ends_what_runs_past_the_drain_and_the_next_start_runs_it_again(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;
	pid_t pid;

	rig_up(r);
	(void)rig_define(
		r, "test",
		"{\"steps\":[{\"id\":\"a\",\"script\":\"echo $$ > $ROOT/pid; [ $TAPPET_ATTEMPT = 2 ] || exec sleep "
		"600\"}]}");
	rig_run(r, "test", NULL, id);
	pid = rig_pid(r, "pid");
	rig_down(r, 50);
	assert_int_equal(kill(pid, 0), -1);
	rig_up(r);
	d = rig_wait(r, id, "completed");
	assert_int_equal((int)json_number(json_get(rig_step(d, "a"), "attempt")), 2);
	json_free(d);
	rig_down(r, 0);
}

static bool is_parked(void *arg)
{
	struct rig *r = arg;
	struct metric *parked = metrics_gauge(r->metrics, "tappet_activities_parked",
					      "Activities that wait for a time, on disk only.", NULL);

	return metric_value(parked) >= 1;
}

static void a_wait_that_left_memory_can_be_cancelled(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	(void)rig_define(r, "test", "{\"steps\":[{\"id\":\"a\",\"sleep\":\"1h\"}]}");
	rig_run(r, "test", NULL, id);
	rig_until(r, is_parked, r);
	rig_down(r, 0);
	rig_up(r);
	d = rig_wait(r, id, "waiting");
	json_free(d);
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_document(r, id);
	assert_status(d, "cancelled");
	assert_status(rig_step(d, "a"), "cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void a_wait_that_left_memory_comes_back_in_time(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	/* Past the time after which activities leave memory. */
	rig_up(r);
	(void)rig_define(r, "test",
			 "{\"timeout\":\"30s\",\"steps\":[{\"id\":\"a\",\"sleep\":\"10500ms\"},{\"id\":\"b\",\"run\":["
			 "\"/bin/true\"]}]}");
	rig_run(r, "test", NULL, id);
	rig_until(r, is_parked, r);
	d = rig_wait(r, id, "completed");
	assert_status(rig_step(d, "b"), "completed");
	json_free(d);
	rig_down(r, 0);
}

static void an_activity_keeps_the_revision_it_was_accepted_with(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], *text;

	crash(r,
	      "{\"steps\":[{\"id\":\"a\",\"script\":\"echo old >> $ROOT/said; [ $TAPPET_ATTEMPT = 2 ] || exec sleep "
	      "600\"}]}",
	      "said", id);
	rig_open(r);
	(void)rig_define(r, "test", "{\"steps\":[{\"id\":\"n\",\"script\":\"echo new >> $ROOT/said\"}]}");
	rig_down(r, 0);
	rig_up(r); /* the old revision is not in memory now */
	json_free(rig_wait(r, id, "completed"));
	text = rig_read(r, "said");
	assert_string_equal(text, "old\nold\n");
	free(text);
	rig_down(r, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_step_interrupted_by_a_crash_runs_again, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(an_attempt_after_a_crash_is_no_retry, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(on_crash_fail_ends_the_step, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_a_crashed_daemon_left_is_ended_before_anything_starts, setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(what_has_overwritten_its_environment_is_ended_too, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_group_whose_leader_is_gone_is_ended, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_stranger_with_the_number_of_an_old_leader_is_left_alone, setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(a_long_sleep_survives_a_restart, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_stop_waits_for_running_steps_within_the_drain, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_stop_records_the_end_of_all_that_end_within_the_drain, setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(a_stop_ends_what_runs_past_the_drain_and_the_next_start_runs_it_again,
						setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_wait_that_left_memory_can_be_cancelled, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_wait_that_left_memory_comes_back_in_time, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(an_activity_keeps_the_revision_it_was_accepted_with, setup,
						rig_teardown),
	};

	if (argc == 3 && strcmp(argv[0], "daemon") == 0)
		be_daemon(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
