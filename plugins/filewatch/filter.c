/* Which names of a tree count: `include`, `exclude`, and .gitignore files. Any thread: what it looks at does not change
 * while the pool is at work. */
#include "filewatch.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IGNORE_FILE_MAX (1024 * 1024)
#define RELATIVE_MAX 4096

struct filter filter_of(const struct dir *d, const struct ignore *ignore, const char *relative)
{
	return (struct filter){.options = &d->tree->options,
			       .ignore = ignore,
			       .relative = relative ? relative : "",
			       .len = relative ? strlen(relative) : 0,
			       .base = !d->parent && !dir_is_top(d)};
}

bool filter_includes(const struct options *o, const char *relative, size_t len, bool is_dir)
{
	if (!o->include)
		return true;
	for (; len > 0; is_dir = true) {
		const enum patterns_verdict verdict = patterns_match(o->include, relative, len, is_dir);
		if (verdict != PATTERNS_NONE)
			return verdict == PATTERNS_MATCH;
		while (len > 0 && relative[len - 1] != '/')
			len--;
		len -= len > 0;
	}
	return false;
}

static bool is_ignored(const struct filter *f, const char *relative, size_t len, bool is_dir)
{
	for (const struct ignore *i = f->ignore; i; i = i->above) {
		const size_t skip = i->folder_len ? i->folder_len + 1 : 0;
		const enum patterns_verdict verdict = patterns_match(i->patterns, relative + skip, len - skip, is_dir);
		if (verdict != PATTERNS_NONE)
			return verdict == PATTERNS_MATCH;
	}
	return false;
}

static bool allows(const struct filter *f, const char *relative, size_t len, bool is_dir)
{
	const struct options *o = f->options;
	if (o->exclude && patterns_match(o->exclude, relative, len, is_dir) == PATTERNS_MATCH)
		return false;
	if (is_ignored(f, relative, len, is_dir))
		return false;
	if (is_dir && o->include && patterns_may_match_below(o->include, relative, len))
		return true;
	return filter_includes(o, relative, len, is_dir);
}

static bool is_git(const char *name, size_t len)
{
	return len == 4 && memcmp(name, ".git", 4) == 0;
}

bool filter_allows(const struct filter *f, const char *name, size_t len, bool is_dir)
{
	char few[RELATIVE_MAX], *relative = few;
	const size_t size = f->len + 1 + len;
	if (f->base)
		return len == strlen(f->options->name) && memcmp(name, f->options->name, len) == 0;
	if (f->options->gitignore && is_git(name, len))
		return false;
	if (!f->options->include && !f->options->exclude && !f->ignore)
		return true;
	if (size >= sizeof(few))
		relative = malloc(size + 1);
	if (!relative)
		return true;
	const size_t front = f->len ? f->len + 1 : 0;
	memcpy(relative, f->relative, f->len);
	relative[f->len] = '/';
	memcpy(relative + front, name, len);
	const bool allowed = allows(f, relative, front + len, is_dir);
	if (relative != few)
		free(relative);
	return allowed;
}

struct patterns *filter_read_ignore(int folder, uint64_t *ret_hash)
{
	struct patterns *patterns = NULL;
	const int fd = openat(folder, ".gitignore", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = fd >= 0 ? malloc(IGNORE_FILE_MAX) : NULL;
	size_t len = 0;
	ssize_t got = 0;
	while (text && len < IGNORE_FILE_MAX && (got = read(fd, text + len, IGNORE_FILE_MAX - len)) > 0)
		len += (size_t)got;
	*ret_hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		*ret_hash = (*ret_hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	if (text && got >= 0)
		(void)patterns_parse(text, len, &patterns);
	free(text);
	if (fd >= 0)
		close(fd);
	return patterns;
}
