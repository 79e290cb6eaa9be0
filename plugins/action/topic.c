#include "topic.h"
#include <string.h>

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* From one dot to the next. */
static const char *word_problem(const char *at, size_t len, bool wild, bool last)
{
	if (len == 0)
		return "has an empty word: words are joined by single dots";
	if (wild && len == 1 && *at == '*')
		return NULL;
	if (wild && len == 1 && *at == '>')
		return last ? NULL : "has a '>' that is not its last word";
	for (size_t i = 0; i < len; i++)
		if (!is_letter(at[i]))
			return wild ? "is of words of letters, digits, - and _ joined by dots; '*' stands for one "
				      "word, "
				      "'>' for the rest"
				    : "is of words of letters, digits, - and _ joined by dots";
	return NULL;
}

static const char *find_problem(tappet_str text, bool wild)
{
	if (text.len == 0)
		return "has at least one word";
	if (text.len > TOPIC_MAX)
		return "has at most 255 bytes";
	const char *at = text.ptr, *end = text.ptr + text.len, *problem = NULL;
	while (!problem && at <= end) {
		const char *dot = memchr(at, '.', (size_t)(end - at));
		const char *stop = dot ? dot : end;
		problem = word_problem(at, (size_t)(stop - at), wild, !dot);
		at = stop + 1;
	}
	return problem;
}

const char *topic_problem(tappet_str topic)
{
	return find_problem(topic, false);
}

const char *pattern_problem(tappet_str pattern)
{
	return find_problem(pattern, true);
}

size_t topic_split(tappet_str topic, struct word words[static TOPIC_WORDS_MAX])
{
	const char *at = topic.ptr, *end = topic.ptr + topic.len;
	size_t count = 0;
	while (at <= end && count < TOPIC_WORDS_MAX) {
		const char *dot = memchr(at, '.', (size_t)(end - at));
		const char *stop = dot ? dot : end;
		words[count++] = (struct word){at, (size_t)(stop - at)};
		at = stop + 1;
	}
	return count;
}

static bool word_is(const struct word *w, char c)
{
	return w->len == 1 && *w->text == c;
}

bool pattern_matches(tappet_str pattern, tappet_str topic)
{
	struct word wanted[TOPIC_WORDS_MAX], given[TOPIC_WORDS_MAX];
	const size_t wanted_count = topic_split(pattern, wanted), given_count = topic_split(topic, given);
	for (size_t i = 0; i < wanted_count; i++) {
		if (i == given_count)
			return false;
		if (word_is(&wanted[i], '>'))
			return true;
		if (!word_is(&wanted[i], '*') &&
		    (wanted[i].len != given[i].len || memcmp(wanted[i].text, given[i].text, given[i].len) != 0))
			return false;
	}
	return wanted_count == given_count;
}
