/* A connection, shared by what the plugin calls (fake_ws.c) and what its peer does (fake_peers.c). */
#ifndef HOST_PROBE_FAKE_WS_H
#define HOST_PROBE_FAKE_WS_H

#include "host/probe/fake.h"

enum fake_socket_state { FAKE_CONNECTING, FAKE_WAITING, FAKE_OPEN, FAKE_CLOSING, FAKE_OVER };

struct fake_socket {
	struct fake_handle handle; /* first; in the list of sockets */
	tappet_ws_handler handler;
	enum fake_socket_state state;
	bool by_connect, slow, paused, drains;
	int64_t retry_min_ms, due_ms; /* of the next attempt */
	size_t number, step, sent;    /* of the peer's steps; messages of the plugin */
	tappet_str protocol, remote;
	struct list waiting; /* calls, while it is paused */
};

struct fake_socket *fake_socket_new(struct fake_instance *i, const tappet_ws_handler *handler, void *arg);
/* `drained` is due. */
void fake_socket_drains(struct fake_socket *s);
/* `closed` is due. */
void fake_socket_ends(struct fake_socket *s, int32_t code, int32_t error);

#endif
