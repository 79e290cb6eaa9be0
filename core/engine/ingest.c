/* Emissions: copied, checked against the workflow as it is now, handed to the store, answered after the commit.
 *
 * Where no dedup key is given, the answer carries "auto/" and the activity's id: an emission that comes back with such a key
 * after an unknown outcome is looked up first, and stored under the same id, so that it cannot double and keys that nobody needs
 * cost no row. While one is looked up, later emissions of the same trigger are held back: their order is kept. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

#define DEDUP_WINDOW_MS ((int64_t)24 * 3600 * 1000)
#define KEY_MAX 255
#define VALUE_MAX (64 * 1024)
#define TEXT_MAX ((size_t)64 * 1024 * 1024)
#define AUTO "auto/"
#define AUTO_LEN (sizeof(AUTO) - 1)

struct ingest {
	struct store_admit admit;
	struct engine *engine;
	struct list node;
	struct catalog_trigger *order;
	struct activity_texts texts;
	char workflow_id[ID_SIZE], revision_id[ID_SIZE];
	engine_emit_cb cb;
	void *arg;
	bool again; /* the key was made by the host: it is looked up */
	char key[KEY_MAX + 1];
	size_t key_len;
	char detail[ENGINE_MESSAGE_MAX];
	struct store_checkpoint *checkpoints; /* one block */
};

void ingest_init(struct engine *e)
{
	list_init(&e->ingest.lookups);
	list_init(&e->ingest.held);
}

/* ---- The answer -------------------------------------------------------------------------------------------------- */

static void answer(struct ingest *i, enum engine_outcome outcome, int reason, const char *id, const char *detail)
{
	struct engine *e = i->engine;
	struct engine_result result = {
		.outcome = outcome,
		.reason = reason,
		.activity_id = id,
		.dedup_key = i->key,
		.dedup_key_len = i->key_len,
		.detail = detail,
	};

	metric_add(e->metrics.ingest[outcome], 1);
	if (i->order)
		i->order->in_flight--;
	i->cb(i->arg, &result);
	free(i->texts.block);
	free(i->checkpoints);
	free(i);
}

/* Those behind it in the same order are cancelled by the store. */
static void order_broken(struct ingest *i)
{
	if (i->order && i->order->order.epoch == i->admit.order_epoch)
		i->order->order.epoch++;
}

static void answer_stored(struct ingest *i)
{
	struct store_admit *a = &i->admit;

	switch (a->ret_outcome) {
	case STORE_ADMITTED:
		if (i->engine->options.bus)
			bus_publish(i->engine->options.bus, &a->ret_event, 1);
		event_release(&a->ret_event);
		scheduler_admitted(i->engine, a, &i->texts);
		answer(i, ENGINE_OK, REASON_NONE, a->id, "");
		break;
	case STORE_DUPLICATE:
		answer(i, ENGINE_DUP, REASON_NONE, a->ret_existing, "");
		break;
	case STORE_CONFLICT:
		answer(i, ENGINE_CONFLICT, REASON_NONE, a->ret_existing, "");
		break;
	case STORE_QUEUE_FULL:
		order_broken(i);
		answer(i, ENGINE_REFUSED, REASON_QUEUE_FULL, "", "too many activities wait already");
		break;
	case STORE_REFUSED:
		if (i->again)
			answer(i, ENGINE_DUP, REASON_NONE, a->id, "");
		else
			answer(i, ENGINE_REFUSED, a->refuse_reason, "", i->detail);
		break;
	}
}

static const char *why_not_stored(int status)
{
	if (status == -ENOSPC)
		return "the disk is full";
	if (status == -ECANCELED)
		return "an earlier emission was not stored, or the daemon stops";
	return "the store failed";
}

static void decided(struct store_op *op)
{
	struct ingest *i = list_entry(op, struct ingest, admit.op);

	if (op->status == 0) {
		answer_stored(i);
		return;
	}
	if (op->status == -EEXIST) {
		answer(i, ENGINE_DUP, REASON_NONE, i->admit.id, "");
		return;
	}
	order_broken(i);
	if (op->status == -EINPROGRESS)
		answer(i, ENGINE_UNKNOWN, REASON_STORE, "", "the commit was not confirmed");
	else
		answer(i, ENGINE_CANCELED, REASON_STORE, "", why_not_stored(op->status));
}

/* ---- Handing it over, in order ------------------------------------------------------------------------------------ */

static void submit(struct ingest *i)
{
	if (i->order)
		i->admit.order_epoch = i->order->order.epoch;
	store_submit(i->engine->store, &i->admit.op);
}

static bool waits_in(const struct list *list, const struct catalog_trigger *order)
{
	list_each(node, list)
		if (order && list_entry(node, struct ingest, node)->order == order)
			return true;
	return false;
}

static void dispatch(struct ingest *i);

static void release_held(struct engine *e)
{
	struct list held;

	list_init(&held);
	list_splice(&held, &e->ingest.held);
	while (!list_empty(&held)) {
		struct list *first = list_first(&held);

		list_remove(first);
		dispatch(list_entry(first, struct ingest, node));
	}
}

/* It is there already: only the checkpoints are left to be stored, with a record of why nothing was started. */
static void make_duplicate(struct ingest *i)
{
	i->admit.refuse_reason = REASON_DUPLICATE;
	i->admit.refuse_detail = "its outcome had been unknown";
}

static void looked_up(void *arg, int status, const struct store_activity_row *row)
{
	struct ingest *i = arg;
	struct engine *e = i->engine;

	list_remove(&i->node);
	if (status == 0 && strcmp(row->workflow_id, i->workflow_id) == 0)
		make_duplicate(i);
	if (status == 0 || status == -ENOENT) {
		submit(i);
	} else {
		if (i->order)
			i->admit.order_epoch = i->order->order.epoch;
		order_broken(i);
		answer(i, ENGINE_UNKNOWN, REASON_STORE, "", "the store could not be asked");
	}
	release_held(e);
}

static void dispatch(struct ingest *i)
{
	struct ingest_state *state = &i->engine->ingest;

	if (waits_in(&state->lookups, i->order) || waits_in(&state->held, i->order)) {
		list_append(&state->held, &i->node);
		return;
	}
	if (!i->again) {
		submit(i);
		return;
	}
	list_append(&state->lookups, &i->node);
	if (store_get_activity(i->engine->store, i->admit.id, looked_up, i) < 0) {
		list_remove(&i->node);
		i->admit.op.status = -ECANCELED;
		submit(i);
	}
}

/* ---- Taking it in ------------------------------------------------------------------------------------------------ */

static int check_sizes(const struct engine_emission *m)
{
	if (m->dedup_key_len > KEY_MAX)
		return -E2BIG;
	if (m->payload_len > TEXT_MAX || m->params_len > TEXT_MAX || m->cause_len > TEXT_MAX)
		return -E2BIG;
	for (size_t i = 0; i < m->checkpoint_count; i++)
		if (m->checkpoints[i].key_len > KEY_MAX || m->checkpoints[i].value_len > VALUE_MAX)
			return -E2BIG;
	return 0;
}

static int copy_checkpoints(struct ingest *i, const struct engine_emission *m)
{
	size_t size = m->checkpoint_count * sizeof(*i->checkpoints);
	char *at;

	if (m->checkpoint_count == 0)
		return 0;
	for (size_t k = 0; k < m->checkpoint_count; k++)
		size += m->checkpoints[k].key_len + m->checkpoints[k].value_len;
	i->checkpoints = malloc(size);
	if (!i->checkpoints)
		return -ENOMEM;
	at = (char *)(i->checkpoints + m->checkpoint_count);
	for (size_t k = 0; k < m->checkpoint_count; k++) {
		const struct store_checkpoint *from = &m->checkpoints[k];

		i->checkpoints[k] = (struct store_checkpoint){at, from->key_len, at + from->key_len, from->value_len};
		memcpy(at, from->key, from->key_len);
		if (from->value_len)
			memcpy(at + from->key_len, from->value, from->value_len);
		at += from->key_len + from->value_len;
	}
	i->admit.checkpoints = i->checkpoints;
	i->admit.checkpoint_count = m->checkpoint_count;
	return 0;
}

static void refuse(struct ingest *i, int reason, const char *detail)
{
	i->admit.refuse_reason = reason;
	if (detail != i->detail)
		(void)snprintf(i->detail, sizeof(i->detail), "%s", detail);
	i->admit.refuse_detail = i->detail;
}

static bool is_reserved(const char *trigger)
{
	return strcmp(trigger, "manual") == 0 || strcmp(trigger, "replay") == 0 || strcmp(trigger, "workflow") == 0;
}

/* Whether the workflow and its trigger take anything now. */
static void check_enabled(struct ingest *i, const struct catalog_entry *entry, const struct engine_emission *m)
{
	if (entry->removed)
		refuse(i, REASON_DISABLED, "the workflow's file is gone");
	else if (!entry->enabled)
		refuse(i, REASON_DISABLED, "the workflow is switched off");
	else if (strcmp(m->trigger, "manual") == 0 && entry->workflow && !entry->workflow->manual)
		refuse(i, REASON_DISABLED, "the workflow cannot be started by hand");
	else if (!is_reserved(m->trigger) && !engine_trigger_enabled(i->engine, entry, m->trigger_id))
		refuse(i, REASON_DISABLED, "the trigger is switched off");
}

static int complete_params(struct ingest *i, const struct catalog_entry *entry, const struct engine_emission *m,
			   struct buf *out)
{
	struct json *given = NULL;
	int r = 0;

	if (m->params_len > 0)
		r = json_parse(m->params, m->params_len, &given, NULL);
	if (r == 0 && given && !json_is_object(given))
		r = -EINVAL;
	if (r < 0)
		goto cleanup;
	if (!entry->workflow || i->admit.refuse_reason) {
		r = given ? json_print(given, out) : buf_str(out, "{}");
	} else if (workflow_params(entry->workflow, given, out, i->detail, sizeof(i->detail)) == -EINVAL) {
		refuse(i, REASON_PARAMETERS, i->detail);
		buf_clear(out);
		r = buf_str(out, "{}");
	}
	if (r == 0)
		r = buf_error(out) == -ENOBUFS ? -E2BIG : buf_error(out);
cleanup:
	json_free(given);
	return r;
}

static int copy_texts(struct ingest *i, const struct catalog_entry *entry, const struct engine_emission *m)
{
	struct activity_texts from = {
		.trigger = m->trigger,
		.trigger_id = m->trigger_id ? m->trigger_id : "",
		.cause = m->cause_len ? m->cause : NULL,
		.payload = m->payload_len ? m->payload : NULL,
		.cause_len = m->cause_len,
		.payload_len = m->payload_len,
	};
	struct buf params;
	int r;

	buf_init(&params, TEXT_MAX);
	r = complete_params(i, entry, m, &params);
	if (r == 0) {
		from.params = buf_cstr(&params);
		from.params_len = params.len;
		r = activity_texts_copy(&i->texts, &from, NULL, 0);
	}
	buf_release(&params);
	return r;
}

/* "auto/" and an id that this store has given out: anything else with that look is an ordinary key. */
static bool is_auto_key(const struct engine *e, const struct engine_emission *m, char id[static ID_SIZE])
{
	if (m->dedup_key_len != AUTO_LEN + ID_LEN || memcmp(m->dedup_key, AUTO, AUTO_LEN) != 0)
		return false;
	memcpy(id, m->dedup_key + AUTO_LEN, ID_LEN);
	id[ID_LEN] = '\0';
	return id_valid(id) && strcmp(id, e->ingest.last_id) <= 0;
}

static void hash_content(struct ingest *i)
{
	uint8_t both[2 * DIGEST_SIZE];

	digest_sha256(i->texts.payload ? i->texts.payload : "", i->texts.payload_len, both);
	digest_sha256(i->texts.params, i->texts.params_len, both + DIGEST_SIZE);
	digest_sha256(both, sizeof(both), i->admit.payload_hash);
}

static void set_identity(struct ingest *i, const struct engine_emission *m, const struct catalog_entry *entry)
{
	struct engine *e = i->engine;
	struct store_admit *a = &i->admit;
	size_t steps = entry->workflow ? entry->workflow->step_count : 0;

	i->again = is_auto_key(e, m, a->id);
	if (!i->again) {
		id_next(&e->ids, a->created_ms, (uint32_t)steps, a->id);
		memcpy(e->ingest.last_id, a->id, ID_SIZE);
	}
	if (m->dedup_key_len > 0 && !i->again) {
		memcpy(i->key, m->dedup_key, m->dedup_key_len);
		i->key_len = m->dedup_key_len;
		a->dedup_key = i->key;
		a->dedup_key_len = i->key_len;
		a->dedup_expires_ms = a->created_ms + DEDUP_WINDOW_MS;
		hash_content(i);
		return;
	}
	memcpy(i->key, AUTO, AUTO_LEN);
	memcpy(i->key + AUTO_LEN, a->id, ID_LEN);
	i->key_len = AUTO_LEN + ID_LEN;
}

static void fill_admit(struct ingest *i, const struct engine_emission *m, const struct catalog_entry *entry)
{
	struct store_admit *a = &i->admit;

	a->op = (struct store_op){.kind = STORE_ADMIT, .done = decided};
	a->order = i->order ? &i->order->order : NULL;
	a->created_ms = clock_wall_ms();
	a->occurred_ms = m->occurred_ms ? m->occurred_ms : a->created_ms;
	memcpy(i->workflow_id, entry->id, ID_SIZE);
	memcpy(i->revision_id, entry->revision_id, ID_SIZE);
	a->workflow_id = i->workflow_id;
	a->revision_id = i->revision_id;
	a->trigger = i->texts.trigger;
	a->trigger_id = i->texts.trigger_id;
	a->payload = i->texts.payload;
	a->payload_len = i->texts.payload_len;
	a->params = i->texts.params;
	a->params_len = i->texts.params_len;
	a->cause = i->texts.cause;
	a->cause_len = i->texts.cause_len;
	set_identity(i, m, entry);
}

static int check_texts(const struct engine_emission *m)
{
	int r = check_sizes(m);

	if (r == 0 && m->payload_len > 0 && json_check(m->payload, m->payload_len, NULL) < 0)
		r = -EINVAL;
	if (r == 0 && m->cause_len > 0 && json_check(m->cause, m->cause_len, NULL) < 0)
		r = -EINVAL;
	return r;
}

int engine_emit(struct engine *e, const struct engine_emission *m, engine_emit_cb cb, void *arg)
{
	const struct catalog_entry *entry = engine_find(e, m->workflow_id);
	struct ingest *i;
	int r;

	if (e->stopping)
		return -ESHUTDOWN;
	if (!entry)
		return -ENOENT;
	r = check_texts(m);
	if (r < 0)
		return r;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->engine = e;
	i->order = m->order;
	i->cb = cb;
	i->arg = arg;
	list_init(&i->node);
	check_enabled(i, entry, m);
	r = copy_checkpoints(i, m);
	if (r == 0)
		r = copy_texts(i, entry, m);
	if (r < 0) {
		free(i->checkpoints);
		free(i);
		return r;
	}
	fill_admit(i, m, entry);
	if (i->order)
		i->order->in_flight++;
	dispatch(i);
	return 0;
}
