/* Durable key-value state of plugins and triggers. A scope in the store keeps them apart; checkpoints share that of
 * their trigger. */
#include "host/internal.h"
#include <errno.h>

struct put_ticket {
	struct store_kv op;
	struct tappet_instance *plugin;
	struct tappet_trigger *trigger;
	tappet_done_cb cb;
	void *arg;
	char scope[SCOPE_SIZE];
	char bytes[]; /* key, value */
};

struct get_ticket {
	struct tappet_instance *plugin;
	struct tappet_trigger *trigger;
	void (*cb)(void *arg, int32_t result, tappet_str value);
	void *arg;
};

struct list_ticket {
	struct tappet_instance *plugin;
	struct tappet_trigger *trigger;
	void (*cb)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count);
	void *arg;
};

static bool state_usable(const tappet_trigger *trigger, bool is_put)
{
	return trigger_usable(trigger) || (is_put && trigger->phase == TRIGGER_REMOVING);
}

/* What holds for all of them. */
static int32_t check(tappet_instance *self, const tappet_trigger *trigger, tappet_str key, bool is_put)
{
	if (key.len > KEY_MAX)
		return TAPPET_ETOOBIG;
	if (!plugin_usable(self) || (trigger && !state_usable(trigger, is_put)))
		return TAPPET_ESTATE;
	if (!self->host->options.store)
		return TAPPET_ENOTSUP;
	return self->kv_pending >= PENDING_MAX ? credit_busy(self) : TAPPET_OK;
}

static bool valid(const tappet_instance *self, const tappet_trigger *trigger, tappet_str key)
{
	return self && key.ptr && key.len > 0 && (!trigger || trigger->plugin == self);
}

static int scope_of(const tappet_instance *self, const tappet_trigger *trigger, char scope[static SCOPE_SIZE])
{
	if (trigger)
		return trigger_scope(trigger, scope);
	snprintf(scope, SCOPE_SIZE, "plugin/%s", self->name);
	return 0;
}

static void begin(struct tappet_instance *p, struct tappet_trigger *t)
{
	p->kv_pending++;
	if (t)
		trigger_pending_add(t);
	else
		pending_add(p);
}

/* Before the callback, so that the plugin may go on from there. */
static void leave_queue(struct tappet_instance *p)
{
	p->kv_pending--;
	credit_eased(p);
}

static void end(struct tappet_instance *p, struct tappet_trigger *t)
{
	if (t)
		trigger_pending_done(t);
	else
		pending_done(p);
}

static void on_put(struct store_op *op)
{
	struct put_ticket *ticket = (struct put_ticket *)(void *)op;
	struct tappet_instance *p = ticket->plugin;
	struct guard g;
	p->kv_bytes -= ticket->op.value_len;
	leave_queue(p);
	guard_enter(&g, p, CALLBACK_KV);
	ticket->cb(ticket->arg, op->status == -EIO ? TAPPET_ECANCELED : host_error(op->status));
	guard_leave(&g);
	end(p, ticket->trigger);
	free(ticket);
}

int32_t table_kv_put(tappet_instance *self, tappet_trigger *trigger, tappet_str key, tappet_str value,
		     tappet_done_cb cb, void *arg)
{
	if (!cb || !valid(self, trigger, key))
		return TAPPET_EINVAL;
	int32_t error = check(self, trigger, key, true);
	if (error)
		return error;
	if (value.len && !value.ptr)
		return TAPPET_EINVAL;
	if (value.len > KV_VALUE_MAX)
		return TAPPET_ETOOBIG;
	if (self->kv_bytes + value.len > self->host->options.credit_bytes && self->kv_bytes > 0)
		return credit_busy(self);
	struct put_ticket *ticket = calloc(1, sizeof(*ticket) + key.len + value.len);
	if (!ticket)
		return TAPPET_ENOMEM;
	memcpy(ticket->bytes, key.ptr, key.len);
	if (value.len)
		memcpy(ticket->bytes + key.len, value.ptr, value.len);
	if (scope_of(self, trigger, ticket->scope) < 0) {
		free(ticket);
		return TAPPET_EINVAL;
	}
	ticket->plugin = self;
	ticket->trigger = trigger;
	ticket->cb = cb;
	ticket->arg = arg;
	ticket->op = (struct store_kv){.op = {.kind = STORE_KV, .done = on_put},
				       .scope = ticket->scope,
				       .key = ticket->bytes,
				       .key_len = key.len,
				       .value = ticket->bytes + key.len,
				       .value_len = value.len};
	list_init(&ticket->op.op.node);
	self->kv_bytes += value.len;
	if (trigger)
		trigger->stateless = false;
	begin(self, trigger);
	store_submit(self->host->options.store, &ticket->op.op);
	return TAPPET_OK;
}

static void on_get(void *arg, int status, const struct store_checkpoint *rows, size_t count)
{
	struct get_ticket *ticket = arg;
	struct tappet_instance *p = ticket->plugin;
	tappet_str value = {0};
	struct guard g;
	if (status == 0 && count == 0)
		status = -ENOENT;
	if (status == 0)
		value = tappet_strn(rows[0].value, rows[0].value_len);
	leave_queue(p);
	guard_enter(&g, p, CALLBACK_KV);
	ticket->cb(ticket->arg, host_error(status), value);
	guard_leave(&g);
	end(p, ticket->trigger);
	free(ticket);
}

int32_t table_kv_get(tappet_instance *self, tappet_trigger *trigger, tappet_str key,
		     void (*cb)(void *arg, int32_t result, tappet_str value), void *arg)
{
	char scope[SCOPE_SIZE];
	if (!cb || !valid(self, trigger, key))
		return TAPPET_EINVAL;
	int32_t error = check(self, trigger, key, false);
	if (error)
		return error;
	struct get_ticket *ticket = malloc(sizeof(*ticket));
	if (!ticket)
		return TAPPET_ENOMEM;
	*ticket = (struct get_ticket){.plugin = self, .trigger = trigger, .cb = cb, .arg = arg};
	begin(self, trigger);
	int r = scope_of(self, trigger, scope);
	if (r == 0)
		r = store_get_kv(self->host->options.store, scope, key.ptr, key.len, on_get, ticket);
	if (r < 0) {
		leave_queue(self);
		end(self, trigger);
		free(ticket);
		return host_error(r);
	}
	return TAPPET_OK;
}

static void on_list(void *arg, int status, const struct store_checkpoint *rows, size_t count)
{
	struct list_ticket *ticket = arg;
	struct tappet_instance *p = ticket->plugin;
	tappet_checkpoint *list = status == 0 && count ? calloc(count, sizeof(*list)) : NULL;
	struct guard g;
	if (status == 0 && count && !list)
		status = -ENOMEM;
	if (status < 0)
		count = 0;
	for (size_t i = 0; i < count; i++) {
		list[i].key = tappet_strn(rows[i].key, rows[i].key_len);
		list[i].value = tappet_strn(rows[i].value, rows[i].value_len);
	}
	leave_queue(p);
	guard_enter(&g, p, CALLBACK_KV);
	ticket->cb(ticket->arg, host_error(status), list, count);
	guard_leave(&g);
	end(p, ticket->trigger);
	free(list);
	free(ticket);
}

int32_t table_kv_list(tappet_instance *self, tappet_trigger *trigger, tappet_str after, size_t limit,
		      void (*cb)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count), void *arg)
{
	char scope[SCOPE_SIZE];
	if (!self || !cb || (trigger && trigger->plugin != self) || (after.len && !after.ptr) || limit < 1 ||
	    limit > KV_LIST_MAX)
		return TAPPET_EINVAL;
	int32_t error = check(self, trigger, after, false);
	if (error)
		return error;
	struct list_ticket *ticket = malloc(sizeof(*ticket));
	if (!ticket)
		return TAPPET_ENOMEM;
	*ticket = (struct list_ticket){.plugin = self, .trigger = trigger, .cb = cb, .arg = arg};
	begin(self, trigger);
	int r = scope_of(self, trigger, scope);
	if (r == 0)
		r = store_page_kv(self->host->options.store, scope, after.ptr, after.len, limit, on_list, ticket);
	if (r < 0) {
		leave_queue(self);
		end(self, trigger);
		free(ticket);
		return host_error(r);
	}
	return TAPPET_OK;
}
