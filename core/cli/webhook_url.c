/* Where webhooks are sent to: the daemon's listener, from the server's URL or the configuration. */
#include <unistd.h>
#include "cli/webhook.h"
#include "config/config.h"

static int give(char *url, char *socket, char **ret_url, char **ret_socket)
{
	if (!url) {
		free(socket);
		cli_error("out of memory");
		return CLI_FAILED;
	}
	*ret_url = url;
	*ret_socket = socket;
	return CLI_OK;
}

/* "0.0.0.0:8080" is where it listens, and no address to go to. */
static char *url_of(const struct listen_config *l)
{
	const char *scheme = l->tls.at ? "https" : "http", *address = l->address;
	struct buf out;
	buf_init(&out, 1024);
	if (strncmp(address, "0.0.0.0:", 8) == 0)
		buf_printf(&out, "%s://127.0.0.1:%s", scheme, address + 8);
	else if (strncmp(address, "[::]:", 5) == 0)
		buf_printf(&out, "%s://[::1]:%s", scheme, address + 5);
	else
		buf_printf(&out, "%s://%s", scheme, address);
	return buf_detach(&out, NULL);
}

static bool has_port(const struct listen_config *l)
{
	const char *colon = strrchr(l->address, ':');
	return l->is_unix || (colon && strcmp(colon, ":0") != 0);
}

/* The first listener that serves hooks; one without TLS before one with it. */
static const struct listen_config *choose(const struct config *config)
{
	const struct listen_config *found = NULL;
	for (size_t i = 0; i < config->listen_count; i++) {
		const struct listen_config *l = &config->listen[i];
		if (!(l->serve & SURFACE_HOOKS) || !has_port(l))
			continue;
		if (!found || (found->tls.at && !l->tls.at))
			found = l;
	}
	return found;
}

static int from_config(const char *path, char **ret_url, char **ret_socket)
{
	struct config *config = NULL;
	struct diag d;
	int code = CLI_NOT_FOUND;
	diag_init(&d);
	if (config_read(path, &d, &config) == 0) {
		const struct listen_config *l = choose(config);
		if (l && l->is_unix)
			code = give(strdup("http://localhost"), strdup(l->address), ret_url, ret_socket);
		else if (l)
			code = give(url_of(l), NULL, ret_url, ret_socket);
	}
	config_free(config);
	diag_release(&d);
	return code;
}

int webhook_listener(const struct cli *c, const char *public_url, char **ret_url, char **ret_socket)
{
	const char *config = cli_value(c, "config");
	char *url = NULL, *socket = NULL;
	int code = find_daemon(c, &url, &socket);
	if (code != CLI_OK)
		return code;
	const bool by_tcp = !socket;
	free(socket);
	if (by_tcp)
		return give(url, NULL, ret_url, ret_socket);
	free(url);
	if (!config && access("tappet.json", F_OK) == 0)
		config = "tappet.json";
	code = config ? from_config(config, ret_url, ret_socket) : CLI_NOT_FOUND;
	if (code != CLI_NOT_FOUND)
		return code;
	if (public_url[0])
		return give(strdup(public_url), NULL, ret_url, ret_socket);
	cli_error("where the daemon listens for webhooks is not known here: name it with --url http://HOST:PORT");
	return CLI_USAGE;
}
