/* Checks the triggers of a definition against the option tables of their plugins, before anything is started. */
#include "host/internal.h"
#include <errno.h>

static int check_options(const struct tappet_instance *p, const struct json_file *file, const struct json *with,
			 struct diag *d)
{
	/* Secrets are checked for form only: they are read where the daemon runs. */
	return option_check(p->trigger_options, p->desc.trigger_option_count, file, with, NULL, d, NULL);
}

static int check_trigger(struct host *h, const struct json_file *file, const struct json *trigger, struct diag *d)
{
	const struct json *name = json_get(trigger, "plugin"), *with = json_get(trigger, "with");
	if (!json_str(name) || (with && !json_is_object(with)))
		return 0; /* a mistake that the reader of definitions has told already */
	const struct tappet_instance *p = host_instance(h, json_str(name));
	if (!p) {
		json_file_mistake(file, d, name, false, "plugin %s is not loaded (see plugins in tappet.json)",
				  json_str(name));
		return -EINVAL;
	}
	return check_options(p, file, with, d);
}

static int check_file(struct host *h, const struct json_file *file, struct diag *d)
{
	int result = 0;
	for (const struct json *t = json_first(json_get(file->root, "triggers")); t; t = json_next(t))
		if (check_trigger(h, file, t, d) < 0)
			result = -EINVAL;
	return result;
}

/* Without the file the canonical options stand in for it. */
static int check_canonical(struct host *h, const struct workflow *w, const struct trigger_def *def, struct diag *d)
{
	const struct tappet_instance *p = host_instance(h, def->plugin);
	struct json_file *with = NULL;
	if (!p) {
		diag_add(d, w->slug, 0, 0, "plugin %s is not loaded (see plugins in tappet.json)", def->plugin);
		return -EINVAL;
	}
	int r = json_file_parse(w->slug, def->with_json, strlen(def->with_json), d, &with);
	if (r == 0)
		r = check_options(p, with, with->root, d);
	json_file_free(with);
	return r;
}

int host_check_triggers(struct host *h, const struct workflow *w, const struct json_file *file, struct diag *d)
{
	int result = 0;
	if (file)
		return check_file(h, file, d);
	for (size_t i = 0; i < w->trigger_count; i++)
		if (check_canonical(h, w, &w->triggers[i], d) < 0)
			result = -EINVAL;
	return result;
}
