#include "expr/helper/evaluate.h"

#include <errno.h>
#include <limits.h>
#include "base/json_scan.h"
#include "expr/helper/message.h"

jv evaluate_parse(const char *json, size_t len)
{
	if (len > INT_MAX)
		return jv_invalid_with_msg(jv_string("it is too long"));
	return jv_parse_sized(json, (int)len);
}

/* jq shows the whole text behind what it says. */
static int refuse_input(jv input, struct buf *out)
{
	jv message = jv_invalid_get_msg(input);
	const char *words = jv_get_kind(message) == JV_KIND_STRING ? jv_string_value(message) : "it is empty";
	const char *end = strstr(words, " (while parsing '");
	buf_str(out, "the input is not JSON: ");
	message_plain(out, words, end ? (size_t)(end - words) : strlen(words));
	jv_free(message);
	return -EINVAL;
}

static void write_words(struct buf *out, jv value)
{
	if (jv_get_kind(value) != JV_KIND_STRING)
		value = jv_dump_string(value, 0);
	message_plain(out, jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value)));
	jv_free(value);
}

static int explain_end(jq_state *jq, jv last, struct buf *out)
{
	if (jq_halted(jq)) {
		jv words = jq_get_error_message(jq);
		jv_free(last);
		buf_str(out, "it called halt");
		if (jv_get_kind(words) == JV_KIND_INVALID) {
			jv_free(words);
			return -EINVAL;
		}
		buf_str(out, ": ");
		write_words(out, words);
		return -EINVAL;
	}
	if (!jv_invalid_has_msg(jv_copy(last))) {
		jv_free(last);
		return -ENODATA;
	}
	write_words(out, jv_invalid_get_msg(last));
	return -EINVAL;
}

/* libjq lets through what others would choke on: deep values, and in the past bytes that are no UTF-8. */
static int check_output(struct buf *out)
{
	struct json_error error;
	if (json_scan(out->data, out->len, NULL, NULL, &error) == 0)
		return 0;
	buf_clear(out);
	buf_printf(out, "its result is not JSON that can be used: %s", error.message);
	return -EINVAL;
}

static int write_value(jv value, size_t max, struct buf *out)
{
	jv text = jv_dump_string(value, 0);
	const size_t len = (size_t)jv_string_length_bytes(jv_copy(text));
	int r = len > max ? -E2BIG : buf_append(out, jv_string_value(text), len);
	jv_free(text);
	if (r == -E2BIG)
		buf_printf(out, "its result has %zu bytes, at most %zu are taken", len, max);
	return r < 0 ? r : check_output(out);
}

int evaluate(jq_state *jq, jv input, size_t max, struct buf *out)
{
	if (!jv_is_valid(input))
		return refuse_input(input, out);
	jq_start(jq, input, 0);
	jv value = jq_next(jq);
	int r = jv_is_valid(value) ? write_value(value, max, out) : explain_end(jq, value, out);
	/* A program that is kept keeps no data. */
	jq_start(jq, jv_null(), 0);
	return r;
}
