/* check_options and check_trigger, as the daemon asks them before it hands options over. Claims are taken as they come: the
 * triggers of a scene have the same options. */
#include "host/probe/fake.h"

struct tappet_check {
	struct fake *f;
	char *message; /* the first mistake */
	size_t room;
	bool failed;
};

static bool usable(const tappet_check *check, const char *function)
{
	return check && fake_on_loop(check->f, function);
}

static void check_mistake(tappet_check *check, const char *key, size_t index, const char *pointer, const char *message)
{
	(void)index;
	(void)pointer;
	if (!usable(check, "mistake") || check->failed)
		return;
	check->failed = true;
	snprintf(check->message, check->room, "%s: %s", key ? key : "options", message ? message : "wrong value");
}

static void check_claim(tappet_check *check, const char *key, size_t index, const char *pointer, const char *what)
{
	(void)key;
	(void)index;
	(void)pointer;
	(void)what;
	(void)usable(check, "claim");
}

bool fake_check(struct fake *f, bool of_trigger, const struct option_values *values, char *ret_message, size_t room)
{
	const tappet_checker checker = {
		.struct_size = sizeof(checker),
		.config_count = fake_host.config_count,
		.config_str = fake_host.config_str,
		.config_int = fake_host.config_int,
		.config_bool = fake_host.config_bool,
		.mistake = check_mistake,
		.claim = check_claim,
	};
	struct tappet_check check = {.f = f, .message = ret_message, .room = room};
	void (*ask)(const tappet_checker *, tappet_check *, const tappet_config *) =
		of_trigger ? f->desc->check_trigger : f->desc->check_options;
	if (!ask)
		return true;
	fake_enter(f, NULL, of_trigger ? "check_trigger" : "check_options");
	/* Not lent before: what a callback is lent begins with it. */
	const struct fake_config config = {.config.values = values, .f = f};
	ask(&checker, &check, &config.config);
	fake_leave(f);
	return !check.failed;
}
