/* Actions by tappet.activity/1: kept for the test to look at. */
#include "internal.h"

#define TOPIC_MAX 255
#define DATA_MAX (16 * 1024 * 1024)

struct acting {
	struct task task;
	testkit *kit;
	uint64_t seq;
	tappet_action_cb cb;
	void *arg;
};

/* Words joined by dots. */
static bool topic_valid(tappet_str topic)
{
	bool in_word = false;
	for (size_t i = 0; i < topic.len; i++) {
		const char c = topic.ptr[i];
		const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
				     c == '_' || c == '-';
		if (!is_word && (c != '.' || !in_word))
			return false;
		in_word = is_word;
	}
	return in_word && topic.len <= TOPIC_MAX;
}

static int32_t check(testkit *kit, const tappet_action *a)
{
	if (!topic_valid(a->topic) || (a->data.len && !a->data.ptr))
		return TAPPET_EINVAL;
	if (a->data.len > DATA_MAX)
		return TAPPET_ETOOBIG;
	if (a->data.len && json_check(a->data.ptr, a->data.len, NULL) < 0)
		return TAPPET_EINVAL;
	return a->token_id && !token_is_there(kit, a->token_id) ? TAPPET_EDENIED : TAPPET_OK;
}

static void record(testkit *kit, const tappet_action *a)
{
	testkit_action *taken = kit_alloc(sizeof(*taken));
	records_add(&kit->actions, taken);
	*taken = (testkit_action){
		.topic = kit_keep(kit, a->topic).ptr,
		.data = kit_keep(kit, a->data.len ? a->data : tappet_cstr("{}")),
		.token_id = kit_keep(kit, tappet_cstr(a->token_id)).ptr,
		.by = kit_keep(kit, a->by).ptr,
	};
}

static void run(struct task *task)
{
	struct acting *a = (struct acting *)(void *)task;
	testkit *kit = a->kit;
	const int32_t result = kit->action_result;
	kit->operations--;
	callback_begin(kit);
	a->cb(a->arg, result, result == TAPPET_OK ? a->seq : 0, result == TAPPET_OK ? kit->action_released : 0);
	callback_end(kit, "a callback of tappet.activity/1");
	free(a);
}

int32_t table_action(tappet_instance *self, const tappet_action *action, tappet_action_cb cb, void *arg)
{
	tappet_action copy;
	if (!action || !cb || !copy_sized(&copy, sizeof(copy), action, sizeof(copy)))
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "action");
	if (!error && self->phase != STARTED)
		error = TAPPET_ESTATE;
	if (!error)
		error = check(self, &copy);
	if (error)
		return error;
	record(self, &copy);
	struct acting *a = kit_alloc(sizeof(*a));
	*a = (struct acting){.task.run = run, .kit = self, .seq = self->actions.count, .cb = cb, .arg = arg};
	self->operations++;
	task_add(self, &a->task);
	return TAPPET_OK;
}

/* ---- For the test ---- */

size_t testkit_action_count(const testkit *kit)
{
	return kit->actions.count;
}

const testkit_action *testkit_action_at(const testkit *kit, size_t index)
{
	return index < kit->actions.count ? kit->actions.items[index] : NULL;
}

void testkit_action_outcome(testkit *kit, int32_t result, uint64_t released)
{
	kit->action_result = result;
	kit->action_released = released;
}
