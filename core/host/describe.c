/* Plugins as JSON (for the API and the command line) and as pages of the docs, both from their descriptors. */
#include "host/internal.h"

static void write_option(const struct option *o, struct buf *out)
{
	jsonw_open(out, '{');
	jsonw_key(out, "key");
	jsonw_str(out, o->key);
	jsonw_key(out, "type");
	jsonw_str(out, option_type_name(o->type));
	jsonw_key(out, "required");
	jsonw_bool(out, o->flags & OPTION_REQUIRED);
	jsonw_key(out, "secret");
	jsonw_bool(out, o->flags & OPTION_SECRET);
	jsonw_key(out, "multi");
	jsonw_bool(out, o->flags & OPTION_MULTI);
	if (o->default_value) {
		jsonw_key(out, "default");
		jsonw_str(out, o->default_value);
	}
	if (o->replaced_by) {
		jsonw_key(out, "replacedBy");
		jsonw_str(out, o->replaced_by);
	}
	jsonw_key(out, "help");
	jsonw_str(out, o->help);
	jsonw_close(out, '}');
}

static void write_options(const char *key, const struct option *table, size_t count, struct buf *out)
{
	jsonw_key(out, key);
	jsonw_open(out, '[');
	for (size_t i = 0; i < count; i++)
		write_option(&table[i], out);
	jsonw_close(out, ']');
}

static void write_text(const char *key, const char *text, struct buf *out)
{
	jsonw_key(out, key);
	jsonw_str(out, text);
}

static void write_abi(const struct tappet_instance *p, struct buf *out)
{
	char text[32];
	snprintf(text, sizeof(text), "%d.%u", TAPPET_ABI_MAJOR, p->desc.abi_minor);
	write_text("abi", text, out);
	jsonw_key(out, "needs");
	jsonw_open(out, '[');
	for (const char *const *need = p->desc.needs; need && *need; need++)
		jsonw_str(out, *need);
	jsonw_close(out, ']');
}

static const char *health_name(const struct tappet_instance *p)
{
	static const char *const names[] = {"running", "degraded", "backing-off", "dead"};
	switch (p->phase) {
	case PLUGIN_LOADED:
		return "loaded";
	case PLUGIN_CREATED:
		return "starting";
	case PLUGIN_STARTED:
		return names[p->health_state];
	case PLUGIN_FAILED:
		return "dead";
	case PLUGIN_STOPPING:
	case PLUGIN_STOPPED:
	case PLUGIN_DESTROYED:
		break;
	}
	return "stopped";
}

static void write_health(const struct tappet_instance *p, struct buf *out)
{
	jsonw_key(out, "health");
	jsonw_open(out, '{');
	write_text("state", health_name(p), out);
	if (p->health_reason)
		write_text("reason", p->health_reason, out);
	if (p->health_until_ms) {
		jsonw_key(out, "until");
		jsonw_time(out, p->health_until_ms);
	}
	jsonw_close(out, '}');
}

void host_describe(const struct host *h, size_t index, struct buf *out)
{
	if (index >= h->count)
		return;
	const struct tappet_instance *p = h->plugins[index];
	jsonw_open(out, '{');
	write_text("name", p->name, out);
	write_text("plugin", p->desc.name, out);
	write_text("version", p->desc.version, out);
	write_text("license", p->desc.license, out);
	write_text("summary", p->desc.summary, out);
	write_text("path", p->path, out);
	write_abi(p, out);
	write_options("options", p->options, p->desc.option_count, out);
	write_options("triggerOptions", p->trigger_options, p->desc.trigger_option_count, out);
	jsonw_key(out, "sample");
	if (p->desc.sample)
		jsonw_raw(out, p->desc.sample, strlen(p->desc.sample));
	else
		jsonw_null(out);
	write_health(p, out);
	jsonw_key(out, "triggers");
	jsonw_int(out, (int64_t)p->trigger_count);
	jsonw_close(out, '}');
}

static void document_table(const char *title, const char *none, const struct option *table, size_t count,
			   struct buf *out)
{
	buf_printf(out, "\n## %s\n\n", title);
	if (count)
		option_document(table, count, out);
	else
		buf_printf(out, "%s\n", none);
}

void host_document(const struct host *h, size_t index, struct buf *out)
{
	if (index >= h->count)
		return;
	const struct tappet_instance *p = h->plugins[index];
	buf_printf(out, "# %s\n\n%s\n\nVersion %s, %s.\n", p->name, p->desc.summary, p->desc.version, p->desc.license);
	document_table("Options (tappet.json)", "None.", p->options, p->desc.option_count, out);
	document_table("Options of a trigger (`with`)", "None.", p->trigger_options, p->desc.trigger_option_count, out);
	if (p->desc.sample)
		buf_printf(out, "\n## An emission\n\n```json\n%s\n```\n", p->desc.sample);
}
