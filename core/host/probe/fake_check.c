/* check_options and check_trigger, as the daemon asks them before it hands options over; twice, so that it shows when what they say
 * is of more than the options. Claims are taken as they come: the triggers of a scene have the same options. */
#include "base/buf.h"
#include "host/probe/fake.h"

#define SAID_MAX ((size_t)256 << 10)

struct tappet_check {
	struct fake *f;
	struct buf said; /* all mistakes and claims, in order */
	char *message;   /* the first mistake */
	size_t room;
	bool failed;
};

static void note(tappet_check *check, const char *key, size_t index, const char *pointer, const char *text)
{
	buf_printf(&check->said, "%s %zu %s %s\n", key ? key : "", index, pointer ? pointer : "", text ? text : "");
}

static bool usable(const tappet_check *check, const char *function)
{
	return check && fake_on_loop(check->f, function);
}

static void check_mistake(tappet_check *check, const char *key, size_t index, const char *pointer, const char *message)
{
	if (!usable(check, "mistake"))
		return;
	note(check, key, index, pointer, message);
	if (check->failed)
		return;
	check->failed = true;
	snprintf(check->message, check->room, "%s: %s", key ? key : "options", message ? message : "wrong value");
}

static void check_claim(tappet_check *check, const char *key, size_t index, const char *pointer, const char *what)
{
	if (usable(check, "claim"))
		note(check, key, index, pointer, what);
}

static void ask(tappet_check *check, bool of_trigger, const struct option_values *values)
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
	struct fake *f = check->f;
	buf_init(&check->said, SAID_MAX);
	fake_enter(f, NULL, of_trigger ? "check_trigger" : "check_options");
	/* Not lent before: what a callback is lent begins with it. */
	const struct fake_config config = {.config.values = values, .f = f};
	f->checking = true;
	(of_trigger ? f->desc->check_trigger : f->desc->check_options)(&checker, check, &config.config);
	f->checking = false;
	fake_leave(f);
}

bool fake_check(struct fake *f, bool of_trigger, const struct option_values *values, char *ret_message, size_t room)
{
	struct tappet_check first = {.f = f, .message = ret_message, .room = room}, again = first;
	if (!(of_trigger ? f->desc->check_trigger : f->desc->check_options))
		return true;
	board_applies(f->board, DESC_CHECK);
	ask(&again, of_trigger, values);
	ask(&first, of_trigger, values);
	if (strcmp(buf_cstr(&first.said), buf_cstr(&again.said)) != 0)
		board_broken(f->board, DESC_CHECK, "%s said something else when it was asked again",
			     of_trigger ? "check_trigger" : "check_options");
	buf_release(&first.said);
	buf_release(&again.said);
	return !first.failed;
}
