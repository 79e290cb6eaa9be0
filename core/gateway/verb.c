#include "gateway/verb.h"

#include <stdio.h>
#include <string.h>

static const char *const verb_names[VERB_COUNT] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

enum http_verb verb_parse(const char *name, size_t len)
{
	for (int verb = 0; verb < VERB_COUNT; verb++)
		if (strlen(verb_names[verb]) == len && memcmp(verb_names[verb], name, len) == 0)
			return (enum http_verb)verb;
	return VERB_NONE;
}

void verb_list(unsigned bits, char ret_text[static 80])
{
	size_t used = 0;
	ret_text[0] = '\0';
	for (int verb = 0; verb < VERB_COUNT; verb++)
		if (bits & 1u << verb)
			used += (size_t)snprintf(ret_text + used, 80 - used, "%s%s", used ? ", " : "",
						 verb_names[verb]);
}
