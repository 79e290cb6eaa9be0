/* Who may use the API, and the tokens that it makes for others. */
#include "support_api.h"

static void makes_shows_renews_and_ends_tokens(void **state)
{
	struct fixture *f = *state;
	char id[25], secret[64], path[64];
	struct reply r = call(
		f, "POST", "/api/v1/tokens",
		"{\"workflow\":\"hello\",\"label\":\"ci\",\"scopes\":[\"trigger\",\"status\"],\"expires\":\"30d\"}");
	assert_int_equal(r.status, 201);
	assert_non_null(reply_header(&r, "Cache-Control"));
	snprintf(id, sizeof(id), "%s", json_get_str(r.json, "id"));
	snprintf(secret, sizeof(secret), "%s", json_get_str(r.json, "token"));
	assert_non_null(access_check(f->engine, secret, strlen(secret)));
	assert_string_equal(json_str(json_first(json_get(r.json, "workflows"))), "hello");
	assert_int_equal(json_count(json_get(r.json, "scopes")), 2);
	assert_true(json_is_string(json_get(r.json, "expiresAt")));
	reply_release(&r);
	r = call(f, "GET", "/api/v1/tokens?workflow=hello", NULL);
	assert_int_equal(json_count(json_get(r.json, "tokens")), 1);
	assert_null(strstr(r.body, secret));
	reply_release(&r);
	r = call(f, "GET", "/api/v1/tokens?workflow=slow", NULL);
	assert_int_equal(json_count(json_get(r.json, "tokens")), 0);
	reply_release(&r);
	snprintf(path, sizeof(path), "/api/v1/tokens/%s/renew", id);
	r = call(f, "POST", path, "{\"expires\":\"never\"}");
	assert_int_equal(r.status, 200);
	assert_string_not_equal(json_get_str(r.json, "token"), secret);
	assert_null(access_check(f->engine, secret, strlen(secret)));
	assert_true(json_is_null(json_get(r.json, "expiresAt")));
	reply_release(&r);
	snprintf(path, sizeof(path), "/api/v1/tokens/%s", id);
	r = call(f, "DELETE", path, NULL);
	assert_int_equal(r.status, 204);
	reply_release(&r);
	expect_problem(f, "DELETE", path, NULL, 404, "not-found", "token");
}

static void refuses_tokens_that_make_no_sense(void **state)
{
	const char *path = "/api/v1/tokens";
	expect_problem(*state, "POST", path, "{}", 422, "invalid-value", "workflow");
	expect_problem(*state, "POST", path, "{\"workflow\":\"hello\",\"team\":\"Tests\"}", 422, "invalid-value",
		       "one of");
	expect_problem(*state, "POST", path, "{\"workflows\":[\"hello\",\"nobody\"]}", 422, "unknown-workflow",
		       "nobody");
	expect_problem(*state, "POST", path, "{\"workflow\":\"hello\",\"expires\":\"2001-01-01\"}", 422,
		       "invalid-value", "expires");
	expect_problem(*state, "POST", path, "{\"workflow\":\"hello\",\"scopes\":\"everything\"}", 422, "invalid-value",
		       "scopes");
	expect_problem(*state, "POST", path, "{\"workflow\":\"hello\",\"lable\":\"x\"}", 422, "unknown-key", "lable");
}

static void expect_tcp(struct fixture *f, const char *path, const char *host, const char *headers, int status)
{
	struct reply r = call_tcp(f, "GET", path, host, headers);
	assert_int_equal(r.status, status);
	if (status == 401)
		assert_true(strncmp(reply_header(&r, "WWW-Authenticate"), "Bearer", 6) == 0);
	reply_release(&r);
}

#define AUTH "Authorization: Bearer " ADMIN_TOKEN "\r\n"

static void tcp_needs_the_admin_token(void **state)
{
	expect_tcp(*state, "/api/v1/workflows", "localhost", "", 401);
	expect_tcp(*state, "/api/v1/workflows", "localhost", "Authorization: Bearer wrong\r\n", 401);
	expect_tcp(*state, "/api/v1/workflows", "localhost", "Authorization: Bearer " ADMIN_TOKEN "x\r\n", 401);
	expect_tcp(*state, "/api/v1/workflows", "localhost", "Authorization: Basic " ADMIN_TOKEN "\r\n", 401);
	expect_tcp(*state, "/api/v1/workflows", "localhost", AUTH, 200);
	expect_tcp(*state, "/api/v1/workflows", "localhost", "Authorization: bearer " ADMIN_TOKEN "\r\n", 200);
	expect_tcp(*state, "/healthz", "localhost", "", 200);
	expect_tcp(*state, "/readyz", "pod.example", "", 200);
	expect_tcp(*state, "/metrics", "localhost", "", 200);
}

static void loopback_is_no_way_in_for_other_names(void **state)
{
	const char *path = "/api/v1/workflows";
	expect_tcp(*state, path, "evil.example", AUTH, 403);
	expect_tcp(*state, path, "localhost.evil.example", AUTH, 403);
	expect_tcp(*state, "/metrics", "evil.example", "", 403);
	expect_tcp(*state, path, "127.0.0.1:8080", AUTH, 200);
	expect_tcp(*state, path, "[::1]:8080", AUTH, 200);
	expect_tcp(*state, path, "HOOKS.example.org", AUTH, 200);
	expect_tcp(*state, path, "localhost", AUTH "Origin: http://evil.example\r\n", 403);
	expect_tcp(*state, path, "localhost", AUTH "Origin: null\r\n", 403);
	expect_tcp(*state, path, "localhost:80", AUTH "Origin: http://localhost:81\r\n", 403);
	expect_tcp(*state, path, "localhost", AUTH "Origin: http://localhost\r\n", 200);
	expect_tcp(*state, path, "localhost", AUTH "Origin: https://hooks.example.org\r\n", 200);
}

static void without_an_admin_token_nobody_comes_in_by_tcp(void **state)
{
	struct fixture *f = *state;
	const struct api_options options = {.loop = &f->loop,
					    .gateway = f->gateway,
					    .engine = f->engine,
					    .store = f->store,
					    .bus = f->bus,
					    .metrics = f->metrics,
					    .health = f->health,
					    .arg = f};
	api_free(f->api);
	assert_int_equal(api_open(&options, &f->api), 0);
	api_ready(f->api, true);
	expect_tcp(f, "/api/v1", "localhost", AUTH, 401);
	expect_tcp(f, "/api/v1", "localhost", "Authorization: Bearer \r\n", 401);
	expect_tcp(f, "/api/v1", "hooks.example.org", AUTH, 403);
}

#define API_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(makes_shows_renews_and_ends_tokens),
		API_TEST(refuses_tokens_that_make_no_sense),
		API_TEST(tcp_needs_the_admin_token),
		API_TEST(loopback_is_no_way_in_for_other_names),
		API_TEST(without_an_admin_token_nobody_comes_in_by_tcp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
