#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>
#include "base/json.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/nearest.h"
#include "version.h"

#define COMMANDS_MAX 64

void cli_error(const char *format, ...)
{
	va_list args;
	fputs("tappet: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static bool name_is(const char *name, const char *const *words, size_t count, size_t *ret_words)
{
	const char *space = strchr(name, ' ');
	const size_t first = space ? (size_t)(space - name) : strlen(name);
	if (count < 1 || strlen(words[0]) != first || memcmp(words[0], name, first) != 0)
		return false;
	if (space && (count < 2 || strcmp(words[1], space + 1) != 0))
		return false;
	*ret_words = space ? 2 : 1;
	return true;
}

const struct cli_command *cli_find(const char *const *words, size_t count, size_t *ret_words)
{
	const struct cli_command *found = NULL;
	size_t best = 0, len;
	for (size_t i = 0; i < cli_command_count; i++)
		if (name_is(cli_commands[i].name, words, count, &len) && len > best) {
			best = len;
			found = &cli_commands[i];
		}
	if (found)
		*ret_words = best;
	return found;
}

const char *cli_nearest_command(const char *typed)
{
	const char *names[COMMANDS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < cli_command_count && count < COMMANDS_MAX; i++)
		names[count++] = cli_commands[i].name;
	return nearest(names, count, typed);
}

int cmd_version(struct cli *c)
{
	if (c->json)
		printf("{\"version\":\"%s\"}\n", TAPPET_VERSION);
	else
		printf("tappet %s\n", TAPPET_VERSION);
	return CLI_OK;
}

int cmd_serve(struct cli *c)
{
	struct serve_options options = {.config_path = cli_value(c, "config"), .log_level = LOG_INFO};
	const char *level = cli_value(c, "log-level");
	if (!options.config_path)
		options.config_path = "tappet.json";
	if (level && log_level_parse(level, &options.log_level) < 0) {
		cli_error("--log-level must be debug, info, warn or error");
		return CLI_USAGE;
	}
	options.log_json = cli_flag(c, "log-json");
	const char **plugins = calloc(c->value_count + 1, sizeof(*plugins));
	if (!plugins) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	while ((plugins[options.plugin_count] = cli_value_at(c, "plugin", options.plugin_count)))
		options.plugin_count++;
	options.plugins = plugins;
	int code = c->hooks->serve(&options);
	free(plugins);
	return code;
}

/* What was printed has to have arrived: a full disk behind a pipe is not success. */
static int flush_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	cli_error("cannot write: %s", strerror(errno));
	return code == CLI_OK ? CLI_FAILED : code;
}

int cli_main(int argc, char **argv, const struct cli_hooks *hooks)
{
	static char version[] = "version";
	struct cli c = {.hooks = hooks};
	bool help = false;
	/* As people try first with any program. */
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		argv[1] = version;
	int code = cli_parse(&c, argc, argv, &help);
	c.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	if (code == CLI_OK && (help || !c.command)) {
		cli_print_help(c.command);
		code = help ? CLI_OK : CLI_USAGE;
	} else if (code == CLI_OK) {
		if (c.command->run != cmd_serve)
			log_setup(LOG_ERROR, false);
		code = c.command->run(&c);
	}
	client_free(c.client);
	cli_release(&c);
	return flush_output(code);
}
