#include "base/diag.h"

void diag_init(struct diag *d)
{
	*d = (struct diag){0};
}

void diag_release(struct diag *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->items[i].file);
		free(d->items[i].message);
	}
	free(d->items);
	diag_init(d);
}

void diag_add(struct diag *d, const char *file, unsigned line, unsigned column, const char *format, ...)
{
	if (d->count >= DIAG_MAX) {
		d->dropped++;
		return;
	}
	struct diag_item *items = realloc(d->items, (d->count + 1) * sizeof(*items));
	if (!items) {
		d->dropped++;
		return;
	}
	d->items = items;
	struct diag_item item = {.file = strdup(file ? file : ""), .line = line, .column = column};
	va_list args;
	va_start(args, format);
	int r = vasprintf(&item.message, format, args);
	va_end(args);
	if (r < 0 || !item.file) {
		if (r >= 0)
			free(item.message);
		free(item.file);
		d->dropped++;
		return;
	}
	d->items[d->count++] = item;
}

void diag_print(const struct diag *d, struct buf *out)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct diag_item *item = &d->items[i];
		if (item->line)
			buf_printf(out, "%s:%u:%u: %s\n", item->file, item->line, item->column, item->message);
		else if (*item->file)
			buf_printf(out, "%s: %s\n", item->file, item->message);
		else
			buf_printf(out, "%s\n", item->message);
	}
	if (d->dropped)
		buf_printf(out, "... and %zu more\n", d->dropped);
}
