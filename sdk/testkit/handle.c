/* Handles, and what holds for every call of the host. */
#include "internal.h"

void *handle_new(testkit *kit, const char *what, size_t size)
{
	struct handle *handle = kit_alloc(size);
	handle->kit = kit;
	handle->what = what;
	list_append(&kit->handles, &handle->node);
	return handle;
}

bool handle_usable(struct handle *handle)
{
	if (!handle->ended)
		return true;
	rule_broken(handle->kit, RULE_MEM_1, "a %s that has ended", handle->what);
	return false;
}

void handle_end(struct handle *handle)
{
	handle->ended = true;
}

void handles_release(testkit *kit)
{
	list_each_safe (node, &kit->handles) {
		struct handle *handle = list_entry(node, struct handle, node);
		list_remove(node);
		if (handle->release)
			handle->release(handle);
		free(handle);
	}
}

bool call_allowed(testkit *kit, const char *call)
{
	if (!kit)
		return false;
	if (!pthread_equal(kit->thread, pthread_self())) {
		rule_broken(kit, RULE_THREAD_1, "%s", call);
		return false;
	}
	if (kit->phase != DESTROYED)
		return true;
	rule_broken(kit, RULE_LIFE_3, "%s", call);
	return false;
}

int32_t call_begin(testkit *kit, const char *call)
{
	if (!kit)
		return TAPPET_EINVAL;
	if (!call_allowed(kit, call) || kit->phase == LOADED)
		return TAPPET_ESTATE;
	if (kit->fault == 0 || --kit->fault > 0)
		return TAPPET_OK;
	kit->failed = 1;
	return kit->fault_error;
}
