/* What the tests of the examples have in common. */
#ifndef EXAMPLES_CHECK_H
#define EXAMPLES_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/testkit.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

static inline int last_payload_is(const testkit *kit, const char *payload)
{
	const testkit_emission *last = testkit_emission_last(kit);

	return last && strcmp(last->payload.ptr, payload) == 0;
}

#endif
