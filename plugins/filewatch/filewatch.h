/* The parts of the filewatch plugin and what they share.
 *
 *   plugin.c     descriptor and lifecycle            options.c    options of a trigger, read and checked
 *   patterns*.c  globs as gitignore(5) has them      filter.c     which paths of a tree count
 *   entry.c      an entry of a folder as bytes       journal.c    the last told state of a tree, in pages
 *   store.c      the journal's way to the store      tree.c       one watched tree and its folders
 *   inotify.c    the one descriptor, its events      scan.c       which folders are to be listed
 *   list.c       lists them, on the worker pool      merge.c      a listing against the journal
 *   ignore.c     .gitignore files of a tree          items.c      names that wait for their quiet time
 *   examine.c    looks at those, on the pool         judge.c      what has become of them: changes
 *   tell.c       changes as JSON, put together       flight.c     emissions under way, and again
 *   poll.c       what sends no events                mounts.c     file systems that come and go
 *   health.c     what people are told of a trigger
 *
 * Events are hints: each makes a name an *item*, which is looked at when it has been quiet; what differs from the journal
 * is a change. The journal's pages that a change touches are checkpoints of its emission. So the journal says at every
 * moment what was told, and whatever is lost (events, the process, the power) is found by looking at the tree again.
 *
 * When in doubt, scan: a folder's watch is there before it is listed, and a folder whose watch had events while that went
 * on is listed again.
 *
 * Loop thread only, but for scan_work, examine_work and what they call (list.c, filter.c, patterns*.c, entry.c). */
#ifndef FILEWATCH_PLUGIN_H
#define FILEWATCH_PLUGIN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/text.h"
#include "patterns.h"
#include "tappet/plugin.h"

struct plugin;
struct tree;
struct dir;

/* ---- Options ---- */

enum kind { KIND_CREATED, KIND_CHANGED, KIND_REMOVED, KIND_MOVED, KIND_COUNT };
extern const char *const kind_names[KIND_COUNT];

enum entry_type {
	ENTRY_NONE,
	ENTRY_FILE,
	ENTRY_DIR,
	ENTRY_SYMLINK,
	ENTRY_OTHER,
	ENTRY_TYPE_COUNT,
	ENTRY_UNKNOWN = ENTRY_TYPE_COUNT /* only in listings: it is there, and cannot be looked at */
};
extern const char *const entry_type_names[ENTRY_TYPE_COUNT];

enum poll_mode { POLL_AUTO, POLL_ALWAYS, POLL_NEVER };

struct options {
	char *path;   /* absolute, without trailing slashes */
	char *folder; /* the one that it lies in; "/" for "/" */
	const char *name;
	struct patterns *include, *exclude; /* or NULL */
	bool gitignore, follow, attributes, wait_for_close, settle_batch, burst, emit_existing, unmounted_is_removed;
	uint32_t kinds, types; /* bits */
	enum poll_mode poll;
	int64_t settle_ms, settle_max_ms, poll_ms, poll_max_ms, min_age_ms;
	uint64_t min_size;
	uint32_t batch_limit;
	char *rules; /* JSON: what decides which entries the journal has; rules_read reads it */
};

/* Where options are read from: the host, or a check. */
struct option_reader {
	size_t (*count)(const tappet_config *config, const char *key);
	int32_t (*str)(const tappet_config *config, const char *key, size_t index, tappet_str *ret);
	int32_t (*integer)(const tappet_config *config, const char *key, size_t index, int64_t *ret);
	int32_t (*boolean)(const tappet_config *config, const char *key, int32_t *ret);
	/* NULL, or who is told of each mistake. */
	void (*mistake)(void *arg, const char *key, size_t index, const char *message);
	void *arg;
};
/* 0, -EINVAL, -ENOMEM. */
int options_read(const struct option_reader *reader, const tappet_config *config, struct options *ret);
void options_release(struct options *o);
/* Options of which nothing but these is set. 0, -EINVAL, -ENOMEM. */
int rules_read(const char *rules, struct options *ret);
#define TRIGGER_OPTIONS 21
extern const tappet_option trigger_options[TRIGGER_OPTIONS];

/* ---- Entries ---- */

#define ENTRY_MOUNT 1u  /* a folder on which a file system is mounted */
#define ENTRY_UNTOLD 2u /* a folder whose creation is still to be told */
#define ENTRY_NAMES 4u  /* a file with several names (hard links): events come for one of them */

/* A name in a folder, and what is known of it. Of a folder there are no size and times: they change with each entry. */
struct entry {
	const char *name;
	size_t len;
	enum entry_type type;
	uint32_t flags;
	uint64_t size, inode;
	int64_t mtime_ns, ctime_ns;
	uint64_t child; /* of a folder in the journal: its id */
};
#define ENTRY_SIZE_MAX (NAME_MAX + 64)

/* Returns the length. */
size_t entry_write(const struct entry *e, uint8_t to[static ENTRY_SIZE_MAX]);
/* Returns the length; 0: that is no entry. The name is in `from`. */
size_t entry_read(const uint8_t *from, size_t len, struct entry *ret);
/* Its length; it is sound. */
size_t entry_skip(const uint8_t *from, size_t len);
int name_compare(const char *a, size_t a_len, const char *b, size_t b_len);

#define DIFFERS_TYPE 1u
#define DIFFERS_SIZE 2u
#define DIFFERS_MTIME 4u
#define DIFFERS_CTIME 8u
#define DIFFERS_INODE 16u
/* In which attributes, added up. */
uint32_t entry_differs(const struct entry *a, const struct entry *b);

/* ---- Folders, and the journal of what is in them ---- */

#define PAGE_MAX 4096 /* bytes; a larger one is split */

/* Entries in the order of their names, as they are in the store. */
struct page {
	uint8_t *bytes;
	uint32_t len, id;
	uint32_t build; /* the emission under construction that carries it */
	bool dirty;     /* its key is in tree->backlog */
};

/* .gitignore files, from a folder up to the top. Shared; the pool only reads. */
struct ignore {
	struct ignore *above;
	struct patterns *patterns;
	uint64_t hash;     /* of its text */
	size_t folder_len; /* of the relative path of its folder */
	uint32_t refs;     /* loop thread */
};

struct dir {
	struct tree *tree;
	struct dir *parent;
	struct dir *next_by_id, *next_by_wd, *next_queued;
	char *name;
	uint64_t id, inode, dev;
	struct page *pages;
	struct ignore *ignore;
	uint32_t page_count, next_page, version, refs;
	int wd;             /* -1: it is not watched */
	bool attached : 1;  /* it hangs in the tree */
	bool queued : 1;    /* for a scan */
	bool scanning : 1;  /* one is under way */
	bool again : 1;     /* it has to be scanned once more */
	bool deep : 1;      /* with the folders below it */
	bool listed : 1;    /* it has been, since the start */
	bool gone : 1;      /* from the disk; its entries are being told */
	bool unsaved : 1;   /* its entry in the parent is not in the store yet */
	bool polled : 1;    /* no events come from it */
	bool no_events : 1; /* since its file system sends none */
	bool links : 1;     /* it is watched, and polled for links that lead to files elsewhere */
	bool mount : 1;     /* a file system is mounted on it */
	bool unmounted : 1; /* its file system is away: nothing is known of it */
	bool silent : 1;    /* it is polled for that */
	bool unreadable : 1;
	bool old : 1;     /* it was left out until now: so was what is in it */
	bool renamed : 1; /* it came by a rename that was seen */
	bool hidden : 1;  /* it does not count any more: what is in it goes from the journal untold */
};

struct cursor {
	struct dir *dir;
	uint32_t page, at, version;
};
bool journal_find(const struct dir *d, const char *name, size_t len, struct entry *ret);
/* Puts it in, or in the place of the one with its name. False: no memory, and nothing has changed. */
bool journal_put(struct dir *d, const struct entry *e);
bool journal_remove(struct dir *d, const char *name, size_t len);
/* The first entry that is not before `name`. */
void cursor_seek(struct cursor *c, struct dir *d, const char *name, size_t len);
/* False: there is none. It is valid until the folder's journal changes. */
bool cursor_get(const struct cursor *c, struct entry *ret);
void cursor_next(struct cursor *c);
static inline bool cursor_is_valid(const struct cursor *c)
{
	return c->version == c->dir->version;
}
/* A page that came from the store. False: no memory. */
bool journal_load(struct dir *d, uint32_t page_id, const void *bytes, size_t len);
/* All have come: in their order. */
void journal_order(struct dir *d);
struct page *journal_page(const struct dir *d, uint32_t id);
/* The one that has the name. */
struct page *journal_page_of(const struct dir *d, const char *name, size_t len);
void journal_release(struct dir *d);

/* ---- Items: names that wait until they are quiet ---- */

struct item {
	struct dir *dir;
	struct item *next_by_name, *next_by_inode;
	int64_t first_ms, last_ms; /* monotonic: of its events */
	int64_t not_before_ms;     /* 0, or when to look at it again */
	uint64_t inode;            /* that it left (gone) or came with (arrived); 0: unknown */
	uint32_t heap_at;          /* its place + 1; 0: it is not in the heap */
	uint32_t hash, cookie;
	bool moved_in : 1;  /* came by a rename, from wherever */
	bool unseen : 1;    /* it could not be looked at */
	bool writing : 1;   /* somebody writes, as far as events tell */
	bool open : 1;      /* somebody still wrote when it was looked at */
	bool examining : 1; /* the pool looks at it */
	bool again : 1;     /* there were events meanwhile */
	bool gone : 1;      /* looked at, and not there: it waits for where it may have gone to */
	bool left : 1;      /* in by_inode as one that went away */
	bool renamed : 1;   /* came by a rename that was seen */
	bool dead : 1;      /* to be freed when the pool has looked at it */
	uint8_t len;
	char name[];
};

struct item_table {
	struct item **by_name, **by_inode;
	size_t room, count;
	struct item **heap;
	size_t heap_count, heap_room;
};

/* The item of a name, made when there is none. NULL: no memory. */
struct item *items_note(struct tree *t, struct dir *d, const char *name, size_t len);
struct item *items_find(const struct tree *t, const struct dir *d, const char *name, size_t len);
/* When it is to be looked at. */
int64_t item_due_ms(const struct tree *t, const struct item *i);
/* Puts it where it belongs in the heap. False: no memory. */
bool items_schedule(struct tree *t, struct item *i);
/* The next that is due by now_ms, out of the heap; NULL: none is. */
struct item *items_take(struct tree *t, int64_t now_ms);
void items_set_inode(struct tree *t, struct item *i, uint64_t inode, bool left);
/* Another one with this inode. */
struct item *items_by_inode(const struct tree *t, uint64_t inode, bool left, const struct item *not_this);
/* Forgets it. */
void items_drop(struct tree *t, struct item *i);
/* Events of closing may have been lost. */
void items_forget_writers(struct tree *t);
void items_release(struct tree *t);

/* ---- Changes, and their way out ---- */

struct change {
	enum kind kind;
	struct dir *dir, *from_dir;
	struct entry entry; /* as it is told */
	const char *from;
	size_t from_len;
	uint32_t differs;
	bool open;
};

/* An emission that is put together. */
struct build {
	struct text payload, cause;
	uint32_t count, id;
	bool applying; /* what the journal is told now belongs to it */
	struct page_key *pages;
	size_t page_count, page_room;
	int64_t occurred_ms, begun_ms; /* by the wall clock, and monotonic */
};
struct page_key {
	uint64_t dir;
	uint32_t page;
};
/* Room for a change, whatever it touches. */
bool build_has_room(const struct tree *t);
/* Adds a change. What the journal is told between the two belongs to it. */
void build_begin(struct tree *t, const struct change *c);
void build_end(struct tree *t, struct dir *d);
/* Another folder whose entries it has changed. */
void build_keep(struct tree *t, struct dir *d);
/* Hands over what was put together, if anything. */
void build_send(struct tree *t);
void build_release(struct tree *t);

/* An emission under way. It is sent again, to the byte, until its outcome is final. */
struct flight {
	struct flight *next;
	struct tree *tree;
	char *payload, *cause;
	size_t payload_len, cause_len, changes;
	int64_t occurred_ms;
	tappet_str key; /* that the host made */
	struct page_key *pages;
	tappet_checkpoint *checkpoints;
	size_t page_count;
	bool sent;
};
/* NULL is allowed. */
void flight_free(struct flight *f);
/* Takes it over. */
void flight_begin(struct tree *t, struct flight *f);
/* Sends what waits. */
void flights_pump(struct tree *t);
bool flights_have_room(const struct tree *t);
void flights_release(struct tree *t);

/* ---- A tree under watch ---- */

struct tree {
	struct plugin *plugin;
	struct tree *next, **back; /* of the plugin's */
	tappet_trigger *trigger;
	struct options options;
	struct options *before; /* the rules that the journal was made by, where they were others; or NULL */
	struct dir *base;       /* the folder in which the watched path lies; the path itself when that is "/" */
	struct dir **by_id;
	size_t dir_count, dir_room;
	uint64_t next_id;
	uint64_t entry_count; /* of the journal, without folders */

	struct item_table items;
	int64_t last_event_ms;
	struct item *moved_from; /* the last one seen: the kernel tells the new name right behind it */
	tappet_timer *timer;     /* for the first item that is due */
	int64_t timer_due_ms;
	bool timer_set;
	struct examination *examination; /* under way */

	struct dir *scan_first, **scan_last; /* wait for a scan */
	size_t scans;                        /* jobs under way */
	struct scan *merging, **merging_last;
	int64_t sweep_begin_ms, sweep_ms; /* how long the last one took */
	bool sweeping, differed;          /* a look at everything is under way; a scan has found something */

	struct build build;
	struct flight *flights, **flights_last;
	size_t flight_count, flight_bytes, outstanding; /* that were sent */
	int64_t retry_ms;
	tappet_timer *retry_timer;

	struct page_key *backlog; /* pages that changed without a change that is told */
	size_t backlog_count, backlog_room, backlog_at;
	size_t puts; /* of them on their way into the store */
	bool puts_failed;
	tappet_timer *again_timer;

	tappet_timer *poll_timer;
	int64_t poll_interval_ms, poll_begin_ms;
	size_t polled, no_events, links, unreadable, unmounted; /* folders that are so */
	char *unreadable_path;
	char *mount; /* where the file system of `base` is mounted */
	char health[256];
	bool loading; /* the journal is being read */
	bool ready;   /* it has been */
	bool foreign; /* what was kept was of another path, or took links for something else */
	bool baseline; /* what is on disk and not in the journal was there before: at the first start, or after other options */
	bool known;                     /* the journal knows of a first start */
	bool missing, overflowed, away; /* away: the file system of `base` is */
	bool sweep_wanted;              /* a file with several names has changed: the others are to be found */
	bool removed, freed, looked;    /* looked: at everything, once */
	bool saved;                     /* the store knows of the first look */
	bool saving_look;               /* it is being told */
	int64_t begun_wall_ms, begun_ms;
	double files_shown; /* in the metric */
	bool merge_posted;
	size_t jobs; /* of the pool: the tree must stay */
};

/* 0 or a negative TAPPET_E*. */
int32_t tree_add(struct plugin *p, tappet_trigger *trigger, const tappet_config *config, struct tree **ret);
/* Goes on with whatever waits: something has ended, or there is room again. */
void tree_pump(struct tree *t);
/* The same in a while, since the host had no room. */
void tree_pump_later(struct tree *t);
/* The journal is there: looks at the tree. */
void tree_begin(struct tree *t);
void tree_remove(struct tree *t);
void tree_stop_timers(struct tree *t);
void tree_free(struct tree *t);
/* A job of the pool has ended. It may free the tree. */
void tree_job_done(struct tree *t);
/* With the id 0: the next one. NULL: no memory. */
struct dir *dir_new(struct tree *t, uint64_t id);
struct dir *dir_by_id(const struct tree *t, uint64_t id);
/* The folder of an entry, hung into the tree. NULL: no memory. */
struct dir *dir_attach(struct dir *parent, const struct entry *e);
/* Nothing is left of it: forgets it. */
void dir_free(struct dir *d);
/* Whether it, or what it lies in, is on a file system that is away. */
bool dir_is_away(const struct dir *d);
/* What is not told but has to be kept: the folder's page goes into the backlog. */
bool journal_put_silently(struct dir *d, const struct entry *e);
void journal_remove_silently(struct dir *d, const char *name, size_t len);
/* Whether it is the watched path itself, which has no relative name. */
bool dir_is_top(const struct dir *d);
/* Absolute, or relative to the watched path. To be freed; NULL: no memory. */
char *path_of(const struct dir *d, const char *name, size_t len);
char *relative_of(const struct dir *d, const char *name, size_t len);

/* The page is not as the store has it any more. */
void tree_touch(struct tree *t, struct dir *d, struct page *p);
void tree_touch_removed(struct tree *t, struct dir *d, uint32_t page);
bool page_list_add(struct page_key **list, size_t *count, size_t *room, struct page_key key);
/* The page is on its way to the store as it is now, or it did not get there after all. */
void page_sent(struct dir *d, struct page *p);
void page_lost(struct dir *d, struct page *p);

/* ---- What counts ---- */

/* What the pool needs to know of a folder. */
struct filter {
	const struct options *options;
	const struct ignore *ignore;
	const char *relative; /* of the folder; "" is the top */
	size_t len;
	bool base; /* the folder in which the watched path lies: nothing else of it counts */
};
bool filter_allows(const struct filter *f, const char *name, size_t len, bool is_dir);
/* Whether `include` has it, or a folder that it lies in. */
bool filter_includes(const struct options *o, const char *relative, size_t len, bool is_dir);
/* What the pool is told of a folder. */
struct filter filter_of(const struct dir *d, const struct ignore *ignore, const char *relative);
/* Reads the .gitignore of an open folder; NULL: there is none. */
struct patterns *filter_read_ignore(int folder, uint64_t *ret_hash);
/* Takes the patterns over. */
struct ignore *ignore_new(struct ignore *above, struct patterns *patterns, uint64_t hash, size_t folder_len);
bool ignore_is_same(const struct ignore *a, const struct ignore *b);
struct ignore *ignore_ref(struct ignore *i);
void ignore_unref(struct ignore *i);

/* ---- Scans ---- */

void scan_queue(struct dir *d, bool deep);
/* Starts jobs as long as there is room for what they may find. */
void scans_pump(struct tree *t);
/* Goes on with the listings that have come. */
void merges_pump(struct tree *t);
/* Looks at everything again. */
void tree_sweep(struct tree *t);
void scans_release(struct tree *t);

struct scan_dir {
	struct dir *dir;
	char *path, *relative;
	struct ignore *ignore;
	uint64_t parent_dev;
	bool base, follow, watch, deep;
	/* what came of it */
	int error; /* 0, or a negative errno */
	int wd;    /* or a negative errno */
	uint64_t inode, dev;
	bool no_events, linked, is_mount;
	int unknown; /* 0, or why an entry could not be looked at */
	struct patterns *patterns;
	uint64_t patterns_hash;
	char *mounted_at;
	uint8_t *bytes; /* entries in the order of their names */
	size_t len, room, at;
	/* how far it has been merged */
	struct ignore *before; /* what held when it was listed last */
	char last[NAME_MAX + 1];
	size_t last_len;
	bool begun, skipped, rules_changed;
};
struct scan {
	struct scan *next;
	struct tree *tree;
	int inotify;
	const struct options *options;
	size_t count, at;
	bool started; /* it is counted in plugin->scans */
	struct scan_dir dirs[];
};
void scan_work(void *arg);
void scan_free(struct scan *s);
/* A name in an open folder, whose device is `folder_dev` (0: unknown). 0 or a negative errno. */
int entry_look(int folder, const char *name, bool follow, uint64_t folder_dev, struct entry *ret, bool *ret_linked);
/* Whether somebody has a file of an open folder open for writing: 1, 0, or -1: it cannot be found out. */
int file_writers(int folder, const struct entry *e, bool follow);
/* The watched path, to open folders below it. The descriptor, or a negative errno for open_folder to tell. */
int open_top(const struct options *o);
/* A folder of the tree by its path, which may be longer than a system call takes; `relative` is "" for the watched path and
 * the folder that it lies in. The descriptor, or a negative errno. */
int open_folder(int top, const char *path, const char *relative, int flags);

/* ---- Looking at items ---- */

void examine_pump(struct tree *t);
/* What looking at an item has found. */
struct look {
	struct item *item;
	char *path, *relative;
	struct ignore *ignore;
	bool base, follow;
	int error;          /* 0, or a negative errno that says nothing of whether it is there */
	int writers;        /* 1: it is open for writing, 0: it is not, -1: who knows */
	bool hidden;        /* the options leave it out */
	bool linked;        /* it is what a link leads to */
	struct entry entry; /* of the type ENTRY_NONE when it is not there */
};
/* What has become of the item: it is told, dropped, or waits again. */
void judge(struct tree *t, struct item *i, const struct look *look);
void tree_set_timer(struct tree *t);
/* Looks at it again then, by the monotonic clock, at the earliest. */
void item_wait_until(struct tree *t, struct item *i, int64_t not_before_ms);
/* If the folder is gone and nothing of it is left to be told, the folder itself is; and those that it lay in. */
void dir_reap(struct dir *d);

/* ---- The store ---- */

void store_load(struct tree *t);
/* Puts the backlog, unless something is on its way that it must not overtake. */
void store_flush(struct tree *t);
/* The same, for the last time: from inside of trigger_remove, or of stop. */
void store_leave(struct tree *t);
#define PAGE_KEY_SIZE 32
size_t page_key_write(const struct page_key *k, char key[static PAGE_KEY_SIZE]);

/* ---- Events ---- */

int32_t inotify_open(struct plugin *p);
void inotify_close(struct plugin *p);
void watch_bind(struct dir *d, int wd);
void watch_unbind(struct dir *d);
/* All of a tree: the kernel forgets them on the pool. */
void watches_unbind(struct tree *t);
/* One that belongs to nobody. */
void watch_discard(struct plugin *p, int wd);

/* ---- Polling, mounts, health ---- */

void dir_set_polled(struct dir *d, bool polled, bool no_events);
void dir_set_links(struct dir *d, bool links);
void poll_arm(struct tree *t);
/* All scans are through. */
void poll_round_done(struct tree *t);
bool file_system_is_silent(int folder);
/* Where the file system that has the path is mounted. To be freed; NULL: unknown. */
char *mount_of(const char *path);
bool mount_is_there(const char *point);
int32_t mounts_open(struct plugin *p);
void mounts_close(struct plugin *p);
void dir_set_unmounted(struct dir *d, bool unmounted);
void health_update(struct tree *t);

/* ---- The plugin ---- */

#define SEEN_MAX 1024

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	struct tree *trees;
	int inotify; /* -1: the system has none left */
	int closing; /* it, at the end */
	tappet_fd *watch;
	struct dir **by_wd;
	size_t wd_room, wd_count;
	int seen[SEEN_MAX]; /* watches that had events while scans are under way */
	size_t seen_count;
	bool seen_all;
	size_t scans; /* under way, or not yet merged */
	int mountinfo;
	tappet_fd *mount_watch;
	tappet_timer *mount_timer;
	int64_t pending_max;
	size_t busy; /* callbacks of the host that are to come */
	bool started, stopping, stopped;
	struct {
		tappet_metric *events, *overflows, *watched, *polled, *files, *changes, *scans, *pending, *retries;
	} metric;
};

void plugin_begin(struct plugin *p);
void plugin_end(struct plugin *p);
int64_t plugin_now(const struct plugin *p);
void plugin_log(const struct plugin *p, int32_t level, const char *message, const char *key, const char *value);

#endif
