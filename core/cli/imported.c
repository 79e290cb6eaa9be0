#include "cli/imported.h"

int imported_file(const struct buf *json, struct buf *out)
{
	struct json *v = NULL;
	int r = buf_error(json);
	if (r == 0)
		r = json_parse(json->data, json->len, &v, NULL);
	if (r == 0)
		r = json_print_pretty(v, out);
	json_free(v);
	return r;
}

void imported_notes(const struct diag *notes, struct buf *out)
{
	jsonw_open(out, '[');
	for (size_t n = 0; n < notes->count; n++) {
		jsonw_open(out, '{');
		jsonw_key(out, "line");
		jsonw_int(out, notes->items[n].line);
		jsonw_key(out, "message");
		jsonw_str(out, notes->items[n].message);
		jsonw_close(out, '}');
	}
	jsonw_close(out, ']');
}
