#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include "cli/nearest.h"

#define OPTIONS_MAX 40
#define LONG_BASE 256

/* The options that one pass of getopt_long knows: the common ones, then the command's. */
struct known {
	const struct cli_option *options[OPTIONS_MAX];
	size_t count;
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 3];
};

static void know(struct known *k, const struct cli_option *options, size_t count)
{
	for (size_t i = 0; i < count && k->count < OPTIONS_MAX; i++)
		k->options[k->count++] = &options[i];
}

/* `mode` "+:" stops at the first word that is no option, ":" takes options anywhere. */
static void know_all(struct known *k, const char *mode, const struct cli_command *command)
{
	*k = (struct known){0};
	know(k, cli_common, cli_common_count);
	if (command)
		know(k, command->options, command->option_count);
	size_t len = strlen(mode);
	memcpy(k->shorts, mode, len);
	for (size_t i = 0; i < k->count; i++) {
		const struct cli_option *o = k->options[i];
		k->longs[i] =
			(struct option){o->name, o->value ? required_argument : no_argument, NULL, LONG_BASE + (int)i};
		if (!o->letter)
			continue;
		k->shorts[len++] = o->letter;
		if (o->value)
			k->shorts[len++] = ':';
	}
	k->shorts[len] = '\0';
}

static const struct cli_option *option_of(const struct known *k, int found)
{
	for (size_t i = 0; i < k->count; i++)
		if (found == LONG_BASE + (int)i || (k->options[i]->letter && found == k->options[i]->letter))
			return k->options[i];
	return NULL;
}

static void report_unknown(const struct known *k, const char *typed)
{
	const char *names[OPTIONS_MAX];
	for (size_t i = 0; i < k->count; i++)
		names[i] = k->options[i]->name;
	const char *bare = typed + strspn(typed, "-");
	const char *near = nearest(names, k->count, bare);
	if (typed[0] == '-' && typed[1] == '-' && near)
		cli_error("unknown option %s; is it --%s?", typed, near);
	else
		cli_error("unknown option %s", typed);
}

/* optopt is a letter for short options, LONG_BASE + n for long ones, 0 for long ones that are not known. */
static void report_option(const struct known *k, int found, const char *typed)
{
	const struct cli_option *option = option_of(k, optopt);
	if (found == ':' && option)
		cli_error("--%s needs a value: %s", option->name, option->value);
	else if (option)
		cli_error("--%s takes no value", option->name);
	else if (optopt > 0 && optopt < LONG_BASE)
		cli_error("unknown option -%c", optopt);
	else
		report_unknown(k, typed);
}

static int add_value(struct cli *c, const struct cli_option *option, const char *text)
{
	struct cli_value *grown = realloc(c->values, (c->value_count + 1) * sizeof(*grown));
	if (!grown) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	c->values = grown;
	c->values[c->value_count++] = (struct cli_value){.option = option, .text = text ? text : ""};
	return CLI_OK;
}

static int read_options(struct cli *c, const struct known *k, int argc, char **argv)
{
	int found, code = CLI_OK;
	optind = 0; /* GNU: starts anew, with what `shorts` begins with */
	opterr = 0;
	while (code == CLI_OK && (found = getopt_long(argc, argv, k->shorts, k->longs, NULL)) != -1) {
		const struct cli_option *option = option_of(k, found);
		if (option) {
			code = add_value(c, option, optarg);
			continue;
		}
		report_option(k, found, argv[optind - 1]);
		code = CLI_USAGE;
	}
	return code;
}

static const struct cli_value *last_value(const struct cli *c, const char *name)
{
	for (size_t i = c->value_count; i > 0; i--)
		if (strcmp(c->values[i - 1].option->name, name) == 0)
			return &c->values[i - 1];
	return NULL;
}

static bool takes_common(const struct cli_command *command, const struct cli_option *option)
{
	if (option == &cli_common[0])
		return command->takes & TAKES_CONFIG;
	if (option == &cli_common[1])
		return command->takes & TAKES_SERVER;
	return option != &cli_common[2] || (command->takes & TAKES_JSON);
}

/* Whether there are commands of two words that begin with this one. */
static bool is_group(const char *word)
{
	const size_t len = strlen(word);
	for (size_t i = 0; i < cli_command_count; i++)
		if (strncmp(cli_commands[i].name, word, len) == 0 && cli_commands[i].name[len] == ' ')
			return true;
	return false;
}

static int check_line(const struct cli *c)
{
	const struct cli_command *command = c->command;
	for (size_t i = 0; i < c->value_count; i++)
		if (!takes_common(command, c->values[i].option)) {
			cli_error("'%s' has no use for --%s", command->name, c->values[i].option->name);
			return CLI_USAGE;
		}
	if (c->arg_count >= command->least && c->arg_count <= command->most)
		return CLI_OK;
	if (command->most == 0 && is_group(command->name))
		cli_error("unknown command '%s %s'; 'tappet help %s' lists them", command->name, c->args[0],
			  command->name);
	else
		cli_error("usage: tappet %s%s%s", command->name, command->arguments[0] ? " " : "", command->arguments);
	return CLI_USAGE;
}

static int unknown_command(const char *const *words, size_t count)
{
	const char *near = cli_nearest_command(words[0]);
	const bool group = is_group(words[0]);
	if (group && count > 1)
		cli_error("unknown command '%s %s'; 'tappet help %s' lists them", words[0], words[1], words[0]);
	else if (group)
		cli_error("'%s' needs one more word; 'tappet help %s' lists them", words[0], words[0]);
	else if (near)
		cli_error("unknown command '%s'; is it '%s'?", words[0], near);
	else
		cli_error("unknown command '%s'; 'tappet help' lists them", words[0]);
	return CLI_USAGE;
}

static int parse_command(struct cli *c, int argc, char **argv)
{
	struct known known;
	size_t words;
	const char *const *names = (const char *const *)argv;
	c->command = cli_find(names, (size_t)argc, &words);
	if (!c->command)
		return unknown_command(names, (size_t)argc);
	/* getopt passes over the first word, which then is the last one of the command's name. */
	argv += words - 1;
	argc -= (int)words - 1;
	know_all(&known, ":", c->command);
	int code = read_options(c, &known, argc, argv);
	c->args = (const char *const *)(argv + optind);
	c->arg_count = (size_t)(argc - optind);
	return code;
}

int cli_parse(struct cli *c, int argc, char **argv, bool *ret_help)
{
	struct known known;
	know_all(&known, "+:", NULL);
	int code = argc > 0 ? read_options(c, &known, argc, argv) : CLI_OK;
	const int first = optind;
	if (code == CLI_OK && argc > 0 && first < argc)
		code = parse_command(c, argc - first, argv + first);
	if (code != CLI_OK)
		return code;
	*ret_help = last_value(c, "help") != NULL;
	c->json = last_value(c, "json") != NULL;
	return c->command && !*ret_help ? check_line(c) : CLI_OK;
}

void cli_release(struct cli *c)
{
	free(c->values);
	c->values = NULL;
	c->value_count = 0;
}

/* A command that asks for an option which is in no table would never see it. */
static void require_option(const struct cli *c, const char *name)
{
	for (size_t i = 0; i < cli_common_count; i++)
		if (strcmp(cli_common[i].name, name) == 0)
			return;
	for (size_t i = 0; i < c->command->option_count; i++)
		if (strcmp(c->command->options[i].name, name) == 0)
			return;
	abort();
}

const char *cli_value(const struct cli *c, const char *name)
{
	require_option(c, name);
	const struct cli_value *value = last_value(c, name);
	return value ? value->text : NULL;
}

bool cli_flag(const struct cli *c, const char *name)
{
	return cli_value(c, name) != NULL;
}

const char *cli_value_at(const struct cli *c, const char *name, size_t index)
{
	require_option(c, name);
	for (size_t i = 0; i < c->value_count; i++)
		if (strcmp(c->values[i].option->name, name) == 0 && index-- == 0)
			return c->values[i].text;
	return NULL;
}
