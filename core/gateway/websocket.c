#include "gateway/websocket.h"

#include "base/json_scan.h"
#include "gateway/ws_framing.h"

bool websocket_code_may_be_sent(int code)
{
	if (code >= 3000 && code <= 4999)
		return true;
	return code >= WS_NORMAL && code <= 1014 && code != 1004 && code != WS_NO_CODE && code != WS_BROKEN;
}

bool websocket_is_text(const char *text, size_t len)
{
	size_t at = 0;
	while (at < len) {
		size_t step = json_utf8(text + at, len - at);
		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

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
