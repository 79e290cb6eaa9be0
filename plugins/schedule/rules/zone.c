#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "civil.h"
#include "pattern.h"
#include "zone.h"

#define PATH_SIZE 512
#define TABLE_MAX 4096
/* Changes of the clock are looked for from here, */
#define TABLE_FROM_YEAR 1900
/* at first to here: so far Debian's tzdata writes them all down; */
#define TABLE_FIRST_YEAR 2038
/* and where somebody asks for later times, to here. After that it is the same every 400 years. */
#define TABLE_LAST_YEAR 2502
#define TABLE_STEP_YEARS 10
#define CYCLE_S ((int64_t)CYCLE_DAYS * DAY_S)

struct change {
	int64_t at;
	int32_t offset; /* from then on */
};

struct zone {
	char name[ZONE_NAME_MAX];
	GTimeZone *rules;
	struct change *changes; /* the first one is at INT64_MIN */
	size_t count, room;
	size_t last;  /* the change before the time that was looked up last */
	int32_t year; /* the table is complete up to the beginning of this year */
	bool repeats; /* years from TABLE_FIRST_YEAR on are made from those before: see check_rules */
};

struct zones {
	char folder[PATH_SIZE / 2];
	char version[32];
	uint64_t signature; /* of the files, as they were when the zones were made */
	struct zone **zones;
	size_t count;
};

static int64_t year_begin(int32_t year)
{
	return civil_days(year, 1, 1) * DAY_S;
}

/* ---- The table of a zone ---- */

static int add(struct zone *z, int64_t at, int32_t offset)
{
	if (z->count > 0 && z->changes[z->count - 1].offset == offset)
		return 0;
	if (z->count == TABLE_MAX)
		return -ENOBUFS;
	if (z->count == z->room) {
		const size_t room = z->room ? 2 * z->room : 16;
		struct change *grown = realloc(z->changes, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		z->changes = grown;
		z->room = room;
	}
	z->changes[z->count++] = (struct change){at, offset};
	return 0;
}

static int interval_at(const struct zone *z, int64_t utc_s)
{
	return g_time_zone_find_interval(z->rules, G_TIME_TYPE_UNIVERSAL, utc_s);
}

/* The first second after `from` and not after `to` that is in another interval; `to` + 1 when there is none. */
static int64_t next_interval(const struct zone *z, int64_t from, int64_t to)
{
	const int interval = interval_at(z, from);
	int64_t in = from, out = from;
	for (int64_t step = 32 * (int64_t)DAY_S; interval_at(z, out) == interval; step *= 2) {
		if (out == to)
			return to + 1;
		in = out;
		out = to - in > step ? in + step : to;
	}
	while (out - in > 1) {
		const int64_t middle = in + (out - in) / 2;
		if (interval_at(z, middle) == interval)
			in = middle;
		else
			out = middle;
	}
	return out;
}

static int read_changes(struct zone *z, int64_t from, int64_t to)
{
	for (int64_t at = next_interval(z, from - 1, to); at <= to; at = next_interval(z, at, to)) {
		const int r = add(z, at, g_time_zone_get_offset(z->rules, interval_at(z, at)));
		if (r < 0)
			return r;
	}
	return 0;
}

/* GLib 2.74 takes the 0 of "IST-1GMT0" (Europe/Dublin) for no offset at all, and so is wrong by two hours in winter once
 * the changes that are written down come to their end. An offset that the zone has not had in the last ten years shows it;
 * then those years go on in which the calendar is the same. */
static bool rules_are_wrong(const struct zone *z)
{
	const int64_t from = year_begin(TABLE_FIRST_YEAR), recent = year_begin(TABLE_FIRST_YEAR - 10);
	for (int64_t at = from; at < from + 366 * (int64_t)DAY_S; at += 30 * (int64_t)DAY_S) {
		const int32_t offset = g_time_zone_get_offset(z->rules, interval_at(z, at));
		bool seen = z->changes[z->count - 1].offset == offset;
		for (size_t i = 1; i < z->count && !seen; i++)
			seen = z->changes[i].offset == offset && z->changes[i].at >= recent;
		if (!seen)
			return true;
	}
	return false;
}

/* The latest year before TABLE_FIRST_YEAR with the same calendar. */
static int32_t year_like(int32_t year)
{
	int32_t like = TABLE_FIRST_YEAR - 1;
	while (civil_is_leap(like) != civil_is_leap(year) ||
	       civil_weekday(civil_days(like, 1, 1)) != civil_weekday(civil_days(year, 1, 1)))
		like--;
	return like;
}

static int repeat_year(struct zone *z, int32_t year)
{
	const int32_t like = year_like(year);
	const int64_t begin = year_begin(like), end = year_begin(like + 1), later = year_begin(year) - begin;
	for (size_t i = 0, count = z->count; i < count; i++) {
		const struct change c = z->changes[i];
		const int r = c.at >= begin && c.at < end ? add(z, c.at + later, c.offset) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Without memory the table stays as it is, and the last offset goes on. */
static void extend(struct zone *z, int32_t year)
{
	int r = 0;
	if (z->repeats)
		for (int32_t y = z->year; y < year && r == 0; y++)
			r = repeat_year(z, y);
	else if (z->rules)
		r = read_changes(z, year_begin(z->year), year_begin(year) - 1);
	z->year = year;
	(void)r;
}

static int make_table(struct zone *z)
{
	const int64_t from = year_begin(TABLE_FROM_YEAR);
	int r = add(z, INT64_MIN, g_time_zone_get_offset(z->rules, interval_at(z, from)));
	if (r == 0)
		r = read_changes(z, from, year_begin(TABLE_FIRST_YEAR) - 1);
	if (r < 0)
		return r;
	z->year = TABLE_FIRST_YEAR;
	z->repeats = rules_are_wrong(z);
	return 0;
}

/* ---- Look-ups ---- */

static size_t find(struct zone *z, int64_t utc_s)
{
	size_t low = 0, high = z->count;
	const size_t last = z->last;
	if (z->changes[last].at <= utc_s && (last + 1 == z->count || utc_s < z->changes[last + 1].at))
		return last;
	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;
		if (z->changes[middle].at <= utc_s)
			low = middle;
		else
			high = middle;
	}
	z->last = low;
	return low;
}

static void prepare(struct zone *z, int64_t utc_s)
{
	/* The end of the interval has to be in the table, too. */
	while (z->year < TABLE_LAST_YEAR && utc_s >= year_begin(z->year - 2))
		extend(z, z->year + TABLE_STEP_YEARS);
}

void zone_at(struct zone *z, int64_t utc_s, struct zone_interval *ret)
{
	int64_t later = 0;
	if (utc_s >= year_begin(TABLE_LAST_YEAR - 2)) {
		later = (utc_s - year_begin(TABLE_LAST_YEAR - 2)) / CYCLE_S * CYCLE_S + CYCLE_S;
		utc_s -= later;
	}
	prepare(z, utc_s);
	const size_t i = find(z, utc_s);
	const struct change *c = &z->changes[i];
	const bool first = i == 0, last = i + 1 == z->count;
	ret->begin = first ? INT64_MIN : c->at + later;
	ret->end = last ? INT64_MAX : c[1].at + later;
	ret->offset = c->offset;
	ret->offset_before = first ? c->offset : c[-1].offset;
	ret->offset_after = last ? c->offset : c[1].offset;
}

const char *zone_name(const struct zone *z)
{
	return z->name;
}

int64_t zone_instant(struct zone *z, int64_t local_s, int64_t *ret_gap_s)
{
	struct zone_interval i;
	/* No zone is a whole day away from UTC. */
	int64_t utc_s = local_s - DAY_S;
	*ret_gap_s = 0;
	for (;;) {
		zone_at(z, utc_s, &i);
		if (i.end == INT64_MAX || local_s - i.offset < i.end)
			break;
		utc_s = i.end;
	}
	if (i.begin == INT64_MIN || local_s - i.offset >= i.begin)
		return local_s - i.offset;
	*ret_gap_s = i.offset - i.offset_before;
	return i.begin;
}

/* ---- The set ---- */

static int path_of(const struct zones *set, const char *name, char path[static PATH_SIZE])
{
	return snprintf(path, PATH_SIZE, "%s/%s", set->folder, name) < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

static bool name_is_well(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	const size_t len = strlen(name);
	/* Copies of the zones with other rules for leap seconds, and links that somebody may turn. */
	static const char *const not_zones[] = {"posix/", "right/", "localtime", "posixrules"};
	for (size_t i = 0; i < sizeof(not_zones) / sizeof(not_zones[0]); i++)
		if (strncmp(name, not_zones[i], strlen(not_zones[i])) == 0)
			return false;
	return len > 0 && len < ZONE_NAME_MAX && name[0] != '/' && strspn(name, letters) == len;
}

static bool is_zone(const struct zones *set, const char *name)
{
	char path[PATH_SIZE], magic[4];
	if (!name_is_well(name) || path_of(set, name, path) < 0)
		return false;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	const bool well = read(fd, magic, sizeof(magic)) == sizeof(magic) && memcmp(magic, "TZif", 4) == 0;
	close(fd);
	return well;
}

static uint64_t add_file(const struct zones *set, const char *name, uint64_t hash)
{
	char path[PATH_SIZE], text[160];
	struct stat st;
	if (path_of(set, name, path) < 0 || stat(path, &st) < 0)
		return stable_hash("", hash);
	snprintf(text, sizeof(text), "%llu %llu %lld %lld.%09ld", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
		 st.st_mtim.tv_nsec);
	return stable_hash(text, hash);
}

static uint64_t signature_of(const struct zones *set)
{
	return add_file(set, "tzdata.zi", add_file(set, "+VERSION", add_file(set, ".", 0)));
}

static void read_version(struct zones *set)
{
	char path[PATH_SIZE];
	snprintf(set->version, sizeof(set->version), "unknown");
	FILE *file = path_of(set, "tzdata.zi", path) == 0 ? fopen(path, "re") : NULL;
	if (!file)
		return;
	char version[sizeof(set->version)];
	if (fscanf(file, "# version %31[0-9A-Za-z.-]", version) == 1)
		memcpy(set->version, version, sizeof(version));
	fclose(file);
}

int zones_new(struct zones **ret)
{
	const char *folder = getenv("TZDIR"); /* as GLib does */
	struct zones *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	if (!folder || !folder[0] || strlen(folder) >= sizeof(set->folder))
		folder = "/usr/share/zoneinfo";
	snprintf(set->folder, sizeof(set->folder), "%s", folder);
	set->signature = signature_of(set);
	read_version(set);
	*ret = set;
	return 0;
}

static void zone_free(struct zone *z)
{
	if (z && z->rules)
		g_time_zone_unref(z->rules);
	if (z)
		free(z->changes);
	free(z);
}

void zones_free(struct zones *set)
{
	for (size_t i = 0; set && i < set->count; i++)
		zone_free(set->zones[i]);
	if (set)
		free(set->zones);
	free(set);
}

static int zone_new(const char *name, struct zone **ret)
{
	struct zone *z = calloc(1, sizeof(*z));
	int r = -ENOMEM;
	if (!z)
		return r;
	memcpy(z->name, name, strlen(name) + 1);
	z->rules = g_time_zone_new_identifier(name);
	r = z->rules ? make_table(z) : -EIO;
	if (r < 0)
		zone_free(z);
	else
		*ret = z;
	return r;
}

int zones_get(struct zones *set, const char *name, struct zone **ret)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->zones[i]->name, name) == 0) {
			*ret = set->zones[i];
			return 0;
		}
	if (!is_zone(set, name))
		return -ENOENT;
	if (set->count == ZONES_MAX)
		return -ENOBUFS;
	struct zone **grown = realloc(set->zones, (set->count + 1) * sizeof(struct zone *));
	if (!grown)
		return -ENOMEM;
	set->zones = grown;
	const int r = zone_new(name, &set->zones[set->count]);
	if (r < 0)
		return r;
	*ret = set->zones[set->count++];
	return 0;
}

const char *zones_version(const struct zones *set)
{
	return set->version;
}

/* GLib shares a zone among all who hold it and forgets it with the last of them: only then is the file read again. */
static int make_anew(const struct zones *set, struct zone *z)
{
	struct zone *fresh;
	if (!is_zone(set, z->name))
		return 0;
	g_time_zone_unref(z->rules);
	z->rules = NULL;
	const int r = zone_new(z->name, &fresh);
	if (r < 0)
		return r;
	free(z->changes);
	*z = *fresh;
	free(fresh);
	return 0;
}

int zones_refresh(struct zones *set)
{
	const uint64_t signature = signature_of(set);
	if (signature == set->signature)
		return 0;
	for (size_t i = 0; i < set->count; i++) {
		const int r = make_anew(set, set->zones[i]);
		if (r < 0)
			return r;
	}
	set->signature = signature;
	read_version(set);
	return 1;
}
