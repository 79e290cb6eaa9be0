#include "unit/store/support_store.h"

#include <errno.h>

/* Who gives a definition: the folder, or somebody by the interface. */
struct giver {
	bool folder, complete;
	const char *expected;
};
static const struct giver folder = {.folder = true}, interface = {.folder = false};

/* One definition; its results, and the status. */
static struct store_definition give(struct fixture *f, const char *slug, const char *hash, struct giver giver,
				    int *ret_status)
{
	char ids[2][ID_SIZE];
	struct store_definition item = {
		.slug = slug, .hash = hash, .canonical = hash, .canonical_len = 1, .expected = giver.expected};
	struct store_definitions d = {.items = &item,
				      .count = 1,
				      .complete = giver.complete,
				      .new_ids = ids,
				      .now_ms = NOW_MS,
				      .by = giver.folder ? "folder" : "token of somebody",
				      .from_folder = giver.folder};
	id_next(&f->ids, NOW_MS, 0, ids[0]);
	id_next(&f->ids, NOW_MS, 0, ids[1]);
	*ret_status = run_op(f, &d.op, STORE_DEFINITIONS);
	store_events_free(d.ret_events, d.ret_event_count);
	return item;
}

static struct store_definition must_give(struct fixture *f, const char *slug, const char *hash, struct giver giver)
{
	int status;
	struct store_definition item = give(f, slug, hash, giver, &status);
	assert_int_equal(status, 0);
	return item;
}

static int try_give(struct fixture *f, const char *slug, const char *hash, struct giver giver)
{
	int status;
	give(f, slug, hash, giver, &status);
	return status;
}

static int try_remove(struct fixture *f, const char *workflow_id, const char *expected)
{
	struct store_remove r = {.workflow_id = workflow_id, .expected = expected, .by = "me", .now_ms = NOW_MS};
	int status = run_op(f, &r.op, STORE_REMOVE);
	assert_int_equal(r.ret_event_count, status == 0 ? 1 : 0);
	if (status == 0) {
		assert_int_equal(r.ret_events[0].type, EVENT_WORKFLOW_CHANGED);
		assert_non_null(strstr(r.ret_events[0].data, "\"removed\":true"));
		assert_non_null(strstr(r.ret_events[0].data, "\"by\":\"me\""));
	}
	store_events_free(r.ret_events, r.ret_event_count);
	return status;
}

struct seen {
	bool done;
	const char *slug;
	bool removed, from_folder, enabled;
	char revision_id[ID_SIZE];
	size_t count;
	uint32_t numbers[10];
	char by[10][40], ids[10][ID_SIZE];
};

static bool is_seen(void *arg)
{
	return ((struct seen *)arg)->done;
}

static void keep_workflow(void *arg, int status, const struct store_workflow_row *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].slug, seen->slug) != 0)
			continue;
		seen->count++;
		seen->removed = rows[i].removed;
		seen->from_folder = rows[i].from_folder;
		memcpy(seen->revision_id, rows[i].revision_id, ID_SIZE);
	}
	seen->done = true;
}

static struct seen look(struct fixture *f, const char *slug)
{
	struct seen seen = {.slug = slug};
	assert_int_equal(store_list_workflows(f->store, keep_workflow, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_int_equal(seen.count, 1);
	return seen;
}

static void the_interface_does_not_change_what_is_the_folders(void **state)
{
	struct fixture *f = *state;

	struct store_definition item = must_give(f, "a", "1", folder);
	assert_int_equal(try_give(f, "a", "2", interface), -EPERM);
	assert_int_equal(try_give(f, "a", "1", interface), -EPERM);
	assert_int_equal(try_remove(f, item.ret_id, NULL), -EPERM);
	struct seen seen = look(f, "a");
	assert_true(seen.from_folder);
	assert_false(seen.removed);
	assert_string_equal(seen.revision_id, item.ret_revision_id);
}

static void what_has_gone_from_the_folder_is_anybodys(void **state)
{
	struct fixture *f = *state;

	struct store_definition item = must_give(f, "a", "1", folder);
	must_give(f, "b", "1", (struct giver){.folder = true, .complete = true});
	assert_true(look(f, "a").removed);
	struct store_definition again = must_give(f, "a", "2", interface);
	assert_string_equal(again.ret_id, item.ret_id);
	assert_int_equal(again.ret_revision, 2);
	assert_false(look(f, "a").from_folder);
	assert_false(look(f, "a").removed);
}

static void the_folder_takes_over_what_the_interface_made(void **state)
{
	struct fixture *f = *state;

	assert_false(must_give(f, "a", "1", interface).ret_taken);
	assert_false(must_give(f, "a", "2", interface).ret_taken);
	assert_true(must_give(f, "a", "2", folder).ret_taken);
	assert_true(look(f, "a").from_folder);
	assert_false(must_give(f, "a", "2", folder).ret_taken);
}

static void a_complete_folder_leaves_what_the_interface_made(void **state)
{
	struct fixture *f = *state;

	must_give(f, "a", "1", interface);
	must_give(f, "b", "1", (struct giver){.folder = true, .complete = true});
	assert_false(look(f, "a").removed);
}

static void a_change_of_another_state_than_expected_is_stale(void **state)
{
	struct fixture *f = *state;
	const struct giver fresh = {.expected = ""};

	struct store_definition first = must_give(f, "a", "1", fresh);
	assert_int_equal(try_give(f, "a", "2", fresh), -ESTALE);
	struct giver of_first = {.expected = first.ret_revision_id};
	assert_int_equal(try_give(f, "other", "1", of_first), -ESTALE);
	struct store_definition second = must_give(f, "a", "2", of_first);
	assert_int_equal(try_give(f, "a", "3", of_first), -ESTALE);
	assert_string_equal(look(f, "a").revision_id, second.ret_revision_id);

	assert_int_equal(try_remove(f, second.ret_id, first.ret_revision_id), -ESTALE);
	assert_false(look(f, "a").removed);
	assert_int_equal(try_remove(f, second.ret_id, second.ret_revision_id), 0);
	/* What is removed does not exist. */
	assert_int_equal(try_give(f, "a", "3", (struct giver){.expected = second.ret_revision_id}), -ESTALE);
	must_give(f, "a", "3", fresh);
}

static void one_stale_definition_keeps_all_of_them_out(void **state)
{
	struct fixture *f = *state;
	char ids[4][ID_SIZE];
	struct store_definition items[2] = {
		{.slug = "good", .hash = "1", .canonical = "1", .canonical_len = 1},
		{.slug = "stale",
		 .hash = "1",
		 .canonical = "1",
		 .canonical_len = 1,
		 .expected = "5dd74d0976df2d000110e52a"},
	};
	struct store_definitions d = {.items = items, .count = 2, .new_ids = ids, .now_ms = NOW_MS, .by = "me"};
	for (int i = 0; i < 4; i++)
		id_next(&f->ids, NOW_MS, 0, ids[i]);
	assert_int_equal(run_op(f, &d.op, STORE_DEFINITIONS), -ESTALE);
	assert_int_equal(d.ret_event_count, 0);
	must_give(f, "good", "1", (struct giver){.expected = ""});
}

static void a_removal_is_kept_and_history_stays(void **state)
{
	struct fixture *f = *state;
	struct store_admit a = make_admit(f);

	struct store_definition item = must_give(f, "a", "1", interface);
	a.workflow_id = item.ret_id;
	a.revision_id = item.ret_revision_id;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	free_admit(&a);
	assert_int_equal(try_remove(f, "5dd74d0976df2d000110e52a", NULL), -ENOENT);
	assert_int_equal(try_remove(f, item.ret_id, NULL), 0);
	assert_int_equal(try_remove(f, item.ret_id, NULL), -ENOENT);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	assert_true(look(f, "a").removed);
	assert_int_equal(activity_status(f, a.id), STATUS_NOTSTARTED);
}

static void keep_revisions(void *arg, int status, const struct store_revision_row *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	seen->count = count;
	for (size_t i = 0; i < count && i < 10; i++) {
		seen->numbers[i] = rows[i].number;
		memcpy(seen->ids[i], rows[i].id, ID_SIZE);
		snprintf(seen->by[i], sizeof(seen->by[i]), "%s/%s", rows[i].by, rows[i].hash);
		assert_int_equal(rows[i].made_ms, NOW_MS);
	}
	seen->done = true;
}

static struct seen revisions(struct fixture *f, const char *id, uint32_t before, size_t limit)
{
	struct seen seen = {0};
	assert_int_equal(store_list_revisions(f->store, id, before, limit, keep_revisions, &seen), 0);
	wait_until(f, is_seen, &seen);
	return seen;
}

static void revisions_are_listed_from_the_newest_page_by_page(void **state)
{
	struct fixture *f = *state;
	char hash[2] = "1";
	struct store_definition item = {0};

	must_give(f, "other", "x", interface);
	for (; hash[0] <= '5'; hash[0]++)
		item = must_give(f, "a", hash, hash[0] < '5' ? interface : folder);
	struct seen seen = revisions(f, item.ret_id, 0, 3);
	assert_int_equal(seen.count, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(seen.numbers[i], 5 - i);
	assert_string_equal(seen.ids[0], item.ret_revision_id);
	assert_string_equal(seen.by[0], "folder/5");
	assert_string_equal(seen.by[1], "token of somebody/4");
	seen = revisions(f, item.ret_id, 3, 3);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.numbers[0], 2);
	assert_int_equal(revisions(f, "5dd74d0976df2d000110e52a", 0, 3).count, 0);
}

#define OWNER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWNER_TEST(the_interface_does_not_change_what_is_the_folders),
		OWNER_TEST(what_has_gone_from_the_folder_is_anybodys),
		OWNER_TEST(the_folder_takes_over_what_the_interface_made),
		OWNER_TEST(a_complete_folder_leaves_what_the_interface_made),
		OWNER_TEST(a_change_of_another_state_than_expected_is_stale),
		OWNER_TEST(one_stale_definition_keeps_all_of_them_out),
		OWNER_TEST(a_removal_is_kept_and_history_stays),
		OWNER_TEST(revisions_are_listed_from_the_newest_page_by_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
