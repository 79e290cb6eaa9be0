/* The promise "commit first, speak second", tried at every single write and sync of a small history: the power goes
 * there, or the disk fails there, and afterwards all that was acknowledged is there, nothing that was refused is,
 * and the numbers of the events have no hole. */
#include "unit/store/support_store.h"

#include <errno.h>
#include <unistd.h>
#include "unit/store/support_powercut.h"

#define ADMITS 6
#define WAVES 2

struct history {
	struct store_admit admits[WAVES][ADMITS];
	char keys[WAVES][ADMITS][24];
	struct store_checkpoint checkpoints[WAVES][ADMITS];
	struct store_transition begins[WAVES][ADMITS], ends[WAVES][ADMITS];
	struct store_step_change begun[WAVES][ADMITS], ended[WAVES][ADMITS];
	struct store_order order;
	bool defined;
};

static void run_all(struct fixture *f, struct store_op *op, size_t stride, enum store_kind kind)
{
	for (size_t i = 0; i < ADMITS; i++)
		begin_op(f, (struct store_op *)(void *)((char *)op + i * stride), kind);
	for (size_t i = 0; i < ADMITS; i++)
		end_op(f, (struct store_op *)(void *)((char *)op + i * stride));
}

static void prepare_change(struct store_transition *t, const char *id, enum status from, enum status to,
			   struct store_step_change *step)
{
	*step = (struct store_step_change){.status = to, .attempt = 1, .exit_code = -1};
	*t = (struct store_transition){.from = from, .to = to, .now_ms = NOW_MS, .steps = step, .step_count = 1};
	memcpy(t->id, id, ID_SIZE);
}

static void run_wave(struct fixture *f, struct history *h, int wave)
{
	for (int i = 0; i < ADMITS; i++) {
		struct store_admit *a = &h->admits[wave][i];
		char *key = h->keys[wave][i];
		*a = make_admit(f);
		snprintf(key, sizeof(h->keys[0][0]), "%d-%d", wave, i);
		h->checkpoints[wave][i] = (struct store_checkpoint){"cursor", 6, key, strlen(key)};
		a->order = &h->order;
		a->order_epoch = h->order.epoch;
		a->dedup_key = key;
		a->dedup_key_len = strlen(key);
		a->dedup_expires_ms = 2 * NOW_MS;
		a->checkpoints = &h->checkpoints[wave][i];
		a->checkpoint_count = 1;
	}
	run_all(f, &h->admits[wave][0].op, sizeof(h->admits[0][0]), STORE_ADMIT);
	for (int i = 0; i < ADMITS; i++) {
		const char *id = h->admits[wave][i].id;
		prepare_change(&h->begins[wave][i], id, STATUS_NOTSTARTED, STATUS_INPROGRESS, &h->begun[wave][i]);
		prepare_change(&h->ends[wave][i], id, STATUS_INPROGRESS, STATUS_COMPLETED, &h->ended[wave][i]);
	}
	run_all(f, &h->begins[wave][0].op, sizeof(h->begins[0][0]), STORE_TRANSITION);
	run_all(f, &h->ends[wave][0].op, sizeof(h->ends[0][0]), STORE_TRANSITION);
	h->order.epoch++;
}

static void run_history(struct fixture *f, struct history *h)
{
	*h = (struct history){0};
	store_order_init(&h->order);
	fixture_define(f);
	h->defined = f->workflow_id[0];
	for (int wave = 0; wave < WAVES && h->defined; wave++)
		run_wave(f, h, wave);
}

static void free_history(struct history *h)
{
	for (int wave = 0; wave < WAVES && h->defined; wave++) {
		for (int i = 0; i < ADMITS; i++) {
			free_admit(&h->admits[wave][i]);
			store_events_free(h->begins[wave][i].ret_events, h->begins[wave][i].ret_event_count);
			store_events_free(h->ends[wave][i].ret_events, h->ends[wave][i].ret_event_count);
		}
	}
}

static bool is_unknown(const struct store_op *op)
{
	return op->status == -EINPROGRESS;
}

/* What may have become of one activity, given what was said about it. */
static void check_activity(struct fixture *f, struct history *h, int wave, int i)
{
	const struct store_op *admitted = &h->admits[wave][i].op;
	const struct store_op *begun = &h->begins[wave][i].op, *ended = &h->ends[wave][i].op;
	int status = activity_status(f, h->admits[wave][i].id);

	if (status == -ENOENT) {
		assert_int_not_equal(admitted->status, 0);
		assert_true(begun->status < 0 && ended->status < 0);
		return;
	}
	assert_true(status >= 0);
	assert_true(admitted->status == 0 || is_unknown(admitted));
	if (ended->status == 0)
		assert_int_equal(status, STATUS_COMPLETED);
	else if (begun->status == 0)
		assert_true(status == STATUS_INPROGRESS || (status == STATUS_COMPLETED && is_unknown(ended)));
	else
		assert_true(status == STATUS_NOTSTARTED || is_unknown(begun));
}

static void check_event(const struct event *events, size_t count, const struct event *said)
{
	assert_true(said->seq >= 1 && said->seq <= count);
	const struct event *kept = &events[said->seq - 1];
	assert_int_equal(kept->type, said->type);
	assert_string_equal(kept->activity_id, said->activity_id);
	assert_string_equal(kept->data, said->data);
}

static void check_events(struct fixture *f, struct history *h)
{
	struct event *events;
	size_t count = read_all_events(f, 0, &events, NULL);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(events[i].seq, i + 1);
	assert_int_equal(store_newest_event(f->store), count);
	for (int wave = 0; wave < WAVES; wave++) {
		for (int i = 0; i < ADMITS; i++) {
			if (h->admits[wave][i].op.status == 0)
				check_event(events, count, &h->admits[wave][i].ret_event);
			for (size_t k = 0; k < h->ends[wave][i].ret_event_count; k++)
				check_event(events, count, &h->ends[wave][i].ret_events[k]);
		}
	}
	store_events_free(events, count);
}

/* The checkpoint is that of the newest emission that is there: neither ahead nor behind. */
static void check_checkpoint(struct fixture *f, struct history *h)
{
	char scope[60], value[24] = "", expected[24] = "";
	for (int wave = 0; wave < WAVES; wave++)
		for (int i = 0; i < ADMITS; i++)
			if (activity_status(f, h->admits[wave][i].id) >= 0)
				memcpy(expected, h->keys[wave][i], sizeof(h->keys[0][0]));
	snprintf(scope, sizeof(scope), "trigger/%s/hook", f->workflow_id);
	read_key(f, scope, "cursor", value, sizeof(value));
	assert_string_equal(value, expected);
}

static void check_history(struct fixture *f, struct history *h)
{
	if (!h->defined)
		return;
	for (int wave = 0; wave < WAVES; wave++)
		for (int i = 0; i < ADMITS; i++)
			check_activity(f, h, wave, i);
	check_events(f, h);
	check_checkpoint(f, h);
}

/* One history with a fault at one place. Whether the fault struck. */
static bool try_at(enum fault fault, uint64_t at, enum kept kept)
{
	struct fixture f;
	static struct history h;

	h = (struct history){0};
	fixture_init(&f);
	f.options.vfs = "powercut";
	f.options.ballast = 4096;
	powercut_arm(fault, at, 1);
	if (fixture_open(&f) == 0) {
		run_history(&f, &h);
		fixture_close(&f);
	}
	bool struck = powercut_struck();
	powercut_restore(kept, (uint32_t)at);
	assert_int_equal(fixture_open(&f), 0);
	check_history(&f, &h);
	free_history(&h);
	fixture_release(&f);
	powercut_restore(KEPT_ALL, 0);
	return struck;
}

static void sweep(enum fault fault, enum kept kept)
{
	uint64_t at = 1;
	powercut_install();
	log_setup(LOG_ERROR + 1, false);
	while (try_at(fault, at, kept))
		at++;
	/* The history is more than a few writes, or the sweep has swept nothing. */
	assert_true(at > 50);
}

static void the_power_goes_at_any_write_and_nothing_unsynced_stays(void **state)
{
	(void)state;
	sweep(FAULT_CUT, KEPT_NONE);
}

static void the_power_goes_at_any_write_and_some_of_it_stays(void **state)
{
	(void)state;
	sweep(FAULT_CUT, KEPT_SOME);
}

static void the_daemon_is_killed_at_any_write(void **state)
{
	(void)state;
	sweep(FAULT_CUT, KEPT_ALL);
}

static void the_disk_is_full_at_any_write(void **state)
{
	(void)state;
	sweep(FAULT_FULL, KEPT_NONE);
}

static void the_disk_fails_at_any_write(void **state)
{
	(void)state;
	sweep(FAULT_IO, KEPT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_power_goes_at_any_write_and_nothing_unsynced_stays),
		cmocka_unit_test(the_power_goes_at_any_write_and_some_of_it_stays),
		cmocka_unit_test(the_daemon_is_killed_at_any_write),
		cmocka_unit_test(the_disk_is_full_at_any_write),
		cmocka_unit_test(the_disk_fails_at_any_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
