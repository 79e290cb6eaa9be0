/* Reads one field of a pattern; inside of the library only. */
#ifndef SCHEDULE_FIELD_H
#define SCHEDULE_FIELD_H

#include "dialect.h"

struct field {
	const char *name;
	int min, max;
};

struct field_reader {
	const char *text;     /* the pattern as it was given: characters are counted from its beginning */
	const char *at, *end; /* what is left of the field */
	const struct dialect_rules *rules;
	enum dow_rule dow;
	const char *id;
	enum field_index index;
	struct pattern *pattern;
	struct pattern_error *error;
	/* What was found out about the field. */
	uint64_t bits;
	bool begins_with_star; /* or ? */
	bool is_star;          /* nothing but * or ? */
	bool has_unit_star;    /* a * without a step, or with a step of 1 */
	bool is_question;
	bool has_plus;
	bool has_last, has_nearest, has_nth;
};

extern const struct field fields[FIELD_COUNT];

/* Reads from `at` to `end`, and puts the values into the pattern. 0 or -EINVAL. */
int field_read(struct field_reader *r);

/* -EINVAL, having written what was expected instead of the character at `at`. */
int field_fail(const struct field_reader *r, const char *at, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- Between field.c and field_days.c ---- */

static inline bool field_has(const struct field_reader *r, uint32_t feature)
{
	return (r->rules->features & feature) != 0;
}

static inline char field_peek(const struct field_reader *r)
{
	return r->at < r->end ? *r->at : '\0';
}

/* `letter` in upper case. */
static inline bool field_peek_letter(const struct field_reader *r, char letter)
{
	const char c = field_peek(r);
	return c == letter || c == letter - 'A' + 'a';
}

/* The digits at `at`, at most `digits_max` of them; -1 when there are none or more. */
int field_number(struct field_reader *r, int digits_max);
/* Items that only the day fields have. 1: read one; 0: there is none; -EINVAL. */
int field_days_before(struct field_reader *r);
/* The same behind a value. */
int field_days_after(struct field_reader *r, int value);
/* What is said of the field as a whole. */
int field_days_check(const struct field_reader *r, const char *begin);

#endif
