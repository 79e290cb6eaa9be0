/* What requests carry, as text: percent-encoding, JSON, media types. */
#ifndef COMMON_DECODE_H
#define COMMON_DECODE_H

#include <stdbool.h>
#include "tappet/plugin.h"

/* The value of a hexadecimal digit; -1: it is none. */
int hex_digit(char c);
/* A percent-encoded text, with a NUL behind it; NULL: no memory. plus: a '+' is a space. */
char *form_decode(const char *at, size_t len, bool plus);
/* Whether a text is one value of JSON and nothing else. */
bool json_is_whole(tappet_str text);
/* Whether the value of a Content-Type is this media type, whatever its parameters. */
bool content_type_is(tappet_str value, const char *type);

#endif
