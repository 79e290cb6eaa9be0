/* Lines of text: the first is a topic, the others are patterns. The tree finds those that a look at each finds, and is empty
 * when all of them have been taken out again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "action/topic.h"

#define PATTERNS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pattern {
	struct match_entry entry;
	tappet_str text;
	unsigned found;
};

static void expect(int truth)
{
	if (!truth)
		abort();
}

static tappet_str take_line(tappet_str *rest)
{
	const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
	const tappet_str line = tappet_strn(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);
	const size_t used = end ? line.len + 1 : line.len;
	*rest = tappet_strn(rest->ptr + used, rest->len - used);
	return line;
}

static size_t add_patterns(struct matcher *m, tappet_str rest, struct pattern patterns[static PATTERNS_MAX])
{
	size_t count = 0;
	while (rest.len > 0 && count < PATTERNS_MAX) {
		struct pattern *p = &patterns[count];
		*p = (struct pattern){.text = take_line(&rest)};
		if (pattern_problem(p->text))
			continue;
		p->entry.owner = p;
		expect(matcher_add(m, p->text, &p->entry) == 0);
		count++;
	}
	return count;
}

static void found(void *arg, void *owner)
{
	(void)arg;
	((struct pattern *)owner)->found++;
}

static void none(void *arg, void *owner)
{
	(void)arg;
	(void)owner;
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pattern patterns[PATTERNS_MAX];
	tappet_str rest = tappet_strn((const char *)data, size);
	const tappet_str topic = take_line(&rest);
	struct matcher *m = matcher_new();
	expect(m != NULL);
	const size_t count = add_patterns(m, rest, patterns);
	const int sound = topic_problem(topic) == NULL;
	if (sound)
		matcher_find(m, topic, found, NULL);
	for (size_t i = 0; i < count; i++) {
		expect(patterns[i].found == (sound && pattern_matches(patterns[i].text, topic)));
		matcher_remove(m, &patterns[i].entry);
	}
	if (sound)
		matcher_find(m, topic, none, NULL);
	matcher_free(m);
	return 0;
}
