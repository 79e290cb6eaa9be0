/* JSON as text: what comes in is checked once and cut into pieces, and never turned into a tree, so numbers of any size stay
 * as they were sent. */
#ifndef ACTION_SCAN_H
#define ACTION_SCAN_H

#include <stdbool.h>
#include "tappet/plugin.h"

/* The host takes 64, and a payload has one level around what was sent. */
#define NESTING_MAX 60

struct member {
	tappet_str key; /* as it is written, without the quotes: one with escapes is no key that anybody looks for */
	tappet_str value;
};

/* Whether a text is one value (RFC 8259) of no more than NESTING_MAX levels, with white space around it at most. */
bool scan_is_value(tappet_str text);
/* Cuts an object into its members. *ret_count of them are in `members`. NULL, or what is wrong, in words that stand behind
 * "the message": no JSON, no object, more than `max` members, one of them twice. */
const char *scan_object(tappet_str text, struct member *members, size_t max, size_t *ret_count);
/* Cuts a list into its items. Otherwise as scan_object. */
const char *scan_list(tappet_str text, tappet_str *items, size_t max, size_t *ret_count);
/* One member of an object, by its key as it is written without the quotes; of several the last, as others read it. False: it is
 * no object of JSON, or has no such member. */
bool scan_member(tappet_str object, tappet_str key, tappet_str *ret);
/* One item of a list. False: it is no list of JSON, or has not so many. */
bool scan_item(tappet_str list, size_t index, tappet_str *ret);
/* The text of a string, with a NUL behind it. False: it is no string, or has `size` bytes or more. */
bool scan_string(tappet_str value, char *ret, size_t size, size_t *ret_len);
/* A whole number that is not negative, as it stands. False: it is none, or larger than 64 bits hold. */
bool scan_count(tappet_str value, uint64_t *ret);
/* Whether a value is true or false. */
bool scan_boolean(tappet_str value, bool *ret);

#endif
