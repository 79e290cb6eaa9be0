#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "config/config.h"
#include "model/names.h"
#include "model/workflow.h"

#define SUFFIX ".json"

/* ---- The folder ---- */

struct names {
	char **items;
	size_t count, capacity;
};

static void names_release(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i]);
	free(n->items);
}

static int names_add(struct names *n, const char *name)
{
	if (n->count == n->capacity) {
		size_t capacity = n->capacity ? 2 * n->capacity : 64;
		char **items = realloc(n->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		n->items = items;
		n->capacity = capacity;
	}
	n->items[n->count] = strdup(name);
	if (!n->items[n->count])
		return -ENOMEM;
	n->count++;
	return 0;
}

static bool is_definition(int folder, const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	struct stat st;

	if (entry->d_name[0] == '.' || len <= strlen(SUFFIX) ||
	    strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	if (entry->d_type == DT_REG)
		return true;
	if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
		return false;
	/* A link that leads nowhere is told as a file that cannot be read. */
	return fstatat(folder, entry->d_name, &st, 0) < 0 || S_ISREG(st.st_mode);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(const char *folder, struct names *ret)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	for (errno = 0; r == 0 && (entry = readdir(dir)); errno = 0)
		if (is_definition(dirfd(dir), entry))
			r = names_add(ret, entry->d_name);
	if (r == 0 && errno)
		r = -errno;
	(void)closedir(dir);
	if (ret->count > 1)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_names);
	return r;
}

/* ---- One file ---- */

static int read_all(int fd, char **ret_text, size_t *ret_len)
{
	struct buf text;
	char *room;
	int r = 0;

	buf_init(&text, WORKFLOW_SIZE_MAX);
	while (r == 0) {
		ssize_t got;

		r = buf_reserve(&text, 4096, &room);
		got = r == 0 ? read(fd, room, 4096) : 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r = -errno;
		if (got <= 0)
			break;
		text.len += (size_t)got;
		buf_terminate(&text);
	}
	if (r == 0) {
		*ret_text = buf_detach(&text, ret_len);
		r = *ret_text ? 0 : -ENOMEM;
	}
	buf_release(&text);
	return r;
}

/* A script's file, relative to the folder of the definition. */
static int read_script(void *arg, const char *path, char **ret_text, size_t *ret_len)
{
	char *absolute = config_path(arg, path);
	struct stat st = {0};
	int fd, r;

	if (!absolute)
		return -ENOMEM;
	fd = open(absolute, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	free(absolute);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r == 0)
		r = read_all(fd, ret_text, ret_len);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* The slug of a file with mistakes is still needed: by it its last good revision is found. */
static const char *declared_slug(const struct json_file *file, const char *from_name)
{
	const char *slug = file ? json_get_str(file->root, "slug") : NULL;

	return slug && name_is_slug(slug) ? slug : from_name;
}

static int read_definition(const struct workflow_options *options, const char *name, struct diag *d,
			   struct definition *ret)
{
	const char *folder = options->arg;
	char *from_name = strndup(name, strlen(name) - strlen(SUFFIX));
	const char *slug;
	int r = -ENOMEM;

	ret->path = config_path(folder, name);
	if (!from_name || !ret->path)
		goto cleanup;
	r = json_file_read(ret->path, WORKFLOW_SIZE_MAX, d, &ret->file);
	if (r == 0)
		r = workflow_parse(ret->file, from_name, options, d, &ret->workflow);
	if (r == -ENOMEM)
		goto cleanup;
	slug = ret->workflow ? ret->workflow->slug : declared_slug(ret->file, from_name);
	ret->slug = strdup(slug);
	r = ret->slug ? 0 : -ENOMEM;
cleanup:
	free(from_name);
	return r;
}

/* ---- All ---- */

static void set_aside(struct definition *item, struct diag *d, const char *key, const char *value,
		      const struct definition *first)
{
	const struct json *at = item->file ? json_get(item->file->root, key) : NULL;

	if (item->file)
		json_file_mistake(item->file, d, at, false, "the %s \"%s\" is that of %s", key, value, first->path);
	workflow_unref(item->workflow);
	item->workflow = NULL;
}

/* In the order of the files' names: the second one of two is the mistaken one. */
static int check_unique(struct definitions *defs, struct diag *d)
{
	struct map slugs, ids;
	int r = 0;

	map_init(&slugs);
	map_init(&ids);
	for (size_t i = 0; i < defs->count && r == 0; i++) {
		struct definition *item = &defs->items[i];
		const char *id = item->workflow ? item->workflow->imported_id : NULL;
		const struct definition *same_slug = map_get_str(&slugs, item->slug);
		const struct definition *same_id = id ? map_get_str(&ids, id) : NULL;

		if (!same_slug)
			r = map_put_str(&slugs, item->slug, item, NULL);
		if (r == 0 && id && !same_id)
			r = map_put_str(&ids, id, item, NULL);
		if (same_slug)
			set_aside(item, d, "slug", item->slug, same_slug);
		else if (same_id)
			set_aside(item, d, "id", id, same_id);
	}
	map_release(&slugs);
	map_release(&ids);
	return r;
}

static int compare_slugs(const void *a, const void *b)
{
	const struct definition *first = a, *second = b;
	int order = strcmp(first->slug, second->slug);

	return order ? order : strcmp(first->path, second->path);
}

static int read_each(const struct config *c, const struct names *names, struct diag *d, struct definitions *ret)
{
	const struct workflow_options options = {
		.read_file = read_script,
		.arg = c->workflows,
		.on_failure = c->default_on_failure,
	};
	int r = 0;

	ret->items = calloc(names->count + 1, sizeof(*ret->items));
	if (!ret->items)
		r = -ENOMEM;
	for (size_t i = 0; i < names->count && r == 0; i++)
		r = read_definition(&options, names->items[i], d, &ret->items[ret->count++]);
	return r;
}

int definitions_read(const struct config *c, struct diag *d, struct definitions *ret)
{
	struct definitions defs = {0};
	struct names names = {0};
	int r = list_folder(c->workflows, &names);

	if (r == 0)
		r = read_each(c, &names, d, &defs);
	names_release(&names);
	if (r == 0)
		r = check_unique(&defs, d);
	if (r < 0) {
		definitions_release(&defs);
		return r;
	}
	for (size_t i = 0; i < defs.count; i++)
		defs.broken = defs.broken || !defs.items[i].workflow;
	if (defs.count > 1)
		qsort(defs.items, defs.count, sizeof(*defs.items), compare_slugs);
	*ret = defs;
	return 0;
}

void definitions_release(struct definitions *defs)
{
	for (size_t i = 0; i < defs->count; i++) {
		free(defs->items[i].slug);
		free(defs->items[i].path);
		workflow_unref(defs->items[i].workflow);
		json_file_free(defs->items[i].file);
	}
	free(defs->items);
	*defs = (struct definitions){0};
}
