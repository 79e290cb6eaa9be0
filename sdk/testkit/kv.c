/* kv_put, kv_get and kv_list: each is done, and calls back, when its turn has come. */
#include "internal.h"

#define KEY_MAX 255
#define VALUE_MAX (1024 * 1024)
#define LIST_MAX 1000

struct operation {
	struct handle handle; /* freed with the kit, should it never run */
	struct task task;
	tappet_trigger *trigger;
	char *scope, *key, *value;
	size_t key_len, value_len, limit;
	/* One of them. */
	tappet_done_cb put;
	void (*get)(void *arg, int32_t result, tappet_str value);
	void (*list)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count);
	void *arg;
};

static void release(struct handle *handle)
{
	struct operation *o = (struct operation *)(void *)handle;
	free(o->scope);
	free(o->key);
	free(o->value);
}

static void put(struct operation *o, tappet_str key)
{
	testkit *kit = o->handle.kit;
	state_put(kit, o->scope, key, tappet_strn(o->value, o->value_len));
	callback_begin(kit);
	o->put(o->arg, TAPPET_OK);
	callback_end(kit, "the callback of kv_put");
}

static void get(struct operation *o, tappet_str key)
{
	testkit *kit = o->handle.kit;
	tappet_str value = {0};
	bool there = state_get(kit, o->scope, key, &value);
	char *copy = kit_copy(value.ptr, value.len);
	callback_begin(kit);
	o->get(o->arg, there ? TAPPET_OK : TAPPET_ENOTFOUND, there ? tappet_strn(copy, value.len) : value);
	callback_end(kit, "the callback of kv_get");
	free(copy);
}

static void list_page(struct operation *o, tappet_str after)
{
	testkit *kit = o->handle.kit;
	size_t count;
	tappet_checkpoint *rows = state_list(kit, o->scope, after, o->limit, &count);
	/* Copies: what a callback is handed ends with it. */
	for (size_t i = 0; i < count; i++) {
		rows[i].key.ptr = kit_copy(rows[i].key.ptr, rows[i].key.len);
		rows[i].value.ptr = kit_copy(rows[i].value.ptr, rows[i].value.len);
	}
	callback_begin(kit);
	o->list(o->arg, TAPPET_OK, rows, count);
	callback_end(kit, "the callback of kv_list");
	for (size_t i = 0; i < count; i++) {
		free((char *)(uintptr_t)rows[i].key.ptr);
		free((char *)(uintptr_t)rows[i].value.ptr);
	}
	free(rows);
}

static void run(struct task *task)
{
	struct operation *o = list_entry(task, struct operation, task);
	const tappet_str key = tappet_strn(o->key, o->key_len);
	o->handle.kit->operations--;
	if (o->put)
		put(o, key);
	else if (o->get)
		get(o, key);
	else
		list_page(o, key);
	if (o->trigger)
		trigger_pending_done(o->trigger);
}

/* From inside of trigger_remove kv_put alone is allowed, and not any more when the plugin has stopped. */
static bool state_usable(tappet_trigger *trigger, bool is_put)
{
	if (!trigger_usable(trigger) || trigger->removed)
		return false;
	return !trigger->removing || (is_put && trigger->handle.kit->phase != STOPPED);
}

static int32_t begin(tappet_instance *self, tappet_trigger *trigger, tappet_str key, const struct operation *given,
		     const char *call, struct operation **ret)
{
	int32_t error = call_begin(self, call);
	if (error)
		return error;
	if (trigger && !state_usable(trigger, given->put != NULL))
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
	o->limit = given->limit;
	o->put = given->put;
	o->get = given->get;
	o->list = given->list;
	o->arg = given->arg;
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
	const struct operation given = {.put = cb, .arg = arg};
	struct operation *o;
	if (!self || !cb || !key.ptr || key.len == 0 || (value.len && !value.ptr))
		return TAPPET_EINVAL;
	if (value.len > VALUE_MAX)
		return TAPPET_ETOOBIG;
	int32_t error = begin(self, trigger, key, &given, "kv_put", &o);
	if (error)
		return error;
	o->value = kit_copy(value.ptr, value.len);
	o->value_len = value.len;
	return TAPPET_OK;
}

int32_t table_kv_get(tappet_instance *self, tappet_trigger *trigger, tappet_str key,
		     void (*cb)(void *arg, int32_t result, tappet_str value), void *arg)
{
	const struct operation given = {.get = cb, .arg = arg};
	struct operation *o;
	if (!self || !cb || !key.ptr || key.len == 0)
		return TAPPET_EINVAL;
	return begin(self, trigger, key, &given, "kv_get", &o);
}

int32_t table_kv_list(tappet_instance *self, tappet_trigger *trigger, tappet_str after, size_t limit,
		      void (*cb)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count), void *arg)
{
	const struct operation given = {.list = cb, .limit = limit, .arg = arg};
	struct operation *o;
	if (!self || !cb || (after.len && !after.ptr) || limit < 1 || limit > LIST_MAX)
		return TAPPET_EINVAL;
	return begin(self, trigger, after, &given, "kv_list", &o);
}
