#include "cli/socket.h"

#include <strings.h>

static const char *server_of(const struct cli *c)
{
	const char *server = cli_value(c, "server");
	if (server || cli_value(c, "config"))
		return server;
	return getenv("TAPPET_SERVER");
}

bool socket_is_meant(const struct cli *c)
{
	const char *server = server_of(c);
	return server && (strncasecmp(server, "ws://", 5) == 0 || strncasecmp(server, "wss://", 6) == 0);
}

char *socket_url(const struct cli *c)
{
	const char *server = server_of(c);
	const char *host = strstr(server, "://") + 3;
	const size_t host_len = strcspn(host, "/?");
	const bool bare = strcmp(host + host_len, "") == 0 || strcmp(host + host_len, "/") == 0;
	char *url = NULL;
	if (asprintf(&url, "%.*s%s", bare ? (int)(host - server + (ptrdiff_t)host_len) : (int)strlen(server), server,
		     bare ? "/action" : "") < 0) {
		cli_error("out of memory");
		return NULL;
	}
	return url;
}
