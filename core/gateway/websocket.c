#include "gateway/websocket.h"

bool websocket_length(const struct websocket_part *parts, size_t count, size_t max, size_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > max - *ret)
			return false;
		*ret += parts[i].len;
	}
	return true;
}

int websocket_send(struct websocket *w, bool is_text, const struct websocket_part *parts, size_t part_count)
{
	return w->ops->send(w, is_text, parts, part_count);
}

size_t websocket_queued(const struct websocket *w)
{
	return w->ops->queued(w);
}

void websocket_pause(struct websocket *w, bool paused)
{
	w->ops->pause(w, paused);
}

void websocket_close(struct websocket *w, int code, const char *reason, size_t reason_len)
{
	w->ops->close(w, code, reason, reason_len);
}

void websocket_drop(struct websocket *w)
{
	w->ops->drop(w);
}

const char *websocket_protocol(const struct websocket *w)
{
	return w->ops->protocol(w);
}

const char *websocket_remote(const struct websocket *w)
{
	return w->ops->remote(w);
}
