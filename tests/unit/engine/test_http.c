/* `http` against a server that behaves well or badly. */
#include "unit/engine/support_step.h"
#include "unit/engine/support_web.h"

#include <stdio.h>

#include "base/clock.h"
#include "engine/internal.h"
#include "version.h"

static struct web web;

static int setup(void **state)
{
	if (step_setup(state) < 0)
		return -1;
	web_start(&web, NULL);
	return 0;
}

static int teardown(void **state)
{
	web_stop(&web);
	return rig_teardown(state);
}

/* A step "a" of kind http: `more` are members beside the url. */
static void http_definition(char *text, size_t size, const char *path, const char *more, const char *beside)
{
	(void)snprintf(text, size, "{'steps':[{'id':'a'%s,'http':{'url':'http://127.0.0.1:%u%s'%s}}]}", beside,
		       web.port, path, more);
}

static struct json *run_http(struct rig *r, const char *path, const char *more, const char *beside)
{
	char text[4096];

	http_definition(text, sizeof(text), path, more, beside);
	return step_run_through(r, text, NULL);
}

static void start_http(struct rig *r, const char *path, const char *beside, char id[static ID_SIZE])
{
	char text[4096];

	http_definition(text, sizeof(text), path, "", beside);
	step_start(r, text, NULL, id);
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

static void assert_contains_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" contains \"%s\"", text, part);
}

static const char *body_of(const struct json *document)
{
	return json_get_str(json_get(rig_step(document, "a"), "outputs"), "body");
}

/* ---- What is sent --------------------------------------------------------------------------------------------- */

static void a_get_has_the_headers_that_are_promised(void **state)
{
	struct rig *r = *state;
	struct json *d;
	char key[80];

	rig_up(r);
	d = run_http(r, "/echo", "", "");
	assert_status(d, "completed");
	assert_output(d, "a", "status", "200");
	assert_contains(body_of(d), "GET /echo HTTP/1.1\r\n");
	assert_contains(body_of(d), "User-Agent: tappet/" TAPPET_VERSION "\r\n");
	(void)snprintf(key, sizeof(key), "Idempotency-Key: %s/1\r\n", json_get_str(d, "id"));
	assert_contains(body_of(d), key);
	json_free(d);
	rig_down(r, 0);
}

static void a_body_goes_out_as_json_or_as_text(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = run_http(r, "/echo", ",'body':{'id':'$(activity.id)','n':[1,'x $(trigger.plugin)']}", "");
	assert_contains(body_of(d), "POST /echo HTTP/1.1\r\n");
	assert_contains(body_of(d), "Content-Type: application/json\r\n");
	assert_contains(body_of(d), "\"n\":[1,\"x manual\"]}");
	assert_contains(body_of(d), json_get_str(d, "id"));
	json_free(d);
	d = run_http(r, "/echo", ",'method':'PUT','body':'by $(trigger.plugin)','headers':{'content-type':'text/x'}",
		     "");
	assert_contains(body_of(d), "PUT /echo HTTP/1.1\r\n");
	assert_contains(body_of(d), "content-type: text/x\r\n");
	assert_contains(body_of(d), "\r\n\r\nby manual");
	assert_contains_not(body_of(d), "Content-Type");
	json_free(d);
	d = run_http(r, "/echo", ",'method':'DELETE'", "");
	assert_contains(body_of(d), "DELETE /echo HTTP/1.1\r\n");
	json_free(d);
	rig_down(r, 0);
}

static void the_key_is_the_same_for_every_attempt(void **state)
{
	struct rig *r = *state;
	struct json *d;
	char key[80];

	rig_up(r);
	d = run_http(r, "/status/503", ",'headers':{'X-Attempt':'$(activity.id)'}",
		     ",'retry':{'attempts':3,'backoff':'1ms','on':['status:5xx']}");
	assert_status(d, "failure");
	assert_int_equal(atomic_load(&web.hits), 3);
	(void)snprintf(key, sizeof(key), "Idempotency-Key: %s/1\r\n", json_get_str(d, "id"));
	assert_contains(web.first, key);
	json_free(d);
	rig_down(r, 0);
}

static void a_header_that_would_break_its_line_is_refused(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(r,
			     "{'params':{'v':{'type':'string'}},'steps':[{'id':'a','http':{'url':'http://127.0.0.1:1/',"
			     "'headers':{'X-V':'$(params.v)'}}}]}",
			     "{\"v\":\"one\\r\\nX-Evil: two\"}");
	assert_message(d, "a", "header field X-V would have more than one line");
	json_free(d);
	d = step_run_through(r, "{'params':{'v':{'type':'string'}},'steps':[{'id':'a','http':{'url':'$(params.v)'}}]}",
			     "{\"v\":\"file:///etc/passwd\"}");
	assert_message(d, "a", "the address does not begin with http:// or https://");
	json_free(d);
	d = step_run_through(r, "{'params':{'v':{'type':'string'}},'steps':[{'id':'a','http':{'url':'$(params.v)'}}]}",
			     "{\"v\":\"http://127.0.0.1/a b\"}");
	assert_message(d, "a", "%20");
	json_free(d);
	rig_down(r, 0);
}

static void secrets_are_sent_and_shown_nowhere(void **state)
{
	struct rig *r = *state;
	char text[1024], path[128], *log;
	struct json *d;
	FILE *f;

	rig_path(r, "token", path);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fprintf(f, "hush\n");
	(void)fclose(f);
	rig_up(r);
	(void)snprintf(text, sizeof(text),
		       "{'params':{'key':{'type':'secret'}},'steps':[{'id':'a','http':{'url':'http://u:pw@127.0.0.1:%u"
		       "/status/500?key=$(params.key)','headers':{'Authorization':{'file':'token'}}}}]}",
		       web.port);
	d = step_run_through(r, text, "{\"key\":\"psst\"}");
	assert_contains(web.first, "Authorization: hush\r\n");
	assert_contains(web.first, "key=psst");
	log = rig_log(r, json_get_str(d, "id"), 0, 'o');
	assert_contains(log, "GET http://127.0.0.1:");
	assert_contains(log, "key=***");
	assert_contains_not(log, "psst");
	assert_contains_not(log, "hush");
	assert_contains_not(log, "pw");
	free(log);
	json_free(d);
	d = step_run_through(
		r, "{'steps':[{'id':'a','http':{'url':'http://127.0.0.1:1/','headers':{'A':{'file':'none'}}}}]}", NULL);
	assert_message(d, "a", "the secret for A cannot be read: none: No such file or directory");
	json_free(d);
	rig_down(r, 0);
}

static void a_server_that_repeats_a_secret_does_not_bring_it_into_the_message(void **state)
{
	struct rig *r = *state;
	struct json *d;
	char *log;

	assert_int_equal(setenv("TEST_HUSH", "hushhush", 1), 0);
	rig_up(r);
	d = run_http(r, "/echo", ",'expect':500,'headers':{'A':{'env':'TEST_HUSH'}}", "");
	assert_message(d, "a", "the answer was 200: GET /echo");
	assert_message(d, "a", "A: ***");
	log = rig_log(r, json_get_str(d, "id"), 0, 'o');
	assert_contains_not(log, "hush");
	free(log);
	json_free(d);
	d = run_http(r, "/to?/status/200?hushhush", ",'redirects':1,'headers':{'A':{'env':'TEST_HUSH'}}", "");
	log = rig_log(r, json_get_str(d, "id"), 0, 'o');
	assert_contains(log, "302, redirected to http://127.0.0.1:");
	assert_contains_not(log, "hush");
	free(log);
	json_free(d);
	rig_down(r, 0);
}

static void the_environments_proxy_is_not_asked(void **state)
{
	struct rig *r = *state;
	struct json *d;

	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	rig_up(r);
	d = run_http(r, "/echo", "", "");
	assert_status(d, "completed");
	json_free(d);
	rig_down(r, 0);
	assert_int_equal(unsetenv("http_proxy"), 0);
}

/* ---- What comes back ------------------------------------------------------------------------------------------ */

static void outputs_are_made_of_the_answer(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = run_http(
		r, "/json",
		",'outputs':{'b':'.body.a.b','thing':'.headers[\\'x-thing\\']','code':'.status','none':'.body.no'}",
		"");
	assert_status(d, "completed");
	assert_output(d, "a", "b", "5");
	assert_output(d, "a", "thing", "one, two");
	assert_output(d, "a", "code", "200");
	assert_no_output(d, "a", "none");
	json_free(d);
	d = run_http(r, "/status/200", ",'outputs':{'body':'.body'}", "");
	assert_output(d, "a", "body", "sorry\nthat is all");
	json_free(d);
	d = run_http(r, "/json", ",'outputs':{'b':'.body.a.b.c'}", "");
	assert_message(d, "a", "output b: ");
	json_free(d);
	rig_down(r, 0);
}

static void another_status_is_a_failure_with_the_first_of_the_answer(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = run_http(r, "/status/404", "", "");
	assert_status(d, "failure");
	assert_message(d, "a", "the answer was 404: sorry that is all");
	json_free(d);
	d = run_http(r, "/status/404", ",'expect':['2xx',404]", "");
	assert_status(d, "completed");
	json_free(d);
	d = run_http(r, "/status/200", ",'expect':'201-299'", "");
	assert_status(d, "failure");
	json_free(d);
	d = run_http(r, "/loop", "", "");
	assert_message(d, "a", "the answer was 302");
	json_free(d);
	rig_down(r, 0);
}

static void bad_answers_are_failures(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *path, *message;
	} cases[] = {
		{"/huge", "the answer is larger than 1048576 bytes"},
		{"/heads", "the head of the answer is larger than"},
		{"/garbage", ""},
		{"/early", ""},
		{"/close", ""},
	};

	rig_up(r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *d = run_http(r, cases[i].path, "", "");

		assert_status(d, "failure");
		assert_message(d, "a", cases[i].message);
		json_free(d);
	}
	rig_down(r, 0);
}

static void a_retry_can_be_for_the_network_alone(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = run_http(r, "/close", "", ",'retry':{'attempts':2,'backoff':'1ms','on':['network']}");
	assert_int_equal(step_attempt(d, "a"), 2);
	json_free(d);
	d = run_http(r, "/huge", "", ",'retry':{'attempts':2,'backoff':'1ms','on':['network']}");
	assert_int_equal(step_attempt(d, "a"), 1);
	json_free(d);
	d = run_http(r, "/huge", "", ",'retry':{'attempts':2,'backoff':'1ms','on':['output']}");
	assert_int_equal(step_attempt(d, "a"), 2);
	json_free(d);
	/* Nobody listens there. */
	d = step_run_through(r,
			     "{'steps':[{'id':'a','http':{'url':'http://127.0.0.1:1/'},"
			     "'retry':{'attempts':2,'backoff':'1ms','on':['network']}}]}",
			     NULL);
	assert_int_equal(step_attempt(d, "a"), 2);
	json_free(d);
	rig_down(r, 0);
}

/* ---- Redirections --------------------------------------------------------------------------------------------- */

static void redirections_are_followed_as_often_as_allowed(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = run_http(r, "/to?/echo", ",'redirects':1,'method':'POST','body':'x'", "");
	assert_status(d, "completed");
	assert_contains(body_of(d), "GET /echo HTTP/1.1\r\n");
	json_free(d);
	d = run_http(r, "/keep?/echo", ",'redirects':1,'method':'POST','body':'x'", "");
	assert_contains(body_of(d), "POST /echo HTTP/1.1\r\n");
	assert_contains(body_of(d), "\r\n\r\nx");
	json_free(d);
	d = run_http(r, "/other?/echo", ",'redirects':1,'method':'PUT','body':'x'", "");
	assert_contains(body_of(d), "GET /echo HTTP/1.1\r\n");
	json_free(d);
	d = run_http(r, "/loop", ",'redirects':5", "");
	assert_message(d, "a", "redirected more than 5 times");
	json_free(d);
	d = run_http(r, "/to?ftp://127.0.0.1/x", ",'redirects':5", "");
	assert_status(d, "failure");
	json_free(d);
	rig_down(r, 0);
}

static void a_secret_does_not_follow_to_another_server(void **state)
{
	struct rig *r = *state;
	struct web other;
	char path[128], to[64];
	struct json *d;

	assert_int_equal(setenv("TEST_HUSH", "hush", 1), 0);
	web_start(&other, NULL);
	rig_up(r);
	(void)snprintf(path, sizeof(path), "/keep?http://127.0.0.1:%u/echo", other.port);
	d = run_http(r, path, ",'redirects':1,'headers':{'X-Key':{'env':'TEST_HUSH'},'X-Open':'yes'}", "");
	assert_status(d, "completed");
	assert_contains(web.first, "X-Key: hush");
	assert_contains(body_of(d), "X-Open: yes");
	assert_contains_not(body_of(d), "hush");
	json_free(d);
	(void)snprintf(to, sizeof(to), "/keep?http://127.0.0.1:%u/echo", web.port);
	d = run_http(r, to, ",'redirects':1,'headers':{'X-Key':{'env':'TEST_HUSH'}}", "");
	assert_contains(body_of(d), "X-Key: hush");
	json_free(d);
	rig_down(r, 0);
	web_stop(&other);
}

/* ---- TLS ------------------------------------------------------------------------------------------------------ */

static struct json *run_tls(struct rig *r, const struct web *w, const char *more)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{'steps':[{'id':'a','http':{'url':'https://127.0.0.1:%u/json'%s}}]}",
		       w->port, more);
	return step_run_through(r, text, NULL);
}

static void a_certificate_has_to_be_known_unless_nobody_cares(void **state)
{
	struct rig *r = *state;
	struct web tls;
	char ca[128];
	struct json *d;

	rig_path(r, "ca.pem", ca);
	web_start(&tls, ca);
	rig_up(r);
	d = run_tls(r, &tls, "");
	assert_status(d, "failure");
	assert_message(d, "a", "certificate");
	json_free(d);
	d = run_tls(r, &tls, ",'caFile':'ca.pem'");
	assert_status(d, "completed");
	json_free(d);
	d = run_tls(r, &tls, ",'verify':false");
	assert_status(d, "completed");
	json_free(d);
	/* Not even a connection that is open already serves one who wants it verified. */
	d = run_tls(r, &tls, "");
	assert_status(d, "failure");
	json_free(d);
	rig_down(r, 0);
	web_stop(&tls);
}

/* ---- Ending it early ------------------------------------------------------------------------------------------ */

static bool is_hanging(void *arg)
{
	(void)arg;
	return atomic_load(&web.hanging) > 0;
}

static void a_request_that_takes_too_long_times_out(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = run_http(r, "/hang", "", ",'timeout':'50ms'");
	assert_status(d, "failure");
	assert_message(d, "a", "timed out after 50ms");
	json_free(d);
	rig_down(r, 0);
}

static void a_request_can_be_cancelled(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	start_http(r, "/hang", "", id);
	rig_until(r, is_hanging, NULL);
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_document(r, id);
	assert_step(d, "a", "cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void a_request_is_made_again_after_the_daemon_has_stopped(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];

	rig_up(r);
	start_http(r, "/hang", "", id);
	rig_until(r, is_hanging, NULL);
	rig_down(r, 0);
	atomic_store(&web.hanging, 0);
	rig_up(r);
	rig_until(r, is_hanging, NULL);
	assert_int_equal(atomic_load(&web.hits), 2);
	assert_int_equal(rig_cancel(r, id), 0);
	rig_down(r, 0);
}

static void a_stop_waits_for_a_request_within_the_drain_and_hurries_one_that_is_prepared(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	start_http(r, "/json", "", id);
	json_free(rig_wait(r, id, "inProgress"));
	rig_down(r, 20000);
	rig_up(r);
	d = rig_wait(r, id, NULL);
	assert_status(d, "completed");
	json_free(d);
	start_http(r, "/json", "", id);
	json_free(rig_wait(r, id, "inProgress"));
	restart(r);
	json_free(rig_wait(r, id, "completed"));
	rig_down(r, 0);
}

static bool slots_full(void *arg)
{
	const struct rig *r = arg;

	return atomic_load(&web.hanging) == 2 && r->engine->scheduler.slots_used == 2;
}

static void requests_take_a_place_of_the_executor(void **state)
{
	struct rig *r = *state;
	char ids[3][ID_SIZE];
	struct json *d;

	r->options.concurrency = 2;
	rig_up(r);
	for (size_t i = 0; i < 3; i++)
		start_http(r, "/hang", "", ids[i]);
	rig_until(r, slots_full, r);
	d = rig_document(r, ids[2]);
	assert_step(d, "a", "notstarted");
	json_free(d);
	assert_int_equal(rig_cancel(r, ids[0]), 0);
	step_wait_for(r, ids[2], "a", "inProgress");
	rig_down(r, 0);
}

static void many_requests_at_once_are_all_answered(void **state)
{
	struct rig *r = *state;
	char ids[30][ID_SIZE];

	r->options.concurrency = 32;
	rig_up(r);
	for (size_t i = 0; i < 30; i++)
		start_http(r, "/json", "", ids[i]);
	for (size_t i = 0; i < 30; i++)
		json_free(rig_wait(r, ids[i], "completed"));
	rig_down(r, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_get_has_the_headers_that_are_promised),
		TEST(a_body_goes_out_as_json_or_as_text),
		TEST(the_key_is_the_same_for_every_attempt),
		TEST(a_header_that_would_break_its_line_is_refused),
		TEST(secrets_are_sent_and_shown_nowhere),
		TEST(a_server_that_repeats_a_secret_does_not_bring_it_into_the_message),
		TEST(the_environments_proxy_is_not_asked),
		TEST(outputs_are_made_of_the_answer),
		TEST(another_status_is_a_failure_with_the_first_of_the_answer),
		TEST(bad_answers_are_failures),
		TEST(a_retry_can_be_for_the_network_alone),
		TEST(redirections_are_followed_as_often_as_allowed),
		TEST(a_secret_does_not_follow_to_another_server),
		TEST(a_certificate_has_to_be_known_unless_nobody_cares),
		TEST(a_request_that_takes_too_long_times_out),
		TEST(a_request_can_be_cancelled),
		TEST(a_request_is_made_again_after_the_daemon_has_stopped),
		TEST(a_stop_waits_for_a_request_within_the_drain_and_hurries_one_that_is_prepared),
		TEST(requests_take_a_place_of_the_executor),
		TEST(many_requests_at_once_are_all_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
