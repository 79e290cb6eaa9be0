/* A growing text, mostly JSON. Errors are sticky: whoever writes asks once, at the end. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include "tappet/plugin.h"

struct text {
	char *bytes; /* ended by a NUL that is not counted */
	size_t len, room;
	bool failed; /* out of memory */
};

void text_bytes(struct text *t, const char *bytes, size_t len);
void text_cstr(struct text *t, const char *bytes);
/* With the quotes. Bytes that are no UTF-8 become U+FFFD. */
void text_json(struct text *t, tappet_str value);
/* A comma unless it stands behind an opening bracket, then "key": */
void text_key(struct text *t, const char *key);
/* "key":"value" */
void text_member(struct text *t, const char *key, tappet_str value);
/* "key":number */
void text_number(struct text *t, const char *key, int64_t number);
void text_release(struct text *t);

bool utf8_is_valid(tappet_str text);

#endif
