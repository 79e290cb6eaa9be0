/* Checks the triggers of definitions against their plugins, before anything of them is applied: options by their
 * tables and by what the plugins themselves say, and claims of each against all others. */
#include "host/checker.h"
#include <errno.h>
#include "host/claims.h"

/* Who claimed something earlier in this check. */
struct claimant {
	char *file, *trigger; /* the file or slug; the trigger's id */
};

struct host_check {
	struct host *host;
	bool whole_folder;
	struct map claimants; /* the claim's text -> struct claimant */
};

/* The trigger that is being checked. */
struct subject {
	struct host_check *check;
	struct tappet_instance *plugin;
	const struct json_file *file;
	const char *slug, *trigger;
};

/* ---- Claims ---- */

static void claimant_free(struct claimant *c)
{
	free(c->file);
	free(c->trigger);
	free(c);
}

static int free_claimant(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	claimant_free(value);
	return 0;
}

static void remember(const struct subject *s, const char *key)
{
	struct claimant *c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->file = strdup(s->file->name);
	c->trigger = strdup(s->trigger);
	if (!c->file || !c->trigger || map_put_str(&s->check->claimants, key, c, NULL) < 0)
		claimant_free(c);
}

/* Whether what holds the claim now is replaced by what is being checked. */
static bool is_replaced(const struct subject *s, const struct tappet_trigger *holder)
{
	const struct engine *e = s->check->host->options.engine;
	const struct catalog_entry *entry = e ? engine_find(e, holder->owner->id) : NULL;
	if (s->check->whole_folder && entry && entry->from_folder)
		return true;
	return strcmp(s->slug, holder->workflow->slug) == 0;
}

static const struct tappet_trigger *find_holder(const struct subject *s, const char *key)
{
	const struct claim *claim = claims_find(&s->check->host->claims, key);
	while (claim && is_replaced(s, claim->holder))
		claim = claim->next_same;
	return claim ? claim->holder : NULL;
}

static char *taken(const char *what, const char *trigger, const char *where)
{
	char *message = NULL;
	return asprintf(&message, "%s: trigger \"%s\" of %s has it already", what, trigger, where) < 0 ? NULL : message;
}

static char *claim(void *arg, const char *what)
{
	const struct subject *s = arg;
	char *key = claim_key(s->plugin, what), *message = NULL;
	if (!key)
		return NULL;
	const struct claimant *other = map_get_str(&s->check->claimants, key);
	const struct tappet_trigger *holder = other ? NULL : find_holder(s, key);
	if (other)
		message = taken(what, other->trigger, other->file);
	else if (holder)
		message = taken(what, trigger_def(holder)->id, holder->workflow->slug);
	else
		remember(s, key);
	free(key);
	return message;
}

/* ---- Options ---- */

static int check_options(struct subject *s, const struct json *with, struct diag *d)
{
	struct tappet_instance *p = s->plugin;
	struct option_values *values = NULL;
	int r = option_check_form(p->trigger_options, p->desc.trigger_option_count, s->file, with, p->host->folder, d,
				  &values);
	if (r == 0) {
		const struct checker_place place = {.file = s->file, .object = with, .d = d, .claim = claim, .arg = s};
		r = checker_run(p, true, values, &place);
	}
	option_values_free(values);
	return r;
}

static int check_trigger(struct host_check *c, const char *slug, const struct json_file *file,
			 const struct json *trigger, struct diag *d)
{
	const struct json *name = json_get(trigger, "plugin"), *with = json_get(trigger, "with");
	if (!json_str(name) || (with && !json_is_object(with)))
		return 0; /* a mistake that the reader of definitions has told already */
	struct subject s = {.check = c, .file = file, .slug = slug, .plugin = host_instance(c->host, json_str(name))};
	if (!s.plugin) {
		json_file_mistake(file, d, name, false, "plugin %s is not loaded (see plugins in tappet.json)",
				  json_str(name));
		return -EINVAL;
	}
	s.trigger = json_get_str(trigger, "id") ? json_get_str(trigger, "id") : json_str(name);
	return check_options(&s, with, d);
}

static int check_file(struct host_check *c, const char *slug, const struct json_file *file, struct diag *d)
{
	int result = 0;
	for (const struct json *t = json_first(json_get(file->root, "triggers")); t; t = json_next(t))
		if (check_trigger(c, slug, file, t, d) < 0)
			result = -EINVAL;
	return result;
}

/* Without the file the canonical options stand in for it. */
static int check_canonical(struct host_check *c, const struct workflow *w, const struct trigger_def *def,
			   struct diag *d)
{
	struct subject s = {.check = c, .slug = w->slug, .trigger = def->id};
	struct json_file *with = NULL;
	s.plugin = host_instance(c->host, def->plugin);
	if (!s.plugin) {
		diag_add(d, w->slug, 0, 0, "plugin %s is not loaded (see plugins in tappet.json)", def->plugin);
		return -EINVAL;
	}
	int r = json_file_parse(w->slug, def->with_json, strlen(def->with_json), d, &with);
	s.file = with;
	if (r == 0)
		r = check_options(&s, with->root, d);
	json_file_free(with);
	return r;
}

int host_check_triggers(struct host_check *c, const struct workflow *w, const struct json_file *file, struct diag *d)
{
	int result = 0;
	if (file)
		return check_file(c, w ? w->slug : file->name, file, d);
	for (size_t i = 0; i < w->trigger_count; i++)
		if (check_canonical(c, w, &w->triggers[i], d) < 0)
			result = -EINVAL;
	return result;
}

int host_check_begin(struct host *h, bool whole_folder, struct host_check **ret)
{
	struct host_check *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->host = h;
	c->whole_folder = whole_folder;
	map_init(&c->claimants);
	*ret = c;
	return 0;
}

void host_check_end(struct host_check *c)
{
	if (!c)
		return;
	(void)map_each(&c->claimants, free_claimant, NULL);
	map_release(&c->claimants);
	free(c);
}
