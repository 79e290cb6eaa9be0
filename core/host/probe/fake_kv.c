/* Durable state. That of a trigger which lists it outlives it, so that its successor has something to list. */
#include "host/probe/fake.h"

#define KEY_MAX 255
#define LISTED_MAX ((size_t)16 << 20) /* bytes that are lent for a page */

static const void *scope_of(const struct fake_instance *i, const struct fake_trigger *t)
{
	if (!t)
		return NULL;
	return t->open ? &i->open_scope : t->scope;
}

static int compare(tappet_str a, tappet_str b)
{
	const size_t len = a.len < b.len ? a.len : b.len;
	const int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static struct fake_value *find(struct fake *f, const void *scope, tappet_str key)
{
	list_each (node, &f->values) {
		struct fake_value *v = list_entry(node, struct fake_value, node);
		if (v->scope == scope && compare(v->key, key) == 0)
			return v;
	}
	return NULL;
}

static void put(struct fake *f, const void *scope, tappet_str key, tappet_str value)
{
	struct fake_value *v = find(f, scope, key);
	if (!v) {
		v = fake_alloc(f, sizeof(*v));
		*v = (struct fake_value){.scope = scope, .key = fake_copy(f, key)};
		list_append(&f->values, &v->node);
	}
	v->value = fake_copy(f, value);
}

void fake_checkpoints(struct fake_trigger *t, const tappet_checkpoint *list, size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		const tappet_checkpoint *c = (const void *)((const char *)list + i * size);
		put(t->instance->f, scope_of(t->instance, t), c->key, c->value);
	}
}

/* From inside of trigger_remove kv_put alone is allowed, and not when the plugin has stopped. */
static bool in_state(const struct fake_instance *i, const struct fake_trigger *t, const char *function, bool is_put)
{
	if (t && t->freed)
		board_broken(i->f->board, LIFE_HANDLE, "%s was called for a trigger that is gone", function);
	if (!t || !t->removed)
		return true;
	return is_put && t == i->f->removing && i->phase < FAKE_STOPPED;
}

/* Its trigger waits for it. */
static struct fake_call *call_new(struct fake_instance *i, struct fake_trigger *t, const char *what,
				  void (*run)(struct fake *f, struct fake_call *c))
{
	struct fake_call *c = fake_call_new(i, what, run);
	c->trigger = t;
	if (t)
		t->pending++;
	return c;
}

static void end(struct fake *f, struct fake_call *c)
{
	fake_leave(f);
	if (c->trigger)
		c->trigger->pending--;
}

static void done(struct fake *f, struct fake_call *c)
{
	fake_enter(f, c->instance, c->what);
	c->cb.done(c->arg, c->result);
	end(f, c);
}

int32_t fake_kv_put(tappet_instance *self, tappet_trigger *trigger, tappet_str key, tappet_str value, tappet_done_cb cb,
		    void *arg)
{
	struct fake_instance *i = (struct fake_instance *)(void *)self;
	struct fake_trigger *t = (struct fake_trigger *)(void *)trigger;
	if (!fake_allowed(i, "kv_put"))
		return TAPPET_ESTATE;
	if (!cb || key.len == 0 || key.len > KEY_MAX)
		return TAPPET_EINVAL;
	if (!in_state(i, t, "kv_put", true))
		return TAPPET_ESTATE;
	put(i->f, scope_of(i, t), key, value);
	struct fake_call *c = call_new(i, t, "the callback of kv_put", done);
	c->cb.done = cb;
	c->arg = arg;
	return TAPPET_OK;
}

static void got(struct fake *f, struct fake_call *c)
{
	fake_enter(f, c->instance, "the callback of kv_get");
	c->cb.value(c->arg, c->result, fake_lend_str(f, c->text));
	end(f, c);
}

int32_t fake_kv_get(tappet_instance *self, tappet_trigger *trigger, tappet_str key,
		    void (*cb)(void *arg, int32_t result, tappet_str value), void *arg)
{
	struct fake_instance *i = (struct fake_instance *)(void *)self;
	struct fake_trigger *t = (struct fake_trigger *)(void *)trigger;
	if (!fake_allowed(i, "kv_get"))
		return TAPPET_ESTATE;
	if (!cb || key.len == 0 || key.len > KEY_MAX)
		return TAPPET_EINVAL;
	if (!in_state(i, t, "kv_get", false))
		return TAPPET_ESTATE;
	const struct fake_value *v = find(i->f, scope_of(i, t), key);
	struct fake_call *c = call_new(i, t, "the callback of kv_get", got);
	const bool there = v && v->value.len > 0;
	c->result = there ? TAPPET_OK : TAPPET_ENOTFOUND;
	c->text = there ? v->value : tappet_strn(NULL, 0);
	c->cb.value = cb;
	c->arg = arg;
	return TAPPET_OK;
}

/* ---- Pages ---- */

/* The first one behind a key; what is empty was removed. */
static const struct fake_value *behind(struct fake *f, const void *scope, tappet_str key)
{
	const struct fake_value *first = NULL;
	list_each (node, &f->values) {
		const struct fake_value *v = list_entry(node, struct fake_value, node);
		if (v->scope == scope && v->value.len > 0 && compare(v->key, key) > 0 &&
		    (!first || compare(v->key, first->key) < 0))
			first = v;
	}
	return first;
}

static void listed(struct fake *f, struct fake_call *c)
{
	const void *scope = scope_of(c->instance, c->trigger);
	tappet_checkpoint *rows = fake_alloc(f, c->limit * sizeof(*rows));
	size_t count = 0, bytes = 0;
	fake_enter(f, c->instance, "the callback of kv_list");
	for (const struct fake_value *v = behind(f, scope, c->text); v && count < c->limit && bytes < LISTED_MAX;
	     v = behind(f, scope, v->key)) {
		rows[count++] = (tappet_checkpoint){fake_lend_str(f, v->key), fake_lend_str(f, v->value)};
		bytes += v->key.len + v->value.len;
	}
	const bool too_much = bytes >= LISTED_MAX;
	count = too_much ? 0 : count;
	c->cb.list(c->arg, too_much ? TAPPET_ENOMEM : TAPPET_OK,
		   count ? fake_lend(f, rows, count * sizeof(*rows)) : NULL, count);
	end(f, c);
}

int32_t fake_kv_list(tappet_instance *self, tappet_trigger *trigger, tappet_str after, size_t limit,
		     void (*cb)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count), void *arg)
{
	struct fake_instance *i = (struct fake_instance *)(void *)self;
	struct fake_trigger *t = (struct fake_trigger *)(void *)trigger;
	if (!fake_allowed(i, "kv_list"))
		return TAPPET_ESTATE;
	if (!cb || after.len > KEY_MAX || (after.len && !after.ptr) || limit < 1 || limit > KV_LIST_MAX)
		return TAPPET_EINVAL;
	if (!in_state(i, t, "kv_list", false))
		return TAPPET_ESTATE;
	struct fake_call *c = call_new(i, t, "the callback of kv_list", listed);
	c->text = fake_copy(i->f, after);
	c->limit = limit;
	c->cb.list = cb;
	c->arg = arg;
	return TAPPET_OK;
}
