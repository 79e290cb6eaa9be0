/* The jq programs of definitions, each once, with the places where it stands; and the check of those that are not known
 * to be good. Called by whoever loads definitions: daemon/ and cli/. programs_check blocks; nothing here is shared between
 * threads. */
#ifndef EXPR_PROGRAMS_H
#define EXPR_PROGRAMS_H

#include "base/digest.h"
#include "base/json.h"
#include "base/map.h"
#include "expr/expr.h"

/* `owner` is the caller's: which definition. */
struct program_place {
	const struct json_file *file;
	const struct json *at;
	size_t owner, item;
};

struct programs {
	const struct map *known; /* by digest: good; may be NULL */
	struct map by_digest;    /* those to be checked */
	struct expr_check_item *items;
	uint8_t (*digests)[DIGEST_SIZE];
	size_t count, cap;
	struct program_place *places;
	size_t place_count, place_cap;
	int error; /* -ENOMEM: the list is not complete */
};

/* `known` is only read, and only by programs_add. */
void programs_init(struct programs *p, const struct map *known);
void programs_release(struct programs *p);
/* All programs of a definition, `root` (mostly the file's), which stays as long as the list. */
void programs_add(struct programs *p, const struct json_file *file, const struct json *root, size_t owner);
/* 0: all have been looked at; negative: none could be (no helper, no memory). */
int programs_check(struct programs *p, const char *helper);
/* After programs_check: each place with a program that is not good. */
void programs_each_bad(const struct programs *p,
		       void (*bad)(void *arg, const struct program_place *place, const char *message), void *arg);
/* Puts "KEY: not a jq program: MESSAGE" down at its place. */
void program_mistake(const struct program_place *place, const char *message, struct diag *d);

#endif
