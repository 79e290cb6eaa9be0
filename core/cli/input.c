#include "cli/input.h"

#include <errno.h>
#include "base/json.h"
#include "cli/command.h"

bool input_read(const char *path, struct buf *out)
{
	char piece[16 * 1024];
	size_t len;
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!file) {
		cli_error("%s: %s", path, strerror(errno));
		return false;
	}
	while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
		if (buf_append(out, piece, len) < 0)
			break;
	const bool failed = ferror(file) != 0;
	if (file != stdin)
		fclose(file);
	if (failed || buf_error(out) < 0) {
		cli_error("%s: %s", path, failed ? "cannot be read" : "is too large");
		return false;
	}
	return true;
}

bool input_value(const char *argument, struct buf *out)
{
	if (argument[0] == '@')
		return input_read(argument + 1, out);
	if (buf_str(out, argument) == 0)
		return true;
	cli_error("out of memory");
	return false;
}

bool input_json(const char *what, const char *text, size_t len, struct buf *out)
{
	struct json_error error;
	if (json_check(text, len, &error) < 0) {
		cli_error("%s is not JSON: %s (byte %zu)", what, error.message, error.offset);
		return false;
	}
	/* The writer puts commas by the last byte, which therefore must not be white space. */
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	jsonw_raw(out, text, len);
	return true;
}
