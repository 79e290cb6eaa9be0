/* Opens shared objects (the only dlopen of the program) and checks what they say of themselves before anything of
 * them is called. What is refused is named in words that its author can act on. A shared object is never closed
 * again: its code may be anywhere on the stack, or in a thread. */
#include "host/internal.h"
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>
#include "base/log.h"

#define NAME_MAX_LEN 32
#define OTHER_MAJOR_MAX 9
#define TABLE_MAX 1000

_Static_assert((int)TAPPET_STRING == (int)OPTION_STRING, "option types");
_Static_assert((int)TAPPET_INTEGER == (int)OPTION_INTEGER, "option types");
_Static_assert((int)TAPPET_BOOLEAN == (int)OPTION_BOOLEAN, "option types");
_Static_assert((int)TAPPET_DURATION == (int)OPTION_DURATION, "option types");
_Static_assert((int)TAPPET_SIZE == (int)OPTION_SIZE, "option types");
_Static_assert((int)TAPPET_OBJECT == (int)OPTION_OBJECT, "option types");
_Static_assert((int)TAPPET_JSON == (int)OPTION_JSON, "option types");
_Static_assert((int)TAPPET_PATH == (int)OPTION_PATH, "option types");
_Static_assert((int)TAPPET_REQUIRED == (int)OPTION_REQUIRED, "option flags");
_Static_assert((int)TAPPET_SECRET == (int)OPTION_SECRET, "option flags");
_Static_assert((int)TAPPET_MULTI == (int)OPTION_MULTI, "option flags");

/* What one load is about; mistakes go to `d` at the plugin's key in tappet.json. */
struct load {
	struct tappet_instance *plugin;
	const char *path;
	const struct plugin_config *config;
	const struct json_file *file;
	struct diag *d;
};

static const struct json *place(const struct load *l)
{
	return l->file ? json_get(json_get(l->file->root, "plugins"), l->config->name) : NULL;
}

static int refuse(const struct load *l, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int refuse(const struct load *l, int error, const char *format, ...)
{
	char text[500];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (l->file)
		json_file_mistake(l->file, l->d, place(l), true, "plugin %s: %s", l->config->name, text);
	else
		diag_add(l->d, l->path, 0, 0, "plugin %s: %s", l->config->name, text);
	return error;
}

/* The major version of a plugin that lacks our symbol, 0 when it is no plugin at all. */
static int other_major(void *object)
{
	for (int major = 2; major <= OTHER_MAJOR_MAX; major++) {
		char symbol[40];
		snprintf(symbol, sizeof(symbol), "tappet_plugin_v%d", major);
		if (dlsym(object, symbol))
			return major;
	}
	return 0;
}

static int find_descriptor(const struct load *l, const tappet_plugin **ret)
{
	if (access(l->path, F_OK) < 0)
		return refuse(l, -ENOENT, "there is no file %s", l->path);
	void *object = dlopen(l->path, RTLD_NOW | RTLD_LOCAL);
	if (!object)
		return refuse(l, -EINVAL, "cannot be loaded: %s", dlerror());
	void *symbol = dlsym(object, "tappet_plugin_v1");
	if (!symbol) {
		int major = other_major(object);
		if (major)
			return refuse(l, -EINVAL,
				      "%s is made for major version %d of the plugin ABI (other major version); this "
				      "host has %d",
				      l->path, major, TAPPET_ABI_MAJOR);
		return refuse(l, -EINVAL, "%s is no plugin: it does not export tappet_plugin_v1", l->path);
	}
	/* ISO C has no cast from an object pointer to a function pointer; POSIX wants them to have one
	 * representation. */
	const tappet_plugin *(*describe)(void);
	memcpy(&describe, &symbol, sizeof(describe));
	const tappet_plugin *desc = describe();
	if (!desc)
		return refuse(l, -EINVAL, "tappet_plugin_v1 gave no descriptor");
	*ret = desc;
	return 0;
}

static int check_version(const struct load *l, const tappet_plugin *given)
{
	if (given->struct_size < PLUGIN_SIZE_1_0)
		return refuse(l, -EINVAL, "its descriptor has %zu bytes, ABI 1.0 has %zu", given->struct_size,
			      (size_t)PLUGIN_SIZE_1_0);
	if (given->abi_minor_needed > TAPPET_ABI_MINOR)
		return refuse(l, -EINVAL, "it needs ABI %d.%u, this host has %d.%d", TAPPET_ABI_MAJOR,
			      given->abi_minor_needed, TAPPET_ABI_MAJOR, TAPPET_ABI_MINOR);
	return 0;
}

static bool name_valid(const char *name)
{
	size_t len = strlen(name);
	if (len == 0 || len > NAME_MAX_LEN || name[0] < 'a' || name[0] > 'z')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static int check_name(const struct load *l, const tappet_plugin *desc)
{
	if (!desc->name || !name_valid(desc->name))
		return refuse(l, -EINVAL, "its name \"%.40s\" is not [a-z][a-z0-9-]* of at most %d characters",
			      desc->name ? desc->name : "", NAME_MAX_LEN);
	if (!name_valid(l->config->name))
		return refuse(l, -EINVAL, "a plugin's name is [a-z][a-z0-9-]* of at most %d characters", NAME_MAX_LEN);
	if (!l->config->load && strcmp(desc->name, l->config->name) != 0)
		return refuse(l, -EINVAL, "%s calls itself %s; to give it another name, say \"load\": \"%s\"", l->path,
			      desc->name, l->path);
	return 0;
}

static int check_texts(const struct load *l, const tappet_plugin *desc)
{
	const struct {
		const char *what, *text;
	} texts[] = {{"version", desc->version}, {"license", desc->license}, {"summary", desc->summary}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!texts[i].text || !texts[i].text[0])
			return refuse(l, -EINVAL, "its descriptor has no %s", texts[i].what);
	struct json_error error;
	if (desc->sample && json_check(desc->sample, strlen(desc->sample), &error) < 0)
		return refuse(l, -EINVAL, "its sample is not JSON: %s at byte %zu", error.message, error.offset);
	return 0;
}

static int check_functions(const struct load *l, const tappet_plugin *desc)
{
	const struct {
		const char *name;
		bool there;
	} required[] = {
		{"create", desc->create},
		{"trigger_add", desc->trigger_add},
		{"trigger_remove", desc->trigger_remove},
		{"trigger_free", desc->trigger_free},
		{"start", desc->start},
		{"stop", desc->stop},
		{"destroy", desc->destroy},
	};
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!required[i].there)
			return refuse(l, -EINVAL, "its descriptor lacks the function %s", required[i].name);
	return 0;
}

static int check_needs(const struct load *l, const tappet_plugin *desc)
{
	for (const char *const *need = desc->needs; need && *need; need++)
		if (!host_knows_capability(*need))
			return refuse(l, -EINVAL, "it needs the capability \"%.60s\", which this host does not have",
				      *need);
	return 0;
}

static int check_option(const struct load *l, const struct option *table, size_t index)
{
	const struct option *o = &table[index];
	const int known = OPTION_REQUIRED | OPTION_SECRET | OPTION_MULTI;
	if (!o->key || !o->key[0])
		return refuse(l, -EINVAL, "option %zu of its table has no key", index);
	if (o->type < OPTION_STRING || o->type > OPTION_PATH)
		return refuse(l, -EINVAL, "option %s has the unknown type %d", o->key, (int)o->type);
	if (o->flags & ~known)
		return refuse(l, -EINVAL, "option %s has unknown flags %#x", o->key, (unsigned)(o->flags & ~known));
	for (size_t i = 0; i < index; i++)
		if (strcmp(table[i].key, o->key) == 0)
			return refuse(l, -EINVAL, "option %s stands twice in its table", o->key);
	return 0;
}

/* Reads a table by its own element size, so that one that was built with a longer tappet_option is read right. */
static int copy_table(const struct load *l, const tappet_option *given, size_t count, size_t size, struct option **ret)
{
	if (count == 0)
		return 0;
	if (!given || count > TABLE_MAX)
		return refuse(l, -EINVAL, "its option table is missing, or has more than %d entries", TABLE_MAX);
	if (size < OPTION_SIZE_1_0)
		return refuse(l, -EINVAL, "its options have %zu bytes, ABI 1.0 has %zu", size, (size_t)OPTION_SIZE_1_0);
	struct option *table = calloc(count, sizeof(*table));
	if (!table)
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; i < count && r == 0; i++) {
		tappet_option o = {0};
		memcpy(&o, (const char *)given + i * size, size < sizeof(o) ? size : sizeof(o));
		table[i] = (struct option){.key = o.key,
					   .type = (enum option_type)o.type,
					   .flags = o.flags,
					   .default_value = o.default_value,
					   .help = o.help ? o.help : "",
					   .replaced_by = o.replaced_by};
		r = check_option(l, table, i);
	}
	if (r < 0) {
		free(table);
		return r;
	}
	*ret = table;
	return 0;
}

static int check_open(const struct load *l)
{
	const struct tappet_instance *p = l->plugin;
	for (size_t i = 0; p->desc.open_trigger && i < p->desc.trigger_option_count; i++)
		if (p->trigger_options[i].flags & OPTION_REQUIRED)
			return refuse(
				l, -EINVAL,
				"it has an open trigger, which no options are set for, but requires the option %s",
				p->trigger_options[i].key);
	return 0;
}

static int check_descriptor(const struct load *l)
{
	const tappet_plugin *desc = &l->plugin->desc;
	int r = check_name(l, desc);
	if (r == 0)
		r = check_texts(l, desc);
	if (r == 0)
		r = check_functions(l, desc);
	if (r == 0)
		r = check_needs(l, desc);
	if (r == 0)
		r = copy_table(l, desc->options, desc->option_count, desc->option_size, &l->plugin->options);
	if (r == 0)
		r = copy_table(l, desc->trigger_options, desc->trigger_option_count, desc->option_size,
			       &l->plugin->trigger_options);
	if (r == 0)
		r = check_open(l);
	return r;
}

int loader_load(struct tappet_instance *p, const char *path, const struct plugin_config *config,
		const struct json_file *file, struct diag *d)
{
	const struct load l = {.plugin = p, .path = path, .config = config, .file = file, .d = d};
	const tappet_plugin *given = NULL;
	int r = find_descriptor(&l, &given);
	if (r == 0)
		r = check_version(&l, given);
	if (r < 0)
		return r;
	memcpy(&p->desc, given, given->struct_size < sizeof(p->desc) ? given->struct_size : sizeof(p->desc));
	p->desc.struct_size = sizeof(p->desc);
	/* Older ones have padding there. */
	if (given->abi_minor < LIST_CHECKPOINTS_MINOR)
		p->desc.list_checkpoints = 0;
	return check_descriptor(&l);
}

int loader_name(const char *path, struct diag *d, char **ret)
{
	const struct plugin_config config = {.name = (char *)path};
	const struct load l = {.path = path, .config = &config, .d = d};
	const tappet_plugin *desc = NULL;
	int r = find_descriptor(&l, &desc);
	if (r == 0)
		r = check_version(&l, desc);
	if (r < 0)
		return r;
	if (!desc->name || !name_valid(desc->name))
		return refuse(&l, -EINVAL, "its name is not [a-z][a-z0-9-]* of at most %d characters", NAME_MAX_LEN);
	*ret = strdup(desc->name);
	return *ret ? 0 : -ENOMEM;
}
