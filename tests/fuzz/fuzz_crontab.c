/* A crontab; whatever it holds, each entry becomes a definition that is JSON and has a slug, or a note. The first byte says which
 * kind it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "cli/crontab.h"
#include "model/names.h"
#include "schedule/rules/schedule.h"

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void check_entry(const struct crontab *t, const struct crontab_entry *e, const struct crontab_options *o)
{
	char slug[CRONTAB_SLUG_MAX];
	struct json *json = NULL;
	struct buf out;
	const size_t notes = t->notes->count + t->notes->dropped;
	buf_init(&out, (size_t)16 << 20);
	crontab_slug(e, slug);
	demand(name_is_slug(slug));
	demand(*e->command != '\0' || e->input);
	if (crontab_workflow(t, e, o, &out))
		demand(json_parse(out.data, out.len, &json, NULL) == 0);
	else
		demand(t->notes->count + t->notes->dropped > notes);
	json_free(json);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crontab_options options = {.timezone = "Europe/Amsterdam"};
	struct diag notes;
	if (size == 0 || memchr(data, '\0', size))
		return 0;
	char *text = strndup((const char *)data + 1, size - 1);
	diag_init(&notes);
	struct crontab table = {.name = "crontab", .notes = &notes, .system = data[0] == 's'};
	demand(text && zones_new(&options.zones) == 0);
	unsigned odd;
	(void)crontab_looks_like_system(text, &odd);
	demand(crontab_read(&table, text));
	for (size_t i = 0; i < table.entry_count; i++)
		check_entry(&table, &table.entries[i], &options);
	crontab_release(&table);
	zones_free(options.zones);
	diag_release(&notes);
	free(text);
	return 0;
}
