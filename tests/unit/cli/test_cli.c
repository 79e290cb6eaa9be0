#include "support_cli.h"

#include <unistd.h>

#define ID "0123456789abcdef01234567"

/* ---- The command line ------------------------------------------------------------------------------------------ */

static void an_unknown_command_suggests_the_nearest(void **state)
{
	(void)state;
	struct result r = RUN("workflow");
	assert_int_equal(r.code, CLI_USAGE);
	assert_non_null(strstr(r.err, "'workflows'"));
	result_release(&r);
	r = RUN("xyzzyplugh");
	assert_int_equal(r.code, CLI_USAGE);
	assert_null(strstr(r.err, "is it"));
	result_release(&r);
	r = RUN("token", "make");
	assert_int_equal(r.code, CLI_USAGE);
	assert_non_null(strstr(r.err, "token make"));
	result_release(&r);
	EXPECT(CLI_USAGE, "token");
}

static void an_unknown_option_is_an_error_and_suggests_the_nearest(void **state)
{
	(void)state;
	struct result r = RUN("run", "w", "--folow");
	assert_int_equal(r.code, CLI_USAGE);
	assert_non_null(strstr(r.err, "--follow"));
	result_release(&r);
	EXPECT(CLI_USAGE, "run", "w", "-Z");
	EXPECT(CLI_USAGE, "run", "w", "--payload");
	EXPECT(CLI_USAGE, "run", "w", "--follow=yes");
	EXPECT(CLI_USAGE, "--nothing", "version");
}

static void an_option_without_use_is_not_passed_over(void **state)
{
	(void)state;
	EXPECT(CLI_USAGE, "completion", "bash", "--json");
	EXPECT(CLI_USAGE, "check", "--server", "unix:/x");
	EXPECT(CLI_USAGE, "serve", "--json");
	EXPECT(CLI_USAGE, "version", "-c", "x");
}

static void the_number_of_arguments_is_checked(void **state)
{
	(void)state;
	EXPECT(CLI_USAGE, "run");
	EXPECT(CLI_USAGE, "run", "a", "b");
	EXPECT(CLI_USAGE, "status");
	EXPECT(CLI_USAGE, "workflows", "a");
	EXPECT(CLI_USAGE, "token", "create");
	EXPECT(CLI_USAGE, "token", "create", "w", "--team", "t");
}

static void every_command_has_help(void **state)
{
	static const char *const names[] = {"init",    "serve",   "check",      "reload",    "run",    "activities",
					    "status",  "logs",    "cancel",     "workflows", "enable", "disable",
					    "replay",  "approve", "emit",       "subscribe", "why",    "backup",
					    "restore", "plugins", "completion", "version",   "help"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct result r = RUN("help", names[i]);
		assert_int_equal(r.code, CLI_OK);
		assert_non_null(strstr(r.out, "Usage: tappet "));
		result_release(&r);
	}
	struct result r = RUN("token", "create", "--help");
	assert_int_equal(r.code, CLI_OK);
	assert_non_null(strstr(r.out, "--expires"));
	result_release(&r);
	r = RUN("help", "token");
	assert_non_null(strstr(r.out, "token revoke"));
	result_release(&r);
	r = RUN("help", "exit-codes");
	assert_non_null(strstr(r.out, "7  "));
	result_release(&r);
	EXPECT(CLI_OK, "--help");
	EXPECT(CLI_USAGE, "help", "nothing");
	r = run_cli((const char *const[]){NULL});
	assert_int_equal(r.code, CLI_USAGE);
	assert_non_null(strstr(r.out, "Usage: tappet COMMAND"));
	result_release(&r);
}

static void version_is_told_to_people_and_programs(void **state)
{
	(void)state;
	struct result r = RUN("version");
	assert_int_equal(strncmp(r.out, "tappet ", 7), 0);
	result_release(&r);
	r = RUN("--json", "version");
	assert_int_equal(strncmp(r.out, "{\"version\":\"", 12), 0);
	result_release(&r);
}

static void serve_gets_its_options(void **state)
{
	(void)state;
	EXPECT(42, "serve", "-c", "x.json", "--log-json", "--log-level", "debug", "--plugin", "a.so",
	       "--plugin=./b.so");
	assert_string_equal(served.config_path, "x.json");
	assert_int_equal(served.plugin_count, 2);
	assert_true(served.log_json);
	assert_int_equal(served.log_level, LOG_DEBUG);
	const int calls = serve_calls;
	EXPECT(CLI_USAGE, "serve", "--log-level", "loud");
	assert_int_equal(serve_calls, calls);
}

static void completion_knows_commands_and_options(void **state)
{
	(void)state;
	struct result r = RUN("completion", "bash");
	assert_int_equal(r.code, CLI_OK);
	assert_non_null(strstr(r.out, "activities"));
	assert_non_null(strstr(r.out, "--payload"));
	assert_non_null(strstr(r.out, "create list renew revoke"));
	assert_non_null(strstr(r.out, "show put delete revisions diff"));
	result_release(&r);
	EXPECT(CLI_USAGE, "completion", "tcsh");
}

/* ---- Against a daemon ------------------------------------------------------------------------------------------ */

static void nobody_there_is_its_own_exit_code(void **state)
{
	char server[128], config[128];
	snprintf(server, sizeof(server), "unix:%s/nothing.sock", (char *)*state);
	snprintf(config, sizeof(config), "%s/none.json", (char *)*state);
	EXPECT(CLI_UNREACHABLE, "--server", server, "workflows");
	EXPECT(CLI_UNREACHABLE, "workflows", "--server", "http://127.0.0.1:1");
	EXPECT(CLI_USAGE, "workflows", "--server", "ftp://x");
	EXPECT(CLI_NOT_FOUND, "workflows", "-c", config);
}

static void the_socket_is_the_one_of_the_configuration(void **state)
{
	char config[128];
	const struct scene scenes[] = {{"GET /api/v1/workflows ", NULL, 200, "{\"workflows\":[]}"}};
	write_file(*state, "tappet.json", "{\"control\":{\"path\":\"daemon.sock\"}}");
	struct script *s = script_start(*state, scenes, 1);
	snprintf(config, sizeof(config), "%s/tappet.json", (char *)*state);
	EXPECT(CLI_OK, "-c", config, "workflows");
	script_end(s);
}

static void answers_become_exit_codes(void **state)
{
	static const struct scene scenes[] = {
		{"POST /api/v1/workflows/a%2Fb/run ", NULL, 404,
		 "{\"type\":\"tappet:not-found\",\"detail\":\"no such\"}"},
		{"POST /api/v1/workflows/w/run ", NULL, 409, "{\"type\":\"tappet:disabled\",\"detail\":\"off\"}"},
		{"POST /api/v1/workflows/w/run ", NULL, 503, "{\"type\":\"tappet:queue-full\",\"detail\":\"full\"}"},
		{"POST /api/v1/workflows/w/run ", NULL, 500, "{\"type\":\"tappet:outcome-unknown\",\"detail\":\"?\"}"},
		{"POST /api/v1/workflows/w/run ", NULL, 500, "{\"type\":\"tappet:internal\",\"detail\":\"!\"}"},
		{"POST /api/v1/workflows/w/run ", NULL, 0, ""},
		{"POST /api/v1/reload ", NULL, 422,
		 "{\"mistakes\":[\"a.json:1:2: bad\"],\"detail\":\"nothing changed\"}"},
	};
	struct script *s = script_start(*state, scenes, sizeof(scenes) / sizeof(scenes[0]));
	EXPECT(CLI_NOT_FOUND, "run", "a/b", "--server", script_server(s));
	EXPECT(CLI_REFUSED, "run", "w", "--server", script_server(s));
	EXPECT(CLI_REFUSED, "run", "w", "--server", script_server(s));
	EXPECT(CLI_UNKNOWN, "run", "w", "--server", script_server(s));
	EXPECT(CLI_FAILED, "run", "w", "--server", script_server(s));
	EXPECT(CLI_UNKNOWN, "run", "w", "--server", script_server(s));
	struct result r = RUN("reload", "--server", script_server(s));
	assert_int_equal(r.code, CLI_FAILED);
	assert_non_null(strstr(r.err, "a.json:1:2: bad\n"));
	result_release(&r);
	script_end(s);
}

static void parameters_are_sent_as_text_or_json(void **state)
{
	char payload[128];
	static const struct scene scenes[] = {
		{"POST /api/v1/workflows/w/run ",
		 "{\"params\":{\"a\":\"b=c\",\"n\":[1, 2],\"q\":\"\\\"\"},\"payload\":{\"x\":1}}", 200,
		 "{\"activityId\":\"" ID "\"}"},
		{"POST /api/v1/workflows/w/run ", "{\"params\":{},\"payload\":7}", 200, "{\"activityId\":\"" ID "\"}"},
	};
	write_file(*state, "payload.json", "{\"x\":1}\n");
	snprintf(payload, sizeof(payload), "@%s/payload.json", (char *)*state);
	struct script *s = script_start(*state, scenes, 2);
	struct result r = RUN("run", "w", "-p", "a=b=c", "-pn:=[1, 2] ", "--param", "q=\"", "--payload", payload,
			      "--server", script_server(s));
	assert_int_equal(r.code, CLI_OK);
	assert_string_equal(r.out, ID "\n");
	result_release(&r);
	setenv("TAPPET_SERVER", script_server(s), 1);
	r = RUN("run", "w", "--payload=7", "--json");
	assert_string_equal(r.out, "{\"activityId\":\"" ID "\"}\n");
	result_release(&r);
	unsetenv("TAPPET_SERVER");
	script_end(s);
	EXPECT(CLI_USAGE, "run", "w", "-p", "a", "--server", "unix:/x");
	EXPECT(CLI_USAGE, "run", "w", "-p", "=a", "--server", "unix:/x");
	EXPECT(CLI_USAGE, "run", "w", "-p", "a:={", "--server", "unix:/x");
	EXPECT(CLI_USAGE, "run", "w", "--payload", "{", "--server", "unix:/x");
	EXPECT(CLI_USAGE, "run", "w", "--payload", "@/does/not/exist", "--server", "unix:/x");
}

static void follow_once(void *folder, const char *status, int code)
{
	char document[512];
	snprintf(document, sizeof(document),
		 "{\"id\":\"" ID
		 "\",\"status\":\"%s\",\"durationMs\":1500,\"steps\":[{\"step\":\"a\",\"status\":\"%s\"}]}",
		 status, status);
	const struct scene scenes[] = {
		{"POST /api/v1/workflows/w/run ", NULL, 200, "{\"activityId\":\"" ID "\"}"},
		{"GET /api/v1/activities/" ID " ", NULL, 200,
		 "{\"id\":\"" ID
		 "\",\"status\":\"inProgress\",\"steps\":[{\"step\":\"a\",\"status\":\"inProgress\"}]}"},
		{"GET /api/v1/activities/" ID "/logs?after=0 ", NULL, 200,
		 "{\"records\":[{\"position\":5,\"step\":\"a\",\"text\":\"one\\ntw\"}],\"next\":5,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=5 ", NULL, 200,
		 "{\"records\":[],\"next\":5,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=5&follow=true ", NULL, STAYS_OPEN + 200, "\n"},
		{"GET /api/v1/events?stream=true&activity=" ID " ", NULL, STAYS_OPEN + 200,
		 "id: 7\nevent: position\ndata: {}\n\n"},
		{"GET /api/v1/activities/" ID " ", NULL, 200, document},
		{"GET /api/v1/activities/" ID "/logs?after=5 ", NULL, 200,
		 "{\"records\":[{\"position\":9,\"step\":\"a\",\"text\":\"o\\n\"}],\"next\":9,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=9 ", NULL, 200,
		 "{\"records\":[],\"next\":9,\"ended\":true}"},
	};
	struct script *s = script_start(folder, scenes, sizeof(scenes) / sizeof(scenes[0]));
	struct result r = RUN("run", "w", "--follow", "--server", script_server(s));
	assert_int_equal(r.code, code);
	assert_non_null(strstr(r.out, "a | one\n"));
	assert_non_null(strstr(r.out, " in 1.5s"));
	result_release(&r);
	script_end(s);
}

static void the_exit_code_of_a_followed_run_is_its_outcome(void **state)
{
	follow_once(*state, "completed", CLI_OK);
	follow_once(*state, "failure", CLI_FAILED);
	follow_once(*state, "invalid", CLI_FAILED);
	follow_once(*state, "cancelled", CLI_CANCELLED);
}

static void following_goes_on_when_the_daemon_comes_back(void **state)
{
	static const struct scene scenes[] = {
		{"POST /api/v1/workflows/w/run ", NULL, 200, "{\"activityId\":\"" ID "\"}"},
		{"GET /api/v1/activities/" ID " ", NULL, 0, ""},
		{"GET /api/v1/activities/" ID " ", NULL, 200,
		 "{\"id\":\"" ID "\",\"status\":\"completed\",\"steps\":[]}"},
		{"GET /api/v1/activities/" ID "/logs?after=0 ", NULL, 0, ""},
		{"GET /api/v1/activities/" ID "/logs?after=0 ", NULL, 200,
		 "{\"records\":[],\"next\":0,\"ended\":true}"},
	};
	struct script *s = script_start(*state, scenes, sizeof(scenes) / sizeof(scenes[0]));
	struct result r = RUN("run", "w", "--follow", "--json", "--server", script_server(s));
	assert_int_equal(r.code, CLI_OK);
	assert_non_null(strstr(r.err, "waiting for it"));
	assert_non_null(strstr(r.out, "{\"activity\":{\"id\""));
	result_release(&r);
	script_end(s);
}

static void a_log_is_printed_as_it_comes(void **state)
{
	static const struct scene scenes[] = {
		{"GET /api/v1/activities/" ID "/logs?after=0 ", NULL, 200,
		 "{\"records\":[{\"position\":1,\"step\":\"a\",\"text\":\"one\\n\"}],\"next\":1,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=1 ", NULL, 200,
		 "{\"records\":[],\"next\":1,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=1&follow=true ", NULL, STAYS_OPEN + 200,
		 "{\"position\":1,\"step\":\"a\",\"text\":\"one\\n\"}\n\n"
		 "{\"position\":4,\"step\":\"a\",\"text\":\"two\\n\"}\n"
		 "{\"next\":4,\"ended\":true}\n"},
	};
	struct script *s = script_start(*state, scenes, sizeof(scenes) / sizeof(scenes[0]));
	struct result r = RUN("logs", ID, "-f", "--server", script_server(s));
	assert_int_equal(r.code, CLI_OK);
	assert_string_equal(r.out, "a | one\na | two\n");
	result_release(&r);
	script_end(s);
}

static void a_stream_that_is_cut_or_refused_is_made_up_for_by_pages(void **state)
{
	static const struct scene scenes[] = {
		{"GET /api/v1/activities/" ID "/logs?after=0 ", NULL, 200,
		 "{\"records\":[],\"next\":0,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=0&follow=true ", NULL, 200,
		 "{\"position\":4,\"step\":\"a\",\"text\":\"two\\n\"}\n{\"posit"},
		{"GET /api/v1/activities/" ID "/logs?after=4 ", NULL, 200,
		 "{\"records\":[{\"position\":5,\"step\":\"a\",\"text\":\"three\\n\"}],\"next\":5,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=5 ", NULL, 200,
		 "{\"records\":[],\"next\":5,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=5&follow=true ", NULL, 503, "{\"detail\":\"too many\"}\n"},
		{"GET /api/v1/activities/" ID "/logs?after=5 ", NULL, 200,
		 "{\"records\":[],\"next\":5,\"ended\":true}"},
	};
	struct script *s = script_start(*state, scenes, sizeof(scenes) / sizeof(scenes[0]));
	struct result r = RUN("logs", ID, "-f", "--server", script_server(s));
	assert_int_equal(r.code, CLI_OK);
	assert_string_equal(r.out, "a | two\na | three\n");
	assert_string_equal(r.err, "");
	result_release(&r);
	script_end(s);
}

static void logs_of_one_step_are_printed_as_they_are(void **state)
{
	static const struct scene scenes[] = {
		{"GET /api/v1/activities/" ID "/logs?after=0&step=a%20b ", NULL, 200,
		 "{\"records\":[{\"position\":1,\"step\":\"a b\",\"text\":\"one\\n\"},"
		 "{\"position\":2,\"step\":\"a b\",\"text\":\"two\"}],\"next\":2,\"ended\":false}"},
		{"GET /api/v1/activities/" ID "/logs?after=2&step=a%20b ", NULL, 200,
		 "{\"records\":[],\"next\":2,\"ended\":true}"},
	};
	struct script *s = script_start(*state, scenes, 2);
	struct result r = RUN("logs", ID, "a b", "-f", "--server", script_server(s));
	assert_int_equal(r.code, CLI_OK);
	assert_string_equal(r.out, "one\ntwo");
	result_release(&r);
	script_end(s);
	EXPECT(CLI_NOT_FOUND, "logs", "../x", "--server", "unix:/x");
}

static void filters_become_a_query(void **state)
{
	static const struct scene scenes[] = {
		{"GET "
		 "/api/v1/"
		 "activities?workflow=w&team=T&trigger=push&status=failure%2Cinvalid&since=2h&until=1h&limit=3 ",
		 NULL, 200,
		 "{\"activities\":[{\"id\":\"" ID "\",\"workflow\":\"w\",\"status\":\"failure\",\"trigger\":\"manual\","
		 "\"createdAt\":\"2026-01-31T09:00:00.000Z\",\"durationMs\":61000,\"message\":\"a\\u001b[31mb\"}],"
		 "\"next\":\"" ID "\"}"},
	};
	struct script *s = script_start(*state, scenes, 1);
	struct result r = RUN("activities", "-w", "w", "--status", "failure,invalid", "--since", "2h", "--until", "1h",
			      "--team", "T", "--trigger", "push", "-n", "3", "--server", script_server(s));
	assert_int_equal(r.code, CLI_OK);
	assert_non_null(strstr(r.out, "1m01s"));
	assert_non_null(strstr(r.out, "a?[31mb")); /* no escape sequence reaches the terminal */
	assert_non_null(strstr(r.err, "--before " ID));
	result_release(&r);
	script_end(s);
}

static void answers_to_waiting_steps_are_sent(void **state)
{
	static const struct scene scenes[] = {
		{"POST /api/v1/activities/" ID "/steps/ask/approve ", "{\"by\":\"Ann\",\"comment\":\"go\"}", 200, "{}"},
		{"POST /api/v1/activities/" ID "/steps/ask/reject ", "{\"by\":\"Ann\"}", 409,
		 "{\"type\":\"tappet:answered\",\"detail\":\"late\"}"},
		/* A daemon without the plugin. */
		{"POST /api/v1/plugins/action/actions/order.7 ", "{\"a\":1}", 404, "{\"type\":\"tappet:not-found\"}"},
		{"GET /api/v1/plugins ", NULL, 200, "{\"plugins\":[{\"name\":\"w\",\"plugin\":\"webhook\"}]}"},
		{"POST /api/v1/actions/order.7 ", "{\"a\":1}", 200, "{\"seq\":4,\"released\":2}"},
		{"POST /api/v1/plugins/action/actions/a%2Fb ", NULL, 200,
		 "{\"matched\":1,\"activities\":[],\"refused\":[{\"workflow\":\"w\",\"trigger\":\"t\","
		 "\"reason\":\"filter\"}]}"},
		{"POST /api/v1/activities/" ID "/replay ", "{\"revision\":\"latest\"}", 200,
		 "{\"activityId\":\"" ID "\"}"},
	};
	struct script *s = script_start(*state, scenes, sizeof(scenes) / sizeof(scenes[0]));
	const char *server = script_server(s);
	EXPECT(CLI_OK, "approve", ID, "ask", "--by", "Ann", "--comment", "go", "--server", server);
	EXPECT(CLI_REFUSED, "approve", ID, "ask", "--by", "Ann", "--reject", "--server", server);
	struct result r = RUN("emit", "order.7", "{\"a\":1} ", "--server", server);
	assert_string_equal(r.out, "action 4, steps that waited for it: 2\n");
	result_release(&r);
	EXPECT(CLI_USAGE, "emit", "order.7", "{", "--server", server);
	EXPECT(CLI_OK, "emit", "a/b", "--server", server);
	r = RUN("replay", ID, "--latest", "--server", server);
	assert_string_equal(r.out, ID "\n");
	result_release(&r);
	script_end(s);
}

static void status_says_what_steps_wait_for(void **state)
{
	static const struct scene scenes[] = {
		{"GET /api/v1/activities/" ID " ", NULL, 200,
		 "{\"id\":\"" ID "\",\"status\":\"waiting\",\"steps\":["
		 "{\"step\":\"ask\",\"status\":\"waiting\",\"waitsFor\":{\"approval\":\"Well?\"}},"
		 "{\"step\":\"paid\",\"status\":\"waiting\",\"waitsFor\":{\"topic\":\"order.7\"},"
		 "\"wakeAt\":\"2026-01-31T09:00:00.000Z\"},"
		 "{\"step\":\"child\",\"status\":\"waiting\",\"waitsFor\":{\"activityId\":\"x\"}},"
		 "{\"step\":\"again\",\"status\":\"waiting\",\"message\":\"exit status 1\","
		 "\"wakeAt\":\"2026-01-31T09:00:00.000Z\"}]}"},
	};
	struct script *s = script_start(*state, scenes, 1);
	struct result r = RUN("status", ID, "--server", script_server(s));
	assert_int_equal(r.code, CLI_OK);
	assert_non_null(strstr(r.out, "asks for approval: Well?"));
	assert_non_null(strstr(r.out, "tappet approve " ID " ask"));
	assert_non_null(strstr(r.out, "waits for an action order.7 (until 2026-01-"));
	assert_non_null(strstr(r.out, "waits for activity x"));
	assert_non_null(strstr(r.out, "exit status 1; waits until 2026-01-"));
	result_release(&r);
	script_end(s);
}

static void a_definition_is_put_by_its_slug_or_its_file(void **state)
{
	static const struct scene scenes[] = {
		{"PUT /api/v1/workflows/own ", "\"slug\"", 201, "{\"slug\":\"own\",\"revision\":1}"},
		{"PUT /api/v1/workflows/plain ", "{}", 422,
		 "{\"type\":\"tappet:invalid-definition\",\"detail\":\"there are mistakes\",\"mistakes\":["
		 "{\"line\":1,\"column\":2,\"message\":\"no steps\"}]}"},
		{"DELETE /api/v1/workflows/own ", NULL, 204, ""},
	};
	char own[128], plain[128], expected[160];
	struct script *s = script_start(*state, scenes, 3);
	snprintf(own, sizeof(own), "%s/file.json", (char *)*state);
	snprintf(plain, sizeof(plain), "%s/plain.json", (char *)*state);
	snprintf(expected, sizeof(expected), "%s:1:2: no steps\n", plain);
	write_file(*state, "file.json", "// mine\n{\"slug\":\"own\"}");
	write_file(*state, "plain.json", "{}");
	struct result r = RUN("workflows", "put", own, "--server", script_server(s));
	assert_string_equal(r.out, "own made, revision 1\n");
	result_release(&r);
	r = RUN("workflows", "put", plain, "--server", script_server(s));
	assert_int_equal(r.code, CLI_FAILED);
	assert_non_null(strstr(r.err, expected));
	result_release(&r);
	EXPECT(CLI_NOT_FOUND, "workflows", "put", "/nowhere.json", "--server", script_server(s));
	EXPECT(CLI_OK, "workflows", "delete", "own", "--server", script_server(s));
	script_end(s);
}

static void revisions_and_differences_are_shown(void **state)
{
	static const struct scene scenes[] = {
		{"GET /api/v1/workflows/w/revisions?limit=1 ", NULL, 200,
		 "{\"revisions\":[{\"number\":2,\"id\":\"" ID "\",\"madeAt\":\"2026-01-31T09:00:00.000Z\","
		 "\"by\":\"folder\"}],\"next\":2}"},
		{"GET /api/v1/workflows/w/diff?from=1&to=2 ", NULL, 200,
		 "{\"from\":{\"number\":1,\"by\":\"x\"},\"to\":{\"number\":2,\"by\":\"y\"},\"changes\":["
		 "{\"path\":\"/name\",\"from\":\"a\",\"to\":\"b\"},{\"path\":\"/team\",\"to\":[1]}]}"},
	};
	struct script *s = script_start(*state, scenes, 2);
	struct result r = RUN("workflows", "revisions", "w", "-n", "1", "--server", script_server(s));
	assert_non_null(strstr(r.out, "folder"));
	assert_non_null(strstr(r.err, "--before 2"));
	result_release(&r);
	r = RUN("workflows", "diff", "w", "1", "2", "--server", script_server(s));
	assert_non_null(strstr(r.out, "@ /name\n- \"a\"\n+ \"b\"\n@ /team\n+ [1]\n"));
	result_release(&r);
	script_end(s);
}

static void switches_name_workflow_and_trigger(void **state)
{
	static const struct scene scenes[] = {
		{"POST /api/v1/workflows/w/disable ", NULL, 200, "{}"},
		{"POST /api/v1/workflows/w/triggers/t/enable ", NULL, 200, "{}"},
		{"POST /api/v1/activities/" ID "/cancel ", NULL, 409, "{\"detail\":\"ended\"}"},
	};
	struct script *s = script_start(*state, scenes, 3);
	EXPECT(CLI_OK, "disable", "w", "--server", script_server(s));
	EXPECT(CLI_OK, "enable", "w/t", "--server", script_server(s));
	EXPECT(CLI_REFUSED, "cancel", ID, "--server", script_server(s));
	script_end(s);
}

static void the_secret_alone_goes_to_stdout(void **state)
{
	static const struct scene scenes[] = {
		{"POST /api/v1/tokens ",
		 "{\"workflows\":[\"w\"],\"label\":\"ci\",\"expires\":\"30d\",\"scopes\":[\"status\",\"cancel\"]}", 201,
		 "{\"id\":\"" ID
		 "\",\"token\":\"tpt_x\",\"workflows\":[\"w\"],\"scopes\":[\"status\"],\"expiresAt\":null}"},
	};
	struct script *s = script_start(*state, scenes, 1);
	struct result r = RUN("token", "create", "w", "--label", "ci", "--expires", "30d", "--scope", "status",
			      "--scope", "cancel", "--server", script_server(s));
	assert_int_equal(r.code, CLI_OK);
	assert_string_equal(r.out, "tpt_x\n");
	result_release(&r);
	script_end(s);
}

#define TOKEN_A "{\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaa\",\"label\":\"a\"}"
#define TOKEN_B "{\"id\":\"bbbbbbbbbbbbbbbbbbbbbbbb\",\"label\":\"b\"}"

static void a_token_is_named_by_its_workflow_only_when_it_is_the_only_one(void **state)
{
	static const struct scene scenes[] = {
		{"GET /api/v1/tokens ", NULL, 200, "{\"tokens\":[" TOKEN_A "," TOKEN_B "]}"},
		{"GET /api/v1/tokens?workflow=w ", NULL, 200, "{\"tokens\":[" TOKEN_A "," TOKEN_B "]}"},
		{"GET /api/v1/tokens ", NULL, 200, "{\"tokens\":[" TOKEN_A "," TOKEN_B "]}"},
		{"GET /api/v1/tokens?workflow=w ", NULL, 200, "{\"tokens\":[" TOKEN_A "," TOKEN_B "]}"},
		{"DELETE /api/v1/tokens/bbbbbbbbbbbbbbbbbbbbbbbb ", NULL, 204, ""},
		{"GET /api/v1/tokens ", NULL, 200, "{\"tokens\":[" TOKEN_A "," TOKEN_B "]}"},
		{"POST /api/v1/tokens/aaaaaaaaaaaaaaaaaaaaaaaa/renew ", "{}", 200, "{\"token\":\"tpt_new\"}"},
	};
	struct script *s = script_start(*state, scenes, sizeof(scenes) / sizeof(scenes[0]));
	EXPECT(CLI_USAGE, "token", "revoke", "w", "--server", script_server(s));
	EXPECT(CLI_OK, "token", "revoke", "w", "--label", "b", "--server", script_server(s));
	EXPECT(CLI_OK, "token", "renew", "aaaaaaaaaaaaaaaaaaaaaaaa", "--server", script_server(s));
	script_end(s);
}

#define CLI_TEST(name) cmocka_unit_test_setup_teardown(name, folder_open, folder_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLI_TEST(an_unknown_command_suggests_the_nearest),
		CLI_TEST(an_unknown_option_is_an_error_and_suggests_the_nearest),
		CLI_TEST(an_option_without_use_is_not_passed_over),
		CLI_TEST(the_number_of_arguments_is_checked),
		CLI_TEST(every_command_has_help),
		CLI_TEST(version_is_told_to_people_and_programs),
		CLI_TEST(serve_gets_its_options),
		CLI_TEST(completion_knows_commands_and_options),
		CLI_TEST(nobody_there_is_its_own_exit_code),
		CLI_TEST(the_socket_is_the_one_of_the_configuration),
		CLI_TEST(answers_become_exit_codes),
		CLI_TEST(parameters_are_sent_as_text_or_json),
		CLI_TEST(the_exit_code_of_a_followed_run_is_its_outcome),
		CLI_TEST(following_goes_on_when_the_daemon_comes_back),
		CLI_TEST(a_log_is_printed_as_it_comes),
		CLI_TEST(a_stream_that_is_cut_or_refused_is_made_up_for_by_pages),
		CLI_TEST(logs_of_one_step_are_printed_as_they_are),
		CLI_TEST(filters_become_a_query),
		CLI_TEST(answers_to_waiting_steps_are_sent),
		CLI_TEST(status_says_what_steps_wait_for),
		CLI_TEST(a_definition_is_put_by_its_slug_or_its_file),
		CLI_TEST(revisions_and_differences_are_shown),
		CLI_TEST(switches_name_workflow_and_trigger),
		CLI_TEST(the_secret_alone_goes_to_stdout),
		CLI_TEST(a_token_is_named_by_its_workflow_only_when_it_is_the_only_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
