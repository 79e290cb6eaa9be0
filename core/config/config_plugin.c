#include <stdlib.h>
#include <string.h>

#include "config/config_reader.h"
#include "model/names.h"

void config_read_plugin_with(struct reader *r, void *into, const struct json *v)
{
	struct plugin_config *plugin = into;

	if (json_is_object(v))
		plugin->with = v;
	else
		reader_expected(r, v, "an object with the plugin's options");
}

static void read_plugin(struct config_reader *cr, const struct json *member)
{
	struct plugin_config *plugin = &cr->c->plugins[cr->c->plugin_count++];
	const char *name = json_key(member);

	if (name_is_reserved(name))
		reader_mistake(&cr->reader, member, true, "\"%s\" is reserved: choose another name for the plugin",
			       name);
	else if (!name_is_plugin(name))
		reader_mistake(&cr->reader, member, true,
			       "\"%.80s\" is no name for a plugin: expected a-z, 0-9 and -, a letter first, at most 32",
			       name);
	plugin->name = reader_strdup(&cr->reader, name);
	config_read_object(cr, "plugins.NAME", "a plugin (its own options stand in \"with\")", member, plugin);
}

void config_read_plugins(struct reader *r, void *into, const struct json *v)
{
	struct config *c = into;

	if (!json_is_object(v)) {
		reader_expected(r, v, "an object of plugins");
		return;
	}
	c->plugins = reader_calloc(r, json_count(v), sizeof(*c->plugins));
	if (!c->plugins)
		return;
	for (const struct json *member = json_first(v); member; member = json_next(member))
		read_plugin((struct config_reader *)(void *)r, member);
}
