/* One attempt to connect: whom to trust, then where it is, then each address in turn, in one time for all of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/metrics.h"
#include "gateway/ws_client_internal.h"
#include "gateway/ws_framing.h"

#define ADDRESSES_MAX 16

static uint64_t now_of(const struct ws_outgoing *w)
{
	return uv_now(w->client->loop);
}

static void on_timer(uv_timer_t *timer)
{
	ws_attempt_overdue(timer->data);
}

/* ---- each address ------------------------------------------------------------------------------------------------ */

static unsigned addresses_left(const struct ws_outgoing *w)
{
	unsigned count = 0;
	for (const struct addrinfo *a = w->next_address; a && count < ADDRESSES_MAX; a = a->ai_next)
		count++;
	return count;
}

/* One that does not answer must not take the time of those behind it. */
static void set_share(struct ws_outgoing *w, unsigned left)
{
	uint64_t now = now_of(w), rest = w->deadline > now ? w->deadline - now : 1;
	uv_timer_start(&w->timer, on_timer, rest / (left ? left : 1) + 1, 0);
}

static bool write_number(const struct addrinfo *address, char *ret, size_t size)
{
	return getnameinfo(address->ai_addr, address->ai_addrlen, ret, (socklen_t)size, NULL, 0, NI_NUMERICHOST) == 0;
}

void ws_attempt_next_address(struct ws_outgoing *w)
{
	char number[64];
	/* A link that fails at once has asked for what is done here. */
	uv_timer_stop(&w->soon);
	while (w->next_address) {
		const struct addrinfo *address = w->next_address;
		set_share(w, addresses_left(w));
		w->next_address = address->ai_next;
		if (!write_number(address, number, sizeof(number)))
			continue;
		w->state = WS_CONNECTING;
		bool begun = ws_link_connect(w, number);
		uv_timer_stop(&w->soon);
		if (begun)
			return;
	}
	ws_outgoing_end(w, WS_BROKEN, -EIO, "no connection to %s comes about", w->address.authority);
}

void ws_attempt_overdue(struct ws_outgoing *w)
{
	if (w->next_address && now_of(w) < w->deadline) {
		ws_link_cut(w);
		ws_attempt_next_address(w);
		return;
	}
	ws_outgoing_end(w, WS_BROKEN, -EIO, "no connection to %s within %lld ms", w->address.authority,
			(long long)w->connect_timeout_ms);
}

/* ---- where it is ------------------------------------------------------------------------------------------------- */

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
	struct ws_lookup *lookup = request->data;
	struct ws_outgoing *w = lookup->owner;
	struct ws_client *c = lookup->client;
	free(lookup);
	if (!w) {
		uv_freeaddrinfo(addresses);
	} else {
		w->lookup = NULL;
		w->addresses = w->next_address = addresses;
		if (status < 0 || !addresses)
			ws_outgoing_end(w, WS_BROKEN, -EIO, "the name %s cannot be found: %s", w->address.host,
					uv_strerror(status));
		else
			ws_attempt_next_address(w);
	}
	ws_client_unhold(c);
}

static void look_up(struct ws_outgoing *w)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct ws_lookup *lookup = calloc(1, sizeof(*lookup));
	if (!lookup) {
		ws_outgoing_end(w, WS_BROKEN, -EIO, "out of memory");
		return;
	}
	lookup->client = w->client;
	lookup->owner = w;
	lookup->request.data = lookup;
	int r = uv_getaddrinfo(w->client->loop, &lookup->request, on_found, w->address.host, w->address.port, &hints);
	if (r < 0) {
		free(lookup);
		ws_outgoing_end(w, WS_BROKEN, -EIO, "the name %s cannot be found: %s", w->address.host, uv_strerror(r));
		return;
	}
	ws_client_hold(w->client);
	w->lookup = lookup;
}

static void on_proxy(void *arg, const char *local, const char *problem)
{
	struct ws_outgoing *w = arg;
	char name[64];
	if (!local) {
		ws_outgoing_end(w, WS_BROKEN, -EIO, "%s", problem);
		return;
	}
	snprintf(name, sizeof(name), "+@%s", local);
	w->state = WS_CONNECTING;
	if (!ws_link_connect(w, name))
		ws_outgoing_end(w, WS_BROKEN, -EIO, "no connection to %s comes about", w->address.authority);
}

static void find_way(struct ws_outgoing *w)
{
	if (!w->proxy_address.host) {
		look_up(w);
		return;
	}
	int r = ws_proxy_open(w->client, &w->proxy_address, &w->address, on_proxy, w, &w->proxy);
	if (r < 0)
		ws_outgoing_end(w, WS_BROKEN, -EIO, "the proxy cannot be asked: %s", uv_strerror(r));
}

/* ---- whom to trust ----------------------------------------------------------------------------------------------- */

static void on_authority(void *arg, struct ws_authority *authority, const char *problem)
{
	struct ws_outgoing *w = arg;
	w->reading = NULL;
	w->authority = authority;
	if (authority)
		find_way(w);
	else
		ws_outgoing_end(w, WS_BROKEN, w->ca_file ? -EINVAL : -EIO, "%s", problem);
}

void ws_attempt_begin(struct ws_outgoing *w)
{
	w->state = WS_PREPARING;
	w->noted = false;
	w->certificate_problem[0] = '\0';
	w->deadline = now_of(w) + (uint64_t)w->connect_timeout_ms;
	set_share(w, 1);
	int r = ws_link_open(w->client);
	if (r < 0)
		ws_outgoing_end(w, WS_BROKEN, -EIO,
				r == -ENOSYS ? "libwebsockets cannot be used: is the package libwebsockets-evlib-uv "
					       "installed?"
					     : "out of memory");
	else if (!w->address.secure)
		find_way(w);
	else if (ws_authority_read(w->client, w->ca_file, on_authority, w, &w->reading) < 0)
		ws_outgoing_end(w, WS_BROKEN, -EIO, "out of memory");
}

void ws_attempt_release(struct ws_outgoing *w)
{
	ws_link_cut(w);
	ws_authority_forget(w->reading);
	w->reading = NULL;
	if (w->lookup) {
		w->lookup->owner = NULL;
		uv_cancel((uv_req_t *)&w->lookup->request);
		w->lookup = NULL;
	}
	uv_freeaddrinfo(w->addresses);
	w->addresses = w->next_address = NULL;
	ws_proxy_close(w->proxy);
	w->proxy = NULL;
	ws_authority_unuse(w->authority);
	w->authority = NULL;
	w->extension_count = 0;
	w->extension_wrong = w->no_takeover = w->compression = false;
	w->sending_compressed = w->ping_due = w->pinged = w->close_sent = false;
	w->protocol[0] = '\0';
	ws_messages_clear(w);
}
