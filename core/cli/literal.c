#include "cli/literal.h"

#include "cli/input.h"

void literal_write(struct buf *out, const char *text)
{
	struct buf escaped;
	buf_init(&escaped, INPUT_MAX);
	for (const char *c = text; *c; c++) {
		if (c[0] == '$' && c[1] == '(')
			buf_char(&escaped, '$');
		buf_char(&escaped, *c);
	}
	jsonw_str(out, buf_cstr(&escaped));
	buf_release(&escaped);
}
