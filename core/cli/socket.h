/* Commands that a token is enough for: they talk to the plugin `action` by WebSocket, with the client library. */
#ifndef CLI_SOCKET_H
#define CLI_SOCKET_H

#include "base/buf.h"
#include "cli/command.h"
#include "cli/events.h"

/* Whether the daemon is named by ws:// or wss://. */
bool socket_is_meant(const struct cli *c);
/* The address to connect to: with /action where no path is named. To be freed; NULL: no memory, which has been told. */
char *socket_url(const struct cli *c);

/* `key` NULL: none. The exit code. */
int socket_emit(struct cli *c, const char *topic, const struct buf *data, const char *key);
int socket_follow(struct cli *c, struct events *e);

#endif
