/* The registry of plugins: loaded one by one, found by the name that they have in tappet.json. One shared object may
 * be there under several names, with a state of its own for each. */
#include "host/checker.h"
#include <errno.h>

struct tappet_instance *host_instance(const struct host *h, const char *name)
{
	int index = host_find(h, name);
	return index < 0 ? NULL : h->plugins[index];
}

int host_find(const struct host *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (strcmp(h->plugins[i]->name, name) == 0)
			return (int)i;
	return -1;
}

size_t host_count(const struct host *h)
{
	return h->count;
}

void instance_free(struct tappet_instance *p)
{
	if (!p)
		return;
	metric_release_all(p);
	option_values_free(p->values);
	free(p->options);
	free(p->trigger_options);
	free(p->health_reason);
	free(p->open_def.id);
	free(p->name);
	free(p->path);
	free(p);
}

static struct tappet_instance *instance_new(struct host *h, const char *name)
{
	struct tappet_instance *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->host = h;
	atomic_init(&p->posts, 0);
	atomic_init(&p->post_open, false);
	later_init(&p->credit, credit_run);
	list_init(&p->busy);
	list_init(&p->triggers);
	list_init(&p->timers);
	list_init(&p->fds);
	list_init(&p->routes);
	list_init(&p->requests);
	list_init(&p->metrics);
	list_init(&p->readers);
	list_init(&p->endpoints);
	list_init(&p->sockets);
	list_init(&p->waiters);
	p->name = strdup(name);
	if (!p->name) {
		free(p);
		return NULL;
	}
	guard_init(p);
	return p;
}

static char *object_path(const struct host *h, const struct plugin_config *config)
{
	if (config->load)
		return strdup(config->load);
	const char *folder = h->plugin_folder ? h->plugin_folder : ".";
	size_t size = strlen(folder) + strlen(config->name) + sizeof("/.so");
	char *path = malloc(size);
	if (path)
		snprintf(path, size, "%s/%s.so", folder, config->name);
	return path;
}

static int check_options(struct tappet_instance *p, const struct plugin_config *config, const struct json_file *file,
			 struct diag *d)
{
	struct json_file nameless = {.name = p->path};
	const struct json *with = config->with;
	const struct checker_place place = {.file = file ? file : &nameless, .object = with, .d = d};
	/* Without a loop nothing is going to run. */
	int r = p->host->options.loop ? option_check(p->options, p->desc.option_count, place.file, with,
						     p->host->folder, d, &p->values)
				      : option_check_form(p->options, p->desc.option_count, place.file, with,
							  p->host->folder, d, &p->values);
	return r < 0 ? r : checker_run(p, false, p->values, &place);
}

/* The id begins with what no id of a definition may have. */
static int make_open_def(struct tappet_instance *p)
{
	static char no_options[] = "{}";
	if (!p->desc.open_trigger)
		return 0;
	p->open_def = (struct trigger_def){.plugin = p->name, .with_json = no_options, .enabled = true};
	if (asprintf(&p->open_def.id, "+%s", p->name) < 0) {
		p->open_def.id = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int registry_add(struct host *h, struct tappet_instance *p)
{
	struct tappet_instance **plugins = realloc(h->plugins, (h->count + 1) * sizeof(struct tappet_instance *));
	if (!plugins)
		return -ENOMEM;
	h->plugins = plugins;
	h->plugins[h->count++] = p;
	return 0;
}

/* `plugin` has a name. */
static int load_named(struct host *h, const struct plugin_config *plugin, const struct json_file *file, struct diag *d)
{
	if (host_find(h, plugin->name) >= 0) {
		diag_add(d, file ? file->name : plugin->name, 0, 0, "plugin %s: the name is taken already",
			 plugin->name);
		return -EEXIST;
	}
	struct tappet_instance *p = instance_new(h, plugin->name);
	if (!p)
		return -ENOMEM;
	p->path = object_path(h, plugin);
	int r = p->path ? loader_load(p, p->path, plugin, file, d) : -ENOMEM;
	if (r == 0)
		r = check_options(p, plugin, file, d);
	if (r == 0)
		r = make_open_def(p);
	if (r == 0)
		r = registry_add(h, p);
	if (r < 0)
		instance_free(p);
	return r;
}

int host_load(struct host *h, const struct plugin_config *plugin, const struct json_file *file, struct diag *d)
{
	if (plugin->name)
		return load_named(h, plugin, file, d);
	/* Named by its path alone: it is called what it calls itself. */
	struct plugin_config named = *plugin;
	int r = loader_name(plugin->load, d, &named.name);
	if (r == 0)
		r = load_named(h, &named, NULL, d);
	free(named.name);
	return r;
}
