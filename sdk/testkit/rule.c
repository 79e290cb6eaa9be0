/* The rules of the ABI that a test can see broken, and how it is told. ABI.md has the same list with the reasons. */
#include <stdarg.h>
#include <stdio.h>
#include "base/json_scan.h"
#include "internal.h"

#define MESSAGE_MAX 2000

static const struct {
	const char *id, *text;
} rules[] = {
	[RULE_DESC_1] = {"DESC-1", "a descriptor is complete"},
	[RULE_LIFE_1] = {"LIFE-1", "`stopped` is called once, and only when `stop` was called before"},
	[RULE_LIFE_2] = {"LIFE-2", "`stopped` is called before the deadline of `stop` has passed"},
	[RULE_LIFE_3] = {"LIFE-3", "from `destroy` on nothing of the host is used"},
	[RULE_THREAD_1] = {"THREAD-1", "only `log` and `post` are called from other threads than the loop's"},
	[RULE_THREAD_2] = {"THREAD-2", "no callback computes for more than 10 ms"},
	[RULE_MEM_1] = {"MEM-1", "a handle is not used when it has ended"},
	[RULE_MEM_2] = {"MEM-2", "options are read during the callback that they were handed to"},
	[RULE_EMIT_1] = {"EMIT-1", "all callbacks of emissions and accounts have fired before `stopped` is called"},
	[RULE_EMIT_2] = {"EMIT-2", "an emission has its size and a callback, and so has an account"},
	[RULE_WORK_1] = {"WORK-1", "what was asked of the host has called back before `stopped` is called"},
	[RULE_WORK_2] = {"WORK-2", "what runs is over at some time"},
	[RULE_TIME_1] = {"TIME-1", "no timer is left when the plugin has stopped"},
	[RULE_FD_1] = {"FD-1", "no watched descriptor is left when the plugin has stopped"},
	[RULE_FD_2] = {"FD-2", "a descriptor is closed after `fd_unwatch`, not before"},
	[RULE_HTTP_1] = {"HTTP-1", "each request is answered exactly once, before `stopped` is called"},
	[RULE_HTTP_2] = {"HTTP-2", "no route is left when the plugin has stopped"},
	[RULE_WS_1] = {"WS-1", "each upgrade is answered exactly once, before `stopped` is called"},
	[RULE_WS_2] = {"WS-2", "every connection has ended before `stopped` is called, and no endpoint is left"},
	[RULE_WS_3] = {"WS-3",
		       "a connection is closed with a code that may be sent, and a reason of at most 123 bytes"},
	[RULE_WS_4] = {"WS-4", "what is sent as text is UTF-8"},
	[RULE_EVENTS_1] = {"EVENTS-1", "no reader of events is left when the plugin has stopped"},
	[RULE_HTTP_3] = {"HTTP-3",
			 "an answer has a status of 200 to 599 and headers that leave the framing to the host"},
};

void rule_broken(testkit *kit, enum rule rule, const char *format, ...)
{
	char what[MESSAGE_MAX / 2], message[MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(message, sizeof(message), "%s: %s (plugin %s: %s)", rules[rule].id, rules[rule].text,
		 kit->desc.name ? kit->desc.name : "?", what);
	if (kit->breach) {
		pthread_mutex_lock(&kit->lock);
		kit->breach(kit->breach_arg, rules[rule].id, message);
		pthread_mutex_unlock(&kit->lock);
		return;
	}
	fprintf(stderr, "testkit: %s\n", message);
	abort();
}

void misuse(const char *format, ...)
{
	va_list args;
	fputs("testkit: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

/* ---- What all of the kit needs ---- */

void *kit_alloc(size_t size)
{
	void *memory = calloc(1, size ? size : 1);
	if (!memory)
		misuse("out of memory");
	return memory;
}

char *kit_copy(const char *bytes, size_t len)
{
	char *text = kit_alloc(len + 1);
	if (len)
		memcpy(text, bytes, len);
	return text;
}

char *kit_text(const char *text)
{
	return kit_copy(text, text ? strlen(text) : 0);
}

tappet_str kit_keep(testkit *kit, tappet_str text)
{
	char *copy = kit_copy(text.ptr, text.ptr ? text.len : 0);
	records_add(&kit->texts, copy);
	return tappet_strn(copy, text.ptr ? text.len : 0);
}

bool copy_sized(void *to, size_t size, const void *from, size_t least)
{
	size_t given;
	memcpy(&given, from, sizeof(given));
	if (given < least)
		return false;
	memset(to, 0, size);
	memcpy(to, from, given < size ? given : size);
	return true;
}

bool text_valid(tappet_str text)
{
	for (size_t at = 0, len; at < text.len; at += len) {
		len = json_utf8(text.ptr + at, text.len - at);
		if (len == 0)
			return false;
	}
	return true;
}

void records_add(struct records *records, void *item)
{
	/* Grows at each power of two. */
	if ((records->count & (records->count - 1)) == 0) {
		size_t room = records->count ? records->count * 2 : 1;
		void **grown = realloc(records->items, room * sizeof(*grown));
		if (!grown)
			misuse("out of memory");
		records->items = grown;
	}
	records->items[records->count++] = item;
}

void records_release(struct records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free(records->items[i]);
	free(records->items);
	*records = (struct records){0};
}

void set_error(testkit *kit, const char *format, ...)
{
	char text[MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	free(kit->error);
	kit->error = kit_text(text);
}
