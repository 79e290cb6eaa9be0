/* Taking an emission in: checked against the workflow as it is now, copied, given its identity. */
#include "engine/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DEDUP_WINDOW_MS ((int64_t)24 * 3600 * 1000)
#define VALUE_MAX (64 * 1024)
#define TEXT_MAX FILTER_TEXT_MAX
#define AUTO "auto/"
#define AUTO_LEN (sizeof(AUTO) - 1)

static int check_sizes(const struct engine_emission *m)
{
	if (m->dedup_key_len > FILTER_KEY_MAX)
		return -E2BIG;
	if (m->payload_len > TEXT_MAX || m->params_len > TEXT_MAX || m->cause_len > TEXT_MAX)
		return -E2BIG;
	for (size_t i = 0; i < m->checkpoint_count; i++)
		if (m->checkpoints[i].key_len > FILTER_KEY_MAX || m->checkpoints[i].value_len > VALUE_MAX)
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

/* They are the host's, whose trigger may change before the store has them. */
static int copy_open(struct ingest *i, const struct engine_emission *m)
{
	size_t id_size, scope_size;

	if (!m->open_scope)
		return 0;
	id_size = strlen(m->trigger_id) + 1;
	scope_size = strlen(m->open_scope) + 1;
	i->open = malloc(id_size + scope_size);
	if (!i->open)
		return -ENOMEM;
	memcpy(i->open, m->trigger_id, id_size);
	memcpy(i->open + id_size, m->open_scope, scope_size);
	i->admit.checkpoint_scope = i->open + id_size;
	i->has_subject = m->subject != NULL;
	return 0;
}

static bool is_reserved(const char *trigger)
{
	return strcmp(trigger, "manual") == 0 || strcmp(trigger, "replay") == 0 || strcmp(trigger, "workflow") == 0;
}

/* Whether the workflow and its trigger take anything now. */
static void check_enabled(struct ingest *i, const struct catalog_entry *entry, const struct engine_emission *m)
{
	struct filter *f = &i->filter;

	if (entry->removed)
		filter_refuse(f, REASON_DISABLED, "%s",
			      entry->from_folder ? "the workflow's file is gone" : "the workflow was deleted");
	else if (!entry->enabled)
		filter_refuse(f, REASON_DISABLED, "the workflow is switched off");
	else if (strcmp(m->trigger, "manual") == 0 && entry->workflow && !entry->workflow->manual)
		filter_refuse(f, REASON_DISABLED, "the workflow cannot be started by hand");
	else if (!m->open_scope && !is_reserved(m->trigger) && !engine_trigger_enabled(i->engine, entry, m->trigger_id))
		filter_refuse(f, REASON_DISABLED, "the trigger is switched off");
}

static void check_rate(struct ingest *i)
{
	const struct trigger_def *def = i->filter.def;
	char period[CLOCK_TEXT_MAX];

	if (i->filter.reason || !def || !i->order || def->rate_count == 0 ||
	    rate_take(&i->order->rate, def->rate_count, def->rate_ms, clock_mono_ms()))
		return;
	filter_refuse(&i->filter, REASON_RATE, "more than %lu in %s", (unsigned long)def->rate_count,
		      duration_text(def->rate_ms, period, sizeof(period)));
}

static bool params_are_object(const struct engine_emission *m)
{
	size_t at = 0;

	while (at < m->params_len && strchr(" \t\r\n", m->params[at]))
		at++;
	return m->params_len == 0 || (m->params[at] == '{' && json_check(m->params, m->params_len, NULL) == 0);
}

/* "auto/" and an id that this store has given out: anything else with that look is an ordinary key. */
static bool is_auto_key(const struct engine *e, const char *key, size_t len, char ret[static ID_SIZE])
{
	char id[ID_SIZE];

	if (len != AUTO_LEN + ID_LEN || memcmp(key, AUTO, AUTO_LEN) != 0)
		return false;
	memcpy(id, key + AUTO_LEN, ID_LEN);
	id[ID_LEN] = '\0';
	if (!id_valid(id) || strcmp(id, e->ingest.last_id) > 0)
		return false;
	memcpy(ret, id, ID_SIZE);
	return true;
}

void ingest_set_identity(struct ingest *i, const char *key, size_t len)
{
	struct engine *e = i->engine;
	struct store_admit *a = &i->admit;
	size_t steps = i->workflow ? i->workflow->step_count : 0;

	/* Of a retry with such a key the trigger's own, if it gives one, is the better one. */
	if (a->id[0] == '\0')
		i->again = len > 0 && is_auto_key(e, key, len, a->id);
	if (!i->again && a->id[0] == '\0') {
		id_next(&e->ids, a->created_ms, (uint32_t)steps, a->id);
		memcpy(e->ingest.last_id, a->id, ID_SIZE);
	}
	/* Also of one that comes again: an earlier daemon may have stored it as an ordinary key, under another id. */
	if (len > 0) {
		memcpy(i->key, key, len);
		i->key_len = len;
		a->dedup_key = i->key;
		a->dedup_key_len = len;
		a->dedup_expires_ms =
			a->created_ms + (i->filter.def ? i->filter.def->dedup_window_ms : DEDUP_WINDOW_MS);
		return;
	}
	memcpy(i->key, AUTO, AUTO_LEN);
	memcpy(i->key + AUTO_LEN, a->id, ID_LEN);
	i->key_len = AUTO_LEN + ID_LEN;
}

static const struct trigger_def *find_def(const struct workflow *w, const struct engine_emission *m)
{
	bool defined = w && !m->open_scope && !is_reserved(m->trigger) && m->trigger_id;
	int index = defined ? workflow_find_trigger(w, m->trigger_id) : -1;

	return index < 0 ? NULL : &w->triggers[index];
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

static void fill_admit(struct ingest *i, const struct engine_emission *m, const struct catalog_entry *entry)
{
	struct store_admit *a = &i->admit;

	a->created_ms = clock_wall_ms();
	a->occurred_ms = m->occurred_ms ? m->occurred_ms : a->created_ms;
	memcpy(i->workflow_id, entry->id, ID_SIZE);
	memcpy(i->revision_id, m->revision_id ? m->revision_id : entry->revision_id, ID_SIZE);
	a->workflow_id = i->workflow_id;
	a->revision_id = i->revision_id;
	ingest_set_identity(i, m->dedup_key, m->dedup_key_len);
}

static struct ingest *ingest_new(struct engine *e, const struct engine_emission *m, const struct catalog_entry *entry,
				 engine_emit_cb cb, void *arg)
{
	struct workflow *w = m->workflow ? m->workflow : entry->workflow;
	struct ingest *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->engine = e;
	i->order = m->order;
	i->source = metric_source(e, entry, is_reserved(m->trigger) ? NULL : m->trigger_id, m->trigger);
	i->cb = cb;
	i->arg = arg;
	i->workflow = w ? workflow_ref(w) : NULL;
	i->filter.def = find_def(w, m);
	list_init(&i->node);
	fill_admit(i, m, entry);
	check_enabled(i, entry, m);
	check_rate(i);
	return i;
}

/* The emission's own, as long as engine_emit has not returned: `block` is NULL. */
static void borrow_texts(struct ingest *i, const struct engine_emission *m)
{
	const char *trigger_id = m->subject ? m->subject : m->trigger_id;

	i->texts = (struct activity_texts){
		.trigger = m->trigger,
		.trigger_id = trigger_id ? trigger_id : "",
		.params = m->params_len ? m->params : "",
		.cause = m->cause_len ? m->cause : NULL,
		.payload = m->payload_len ? m->payload : NULL,
		.params_len = m->params_len,
		.cause_len = m->cause_len,
		.payload_len = m->payload_len,
	};
}

/* For filters that take their time. */
static int keep_texts(struct ingest *i, const struct engine_emission *m)
{
	const struct activity_texts from = i->texts;

	return params_are_object(m) ? activity_texts_copy(&i->texts, &from, NULL, 0) : -EINVAL;
}

static void filter_done(struct filter *f, int status)
{
	struct ingest *i = list_entry(f, struct ingest, filter);
	struct engine *e = i->engine;

	ingest_filtered(i, status);
	engine_let_go(e);
}

static int start_filter(struct ingest *i, const struct engine_emission *m)
{
	const struct activity_texts *t = &i->texts;
	struct filter *f = &i->filter;
	int r;

	f->expr = i->engine->options.expr;
	f->workflow = i->workflow;
	borrow_texts(i, m);
	r = filter_asks(f) ? keep_texts(i, m) : 0;
	if (r < 0)
		return r;
	f->trigger = t->trigger;
	f->trigger_id = t->trigger_id;
	f->payload = t->payload;
	f->payload_len = t->payload_len;
	f->cause = t->cause;
	f->cause_len = t->cause_len;
	f->params = t->params;
	f->params_len = t->params_len;
	f->done = filter_done;
	return filter_start(f);
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
	i = ingest_new(e, m, entry, cb, arg);
	if (!i)
		return -ENOMEM;
	r = copy_checkpoints(i, m);
	if (r == 0)
		r = copy_open(i, m);
	if (r == 0)
		r = start_filter(i, m);
	if (r < 0) {
		ingest_free(i);
		return r;
	}
	ingest_enter(i);
	if (r == 0)
		engine_hold(e);
	else
		ingest_filtered(i, 0);
	return 0;
}
