#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/json.h"
#include "base/json_scan.h"
#include "base/log.h"

/* The end of the comment that begins at `at`, or 0 when none begins there or it is not closed. */
static size_t comment_end(const char *text, size_t len, size_t at)
{
	if (at + 1 >= len || text[at] != '/')
		return 0;
	if (text[at + 1] == '/') {
		const char *end = memchr(text + at, '\n', len - at);
		return end ? (size_t)(end - text) : len;
	}
	if (text[at + 1] != '*')
		return 0;
	const char *end = memmem(text + at + 2, len - at - 2, "*/", 2);
	return end ? (size_t)(end - text) + 2 : 0;
}

/* The index of the closing quote of the string that begins at `at`, or `len`. */
static size_t string_end(const char *text, size_t len, size_t at)
{
	for (at++; at < len && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at;
}

/* Comments become spaces and keep their line ends, so that every position stays what it was. */
static void blank_comments(char *text, size_t len)
{
	for (size_t at = 0; at < len; at++) {
		if (text[at] == '"')
			at = string_end(text, len, at);
		size_t end = at < len ? comment_end(text, len, at) : 0;
		for (; at < end; at++)
			if (text[at] != '\n')
				text[at] = ' ';
		if (end > 0)
			at = end - 1;
	}
}

static void position(const char *text, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;
	for (size_t i = 0; i < offset && text[i]; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

int json_file_parse(const char *name, const char *text, size_t len, struct diag *d, struct json_file **ret)
{
	struct json_file *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	int r = -ENOMEM;
	f->name = strdup(name);
	f->text = malloc(len + 1);
	f->len = len;
	if (!f->name || !f->text)
		goto fail;
	memcpy(f->text, text, len);
	f->text[len] = '\0';
	blank_comments(f->text, len);
	struct json_error error;
	r = json_parse(f->text, len, &f->root, &error);
	if (r == -EINVAL) {
		unsigned line, column;
		position(f->text, error.offset, &line, &column);
		diag_add(d, name, line, column, "%s", error.message);
	}
	if (r < 0)
		goto fail;
	*ret = f;
	return 0;
fail:
	json_file_free(f);
	return r;
}

static int read_all(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	struct buf b;
	buf_init(&b, max);
	int r = 0;
	for (;;) {
		char chunk[16384];
		ssize_t got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r = -errno;
		if (got <= 0)
			break;
		r = buf_append(&b, chunk, (size_t)got);
		if (r < 0)
			break;
	}
	if (r == 0) {
		*ret_text = buf_detach(&b, ret_len);
		r = *ret_text ? 0 : -ENOMEM;
	}
	buf_release(&b);
	return r;
}

int json_file_read(const char *path, size_t max, struct diag *d, struct json_file **ret)
{
	char *text = NULL;
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r = fd < 0 ? -errno : read_all(fd, max, &text, &len);
	if (fd >= 0)
		close(fd);
	if (r == -ENOBUFS)
		diag_add(d, path, 0, 0, "larger than %zu bytes", max);
	else if (r < 0)
		diag_add(d, path, 0, 0, "%s", log_strerror(r));
	else
		r = json_file_parse(path, text, len, d, ret);
	free(text);
	return r;
}

void json_file_free(struct json_file *f)
{
	if (!f)
		return;
	json_free(f->root);
	free(f->text);
	free(f->name);
	free(f);
}

void json_file_mistake(const struct json_file *f, struct diag *d, const struct json *v, bool at_key, const char *format,
		       ...)
{
	unsigned line = 0, column = 0;
	size_t value_at, key_at;
	if (v && json_locate(f->text, f->len, f->root, v, &value_at, &key_at))
		position(f->text, at_key && key_at != SIZE_MAX ? key_at : value_at, &line, &column);
	char *message = NULL;
	va_list args;
	va_start(args, format);
	int r = vasprintf(&message, format, args);
	va_end(args);
	diag_add(d, f->name, line, column, "%s", r < 0 ? "out of memory" : message);
	if (r >= 0)
		free(message);
}
