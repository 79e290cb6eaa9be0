/* `action` of tappet.activity/1: what has happened outside, for steps that wait for it. */
#include "host/internal.h"
#include <errno.h>

struct sent_action {
	struct tappet_instance *plugin;
	tappet_action_cb cb;
	void *arg;
	uint64_t bytes;
};

static void on_action(void *arg, int status, uint64_t seq, size_t released)
{
	struct sent_action *sent = arg;
	struct tappet_instance *p = sent->plugin;
	struct guard g;
	p->activity_pending--;
	p->action_bytes -= sent->bytes;
	credit_eased(p);
	guard_enter(&g, p, CALLBACK_ACTIVITY);
	sent->cb(sent->arg, status == -EIO ? TAPPET_ECANCELED : host_error(status), seq, released);
	guard_leave(&g);
	pending_done(p);
	free(sent);
}

static bool has_room(const struct tappet_instance *p, uint64_t bytes)
{
	if (p->activity_pending >= PENDING_MAX)
		return false;
	return p->action_bytes == 0 || p->action_bytes + bytes <= p->host->options.credit_bytes;
}

static int32_t read_action(const tappet_action *given, tappet_action *ret)
{
	if (!given || given->struct_size < ACTION_SIZE_1_3)
		return TAPPET_EINVAL;
	memcpy(ret, given, given->struct_size < sizeof(*ret) ? given->struct_size : sizeof(*ret));
	if (!ret->topic.ptr || (ret->data.len && !ret->data.ptr) || (ret->by.len && !ret->by.ptr))
		return TAPPET_EINVAL;
	if (ret->data.len == 0)
		ret->data = tappet_cstr("{}");
	return ret->data.len > ACTION_DATA_MAX ? TAPPET_ETOOBIG : TAPPET_OK;
}

static int32_t submit(struct tappet_instance *p, const tappet_action *given, const struct access_token *token,
		      struct sent_action *sent)
{
	char topic[KEY_MAX + 1], by[DETAIL_MAX + 1];
	const struct engine_action action = {
		.topic = topic, .data = given->data.ptr, .len = given->data.len, .by = by, .token = token};
	if (given->topic.len > KEY_MAX || memchr(given->topic.ptr, 0, given->topic.len))
		return TAPPET_EINVAL;
	snprintf(topic, sizeof(topic), "%.*s", (int)given->topic.len, given->topic.ptr);
	const size_t by_len = given->by.len < DETAIL_MAX ? given->by.len : DETAIL_MAX;
	snprintf(by, sizeof(by), "%.*s", (int)by_len, given->by.ptr ? given->by.ptr : "");
	int r = engine_action(p->host->options.engine, &action, on_action, sent);
	return r == -ESHUTDOWN ? TAPPET_ESTATE : host_error(r);
}

int32_t activity_action(tappet_instance *self, const tappet_action *action, tappet_action_cb cb, void *arg)
{
	tappet_action given = {0};
	int32_t error = self && cb ? read_action(action, &given) : TAPPET_EINVAL;
	if (error)
		return error;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	if (!has_room(self, given.data.len))
		return credit_busy(self);
	struct engine *e = self->host->options.engine;
	const struct access_token *token = given.token_id ? access_find(e, given.token_id) : NULL;
	if (given.token_id && !token)
		return TAPPET_EDENIED;
	struct sent_action *sent = calloc(1, sizeof(*sent));
	if (!sent)
		return TAPPET_ENOMEM;
	*sent = (struct sent_action){.plugin = self, .cb = cb, .arg = arg, .bytes = given.data.len};
	error = submit(self, &given, token, sent);
	if (error) {
		free(sent);
		return error;
	}
	self->activity_pending++;
	self->action_bytes += given.data.len;
	pending_add(self);
	return TAPPET_OK;
}
