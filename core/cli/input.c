#include "cli/input.h"

#include <errno.h>
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
