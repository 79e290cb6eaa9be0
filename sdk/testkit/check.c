/* What the plugin itself checks of its options (check_options, check_trigger), and what its triggers claim. */
#include "internal.h"

struct claim {
	struct list node;
	const struct tappet_trigger *holder; /* NULL: the trigger that is being added */
	char *what;
};

struct tappet_check {
	testkit *kit;
	const struct option *table;
	size_t count;
	const struct json_file *file;
	struct diag *d;
};

static void check_mistake(tappet_check *check, const char *key, size_t index, const char *pointer, const char *message)
{
	if (!check || !call_allowed(check->kit, "mistake"))
		return;
	const struct json *root = check->file->root;
	const struct json *at = option_place(check->table, check->count, root, key, index, pointer);
	json_file_mistake(check->file, check->d, at ? at : root, false, "%s", message ? message : "wrong value");
}

static const struct claim *find(const testkit *kit, const char *what)
{
	list_each (node, &kit->claims) {
		const struct claim *c = list_entry(node, struct claim, node);
		if (c->holder && strcmp(c->what, what) == 0)
			return c;
	}
	return NULL;
}

static void check_claim(tappet_check *check, const char *key, size_t index, const char *pointer, const char *what)
{
	char message[400];
	if (!check || !what || !call_allowed(check->kit, "claim"))
		return;
	const struct claim *other = find(check->kit, what);
	if (other) {
		snprintf(message, sizeof(message), "%s: trigger \"%s\" has it already", what, other->holder->id);
		check_mistake(check, key, index, pointer, message);
		return;
	}
	struct claim *c = kit_alloc(sizeof(*c));
	c->what = kit_text(what);
	list_append(&check->kit->claims, &c->node);
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

void options_check(testkit *kit, bool of_trigger, const struct json_file *file, const tappet_config *config,
		   struct diag *d)
{
	void (*ask)(const tappet_checker *, tappet_check *, const tappet_config *) =
		of_trigger ? kit->desc.check_trigger : kit->desc.check_options;
	struct tappet_check check = {
		.kit = kit,
		.table = of_trigger ? kit->trigger_options : kit->options,
		.count = of_trigger ? kit->desc.trigger_option_count : kit->desc.option_count,
		.file = file,
		.d = d,
	};
	if (ask)
		ask(&checker, &check, config);
}

static void claim_free(struct claim *c)
{
	list_remove(&c->node);
	free(c->what);
	free(c);
}

void claims_take(testkit *kit, const struct tappet_trigger *holder)
{
	list_each (node, &kit->claims) {
		struct claim *c = list_entry(node, struct claim, node);
		if (!c->holder)
			c->holder = holder;
	}
}

void claims_drop(testkit *kit, const struct tappet_trigger *holder)
{
	list_each_safe (node, &kit->claims) {
		struct claim *c = list_entry(node, struct claim, node);
		if (c->holder == holder)
			claim_free(c);
	}
}

void claims_release(testkit *kit)
{
	list_each_safe (node, &kit->claims)
		claim_free(list_entry(node, struct claim, node));
}
