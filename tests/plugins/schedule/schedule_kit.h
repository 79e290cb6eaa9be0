/* The whole plugin on the testkit, with a clock that the test sets. It begins at 2020-01-01T00:00:00Z, a Wednesday. */
#ifndef SCHEDULE_KIT_H
#define SCHEDULE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tappet/testkit.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define EPOCH INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */

/* With the state that an earlier daemon left behind, or NULL. */
static inline testkit *kit_at(int64_t wall_ms, const char *options, const char *state)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	testkit_wall_set(kit, wall_ms);
	if (state)
		testkit_kv_set(kit, "test", "state", state);
	testkit_begin(kit, NULL, options);
	testkit_run(kit);
	return kit;
}

/* Ends the daemon; what the trigger's state was then. */
static inline char *kit_end(testkit *kit)
{
	const tappet_str state = testkit_kv(kit, "test", "state");
	char *copy = strndup(state.ptr ? state.ptr : "", state.len);
	testkit_close(kit);
	return copy;
}

static inline int contains(tappet_str text, const char *part)
{
	return text.ptr && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* Exactly these were handed over, by their instants. */
#define assert_fires(kit, ...)                                                                                         \
	do {                                                                                                           \
		const int64_t expected[] = {__VA_ARGS__};                                                              \
		const size_t count = sizeof(expected) / sizeof(expected[0]);                                           \
		assert_int_equal(testkit_emission_count(kit), count);                                                  \
		for (size_t i = 0; i < count; i++)                                                                     \
			assert_int_equal(testkit_emission_at(kit, i)->occurred_ms, expected[i]);                       \
	} while (0)

static inline void assert_account(const testkit *kit, size_t index, int32_t outcome, int64_t first_ms, int64_t last_ms,
				  int64_t count)
{
	const testkit_account *a = testkit_account_at(kit, index);
	assert_non_null(a);
	assert_int_equal(a->outcome, outcome);
	assert_int_equal(a->first_ms, first_ms);
	assert_int_equal(a->last_ms, last_ms);
	assert_int_equal(a->count, count);
}

#endif
