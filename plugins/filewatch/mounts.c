/* File systems: which of them send no events, where they are mounted, and that they come and go (proc(5), mountinfo). */
#include "filewatch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MOUNTINFO "/proc/self/mountinfo"
#define QUIET_MS 100

/* What other machines, hosts or processes change without this kernel's knowing: their types as in statfs(2). */
static const unsigned int silent[] = {
	0x6969,     /* NFS */
	0x517b,     /* SMB */
	0xfe534d42, /* SMB2 */
	0xff534d42, /* CIFS */
	0x65735546, /* FUSE: sshfs, virtiofs, the shared folders of containers on other systems */
	0x01021997, /* 9p */
	0x5346414f, /* AFS */
	0x6b414653, /* kAFS */
	0x73757245, /* Coda */
	0x00c36400, /* Ceph */
	0x7461636f, /* OCFS2 */
	0x01161970, /* GFS2 */
	0x0bd00bd0, /* Lustre */
	0x786f4256, /* VirtualBox's shared folders */
	0xbacbacbc, /* VMware's */
	0x7c7c6673, /* Parallels' */
	0x564c,     /* NCP */
	0x9fa0,     /* proc */
	0x62656572, /* sysfs */
};

bool file_system_is_silent(int folder)
{
	struct statfs s;
	if (fstatfs(folder, &s) < 0)
		return false;
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if ((unsigned int)s.f_type == silent[i])
			return true;
	return false;
}

/* ---- Where they are mounted ---- */

static bool is_octal(const char *at)
{
	return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' && at[2] <= '7';
}

/* Spaces and the like are written as \040. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from; to++) {
		const bool escaped = *from == '\\' && is_octal(from + 1);
		const unsigned char byte =
			escaped ? (unsigned char)((from[1] & 3) * 64 + (from[2] & 7) * 8 + (from[3] & 7)) : 0;
		*to = escaped ? (char)byte : *from;
		from += escaped ? 4 : 1;
	}
	*to = '\0';
}

/* Calls visit(arg, point) for each mount point until it says false. */
static void each_mount(bool (*visit)(void *arg, const char *point), void *arg)
{
	FILE *file = fopen(MOUNTINFO, "re");
	char *line = NULL;
	size_t room = 0;
	bool go_on = true;
	while (file && go_on && getline(&line, &room, file) > 0) {
		char *rest = line, *point = NULL;
		/* The fifth of: id, parent, device, root, mount point. */
		for (int field = 0; field < 5; field++)
			point = strsep(&rest, " ");
		if (!point)
			continue;
		unescape(point);
		go_on = visit(arg, point);
	}
	free(line);
	if (file)
		fclose(file);
}

/* Whether `point` is `path` or above it. */
static bool lies_in(const char *path, const char *point)
{
	const size_t len = strlen(point);
	return strcmp(point, "/") == 0 || (strncmp(path, point, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

struct search {
	const char *path;
	char *found;
	bool there;
};

static bool visit_above(void *arg, const char *point)
{
	struct search *s = arg;
	if (!lies_in(s->path, point) || (s->found && strlen(point) < strlen(s->found)))
		return true;
	free(s->found);
	s->found = strdup(point);
	return true;
}

char *mount_of(const char *path)
{
	struct search s = {.path = path};
	each_mount(visit_above, &s);
	return s.found;
}

static bool visit_same(void *arg, const char *point)
{
	struct search *s = arg;
	s->there = strcmp(point, s->path) == 0;
	return !s->there;
}

bool mount_is_there(const char *point)
{
	struct search s = {.path = point};
	each_mount(visit_same, &s);
	return s.there;
}

/* ---- They come and go ---- */

void dir_set_unmounted(struct dir *d, bool unmounted)
{
	if (d->unmounted != unmounted)
		d->tree->unmounted += unmounted ? 1 : (size_t)-1;
	d->unmounted = unmounted;
}

/* The folder of the tree with this path, as far as it is known. */
static struct dir *find_dir(const struct tree *t, const char *path)
{
	struct dir *d = t->base;
	const char *at = path + strlen(t->options.folder);
	struct entry e;
	while (d && *at) {
		at += *at == '/';
		const size_t len = strcspn(at, "/");
		if (len == 0)
			break;
		d = len <= NAME_MAX && journal_find(d, at, len, &e) && e.type == ENTRY_DIR ? dir_by_id(t, e.child)
											   : NULL;
		at += len;
	}
	return d;
}

static bool visit_below(void *arg, const char *point)
{
	const struct tree *t = arg;
	if (!lies_in(point, t->options.path))
		return true;
	struct dir *d = find_dir(t, point);
	if (d && d->parent)
		scan_queue(d->parent, false);
	return true;
}

static void look_at(struct tree *t)
{
	scan_queue(t->base, false);
	for (size_t slot = 0; slot < t->dir_room; slot++)
		for (struct dir *d = t->by_id[slot]; d; d = d->next_by_id)
			if ((d->mount || d->unmounted) && d->parent)
				scan_queue(d->parent, false);
	each_mount(visit_below, t);
	scans_pump(t);
}

static void on_quiet(void *arg)
{
	struct plugin *p = arg;
	p->mount_timer = NULL;
	for (struct tree *t = p->trees; t; t = t->next)
		if (t->ready)
			look_at(t);
}

static void on_change(void *arg, int32_t events, int32_t error)
{
	struct plugin *p = arg;
	(void)events;
	(void)error;
	if (!p->mount_timer)
		(void)p->host->timer_start(p->self, QUIET_MS, 0, on_quiet, p, &p->mount_timer);
}

/* Without it, mounts are noticed when the folder is looked at for another reason. */
int32_t mounts_open(struct plugin *p)
{
	p->mountinfo = open(MOUNTINFO, O_RDONLY | O_CLOEXEC);
	if (p->mountinfo < 0)
		return TAPPET_OK;
	return p->host->fd_watch(p->self, p->mountinfo, TAPPET_PRIORITIZED, on_change, p, &p->mount_watch);
}

void mounts_close(struct plugin *p)
{
	p->host->timer_stop(p->mount_timer);
	p->host->fd_unwatch(p->mount_watch);
	p->mount_timer = NULL;
	p->mount_watch = NULL;
	if (p->mountinfo >= 0)
		close(p->mountinfo);
	p->mountinfo = -1;
}
