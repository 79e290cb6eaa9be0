#include "unit/engine/support_engine.h"

#include <errno.h>

#include "base/clock.h"

#define DEFINITION "{\"team\":\"Web\",\"steps\":[{\"id\":\"a\",\"sleep\":\"0ms\"}]}"

static int setup(void **state)
{
	(void)rig_setup(state);
	rig_up(*state);
	(void)rig_define(*state, "one", DEFINITION);
	(void)rig_define(*state, "two", "{\"steps\":[{\"id\":\"a\",\"sleep\":\"0ms\"}]}");
	return 0;
}

static int teardown(void **state)
{
	rig_down(*state, 0);
	return rig_teardown(state);
}

struct secret {
	bool done;
	int status;
	char text[ACCESS_SECRET_SIZE], id[ID_SIZE];
};

static void on_secret(void *arg, int status, const char *secret, const struct access_token *token)
{
	struct secret *s = arg;

	s->done = true;
	s->status = status;
	if (status < 0)
		return;
	assert_int_equal(strlen(secret), ACCESS_SECRET_SIZE - 1);
	memcpy(s->text, secret, sizeof(s->text));
	memcpy(s->id, token->id, ID_SIZE);
}

static bool secret_done(void *arg)
{
	return ((struct secret *)arg)->done;
}

static void create(struct rig *r, const struct access_request *request, struct secret *s)
{
	*s = (struct secret){0};
	assert_int_equal(access_create(r->engine, request, on_secret, s), 0);
	rig_until(r, secret_done, s);
	assert_int_equal(s->status, 0);
}

static const struct access_token *check(struct rig *r, const struct secret *s)
{
	return access_check(r->engine, s->text, strlen(s->text));
}

static void create_for_one(struct rig *r, int64_t expires_ms, const char *scopes, struct secret *s)
{
	const char *id = engine_find(r->engine, "one")->id;
	struct access_request request = {
		.label = "ci", .workflow_ids = &id, .workflow_count = 1, .expires_ms = expires_ms, .scopes = scopes};

	create(r, &request, s);
}

static void a_secret_finds_its_token_also_after_a_restart(void **state)
{
	struct rig *r = *state;
	struct secret s;
	const struct access_token *t;
	const char *only = NULL;

	create_for_one(r, 0, NULL, &s);
	assert_memory_equal(s.text, "tpt_", 4);
	for (int i = 0; i < 2; i++) {
		t = check(r, &s);
		assert_non_null(t);
		assert_string_equal(t->label, "ci");
		assert_int_equal(t->scope_bits, ACCESS_TRIGGER | ACCESS_STATUS | ACCESS_CANCEL);
		assert_true(access_covers(r->engine, t, engine_find(r->engine, "one")));
		assert_false(access_covers(r->engine, t, engine_find(r->engine, "two")));
		assert_int_equal(access_count(r->engine, t, &only), 1);
		assert_string_equal(only, engine_find(r->engine, "one")->id);
		rig_down(r, 0);
		rig_up(r);
	}
	t = access_find(r->engine, s.id);
	assert_non_null(t);
	assert_true(t->last_used_ms > 0); /* the use was written */
	s.text[10] ^= 1;
	assert_null(check(r, &s));
	assert_null(access_check(r->engine, "", 0));
}

static bool expired(void *arg)
{
	void **both = arg;

	return check(both[0], both[1]) == NULL;
}

static void a_token_ends_with_its_time(void **state)
{
	struct rig *r = *state;
	struct secret s;
	void *both[2] = {r, &s};

	create_for_one(r, clock_wall_ms() + 300, NULL, &s);
	assert_non_null(check(r, &s));
	assert_non_null(access_use(r->engine, s.id));
	rig_until(r, expired, both);
	assert_null(access_find(r->engine, s.id));
	assert_null(access_use(r->engine, s.id));
}

static void a_renewed_token_has_a_new_secret_and_the_old_one_is_void(void **state)
{
	struct rig *r = *state;
	struct secret old, new = {0};

	create_for_one(r, clock_wall_ms() + 60000, NULL, &old);
	assert_int_equal(access_renew(r->engine, old.id, -1, on_secret, &new), 0);
	assert_non_null(check(r, &old)); /* until the commit */
	rig_until(r, secret_done, &new);
	assert_int_equal(new.status, 0);
	assert_string_equal(new.id, old.id);
	assert_null(check(r, &old));
	assert_non_null(check(r, &new));
	assert_true(access_find(r->engine, new.id)->expires_ms > clock_wall_ms() + 50000);
	rig_down(r, 0);
	rig_up(r);
	assert_null(check(r, &old));
	assert_non_null(check(r, &new));
	assert_int_equal(access_renew(r->engine, "ffffffffffffffffffffffff", -1, on_secret, &new), -ENOENT);
}

struct waited {
	bool done;
	int status;
};

static void note(void *arg, int status)
{
	*(struct waited *)arg = (struct waited){true, status};
}

static bool noted(void *arg)
{
	return ((struct waited *)arg)->done;
}

static void a_revoked_token_is_gone(void **state)
{
	struct rig *r = *state;
	struct secret s;
	struct waited w = {0};

	create_for_one(r, 0, NULL, &s);
	assert_int_equal(access_revoke(r->engine, s.id, note, &w), 0);
	rig_until(r, noted, &w);
	assert_int_equal(w.status, 0);
	assert_null(check(r, &s));
	assert_int_equal(access_revoke(r->engine, s.id, note, &w), -ENOENT);
	rig_down(r, 0);
	rig_up(r);
	assert_null(check(r, &s));
}

static void a_team_token_covers_what_the_team_has_now(void **state)
{
	struct rig *r = *state;
	struct access_request request = {.label = "web", .team = "Web"};
	struct secret s;
	const struct access_token *t;

	create(r, &request, &s);
	t = check(r, &s);
	assert_true(access_covers(r->engine, t, engine_find(r->engine, "one")));
	assert_false(access_covers(r->engine, t, engine_find(r->engine, "two")));
	(void)rig_define(r, "three", DEFINITION);
	assert_int_equal(access_count(r->engine, t, NULL), 2);
}

static void actions_are_allowed_by_pattern(void **state)
{
	static const struct {
		const char *topic;
		bool allowed;
	} cases[] = {
		{"site.eu.publish", true}, {"site.publish", false}, {"site.eu.x.publish", false},
		{"orders.new", true},      {"orders.new.eu", true}, {"orders", false},
		{"other", true},           {"others", false},       {"", false},
		{"site..publish", false},
	};
	struct rig *r = *state;
	struct secret s;
	const struct access_token *t;

	create_for_one(r, 0, "status action:site.*.publish action:orders.> action:other", &s);
	t = check(r, &s);
	assert_int_equal(t->scope_bits, ACCESS_STATUS | ACCESS_ACTION);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(access_action_allowed(t, cases[i].topic, strlen(cases[i].topic)), cases[i].allowed);
}

static void requests_that_make_no_sense_are_turned_down(void **state)
{
	struct rig *r = *state;
	const char *id = engine_find(r->engine, "one")->id, *nobody = "ffffffffffffffffffffffff";
	const struct access_request cases[] = {
		{.label = "nothing covered"},
		{.team = "Web", .workflow_ids = &id, .workflow_count = 1},
		{.team = "Web", .scopes = "trigger everything"},
		{.team = "Web", .scopes = "action:"},
		{.team = "Web", .scopes = ""},
		{.team = "Web", .expires_ms = 1},
	};
	const struct access_request unknown = {.workflow_ids = &nobody, .workflow_count = 1};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(access_create(r->engine, &cases[i], on_secret, NULL), -EINVAL);
	assert_int_equal(access_create(r->engine, &unknown, on_secret, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_secret_finds_its_token_also_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_token_ends_with_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(a_renewed_token_has_a_new_secret_and_the_old_one_is_void, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_revoked_token_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_team_token_covers_what_the_team_has_now, setup, teardown),
		cmocka_unit_test_setup_teardown(actions_are_allowed_by_pattern, setup, teardown),
		cmocka_unit_test_setup_teardown(requests_that_make_no_sense_are_turned_down, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
