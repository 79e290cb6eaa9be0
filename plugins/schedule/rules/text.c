#include <stdarg.h>
#include <stdio.h>
#include "text.h"

void text_init(struct text *t, char *place, size_t size)
{
	*t = (struct text){place, size, 0};
	place[0] = '\0';
}

void text_add(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const int len = vsnprintf(t->place + t->len, t->size - t->len, format, args);
	va_end(args);
	if (len < 0)
		return;
	t->len += (size_t)len < t->size - t->len ? (size_t)len : t->size - t->len - 1;
}

/* The last value of the run that begins with `first`; two in a row are said one by one. */
static uint32_t end_of_run(uint64_t bits, uint32_t first)
{
	uint32_t last = first;
	while (last < 63 && (bits >> (last + 1) & 1))
		last++;
	return last > first + 1 ? last : first;
}

void text_list(struct text *t, uint64_t bits, text_name *name)
{
	char first_place[16], last_place[16];
	for (int count = 0; bits; count++) {
		const uint32_t first = (uint32_t)__builtin_ctzll(bits), last = end_of_run(bits, first);
		const uint64_t run = (last == 63 ? ~UINT64_C(0) : (UINT64_C(2) << last) - 1) & bits;
		bits &= ~run;
		text_add(t, "%s", count == 0 ? "" : bits ? ", " : " and ");
		text_add(t, "%s", name(first, first_place));
		if (last > first)
			text_add(t, " to %s", name(last, last_place));
	}
}
