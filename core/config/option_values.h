/* The inside of struct option_values, shared by option.c (what is asked of it) and option_check.c (what fills it). */
#ifndef CONFIG_OPTION_VALUES_H
#define CONFIG_OPTION_VALUES_H

#include "config/option.h"

struct option_item {
	char *text; /* OPTION_STRING; OPTION_OBJECT and OPTION_JSON as JSON */
	size_t len;
	int64_t number; /* whole numbers, milliseconds, bytes, 0 or 1 */
};

struct option_entry {
	char *key;
	enum option_type type;
	bool set; /* in the file */
	struct option_item *items;
	size_t count;
};

struct option_values {
	size_t count;
	struct option_entry entries[];
};

#endif
