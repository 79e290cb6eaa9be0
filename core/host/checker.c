#include "host/checker.h"
#include <errno.h>

#define MESSAGE_MAX 400

struct tappet_check {
	const struct checker_place *place;
	const struct option *table;
	size_t count;
	bool failed;
};

static void tell(struct tappet_check *c, const char *key, size_t index, const char *pointer, const char *message)
{
	const struct checker_place *to = c->place;
	const struct json *at = option_place(c->table, c->count, to->object, key, index, pointer);
	c->failed = true;
	/* A value that is its default stands nowhere: the key has to be in the words. */
	if (at || !key)
		json_file_mistake(to->file, to->d, at, false, "%.*s", MESSAGE_MAX, message);
	else
		json_file_mistake(to->file, to->d, to->object, false, "\"%.80s\": %.*s", key, MESSAGE_MAX, message);
}

static void check_mistake(tappet_check *check, const char *key, size_t index, const char *pointer, const char *message)
{
	if (check)
		tell(check, key, index, pointer, message ? message : "wrong value");
}

static void check_claim(tappet_check *check, const char *key, size_t index, const char *pointer, const char *what)
{
	if (!check || !check->place->claim || !what || !*what || strlen(what) > KEY_MAX)
		return;
	char *message = check->place->claim(check->place->arg, what);
	if (message)
		tell(check, key, index, pointer, message);
	free(message);
}

static const tappet_checker checker = {
	.struct_size = sizeof(tappet_checker),
	.config_count = table_config_count,
	.config_str = table_config_str,
	.config_int = table_config_int,
	.config_bool = table_config_bool,
	.mistake = check_mistake,
	.claim = check_claim,
};

bool checker_wanted(const struct tappet_instance *p, bool of_trigger)
{
	return of_trigger ? p->desc.check_trigger : p->desc.check_options;
}

int checker_run(struct tappet_instance *p, bool of_trigger, const struct option_values *values,
		const struct checker_place *place)
{
	const struct tappet_config config = {.values = values};
	struct tappet_check check = {
		.place = place,
		.table = of_trigger ? p->trigger_options : p->options,
		.count = of_trigger ? p->desc.trigger_option_count : p->desc.option_count,
	};
	struct guard g;
	if (!checker_wanted(p, of_trigger))
		return 0;
	guard_enter(&g, p, CALLBACK_CHECK);
	(of_trigger ? p->desc.check_trigger : p->desc.check_options)(&checker, &check, &config);
	guard_leave(&g);
	return check.failed ? -EINVAL : 0;
}
