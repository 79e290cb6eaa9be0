/* The methods that are known here; any other is answered 501. */
#ifndef GATEWAY_VERB_H
#define GATEWAY_VERB_H

#include <stddef.h>

enum http_verb {
	VERB_GET,
	VERB_HEAD,
	VERB_POST,
	VERB_PUT,
	VERB_PATCH,
	VERB_DELETE,
	VERB_OPTIONS,
	VERB_COUNT,
	VERB_NONE,
};

enum http_verb verb_parse(const char *name, size_t len);
/* "GET, HEAD, POST": the text for Allow. */
void verb_list(unsigned bits, char ret_text[static 80]);

#endif
