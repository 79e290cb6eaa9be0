/* Any bytes as JSON and as a file with comments: the check and the parser agree, what was read prints as something that reads
 * the same, and positions of mistakes lie inside the file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
	if (!truth)
		abort();
}

/* Printing canonically is a fixed point. */
static void check_printing(const struct json *v)
{
	struct json *again = NULL;
	struct buf first, second;

	buf_init(&first, SIZE_MAX / 4);
	buf_init(&second, SIZE_MAX / 4);
	expect(json_print_canonical(v, &first) == 0);
	expect(json_parse(first.data, first.len, &again, NULL) == 0);
	expect(json_print_canonical(again, &second) == 0);
	expect(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	json_free(again);
	buf_release(&first);
	buf_release(&second);
}

static void check_value(const char *text, size_t len)
{
	struct json *v = NULL;
	struct json_error error = {0};

	if (json_parse(text, len, &v, &error) < 0) {
		expect(error.offset <= len);
		expect(memchr(error.message, '\0', sizeof(error.message)) != NULL);
		return;
	}
	expect(json_check(text, len, NULL) == 0);
	check_printing(v);
	json_free(v);
}

static void mark_all(const struct json_file *f, struct diag *d, const struct json *v, int *left)
{
	if ((*left)-- <= 0)
		return;
	json_file_mistake(f, d, v, json_key(v) != NULL, "here");
	for (const struct json *c = json_first(v); c; c = json_next(c))
		mark_all(f, d, c, left);
}

static void check_file(const char *text, size_t len)
{
	struct json_file *f = NULL;
	struct diag d;
	int left = 20;

	diag_init(&d);
	if (json_file_parse("fuzz", text, len, &d, &f) < 0) {
		expect(d.count == 1);
	} else {
		mark_all(f, &d, f->root, &left);
		for (size_t i = 0; i < d.count; i++)
			expect(d.items[i].line >= 1 && d.items[i].column >= 1 && d.items[i].line <= len + 1);
	}
	json_file_free(f);
	diag_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	expect(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_value(text, size);
	check_file(text, size);
	free(text);
	return 0;
}
