/* Checks the triggers of a definition against the option tables of their plugins, before anything is started. */
#include "host/internal.h"
#include <errno.h>

/* The place of the index-th trigger in the file, NULL when it cannot be found. */
static const struct json *place(const struct json_file *file, size_t index)
{
	const struct json *item = file ? json_first(json_get(file->root, "triggers")) : NULL;
	while (item && index--)
		item = json_next(item);
	return item;
}

static int check_trigger(struct host *h, const struct trigger_def *def, const struct json_file *file,
			 const struct json *at, struct diag *d)
{
	const struct tappet_instance *p = host_instance(h, def->plugin);
	if (!p) {
		const struct json *plugin = json_get(at, "plugin");
		json_file_mistake(file, d, plugin ? plugin : at, false,
				  "plugin %s is not loaded (see plugins in tappet.json)", def->plugin);
		return -EINVAL;
	}
	const struct json *with = json_get(at, "with");
	size_t before = d->count;
	/* Secrets are checked for form only: they are read where the daemon runs. */
	int r = option_check(p->trigger_options, p->desc.trigger_option_count, file, with, NULL, d, NULL);
	if (r < 0 && d->count == before)
		json_file_mistake(file, d, with ? with : at, false, "the options of trigger %s are wrong", def->id);
	return r;
}

int host_check_triggers(struct host *h, const struct workflow *w, const struct json_file *file, struct diag *d)
{
	int result = 0;
	struct json_file nameless = {.name = w->slug};
	for (size_t i = 0; i < w->trigger_count; i++) {
		const struct trigger_def *def = &w->triggers[i];
		struct json_file *own = NULL;
		int r = 0;
		/* Without the file the canonical options stand in for it. */
		if (!file)
			r = json_file_parse(w->slug, def->with_json, strlen(def->with_json), d, &own);
		if (r == 0 && own) {
			const struct tappet_instance *p = host_instance(h, def->plugin);
			r = p ? option_check(p->trigger_options, p->desc.trigger_option_count, own, own->root, NULL, d,
					     NULL)
			      : check_trigger(h, def, &nameless, NULL, d);
		} else if (r == 0) {
			r = check_trigger(h, def, file, place(file, i), d);
		}
		json_file_free(own);
		if (r < 0)
			result = -EINVAL;
	}
	return result;
}
