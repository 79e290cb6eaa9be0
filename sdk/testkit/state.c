/* Key-value state: of the plugin under the scope "", of a trigger under WORKFLOW/TRIGGER. It outlives triggers. */
#include <stdio.h>
#include "internal.h"

#define KEY_MAX 255
#define VALUE_MAX (1024 * 1024)

struct entry {
	struct list node; /* in kit->kv */
	char *scope;
	tappet_str key, value;
};

struct operation {
	struct handle handle; /* freed with the kit, should it never run */
	struct task task;
	tappet_trigger *trigger;
	char *scope, *key, *value; /* value NULL: get */
	size_t key_len, value_len;
	tappet_done_cb put;
	void (*get)(void *arg, int32_t result, tappet_str value);
	void *arg;
};

static struct entry *find(const testkit *kit, const char *scope, tappet_str key)
{
	list_each (node, &kit->kv) {
		struct entry *e = list_entry(node, struct entry, node);
		if (strcmp(e->scope, scope) == 0 && e->key.len == key.len && memcmp(e->key.ptr, key.ptr, key.len) == 0)
			return e;
	}
	return NULL;
}

static void entry_free(struct entry *e)
{
	list_remove(&e->node);
	free(e->scope);
	free(e);
}

void state_put(testkit *kit, const char *scope, tappet_str key, tappet_str value)
{
	struct entry *e = find(kit, scope, key);
	if (e)
		entry_free(e);
	if (value.len == 0)
		return;
	e = kit_alloc(sizeof(*e));
	e->scope = kit_text(scope);
	e->key = kit_keep(kit, key);
	e->value = kit_keep(kit, value);
	list_append(&kit->kv, &e->node);
}

tappet_checkpoint *state_list(const testkit *kit, const char *scope, size_t *ret_count)
{
	size_t count = 0, all = 0;
	list_each (node, &kit->kv)
		all++;
	tappet_checkpoint *list = kit_alloc(all * sizeof(*list));
	list_each (node, &kit->kv) {
		const struct entry *e = list_entry(node, struct entry, node);
		if (strcmp(e->scope, scope) == 0)
			list[count++] = (tappet_checkpoint){e->key, e->value};
	}
	*ret_count = count;
	return list;
}

void state_release(testkit *kit)
{
	list_each_safe (node, &kit->kv)
		entry_free(list_entry(node, struct entry, node));
}

/* ---- The calls ---- */

static void release(struct handle *handle)
{
	struct operation *o = (struct operation *)(void *)handle;
	free(o->scope);
	free(o->key);
	free(o->value);
}

static void run(struct task *task)
{
	struct operation *o = list_entry(task, struct operation, task);
	testkit *kit = o->handle.kit;
	const tappet_str key = tappet_strn(o->key, o->key_len);
	kit->operations--;
	if (o->put) {
		state_put(kit, o->scope, key, tappet_strn(o->value, o->value_len));
		callback_begin(kit);
		o->put(o->arg, TAPPET_OK);
		callback_end(kit, "the callback of kv_put");
	} else {
		const struct entry *e = find(kit, o->scope, key);
		char *copy = kit_copy(e ? e->value.ptr : "", e ? e->value.len : 0);
		callback_begin(kit);
		o->get(o->arg, e ? TAPPET_OK : TAPPET_ENOTFOUND,
		       e ? tappet_strn(copy, e->value.len) : tappet_cstr(NULL));
		callback_end(kit, "the callback of kv_get");
		free(copy);
	}
	if (o->trigger)
		trigger_pending_done(o->trigger);
}

static int32_t begin(tappet_instance *self, tappet_trigger *trigger, tappet_str key, const char *call,
		     struct operation **ret)
{
	if (!self || !key.ptr || key.len == 0)
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, call);
	if (error)
		return error;
	if (trigger && (!trigger_usable(trigger) || trigger->removed))
		return TAPPET_ESTATE;
	if (key.len > KEY_MAX)
		return TAPPET_ETOOBIG;
	struct operation *o = handle_new(self, call, sizeof(*o));
	o->handle.release = release;
	o->task.run = run;
	o->trigger = trigger;
	o->scope = kit_text(trigger ? trigger->scope : "");
	o->key = kit_copy(key.ptr, key.len);
	o->key_len = key.len;
	self->operations++;
	if (trigger)
		trigger->pending++;
	task_add(self, &o->task);
	*ret = o;
	return TAPPET_OK;
}

int32_t table_kv_put(tappet_instance *self, tappet_trigger *trigger, tappet_str key, tappet_str value,
		     tappet_done_cb cb, void *arg)
{
	struct operation *o;
	if (!cb || (value.len && !value.ptr))
		return TAPPET_EINVAL;
	if (value.len > VALUE_MAX)
		return TAPPET_ETOOBIG;
	int32_t error = begin(self, trigger, key, "kv_put", &o);
	if (error)
		return error;
	o->value = kit_copy(value.ptr, value.len);
	o->value_len = value.len;
	o->put = cb;
	o->arg = arg;
	return TAPPET_OK;
}

int32_t table_kv_get(tappet_instance *self, tappet_trigger *trigger, tappet_str key,
		     void (*cb)(void *arg, int32_t result, tappet_str value), void *arg)
{
	struct operation *o;
	int32_t error = cb ? begin(self, trigger, key, "kv_get", &o) : TAPPET_EINVAL;
	if (error)
		return error;
	o->get = cb;
	o->arg = arg;
	return TAPPET_OK;
}

/* ---- For the test ---- */

static void scope_of(const char *trigger_id, char *scope, size_t size)
{
	if (trigger_id)
		snprintf(scope, size, "%s/%s", TESTKIT_WORKFLOW, trigger_id);
	else
		scope[0] = '\0';
}

tappet_str testkit_kv(const testkit *kit, const char *trigger_id, const char *key)
{
	char scope[300];
	scope_of(trigger_id, scope, sizeof(scope));
	const struct entry *e = find(kit, scope, tappet_cstr(key));
	return e ? e->value : tappet_cstr(NULL);
}

void testkit_kv_set(testkit *kit, const char *trigger_id, const char *key, const char *value)
{
	char scope[300];
	scope_of(trigger_id, scope, sizeof(scope));
	state_put(kit, scope, tappet_cstr(key), tappet_cstr(value));
}
