/* The whole plugin on the testkit, with a real folder and a virtual clock. */
#ifndef FILEWATCH_KIT_H
#define FILEWATCH_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "tappet/testkit.h"

#define SETTLE INT64_C(500)

/* A folder of the test's own, and the current one: paths are relative to it. */
static inline int folder_make(void **state)
{
	char *path = strdup("/tmp/filewatch-test-XXXXXX");
	if (!path || !mkdtemp(path) || chdir(path) < 0 || mkdir("tree", 0700) < 0)
		return -1;
	*state = path;
	return 0;
}

static inline int folder_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int folder_remove(void **state)
{
	const int r = nftw(*state, folder_visit, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return r;
}

static inline void put(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* All events that are there are read, and their quiet time goes by. */
static inline void quiet(testkit *kit)
{
	while (testkit_poll(kit, 0))
		;
	for (int i = 0; i < 6; i++)
		testkit_advance(kit, SETTLE);
	while (testkit_poll(kit, 0))
		;
}

static inline int64_t file_ms(void)
{
	struct stat st;
	put("clock", "");
	assert_int_equal(stat("clock", &st), 0);
	return st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
}

/* Times of files are real ones, and a little coarse: what is there is older than this, what is made from now on is not. */
static inline int64_t next_file_ms(void)
{
	const int64_t before_ms = file_ms();
	int64_t now_ms;
	while ((now_ms = file_ms()) <= before_ms + 1)
		;
	return now_ms;
}

/* `before`: a daemon that has ended, whose state is there, or NULL. */
static inline testkit *kit_after(const testkit *before, const char *options)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	testkit_wall_set(kit, next_file_ms());
	if (before)
		testkit_kv_copy(kit, before);
	testkit_begin(kit, NULL, options);
	testkit_run(kit);
	quiet(kit);
	return kit;
}

static inline testkit *kit_new(const char *options)
{
	return kit_after(NULL, options);
}

static inline void member(tappet_str json, const char *key, char *to, size_t size)
{
	char pattern[64];
	snprintf(pattern, sizeof(pattern), "\"%s\":\"", key);
	const char *at = memmem(json.ptr, json.len, pattern, strlen(pattern));
	at = at ? at + strlen(pattern) : "\"";
	snprintf(to, size, "%.*s", (int)strcspn(at, "\""), at);
}

/* What was accepted from the `from`th emission on, as "created a|moved b<a|": in the order of the emissions. */
static inline const char *told_since(const testkit *kit, size_t from)
{
	static char text[8192];
	size_t len = 0;
	text[0] = '\0';
	for (size_t i = from; i < testkit_emission_count(kit); i++) {
		const testkit_emission *e = testkit_emission_at(kit, i);
		char kind[32], path[300], source[300];
		if (!e->settled || e->outcome != TAPPET_OK)
			continue;
		member(e->payload, "kind", kind, sizeof(kind));
		member(e->payload, "relative", path, sizeof(path));
		member(e->payload, "fromRelative", source, sizeof(source));
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %s%s%s|", kind, path, source[0] ? "<" : "",
					source);
	}
	return text;
}

static inline const char *told(const testkit *kit)
{
	return told_since(kit, 0);
}

#endif
