/* Which daemon: --server, $TAPPET_SERVER, the control socket of the configuration, the system's. */
#include "cli/client.h"

#include <errno.h>
#include <strings.h>
#include <unistd.h>
#include "config/config.h"

static int out_of_memory(void)
{
	cli_error("out of memory");
	return CLI_FAILED;
}

static int give_socket(const char *path, char **ret_url, char **ret_socket)
{
	char *url = strdup("http://localhost"), *copy = strdup(path);
	if (!url || !copy) {
		free(url);
		free(copy);
		return out_of_memory();
	}
	*ret_url = url;
	*ret_socket = copy;
	return CLI_OK;
}

static int give_url(const char *server, char **ret_url, char **ret_socket)
{
	size_t len = strlen(server);
	if (strncasecmp(server, "http://", 7) != 0 && strncasecmp(server, "https://", 8) != 0) {
		cli_error("a server is http://HOST:PORT, https://HOST or unix:PATH, not '%s'", server);
		return CLI_USAGE;
	}
	while (len > 0 && server[len - 1] == '/')
		len--;
	char *url = strndup(server, len);
	if (!url)
		return out_of_memory();
	*ret_url = url;
	*ret_socket = NULL;
	return CLI_OK;
}

static void print_mistakes(const struct diag *d)
{
	struct buf text;
	buf_init(&text, 1024 * 1024);
	diag_print(d, &text);
	fputs(buf_cstr(&text), stderr);
	buf_release(&text);
}

static int give_control(const char *path, char **ret_url, char **ret_socket)
{
	struct config *config = NULL;
	struct diag d;
	diag_init(&d);
	int r = config_read(path, &d, &config);
	int code = CLI_FAILED;
	if (r == -ENOENT) {
		cli_error("%s: no such file", path);
		code = CLI_NOT_FOUND;
	} else if (r < 0) {
		print_mistakes(&d);
		cli_error("%s: cannot tell where the daemon is", path);
	} else {
		code = give_socket(config->control_path, ret_url, ret_socket);
	}
	config_free(config);
	diag_release(&d);
	return code;
}

int find_daemon(const struct cli *c, char **ret_url, char **ret_socket)
{
	const char *server = cli_value(c, "server"), *config = cli_value(c, "config");
	/* What stands on the command line wins over the environment. */
	if (!server && !config)
		server = getenv("TAPPET_SERVER");
	if (server && strncmp(server, "unix:", 5) == 0)
		return give_socket(server + 5, ret_url, ret_socket);
	if (server && server[0])
		return give_url(server, ret_url, ret_socket);
	if (config)
		return give_control(config, ret_url, ret_socket);
	if (access("tappet.json", F_OK) == 0)
		return give_control("tappet.json", ret_url, ret_socket);
	return give_socket(CLIENT_SYSTEM_SOCKET, ret_url, ret_socket);
}
