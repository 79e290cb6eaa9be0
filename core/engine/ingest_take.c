/* Taking an emission in: checked against the workflow as it is now, copied, given its identity. */
#include "engine/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

#define DEDUP_WINDOW_MS ((int64_t)24 * 3600 * 1000)
#define VALUE_MAX (64 * 1024)
#define TEXT_MAX ((size_t)64 * 1024 * 1024)
#define AUTO "auto/"
#define AUTO_LEN (sizeof(AUTO) - 1)

static int check_sizes(const struct engine_emission *m)
{
	if (m->dedup_key_len > INGEST_KEY_MAX)
		return -E2BIG;
	if (m->payload_len > TEXT_MAX || m->params_len > TEXT_MAX || m->cause_len > TEXT_MAX)
		return -E2BIG;
	for (size_t i = 0; i < m->checkpoint_count; i++)
		if (m->checkpoints[i].key_len > INGEST_KEY_MAX || m->checkpoints[i].value_len > VALUE_MAX)
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
	/* Also of one that comes again: an earlier daemon may have stored it as an ordinary key, under another id. */
	if (m->dedup_key_len > 0) {
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

	a->op = (struct store_op){.kind = STORE_ADMIT, .done = ingest_decided};
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
	ingest_dispatch(i);
	return 0;
}
