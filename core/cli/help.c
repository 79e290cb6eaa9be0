#include "cli/command.h"

static const char exit_codes[] = "Exit codes\n"
				 "  0  well, or the followed activity completed\n"
				 "  1  the activity failed, there are mistakes, or something else went wrong\n"
				 "  2  the command line cannot be understood\n"
				 "  3  no daemon answers\n"
				 "  4  no such workflow, activity, token, plugin or file\n"
				 "  5  the daemon refused: disabled, not allowed, invalid, or too much now\n"
				 "  6  the followed activity was cancelled\n"
				 "  7  asked for, but whether it happened is not known\n";

static void print_option(const struct cli_option *o)
{
	char left[64];
	const char letter[] = {'-', o->letter, ',', ' ', '\0'};
	snprintf(left, sizeof(left), "%s--%s%s%s", o->letter ? letter : "    ", o->name, o->value ? " " : "",
		 o->value ? o->value : "");
	printf("  %-28s  %s\n", left, o->help);
}

static void print_common(unsigned takes)
{
	static const struct cli_option socket_too = {
		0, "server", "URL",
		"the daemon: http(s)://HOST:PORT, ws://HOST:PORT, wss://HOST or unix:PATH ($TAPPET_SERVER)"};
	const unsigned bits[] = {TAKES_CONFIG, TAKES_SERVER, TAKES_JSON};
	for (size_t i = 0; i < cli_common_count; i++) {
		const unsigned bit = i < sizeof(bits) / sizeof(bits[0]) ? bits[i] : 0;
		if (bit == 0 || (takes & bit))
			print_option(bit == TAKES_SERVER && (takes & TAKES_SOCKET) ? &socket_too : &cli_common[i]);
	}
}

static void print_line(const struct cli_command *command)
{
	char left[64];
	snprintf(left, sizeof(left), "%s %s", command->name, command->arguments);
	printf("  %-36s  %s\n", left, command->summary);
}

static void print_all(void)
{
	puts("Usage: tappet COMMAND [OPTION...] [ARGUMENT...]\n\nCommands");
	for (size_t i = 0; i < cli_command_count; i++)
		print_line(&cli_commands[i]);
	puts("\nCommon options");
	print_common(TAKES_DAEMON);
	puts("\nThe daemon is found by --server, else by the control socket of --config, else by $TAPPET_SERVER, else "
	     "by the\n"
	     "control socket of ./tappet.json, else at /run/tappet/tappet.sock. Over TCP, $TAPPET_TOKEN is the admin "
	     "token.\n"
	     "'tappet help COMMAND' says more about one; 'tappet help exit-codes' lists what the exit codes mean.");
}

void cli_print_help(const struct cli_command *command)
{
	if (!command) {
		print_all();
		return;
	}
	printf("Usage: tappet %s%s%s%s\n\n%s\n", command->name, command->arguments[0] ? " " : "", command->arguments,
	       " [OPTION...]", command->summary);
	if (command->details)
		printf("\n%s\n", command->details);
	puts("\nOptions");
	for (size_t i = 0; i < command->option_count; i++)
		print_option(&command->options[i]);
	print_common(command->takes);
}

/* All commands whose name begins with `word`, such as those of "token". */
static bool print_group(const char *word, const char *title)
{
	const size_t len = strlen(word);
	bool found = false;
	for (size_t i = 0; i < cli_command_count; i++) {
		if (strncmp(cli_commands[i].name, word, len) != 0 || cli_commands[i].name[len] != ' ')
			continue;
		if (!found && title)
			puts(title);
		print_line(&cli_commands[i]);
		found = true;
	}
	return found;
}

int cli_help_topic(const char *const *words, size_t count)
{
	size_t len;
	const struct cli_command *command = cli_find(words, count, &len);
	if (count == 1 && strcmp(words[0], "exit-codes") == 0) {
		fputs(exit_codes, stdout);
		return CLI_OK;
	}
	if (command && len == count) {
		cli_print_help(command);
		if (count == 1)
			print_group(words[0], "\nFurther commands");
		return CLI_OK;
	}
	if (count == 1 && print_group(words[0], NULL))
		return CLI_OK;
	const char *near = cli_nearest_command(words[0]);
	if (near)
		cli_error("no help for '%s'; is it '%s'?", words[0], near);
	else
		cli_error("no help for '%s'", words[0]);
	return CLI_USAGE;
}

int cmd_help(struct cli *c)
{
	if (c->arg_count > 0)
		return cli_help_topic(c->args, c->arg_count);
	cli_print_help(NULL);
	return CLI_OK;
}
