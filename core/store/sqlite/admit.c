/* One emission: dedup, overlap, room in the queue, and then the activity with its event; or a refusal. */
#include "store/sqlite/internal.h"

#include <errno.h>
#include "model/reason.h"

#define MINUTE_MS 60000

static int write_checkpoints(struct backend *b, const struct store_admit *a)
{
	return checkpoints_write(b, a->checkpoint_scope, a->workflow_id, a->trigger_id, a->checkpoints,
				 a->checkpoint_count);
}

static int record(struct backend *b, const struct store_admit *a, int reason, const char *detail)
{
	struct store_refusal refusal = {
		.workflow_id = a->workflow_id,
		.trigger_id = a->subject ? a->subject : a->trigger_id,
		.trigger = a->trigger,
		.reason = reason,
		.minute_ms = a->created_ms - a->created_ms % MINUTE_MS,
		.last_ms = a->created_ms,
		.count = 1,
		.sample = detail,
	};
	return refusal_add(b, &refusal);
}

static int refuse(struct backend *b, struct store_admit *a)
{
	int r = record(b, a, a->refuse_reason, a->refuse_detail);
	a->ret_outcome = STORE_REFUSED;
	return r < 0 ? r : write_checkpoints(b, a);
}

/* Among those of its trigger. A subject has keys of its own: it stands before them. */
static int dedup_key(struct backend *b, const struct store_admit *a, const char **ret, size_t *ret_len)
{
	if (!a->subject) {
		*ret = a->dedup_key;
		*ret_len = a->dedup_key_len;
		return 0;
	}
	buf_clear(&b->scope);
	buf_str(&b->scope, a->subject);
	buf_char(&b->scope, '\0');
	buf_append(&b->scope, a->dedup_key, a->dedup_key_len);
	*ret = b->scope.data;
	*ret_len = b->scope.len;
	return buf_error(&b->scope);
}

/* The key is taken: the same emission again, or another one under its key. 0: it is not taken after all. */
static int duplicate(struct backend *b, struct store_admit *a, int64_t scope)
{
	sqlite3_stmt *st = NULL;
	const char *key;
	size_t len;
	int r = dedup_key(b, a, &key, &len);
	if (r == 0)
		r = sql_bind(&b->writer, SQL_FIND_DEDUP, &st, "ibi", scope, key, len, a->created_ms);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	id_from_column(st, 0, a->ret_existing);
	bool same = sqlite3_column_bytes(st, 1) == sizeof(a->payload_hash) &&
		    memcmp(sqlite3_column_blob(st, 1), a->payload_hash, sizeof(a->payload_hash)) == 0;
	sqlite3_reset(st);

	a->ret_outcome = same ? STORE_DUPLICATE : STORE_CONFLICT;
	r = record(b, a, REASON_DUPLICATE, same ? NULL : "the same key came with another payload");
	if (r == 0 && same)
		r = write_checkpoints(b, a);
	return r < 0 ? r : 1;
}

static int queue_full(struct backend *b, struct store_admit *a)
{
	a->ret_outcome = STORE_QUEUE_FULL;
	return record(b, a, REASON_QUEUE_FULL, NULL);
}

/* 0: the key is ours, or there is none. 1: settled as a duplicate. */
static int claim_key(struct backend *b, struct store_admit *a, int64_t scope, const uint8_t *id)
{
	const char *key;
	size_t len;
	if (!a->dedup_key)
		return 0;
	int r = dedup_key(b, a, &key, &len);
	if (r < 0)
		return r;
	r = sql_run(&b->writer, SQL_ADD_DEDUP, "ibdbii", scope, key, len, id, a->payload_hash, sizeof(a->payload_hash),
		    a->dedup_expires_ms, a->created_ms);
	if (r < 0 || sqlite3_changes(b->writer.db) > 0)
		return r;
	r = duplicate(b, a, scope);
	return r == 0 ? -EIO : r;
}

static int accept_event(struct backend *b, struct store_admit *a, const struct source *source)
{
	struct event *e = &a->ret_event;
	e->data = strdup(source->accepted);
	if (!e->data)
		return -ENOMEM;
	e->time_ms = a->created_ms;
	e->type = EVENT_ACTIVITY_ACCEPTED;
	memcpy(e->workflow_id, a->workflow_id, ID_SIZE);
	memcpy(e->activity_id, a->id, ID_SIZE);
	return event_add(b, e, source->workflow);
}

/* What is settled about an emission before it is stored. */
struct admission {
	const struct source *source;
	int64_t revision;
	uint8_t id[ID_BLOB];
	struct lane lane; /* with a->lane */
	struct lane_plan plan;
};

static int store_activity(struct backend *b, struct store_admit *a, const struct admission *n)
{
	int64_t input = ++b->now.input_seq;
	int r = sql_run(&b->writer, SQL_ADD_INPUT, "iiNNN", input, a->occurred_ms, a->params, a->params_len, a->cause,
			a->cause_len, a->payload, a->payload_len);
	if (r == 0)
		r = sql_run(&b->writer, SQL_ADD_ACTIVITY, "diiiiiiiBN", n->id, n->source->workflow, n->revision,
			    n->source->num, input, a->created_ms, a->dedup_key ? a->dedup_expires_ms : 0,
			    (int64_t)n->plan.turn, n->lane.key, n->lane.key_len, a->subject,
			    a->subject ? strlen(a->subject) : (size_t)0);
	if (r == 0)
		r = write_checkpoints(b, a);
	if (r == 0)
		r = accept_event(b, a, n->source);
	if (r < 0)
		return r;
	b->now.waiting++;
	b->now.activities++;
	counters_note_id(b, a->id);
	a->ret_outcome = STORE_ADMITTED;
	a->ret_turn = n->plan.turn;
	return 0;
}

static int overlap(struct backend *b, struct store_admit *a, const struct lane *lane)
{
	char detail[60];
	int r = lane_oldest(b, lane, a->ret_existing);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	snprintf(detail, sizeof(detail), "%s has not ended", a->ret_existing);
	a->ret_outcome = STORE_OVERLAP;
	r = record(b, a, REASON_OVERLAP, detail);
	return r < 0 ? r : write_checkpoints(b, a);
}

/* What was filtered before a definition came that made the lanes narrower, or is of an older revision, widens no lane. */
static int plan(struct backend *b, const struct store_admit *a, struct admission *n)
{
	struct store_lane terms = *a->lane;
	int64_t limit = 0;
	int r = lane_limit(b, n->lane.workflow, &limit);
	if (limit > 0 && limit < terms.limit)
		terms.limit = (uint32_t)limit;
	return r < 0 ? r : lane_plan(b, &n->lane, &terms, &n->plan);
}

/* Whatever may refuse it comes before its key is claimed, so that a refused one leaves no key; and a duplicate is told so
 * even where it would be refused. 1: settled. */
static int check_room(struct backend *b, struct store_admit *a, struct admission *n)
{
	bool full = b->now.waiting >= b->queue_max;
	int r = 0;

	if (a->dedup_key && (full || a->lane))
		r = duplicate(b, a, n->source->scope);
	if (r == 0 && a->lane)
		r = plan(b, a, n);
	if (r != 0)
		return r;
	if (n->plan.taken)
		r = overlap(b, a, &n->lane);
	else if (full || n->plan.full)
		r = queue_full(b, a);
	else
		return 0;
	return r < 0 ? r : 1;
}

static int admit(struct backend *b, struct store_admit *a, struct admission *n)
{
	int r = check_room(b, a, n);
	if (r == 0)
		r = claim_key(b, a, n->source->scope, n->id);
	if (r != 0)
		return r < 0 ? r : 0;
	if (n->plan.give_way > 0)
		r = lane_give_way(b, &n->lane, a, n->plan.give_way);
	return r < 0 ? r : store_activity(b, a, n);
}

static bool lane_valid(const struct store_lane *lane)
{
	return !lane || (lane->limit > 0 && lane->key_len <= STORE_LANE_KEY_MAX);
}

int apply_admit(struct backend *b, struct store_admit *a)
{
	struct admission n = {.plan.turn = true};

	if (a->failed) {
		a->op.status = -ECANCELED;
		return 0;
	}
	if (a->refuse_reason)
		return refuse(b, a);
	int r = names_revision(b, a->revision_id, &n.revision);
	if (r == 0)
		r = names_source(b, a->workflow_id, text_or_empty(a->trigger_id), a->trigger, &n.source);
	if (r == -ENOENT || id_to_blob(a->id, n.id) < 0 || !lane_valid(a->lane)) {
		a->op.status = r == -ENOENT ? r : -EINVAL;
		return 0;
	}
	if (r < 0)
		return r;
	if (a->lane)
		n.lane = (struct lane){n.source->workflow, text_or_empty(a->lane->key), a->lane->key_len};
	return admit(b, a, &n);
}
