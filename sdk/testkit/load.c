/* The plugin's descriptor: from a shared object or linked in, checked as the daemon's loader does. */
#include <dlfcn.h>
#include "internal.h"

#define NAME_LEN_MAX 32
/* The field fills what was padding: the size does not tell whether it is there. */
#define LIST_CHECKPOINTS_MINOR 4

void load_open(testkit *kit, const char *path, const tappet_plugin **ret)
{
	const tappet_plugin *(*describe)(void);
	kit->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!kit->object)
		misuse("cannot load the plugin: %s", dlerror());
	void *symbol = dlsym(kit->object, "tappet_plugin_v1");
	if (!symbol)
		misuse("%s does not export tappet_plugin_v1", path);
	/* ISO C has no cast from an object pointer to a function pointer. */
	memcpy(&describe, &symbol, sizeof(describe));
	*ret = describe();
}

static bool incomplete(testkit *kit, const char *what)
{
	rule_broken(kit, RULE_DESC_1, "%s", what);
	return false;
}

static bool check_name(testkit *kit)
{
	const char *name = kit->desc.name;
	size_t len = name ? strlen(name) : 0;
	if (len == 0 || len > NAME_LEN_MAX || name[0] < 'a' || name[0] > 'z' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		return incomplete(kit, "its name is not [a-z][a-z0-9-]* of at most 32 characters");
	return true;
}

static bool check_texts(testkit *kit)
{
	const tappet_plugin *d = &kit->desc;
	struct json_error error;
	if (!d->version || !*d->version || !d->license || !*d->license || !d->summary || !*d->summary)
		return incomplete(kit, "version, license or summary is missing");
	if (d->sample && json_check(d->sample, strlen(d->sample), &error) < 0)
		return incomplete(kit, "its sample is not JSON");
	return true;
}

static bool check_functions(testkit *kit)
{
	const tappet_plugin *d = &kit->desc;
	if (!d->create || !d->trigger_add || !d->trigger_remove || !d->trigger_free || !d->start || !d->stop ||
	    !d->destroy)
		return incomplete(kit, "one of create, trigger_add, trigger_remove, trigger_free, start, stop and "
				       "destroy is missing");
	return true;
}

static bool check_option(testkit *kit, const struct option *table, size_t index)
{
	const struct option *o = &table[index];
	if (!o->key || !o->key[0] || o->type < OPTION_STRING || o->type > OPTION_PATH ||
	    (o->flags & ~(OPTION_REQUIRED | OPTION_SECRET | OPTION_MULTI)))
		return incomplete(kit, "an option has no key, or an unknown type or flag");
	for (size_t i = 0; i < index; i++)
		if (strcmp(table[i].key, o->key) == 0)
			return incomplete(kit, "an option stands twice in its table");
	return true;
}

/* By the table's own element size, as every reader of arrays does. */
static bool copy_table(testkit *kit, const tappet_option *given, size_t count, struct option **ret)
{
	size_t size = kit->desc.option_size;
	bool fine = true;
	if (count == 0)
		return true;
	if (!given || size < sizeof(tappet_option))
		return incomplete(kit, "an option table is missing, or option_size is too small");
	*ret = kit_alloc(count * sizeof(**ret));
	for (size_t i = 0; i < count && fine; i++) {
		tappet_option o;
		memcpy(&o, (const char *)given + i * size, sizeof(o));
		(*ret)[i] = (struct option){.key = o.key,
					    .type = (enum option_type)o.type,
					    .flags = o.flags,
					    .default_value = o.default_value,
					    .help = o.help ? o.help : "",
					    .replaced_by = o.replaced_by};
		fine = check_option(kit, *ret, i);
	}
	return fine;
}

static bool check_open(testkit *kit)
{
	for (size_t i = 0; kit->desc.open_trigger && i < kit->desc.trigger_option_count; i++)
		if (kit->trigger_options[i].flags & OPTION_REQUIRED)
			return incomplete(kit, "it has open_trigger, and an option of its triggers is required");
	return true;
}

bool load_check(testkit *kit, const tappet_plugin *given)
{
	if (!given || given->struct_size < offsetof(tappet_plugin, clock_set))
		return incomplete(kit, "there is none, or its struct_size is too small");
	memcpy(&kit->desc, given, given->struct_size < sizeof(kit->desc) ? given->struct_size : sizeof(kit->desc));
	/* Older ones have padding there. */
	if (given->abi_minor < LIST_CHECKPOINTS_MINOR)
		kit->desc.list_checkpoints = 0;
	if (given->abi_minor_needed > TAPPET_ABI_MINOR)
		return incomplete(kit, "it needs a newer ABI than the testkit has");
	return check_name(kit) && check_texts(kit) && check_functions(kit) &&
	       copy_table(kit, kit->desc.options, kit->desc.option_count, &kit->options) &&
	       copy_table(kit, kit->desc.trigger_options, kit->desc.trigger_option_count, &kit->trigger_options) &&
	       check_open(kit);
}
