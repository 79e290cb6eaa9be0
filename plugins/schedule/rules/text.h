/* Sentences in a place of fixed size; what does not fit is cut off. Inside of the library only. */
#ifndef SCHEDULE_TEXT_H
#define SCHEDULE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char *place;
	size_t size, len;
};

void text_init(struct text *t, char *place, size_t size);
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "1, 3 to 5 and 9": the bits of a set, each said by `name`. */
typedef const char *text_name(uint32_t value, char place[static 16]);
void text_list(struct text *t, uint64_t bits, text_name *name);

#endif
