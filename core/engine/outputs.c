#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/spawn.h"
#include "model/names.h"

struct reader {
	const char *at, *end;
	unsigned line;
	struct map seen;
};

static bool next_line(struct reader *r, const char **ret_line, size_t *ret_len)
{
	const char *newline;

	if (r->at == r->end)
		return false;
	newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
	*ret_line = r->at;
	*ret_len = (size_t)((newline ? newline : r->end) - r->at);
	r->at = newline ? newline + 1 : r->end;
	r->line++;
	return true;
}

/* The text between the line of `name<<END` and the line END, without the last line break. */
static bool read_block(struct reader *r, const char *mark, size_t mark_len, const char **ret_value, size_t *ret_len)
{
	const char *start = r->at, *line;
	size_t len;

	while (next_line(r, &line, &len)) {
		if (len != mark_len || memcmp(line, mark, len) != 0)
			continue;
		*ret_value = start;
		*ret_len = line > start ? (size_t)(line - start) - 1 : 0;
		return true;
	}
	return false;
}

static int add(struct reader *r, struct buf *out, const char *name, size_t name_len, const char *value, size_t len)
{
	char key[256];
	void *old = NULL;

	memcpy(key, name, name_len);
	key[name_len] = '\0';
	if (map_put(&r->seen, key, name_len, r, &old) < 0)
		return -ENOMEM;
	if (old)
		return -EEXIST;
	jsonw_key(out, key);
	jsonw_strn(out, value, len);
	return 0;
}

static int parse_line(struct reader *r, const char *line, size_t len, struct buf *out, char *message, size_t size)
{
	const char *equals = memchr(line, '=', len), *block = memmem(line, len, "<<", 2), *value;
	unsigned at = r->line;
	size_t value_len;
	int error;

	/* A value goes into arguments and into JSON that not everybody reads with a NUL in it. */
	if (memchr(line, '\0', len)) {
		(void)snprintf(message, size, "line %u of the outputs contains a NUL byte", at);
		return -EINVAL;
	}
	if (block && (!equals || block < equals) && name_is_output(line, (size_t)(block - line)) &&
	    line + len > block + 2) {
		if (!read_block(r, block + 2, (size_t)(line + len - block) - 2, &value, &value_len)) {
			(void)snprintf(message, size, "line %u of the outputs: the block has no end", at);
			return -EINVAL;
		}
		if (memchr(value, '\0', value_len)) {
			(void)snprintf(message, size, "line %u of the outputs: the block contains a NUL byte", at);
			return -EINVAL;
		}
		error = add(r, out, line, (size_t)(block - line), value, value_len);
	} else if (equals && name_is_output(line, (size_t)(equals - line))) {
		error = add(r, out, line, (size_t)(equals - line), equals + 1, (size_t)(line + len - equals) - 1);
	} else {
		(void)snprintf(message, size, "line %u of the outputs is neither name=value nor name<<END", at);
		return -EINVAL;
	}
	if (error == -EEXIST) {
		(void)snprintf(message, size, "line %u of the outputs: the name stands there twice", at);
		return -EINVAL;
	}
	return error;
}

int outputs_parse(const char *text, size_t len, struct buf *out, char *message, size_t message_size)
{
	struct reader r = {.at = text, .end = text + len};
	const char *line;
	size_t line_len;
	int error = 0;

	map_init(&r.seen);
	jsonw_open(out, '{');
	while (error == 0 && next_line(&r, &line, &line_len))
		if (line_len > 0)
			error = parse_line(&r, line, line_len, out, message, message_size);
	jsonw_close(out, '}');
	map_release(&r.seen);
	return error < 0 ? error : buf_error(out);
}
