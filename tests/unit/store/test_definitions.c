#include "unit/store/support_store.h"

#include <errno.h>

static struct store_definition definition(const char *slug, const char *hash)
{
	return (struct store_definition){.slug = slug,
					 .name = slug,
					 .team = "T",
					 .hash = hash,
					 .canonical = hash,
					 .canonical_len = strlen(hash)};
}

/* The count of events; they are freed. */
static size_t define(struct fixture *f, struct store_definition *items, size_t count, bool complete, int expected)
{
	char ids[8][ID_SIZE];
	struct store_definitions d = {.items = items,
				      .count = count,
				      .complete = complete,
				      .new_ids = ids,
				      .now_ms = NOW_MS,
				      .by = "folder",
				      .from_folder = true};
	for (size_t i = 0; i < 2 * count; i++)
		id_next(&f->ids, NOW_MS, 0, ids[i]);
	assert_int_equal(run_op(f, &d.op, STORE_DEFINITIONS), expected);
	for (size_t i = 0; i < d.ret_event_count; i++)
		assert_int_equal(d.ret_events[i].type, EVENT_WORKFLOW_CHANGED);
	store_events_free(d.ret_events, d.ret_event_count);
	return d.ret_event_count;
}

struct seen {
	bool done;
	size_t count;
	struct store_workflow_row rows[4];
	char disabled[100], canonical[20], text[200];
	int status;
	uint32_t revision;
};

static bool is_seen(void *arg)
{
	return ((struct seen *)arg)->done;
}

static void keep_workflows(void *arg, int status, const struct store_workflow_row *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	seen->count = count;
	for (size_t i = 0; i < count && i < 4; i++)
		seen->rows[i] = rows[i];
	snprintf(seen->disabled, sizeof(seen->disabled), "%s", rows[0].disabled_triggers);
	seen->done = true;
}

static struct seen list_workflows(struct fixture *f)
{
	struct seen seen = {0};
	assert_int_equal(store_list_workflows(f->store, keep_workflows, &seen), 0);
	wait_until(f, is_seen, &seen);
	return seen;
}

static void keep_revision(void *arg, int status, const char *workflow_id, uint32_t revision, const char *canonical,
			  size_t len)
{
	struct seen *seen = arg;
	(void)workflow_id;
	seen->status = status;
	seen->revision = revision;
	snprintf(seen->canonical, sizeof(seen->canonical), "%.*s", (int)len, canonical ? canonical : "");
	seen->done = true;
}

static void going_back_to_an_earlier_definition_makes_a_third_revision(void **state)
{
	struct fixture *f = *state;
	struct store_definition item = definition("demo2", "aa");
	char ids[3][ID_SIZE];
	const char *hashes[] = {"aa", "bb", "aa"};

	for (uint32_t i = 0; i < 3; i++) {
		item.hash = item.canonical = hashes[i];
		assert_int_equal(define(f, &item, 1, false, 0), 1);
		assert_true(item.ret_changed);
		assert_true(item.ret_enabled);
		assert_int_equal(item.ret_revision, i + 1);
		memcpy(ids[i], item.ret_revision_id, ID_SIZE);
	}
	assert_int_equal(define(f, &item, 1, false, 0), 0);
	assert_false(item.ret_changed);
	assert_string_equal(item.ret_revision_id, ids[2]);

	struct seen seen = {0};
	assert_int_equal(store_get_revision(f->store, ids[1], keep_revision, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_int_equal(seen.status, 0);
	assert_int_equal(seen.revision, 2);
	assert_string_equal(seen.canonical, "bb");
	seen.done = false;
	assert_int_equal(store_get_revision(f->store, "00000000000000000000000f", keep_revision, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_int_equal(seen.status, -ENOENT);
}

static void an_imported_id_that_belongs_to_another_refuses_them_all(void **state)
{
	struct fixture *f = *state;
	struct store_definition items[2] = {definition("new", "n"), definition("thief", "t")};

	items[1].imported_id = f->workflow_id;
	assert_int_equal(define(f, items, 2, false, -EEXIST), 0);
	assert_int_equal(list_workflows(f).count, 1);
	/* Both with the same new id: one of them must be wrong. */
	items[0].imported_id = items[1].imported_id = "5dd74d0976df2d000110e52a";
	assert_int_equal(define(f, items, 2, false, -EEXIST), 0);
	assert_int_equal(define(f, items, 1, false, 0), 1);
	assert_string_equal(items[0].ret_id, "5dd74d0976df2d000110e52a");
}

static void an_imported_id_does_not_move_the_ids_that_follow(void **state)
{
	struct fixture *f = *state;
	struct store_definition item = definition("future", "f");

	item.imported_id = "ffffffffffffffffffffffff";
	assert_int_equal(define(f, &item, 1, false, 0), 1);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	assert_true(store_newest_id(f->store)[0] == '0');
}

static void what_is_gone_from_the_folder_is_removed_and_can_come_back(void **state)
{
	struct fixture *f = *state;
	struct store_definition other = definition("other", "o"), demo = definition("demo", "aa");

	assert_int_equal(define(f, &other, 1, true, 0), 2);
	struct seen seen = list_workflows(f);
	assert_int_equal(seen.count, 2);
	assert_true(seen.rows[0].removed);
	assert_false(seen.rows[1].removed);
	assert_int_equal(define(f, &other, 1, true, 0), 0);

	assert_int_equal(define(f, &demo, 1, false, 0), 1);
	assert_false(demo.ret_changed);
	assert_string_equal(demo.ret_id, f->workflow_id);
	assert_false(list_workflows(f).rows[0].removed);
}

static int switch_to(struct fixture *f, const char *workflow_id, const char *trigger_id, bool enabled,
		     size_t *ret_events)
{
	struct store_enable e = {
		.workflow_id = workflow_id, .trigger_id = trigger_id, .enabled = enabled, .now_ms = NOW_MS};
	int r = run_op(f, &e.op, STORE_ENABLE);
	if (ret_events)
		*ret_events = e.ret_event_count;
	if (e.ret_event_count > 0)
		assert_int_equal(e.ret_events[0].type, enabled ? EVENT_WORKFLOW_ENABLED : EVENT_WORKFLOW_DISABLED);
	store_events_free(e.ret_events, e.ret_event_count);
	return r;
}

static void switches_are_kept(void **state)
{
	struct fixture *f = *state;
	size_t events;

	assert_int_equal(switch_to(f, f->workflow_id, NULL, false, &events), 0);
	assert_int_equal(events, 1);
	assert_int_equal(switch_to(f, f->workflow_id, NULL, false, &events), 0);
	assert_int_equal(events, 0);
	assert_int_equal(switch_to(f, f->workflow_id, "b", false, NULL), 0);
	assert_int_equal(switch_to(f, f->workflow_id, "a", false, NULL), 0);
	assert_int_equal(switch_to(f, "00000000000000000000000f", NULL, false, NULL), -ENOENT);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	struct seen seen = list_workflows(f);
	assert_false(seen.rows[0].enabled);
	assert_string_equal(seen.disabled, "a b");
	assert_int_equal(switch_to(f, f->workflow_id, "a", true, &events), 0);
	assert_int_equal(events, 1);
	assert_string_equal(list_workflows(f).disabled, "b");
}

static int do_token(struct fixture *f, enum store_token_action action, const char *id, uint8_t first_byte)
{
	struct store_token t = {.action = action,
				.token = {.label = "ci",
					  .workflow_ids = f->workflow_id,
					  .scopes = "trigger status",
					  .created_ms = NOW_MS,
					  .expires_ms = NOW_MS + first_byte,
					  .revoked_ms = NOW_MS}};
	memcpy(t.token.id, id, ID_SIZE);
	t.token.hash[0] = first_byte;
	if (action != STORE_TOKEN_REVOKE)
		t.token.revoked_ms = 0;
	return run_op(f, &t.op, STORE_TOKEN);
}

static void keep_tokens(void *arg, int status, const struct store_token_record *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	seen->count = count;
	if (count > 0)
		snprintf(seen->text, sizeof(seen->text), "%s|%s|%s|%s|%d|%lld|%lld", rows[0].label,
			 rows[0].workflow_ids, rows[0].team ? rows[0].team : "-", rows[0].scopes, rows[0].hash[0],
			 (long long)(rows[0].expires_ms - NOW_MS), (long long)rows[0].last_used_ms);
	seen->done = true;
}

static struct seen list_tokens(struct fixture *f)
{
	struct seen seen = {0};
	assert_int_equal(store_list_tokens(f->store, keep_tokens, &seen), 0);
	wait_until(f, is_seen, &seen);
	return seen;
}

static void tokens_are_made_renewed_used_and_revoked(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], other[ID_SIZE], expected[200];

	id_next(&f->ids, NOW_MS, 0, id);
	id_next(&f->ids, NOW_MS, 0, other);
	assert_int_equal(do_token(f, STORE_TOKEN_CREATE, id, 1), 0);
	assert_int_equal(do_token(f, STORE_TOKEN_CREATE, id, 2), -EEXIST);
	assert_int_equal(do_token(f, STORE_TOKEN_CREATE, other, 1), -EEXIST);
	assert_int_equal(do_token(f, STORE_TOKEN_RENEW, other, 9), -ENOENT);
	assert_int_equal(do_token(f, STORE_TOKEN_RENEW, id, 3), 0);
	struct store_token_record used = {.last_used_ms = NOW_MS};
	memcpy(used.id, id, ID_SIZE);
	struct store_token t = {.action = STORE_TOKEN_USED, .used = &used, .used_count = 1};
	assert_int_equal(run_op(f, &t.op, STORE_TOKEN), 0);

	struct seen seen = list_tokens(f);
	assert_int_equal(seen.count, 1);
	snprintf(expected, sizeof(expected), "ci|%s|-|trigger status|3|3|%lld", f->workflow_id, (long long)NOW_MS);
	assert_string_equal(seen.text, expected);
	assert_int_equal(do_token(f, STORE_TOKEN_REVOKE, id, 0), 0);
	assert_int_equal(do_token(f, STORE_TOKEN_REVOKE, id, 0), -ENOENT);
	assert_int_equal(do_token(f, STORE_TOKEN_RENEW, id, 4), -ENOENT);
	assert_int_equal(list_tokens(f).count, 0);
}

static void set_kv(struct fixture *f, const char *scope, const char *key, const char *value)
{
	struct store_kv kv = {
		.scope = scope, .key = key, .key_len = strlen(key), .value = value, .value_len = strlen(value)};
	assert_int_equal(run_op(f, &kv.op, STORE_KV), 0);
}

static void keep_scopes(void *arg, int status, const char *const *scopes, const struct store_checkpoint *rows,
			size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(seen->text);
		snprintf(seen->text + len, sizeof(seen->text) - len, "%s:%.*s=%.*s;", scopes[i], (int)rows[i].key_len,
			 rows[i].key, (int)rows[i].value_len, (const char *)rows[i].value);
	}
	seen->done = true;
}

static void state_is_kept_by_scope(void **state)
{
	struct fixture *f = *state;
	static const char *const scopes[] = {"trigger/x/b", "trigger/x/a"};
	struct seen seen = {0};
	char value[20];

	set_kv(f, "plugin/schedule", "k", "1");
	set_kv(f, "trigger/x/a", "k", "2");
	set_kv(f, "trigger/x/b", "k", "3");
	set_kv(f, "trigger/x/b", "k", "4");
	set_kv(f, "trigger/x/b", "gone", "5");
	set_kv(f, "trigger/x/b", "gone", "");
	assert_int_equal(read_key(f, "trigger/x/b", "k", value, sizeof(value)), 0);
	assert_string_equal(value, "4");
	assert_int_equal(read_key(f, "trigger/x/b", "gone", value, sizeof(value)), -ENOENT);
	assert_int_equal(store_list_kv(f->store, scopes, 2, keep_scopes, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_string_equal(seen.text, "trigger/x/a:k=2;trigger/x/b:k=4;");
}

static const char *list_scopes(struct fixture *f, struct seen *seen, const char *const *scopes, size_t count)
{
	*seen = (struct seen){0};
	assert_int_equal(store_list_kv(f->store, scopes, count, keep_scopes, seen), 0);
	wait_until(f, is_seen, seen);
	return seen->text;
}

static void state_of_many_scopes_is_theirs_alone(void **state)
{
	static const char *const some[] = {"e", "b", "0", "bb", "z", "b"}, *const last[] = {"f"},
				 *const none[] = {"aa", "g"};
	struct fixture *f = *state;
	struct seen seen;

	for (char scope[2] = "a"; scope[0] <= 'f'; scope[0]++) {
		set_kv(f, scope, "1", "x");
		set_kv(f, scope, "2", "y");
	}
	set_kv(f, "b/", "1", "x");
	assert_string_equal(list_scopes(f, &seen, some, 6), "b:1=x;b:2=y;e:1=x;e:2=y;");
	assert_string_equal(list_scopes(f, &seen, last, 1), "f:1=x;f:2=y;");
	assert_string_equal(list_scopes(f, &seen, none, 2), "");
}

static void keep_accounts(void *arg, int status, const struct store_account_row *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	seen->count = count;
	if (count > 0)
		snprintf(seen->text, sizeof(seen->text), "%s %lld %d", rows[0].trigger_id, (long long)rows[0].count,
			 rows[0].outcome);
	seen->done = true;
}

static void accounts_are_kept_once_per_range(void **state)
{
	struct fixture *f = *state;
	struct store_checkpoint checkpoint = {"cursor", 6, "x", 1};
	struct store_account a = {.workflow_id = f->workflow_id,
				  .trigger_id = "nightly",
				  .first_ms = NOW_MS,
				  .last_ms = NOW_MS + 9,
				  .count = 4,
				  .outcome = 1,
				  .checkpoints = &checkpoint,
				  .checkpoint_count = 1,
				  .now_ms = NOW_MS};
	struct seen seen = {0};
	char scope[60], value[10];

	assert_int_equal(run_op(f, &a.op, STORE_ACCOUNT), 0);
	assert_int_equal(run_op(f, &a.op, STORE_ACCOUNT), 0);
	assert_int_equal(store_list_accounts(f->store, f->workflow_id, 0, 0, 10, keep_accounts, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.text, "nightly 4 1");
	snprintf(scope, sizeof(scope), "trigger/%s/nightly", f->workflow_id);
	assert_int_equal(read_key(f, scope, "cursor", value, sizeof(value)), 0);
}

static void keep_samples(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	seen->count = count;
	snprintf(seen->text, sizeof(seen->text), "%llu %s", (unsigned long long)rows[0].count, rows[0].sample);
	seen->done = true;
}

static void refusals_add_up_and_keep_the_last_samples(void **state)
{
	struct fixture *f = *state;
	const char *samples[] = {"one", "two", "three", "two", "four"};
	struct seen seen = {0};

	for (int i = 0; i < 5; i++) {
		struct store_refusal item = {.workflow_id = "",
					     .trigger_id = "",
					     .trigger = "webhook",
					     .reason = 7,
					     .minute_ms = 60000,
					     .last_ms = 60000 + i,
					     .count = 10,
					     .sample = samples[i]};
		struct store_refusals op = {.items = &item, .count = 1};
		assert_int_equal(run_op(f, &op.op, STORE_REFUSALS), 0);
		store_events_free(op.ret_events, op.ret_event_count);
	}
	assert_int_equal(store_list_refusals(f->store, NULL, 0, 0, 10, keep_samples, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.text, "50 four\ntwo\nthree");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(going_back_to_an_earlier_definition_makes_a_third_revision,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_imported_id_that_belongs_to_another_refuses_them_all, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(an_imported_id_does_not_move_the_ids_that_follow, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_gone_from_the_folder_is_removed_and_can_come_back,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(switches_are_kept, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(tokens_are_made_renewed_used_and_revoked, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(state_is_kept_by_scope, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(state_of_many_scopes_is_theirs_alone, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(accounts_are_kept_once_per_range, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(refusals_add_up_and_keep_the_last_samples, fixture_setup,
						fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
