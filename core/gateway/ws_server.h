/* What a connection of the gateway does once it speaks WebSocket (ws_server.c). It is called by the connection alone. */
#ifndef GATEWAY_WS_SERVER_H
#define GATEWAY_WS_SERVER_H

#include <stddef.h>
#include <stdint.h>

struct ws_server;

/* Bytes came. */
void ws_server_read(struct ws_server *w, const char *bytes, size_t len);
/* The end of a turn: goes on with what was held back, and ends what is over. */
void ws_server_flush(struct ws_server *w);
/* Pings and time-outs; `now` in the loop's milliseconds. */
void ws_server_sweep(struct ws_server *w, uint64_t now);
/* The gateway is stopping: says so to the client. */
void ws_server_drain(struct ws_server *w);
/* The client sends no more. */
void ws_server_ended(struct ws_server *w);
size_t ws_server_memory(const struct ws_server *w);
/* The stream is gone: the owner is told, if it was not yet. */
void ws_server_free(struct ws_server *w);

#endif
