/* Completion for bash, made from the same tables as the parser. */
#include "cli/command.h"

static void print_words(const struct cli_option *options, size_t count, unsigned takes, bool common)
{
	const unsigned bits[] = {TAKES_CONFIG, TAKES_SERVER, TAKES_JSON};
	for (size_t i = 0; i < count; i++) {
		if (common && i < sizeof(bits) / sizeof(bits[0]) && !(takes & bits[i]))
			continue;
		printf(" --%s", options[i].name);
	}
}

static void print_first_words(void)
{
	for (size_t i = 0; i < cli_command_count; i++) {
		const char *name = cli_commands[i].name;
		const size_t len = strcspn(name, " ");
		const bool repeated = i > 0 && strncmp(cli_commands[i - 1].name, name, len) == 0 &&
				      strcspn(cli_commands[i - 1].name, " ") == len;
		if (!repeated)
			printf(" %.*s", (int)len, name);
	}
}

static void print_case(const struct cli_command *command)
{
	printf("\t\"%s\") words=\"", command->name);
	print_words(command->options, command->option_count, 0, false);
	print_words(cli_common, cli_common_count, command->takes, true);
	puts("\" ;;");
}

/* The second words of a command of two, such as those of "token". */
static void print_group_case(size_t first)
{
	const char *name = cli_commands[first].name;
	const size_t len = strcspn(name, " ");
	if (name[len] == '\0' || (first > 0 && strncmp(cli_commands[first - 1].name, name, len + 1) == 0))
		return;
	printf("\t\"%.*s\") seconds=\"", (int)len, name);
	for (size_t i = first; i < cli_command_count && strncmp(cli_commands[i].name, name, len + 1) == 0; i++)
		printf("%s%s", i > first ? " " : "", cli_commands[i].name + len + 1);
	puts("\" ;;");
}

int cmd_completion(struct cli *c)
{
	if (strcmp(c->args[0], "bash") != 0) {
		cli_error("there is completion for bash only");
		return CLI_USAGE;
	}
	puts("_tappet()\n{\n\tlocal current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words= seconds=");
	fputs("\tif ((COMP_CWORD == 1)); then\n\t\tCOMPREPLY=($(compgen -W \"", stdout);
	print_first_words();
	puts("\" -- \"$current\"))\n\t\treturn\n\tfi\n\tcase $command in");
	for (size_t i = 0; i < cli_command_count; i++)
		print_group_case(i);
	puts("\tesac\n\tif [[ $seconds && $COMP_CWORD -eq 2 ]]; then\n"
	     "\t\tCOMPREPLY=($(compgen -W \"$seconds\" -- \"$current\"))\n\t\treturn\n\tfi\n"
	     "\t[[ $seconds && \" $seconds \" == *\" ${COMP_WORDS[2]} \"* ]] && command+=\" ${COMP_WORDS[2]}\"\n"
	     "\tcase $command in");
	for (size_t i = 0; i < cli_command_count; i++)
		print_case(&cli_commands[i]);
	puts("\tesac\n\tif [[ $current == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
	     "\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$current\"))\n\tfi\n}\ncomplete -F _tappet tappet");
	return CLI_OK;
}
