/* tappet.http/1, tappet.activity/1 and tappet.auth/1 over the real gateway and engine. */
#include "host/support_host.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <tappet/activity.h>
#include <tappet/auth.h>
#include <tappet/http.h>
#include <unistd.h>
#include "gateway/gateway.h"

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"

static struct fixture f;
static const tappet_host *host;
static tappet_instance *self;
static tappet_trigger *trigger;
static const struct catalog_entry *entry;

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	fixture_open(&f, true);
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	entry = fixture_apply(&f, "{\"slug\": \"w\", \"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}");
	host = f.probe->host;
	self = f.probe->self;
	trigger = f.probe->triggers[0]->handle;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

/* ---- HTTP: a client on a thread of its own ---- */

struct client {
	pthread_t thread;
	int port;
	const char *request;
	char answer[4096];
	atomic_bool done;
};

static void *run_client(void *arg)
{
	struct client *c = arg;
	size_t used = 0;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    write(fd, c->request, strlen(c->request)) == (ssize_t)strlen(c->request)) {
		ssize_t n;
		while (used < sizeof(c->answer) - 1 &&
		       (n = read(fd, c->answer + used, sizeof(c->answer) - 1 - used)) > 0)
			used += (size_t)n;
	}
	c->answer[used] = '\0';
	close(fd);
	atomic_store(&c->done, true);
	return NULL;
}

static void client_start(struct client *c, const char *request)
{
	c->request = request;
	c->port = (int)strtol(strrchr(f.address, ':') + 1, NULL, 10);
	atomic_init(&c->done, false);
	assert_int_equal(pthread_create(&c->thread, NULL, run_client, c), 0);
}

static void client_wait(struct client *c)
{
	until(&f, atomic_load(&c->done));
	pthread_join(c->thread, NULL);
}

static const tappet_http1 *http;
static tappet_request *kept;
static char seen[512];

static void on_request(void *arg, tappet_request *r)
{
	(void)arg;
	tappet_str method = http->method(r), path = http->path(r), name = http->param(r, "name"), body = http->body(r);
	tappet_str value = http->query_value(r, "q"), header = http->header(r, "X-Thing"), remote = http->remote(r);
	snprintf(seen, sizeof(seen), "%.*s %.*s name=%.*s q=%.*s thing=%.*s body=%.*s from=%.*s", (int)method.len,
		 method.ptr, (int)path.len, path.ptr, (int)name.len, name.ptr, (int)value.len, value.ptr,
		 (int)header.len, header.ptr, (int)body.len, body.ptr, (int)remote.len, remote.ptr);
	assert_null(http->header(r, "X-Other").ptr);
	assert_null(http->param(r, "other").ptr);
	tappet_http_header first;
	assert_int_equal(http->header_at(r, 0, &first), 0);
	assert_int_equal(http->header_at(r, 100, &first), TAPPET_ENOTFOUND);
	kept = r;
}

static void open_http(void)
{
	http = host->capability(self, TAPPET_HTTP_1);
	assert_non_null(http);
	kept = NULL;
}

static void a_route_serves_requests_and_answers_later(void **state)
{
	struct client c = {0};
	tappet_route *route, *other = NULL;
	(void)state;
	open_http();
	assert_int_equal(http->route_add(self, "POST", "/in/{name}", on_request, NULL, &route), 0);
	assert_int_equal(http->route_add(self, "POST", "/in/{name}", on_request, NULL, &other), TAPPET_EEXIST);
	client_start(&c,
		     "POST /in/site?q=a%20b HTTP/1.1\r\nHost: x\r\nX-Thing: blue\r\nContent-Length: 4\r\nConnection: "
		     "close\r\n\r\nbody");
	until(&f, kept != NULL);
	assert_string_equal(seen, "POST /in/site name=site q=a b thing=blue body=body from=127.0.0.1");
	const tappet_http_header headers[] = {{tappet_cstr("Content-Type"), tappet_cstr("text/plain")}};
	const tappet_http_header split[] = {{tappet_cstr("X-A"), tappet_cstr("b\r\nX-C: d")}};
	const tappet_http_header framing[] = {{tappet_cstr("Content-LENGTH"), tappet_cstr("9")}};
	assert_int_equal(http->respond(kept, 99, NULL, 0, tappet_cstr("")), TAPPET_EINVAL);
	assert_int_equal(http->respond(kept, 200, split, 1, tappet_cstr("")), TAPPET_EINVAL);
	assert_int_equal(http->respond(kept, 200, framing, 1, tappet_cstr("")), TAPPET_EINVAL);
	assert_int_equal(http->respond(kept, 201, headers, 1, tappet_cstr("made")), 0);
	client_wait(&c);
	assert_memory_equal(c.answer, "HTTP/1.1 201 ", 13);
	assert_non_null(strstr(c.answer, "text/plain"));
	assert_non_null(strstr(c.answer, "\r\n\r\nmade"));
	http->route_remove(route);
}

static void a_problem_is_answered_as_such(void **state)
{
	struct client c = {0};
	tappet_route *route;
	(void)state;
	open_http();
	assert_int_equal(http->route_add(self, "GET", "/busy", on_request, NULL, &route), 0);
	client_start(&c, "GET /busy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	until(&f, kept != NULL);
	assert_int_equal(http->problem(kept, 503, "busy", "Later.", 7), 0);
	client_wait(&c);
	assert_memory_equal(c.answer, "HTTP/1.1 503 ", 13);
	assert_non_null(strstr(c.answer, "application/problem+json"));
	assert_non_null(strstr(c.answer, "Retry-After: 7"));
	http->route_remove(route);
	struct client gone = {0};
	client_start(&gone, "GET /busy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	client_wait(&gone);
	assert_memory_equal(gone.answer, "HTTP/1.1 404 ", 13);
}

static void a_route_for_administrators_is_below_the_plugins_name_and_asks_who_comes(void **state)
{
	struct client stranger = {0}, admin = {0};
	tappet_route *route;
	(void)state;
	open_http();
	assert_int_equal(http->api_route_add(self, "GET", "list", on_request, NULL, &route), TAPPET_EINVAL);
	assert_int_equal(http->api_route_add(self, "GET", "/list/{name}", on_request, NULL, &route), 0);
	client_start(&stranger, "GET /api/v1/plugins/probe/list/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	client_wait(&stranger);
	assert_memory_equal(stranger.answer, "HTTP/1.1 401 ", 13);
	assert_null(kept);
	client_start(&admin, "GET /api/v1/plugins/probe/list/a?q=b HTTP/1.1\r\nHost: x\r\nX-Thing: c\r\nX-Admin: me\r\n"
			     "Connection: close\r\n\r\n");
	until(&f, kept != NULL);
	assert_string_equal(seen, "GET /api/v1/plugins/probe/list/a name=a q=b thing=c body= from=127.0.0.1");
	assert_memory_equal(http->scheme(kept).ptr, "http", 5);
	assert_null(http->client_subject(kept).ptr);
	assert_int_equal(http->respond(kept, 204, NULL, 0, tappet_cstr("")), 0);
	client_wait(&admin);
	assert_memory_equal(admin.answer, "HTTP/1.1 204 ", 13);
	http->route_remove(route);
}

static void a_route_is_served_where_its_surface_is(void **state)
{
	struct client c = {0};
	tappet_route *route, *hook, *none = NULL;
	(void)state;
	open_http();
	assert_int_equal(http->surface_route_add(self, 3, "POST", "/act/{name}", on_request, NULL, &none),
			 TAPPET_EINVAL);
	assert_int_equal(
		http->surface_route_add(self, TAPPET_SURFACE_ACTION, "POST", "/act/{name}", on_request, NULL, &route),
		0);
	assert_int_equal(
		http->surface_route_add(self, TAPPET_SURFACE_ACTION, "POST", "/act/{name}", on_request, NULL, &none),
		TAPPET_EEXIST);
	assert_int_equal(http->surface_route_add(self, TAPPET_SURFACE_HOOKS, "POST", "/hook", on_request, NULL, &hook),
			 0);
	client_start(&c, "POST /act/go?q=1 HTTP/1.1\r\nHost: x\r\nX-Thing: y\r\nConnection: close\r\n"
			 "Content-Length: 0\r\n\r\n");
	until(&f, kept != NULL);
	assert_string_equal(seen, "POST /act/go name=go q=1 thing=y body= from=127.0.0.1");
	assert_int_equal(http->respond(kept, 204, NULL, 0, tappet_cstr("")), 0);
	client_wait(&c);
	assert_memory_equal(c.answer, "HTTP/1.1 204 ", 13);
	/* On a listener that serves hooks alone there is none of it. */
	char *address = f.address;
	const struct listener_options hooks = {.address = "127.0.0.1:0", .surfaces = SURFACE_HOOKS};
	assert_int_equal(gateway_listen(f.gateway, &hooks, &f.address), 0);
	struct client elsewhere = {0};
	client_start(&elsewhere, "POST /act/go HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	client_wait(&elsewhere);
	assert_memory_equal(elsewhere.answer, "HTTP/1.1 404 ", 13);
	free(f.address);
	f.address = address;
	http->route_remove(route);
	http->route_remove(hook);
}

static void the_public_url_is_told(void **state)
{
	(void)state;
	open_http();
	assert_string_equal(http->public_url(self).ptr, "https://hooks.example.org");
}

static void an_unanswered_request_is_answered_at_the_end_and_named(void **state)
{
	struct client c = {0};
	tappet_route *route;
	(void)state;
	open_http();
	assert_int_equal(http->route_add(self, "GET", "/never", on_request, NULL, &route), 0);
	client_start(&c, "GET /never HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	until(&f, kept != NULL);
	capture_begin();
	fixture_stop(&f, 5000);
	char *text = capture_end();
	assert_non_null(strstr(text, "unanswered requests"));
	assert_non_null(strstr(text, "routes"));
	free(text);
	client_wait(&c);
	assert_memory_equal(c.answer, "HTTP/1.1 503 ", 13);
}

/* ---- Activities ---- */

static char activity_id[25];
static int settled;

static void on_result(void *arg, const tappet_result *r)
{
	(void)arg;
	snprintf(activity_id, sizeof(activity_id), "%s", r->activity_id);
	settled++;
}

static void make_activity(void)
{
	tappet_emission e = {.struct_size = sizeof(e)};
	settled = 0;
	assert_int_equal(host->emit(trigger, &e, on_result, NULL), 0);
	until(&f, settled == 1);
}

struct told {
	int calls;
	int32_t result;
	char status[32], document[8192];
};

static void on_activity(void *arg, int32_t result, const tappet_activity_info *info)
{
	struct told *t = arg;
	t->calls++;
	t->result = result;
	if (info) {
		snprintf(t->status, sizeof(t->status), "%s", info->status);
		snprintf(t->document, sizeof(t->document), "%.*s", (int)info->document.len, info->document.ptr);
	}
}

static void on_done(void *arg, int32_t result)
{
	struct told *t = arg;
	t->calls++;
	t->result = result;
}

static const tappet_activity1 *open_activity(void)
{
	const tappet_activity1 *table = host->capability(self, TAPPET_ACTIVITY_1);
	assert_non_null(table);
	return table;
}

static void the_status_of_an_activity_is_told_later(void **state)
{
	struct told t = {0}, missing = {0};
	const tappet_activity1 *activity = open_activity();
	(void)state;
	make_activity();
	assert_int_equal(activity->status(self, activity_id, on_activity, &t), 0);
	assert_int_equal(t.calls, 0);
	until(&f, t.calls == 1);
	assert_int_equal(t.result, 0);
	assert_string_equal(t.status, "notstarted");
	assert_non_null(strstr(t.document, activity_id));
	assert_int_equal(activity->status(self, "0123456789abcdef01234567", on_activity, &missing), 0);
	until(&f, missing.calls == 1);
	assert_int_equal(missing.result, TAPPET_ENOTFOUND);
	assert_int_equal(activity->status(self, "../etc", on_activity, &missing), TAPPET_EINVAL);
}

static void who_waits_is_told_the_end(void **state)
{
	struct told end = {0}, second = {0}, cancelled = {0}, again = {0};
	const tappet_activity1 *activity = open_activity();
	(void)state;
	make_activity();
	assert_int_equal(activity->wait_end(self, activity_id, 60000, on_activity, &end), 0);
	assert_int_equal(activity->wait_end(self, activity_id, 60000, on_activity, &second), 0);
	assert_int_equal(activity->cancel(self, activity_id, on_done, &cancelled), 0);
	until(&f, cancelled.calls == 1 && end.calls == 1 && second.calls == 1);
	assert_int_equal(cancelled.result, 0);
	assert_int_equal(end.result, 0);
	assert_string_equal(end.status, "cancelled");
	assert_string_equal(second.status, "cancelled");
	assert_int_equal(activity->cancel(self, activity_id, on_done, &again), 0);
	until(&f, again.calls == 1);
	assert_int_equal(again.result, TAPPET_ESTATE);
}

static void who_waits_too_long_is_told_the_status_as_it_is(void **state)
{
	struct told t = {0};
	const tappet_activity1 *activity = open_activity();
	(void)state;
	make_activity();
	assert_int_equal(activity->wait_end(self, activity_id, 20, on_activity, &t), 0);
	until(&f, t.calls == 1);
	assert_int_equal(t.result, TAPPET_EBUSY);
	assert_string_equal(t.status, "notstarted");
}

static void a_stop_ends_waiting(void **state)
{
	struct told t = {0};
	const tappet_activity1 *activity = open_activity();
	(void)state;
	make_activity();
	assert_int_equal(activity->wait_end(self, activity_id, 3600000, on_activity, &t), 0);
	fixture_stop(&f, 10000);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.result, TAPPET_EBUSY);
}

/* ---- Actions ---- */

struct acted {
	int calls;
	int32_t result;
	uint64_t seq, released;
};

static void on_action(void *arg, int32_t result, uint64_t seq, uint64_t released)
{
	struct acted *a = arg;
	*a = (struct acted){a->calls + 1, result, seq, released};
}

static void an_action_is_stored_and_told_with_its_number(void **state)
{
	const tappet_activity1 *activity = open_activity();
	tappet_action action = {.struct_size = sizeof(action), .topic = tappet_cstr("site.publish")};
	struct acted first = {0}, second = {0}, never = {0};
	(void)state;
	assert_int_equal(activity->action(self, &action, on_action, &first), 0);
	assert_int_equal(first.calls, 0);
	action.data = tappet_cstr("[1]");
	action.by = tappet_cstr("a test");
	assert_int_equal(activity->action(self, &action, on_action, &second), 0);
	until(&f, first.calls == 1 && second.calls == 1);
	assert_int_equal(first.result, 0);
	assert_int_equal(first.released, 0);
	assert_true(first.seq > 0);
	assert_int_equal(second.seq, first.seq + 1);
	action.token_id = "0123456789abcdef01234567";
	assert_int_equal(activity->action(self, &action, on_action, &never), TAPPET_EDENIED);
	action.token_id = NULL;
	action.data = tappet_cstr("{");
	assert_int_equal(activity->action(self, &action, on_action, &never), TAPPET_EINVAL);
	action.data = tappet_cstr("1");
	action.topic = tappet_cstr("a.*");
	assert_int_equal(activity->action(self, &action, on_action, &never), TAPPET_EINVAL);
	action.topic = tappet_cstr("a");
	action.data.len = 16 * 1024 * 1024 + 1;
	assert_int_equal(activity->action(self, &action, on_action, &never), TAPPET_ETOOBIG);
	action.struct_size = 8;
	assert_int_equal(activity->action(self, &action, on_action, &never), TAPPET_EINVAL);
	assert_int_equal(never.calls, 0);
}

static void a_stop_waits_for_actions_under_way(void **state)
{
	const tappet_activity1 *activity = open_activity();
	const tappet_action action = {.struct_size = sizeof(action), .topic = tappet_cstr("a")};
	struct acted a = {0};
	(void)state;
	assert_int_equal(activity->action(self, &action, on_action, &a), 0);
	fixture_stop(&f, 10000);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.result, 0);
}

/* ---- Tokens ---- */

static char secret[ACCESS_SECRET_SIZE];

static void on_secret(void *arg, int status, const char *text, const struct access_token *token)
{
	(void)token;
	assert_int_equal(status, 0);
	snprintf(secret, sizeof(secret), "%s", text);
	*(bool *)arg = true;
}

static void a_token_is_told_by_what_it_covers(void **state)
{
	const tappet_auth1 *auth = host->capability(self, TAPPET_AUTH_1);
	const char *ids[] = {entry->id};
	const struct access_request request = {
		.label = "test", .workflow_ids = ids, .workflow_count = 1, .scopes = "trigger status action:site.*"};
	tappet_grant grant = {.struct_size = sizeof(grant)};
	bool made = false;
	(void)state;
	assert_non_null(auth);
	assert_int_equal(access_create(f.engine, &request, on_secret, &made), 0);
	until(&f, made);
	assert_int_equal(auth->check(self, tappet_cstr("tpt_wrong"), &grant), TAPPET_EDENIED);
	assert_int_equal(auth->check(self, tappet_cstr(""), &grant), TAPPET_EDENIED);
	assert_int_equal(auth->check(self, tappet_cstr(secret), &grant), 0);
	assert_int_equal(strlen(grant.token_id), 24);
	assert_string_equal(grant.workflow_id, entry->id);
	assert_int_equal(grant.workflow_count, 1);
	assert_int_equal(grant.scopes, TAPPET_SCOPE_TRIGGER | TAPPET_SCOPE_STATUS | TAPPET_SCOPE_ACTION);
	assert_int_equal(auth->covers(self, grant.token_id, entry->id), 1);
	assert_int_equal(auth->covers(self, grant.token_id, "0123456789abcdef01234567"), 0);
	assert_int_equal(auth->action_allowed(self, grant.token_id, tappet_cstr("site.publish")), 1);
	assert_int_equal(auth->action_allowed(self, grant.token_id, tappet_cstr("shop.publish")), 0);
	grant.struct_size = 4;
	assert_int_equal(auth->check(self, tappet_cstr(secret), &grant), TAPPET_EINVAL);
}

static void on_revoked(void *arg, int status)
{
	assert_int_equal(status, 0);
	*(bool *)arg = true;
}

static void a_token_is_checked_again_by_its_id_until_it_is_over(void **state)
{
	const tappet_auth1 *auth = host->capability(self, TAPPET_AUTH_1);
	const char *ids[] = {entry->id};
	struct access_request request = {.label = "test", .workflow_ids = ids, .workflow_count = 1};
	tappet_grant lasting = {.struct_size = sizeof(lasting)}, brief = lasting, again = lasting;
	bool made = false, revoked = false;
	(void)state;
	assert_int_equal(access_create(f.engine, &request, on_secret, &made), 0);
	until(&f, made);
	assert_int_equal(auth->check(self, tappet_cstr(secret), &lasting), 0);
	request.expires_ms = clock_wall_ms() + 1000;
	made = false;
	assert_int_equal(access_create(f.engine, &request, on_secret, &made), 0);
	until(&f, made);
	assert_int_equal(auth->check(self, tappet_cstr(secret), &brief), 0);
	assert_int_equal(auth->check_again(self, lasting.token_id, &again), 0);
	assert_memory_equal(&again, &lasting, sizeof(again));
	until(&f, auth->check_again(self, brief.token_id, &again) == TAPPET_EDENIED);
	assert_int_equal(auth->covers(self, brief.token_id, entry->id), 0);
	assert_int_equal(access_revoke(f.engine, lasting.token_id, on_revoked, &revoked), 0);
	until(&f, revoked);
	assert_int_equal(auth->check_again(self, lasting.token_id, &again), TAPPET_EDENIED);
	assert_int_equal(auth->check_again(self, NULL, &again), TAPPET_EINVAL);
	again.struct_size = 4;
	assert_int_equal(auth->check_again(self, lasting.token_id, &again), TAPPET_EINVAL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_route_serves_requests_and_answers_later),
		CASE(a_problem_is_answered_as_such),
		CASE(a_route_for_administrators_is_below_the_plugins_name_and_asks_who_comes),
		CASE(a_route_is_served_where_its_surface_is),
		CASE(the_public_url_is_told),
		CASE(an_unanswered_request_is_answered_at_the_end_and_named),
		CASE(the_status_of_an_activity_is_told_later),
		CASE(who_waits_is_told_the_end),
		CASE(who_waits_too_long_is_told_the_status_as_it_is),
		CASE(a_stop_ends_waiting),
		CASE(an_action_is_stored_and_told_with_its_number),
		CASE(a_stop_waits_for_actions_under_way),
		CASE(a_token_is_told_by_what_it_covers),
		CASE(a_token_is_checked_again_by_its_id_until_it_is_over),
	};
	return cmocka_run_group_tests_name("host/capabilities", tests, NULL, NULL);
}
