/* What settings.c and settings_objects.c share. */
#ifndef WEBHOOK_SETTINGS_PARTS_H
#define WEBHOOK_SETTINGS_PARTS_H

#include "settings.h"

struct settings_reader {
	const struct settings_source *from;
	struct settings *settings;
	bool failed, no_memory;
};

void settings_mistake(struct settings_reader *r, const char *key, size_t index, const char *pointer, const char *format,
		      ...) __attribute__((format(printf, 5, 6)));
/* Those that are objects: reply, cors, handshake, keep. */
void settings_read_objects(struct settings_reader *r);

#endif
