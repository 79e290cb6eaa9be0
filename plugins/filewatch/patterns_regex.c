/* A glob as a regular expression. pcre2_pattern_convert() nearly does that, but not as git has it: it lets the stars of
 * "a**b" match across folders, refuses "[z-a]", and reads classes by the locale.
 *
 * No glob takes exponential time: what stands between two stars is taken where it fits first, in an atomic group, as a later
 * place would only leave less to the rest. Only what follows the last star is tried further on. It is the same with "**" and
 * the components between. */
#include <string.h>
#include "common/text.h"
#include "patterns.h"

#define BYTES 256

/* Pairs of a first and a last byte. They are git's, which has no \v and \f among the spaces, not the locale's. */
static const struct {
	const char *name, *ranges;
} classes[] = {
	{"alnum", "09AZaz"},   {"alpha", "AZaz"},       {"blank", "\t\t  "}, {"cntrl", "\001\037\177\177"},
	{"digit", "09"},       {"graph", "!~"},         {"lower", "az"},     {"print", " ~"},
	{"punct", "!/:@[`{~"}, {"space", "\t\n\r\r  "}, {"upper", "AZ"},     {"xdigit", "09AFaf"},
};

static void add_range(bool set[static BYTES], char first, char last)
{
	for (unsigned c = (unsigned char)first; c <= (unsigned char)last; c++)
		set[c] = true;
}

static bool add_class(bool set[static BYTES], const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strlen(classes[i].name) != len || memcmp(classes[i].name, name, len) != 0)
			continue;
		for (const char *range = classes[i].ranges; *range; range += 2)
			add_range(set, range[0], range[1]);
		return true;
	}
	return false;
}

/* The length of "[:NAME:]"; 0: that is not what stands there, and the '[' is a byte as others. */
static size_t class_length(const char *at, const char *end)
{
	if (end - at < 4 || at[0] != '[' || at[1] != ':')
		return 0;
	const char *close = memchr(at + 2, ']', (size_t)(end - at - 2));
	return close && close > at + 2 && close[-1] == ':' ? (size_t)(close + 1 - at) : 0;
}

/* A byte, "\BYTE" or what makes a range with *before, the byte in front (0: none). What is behind it, NULL: the end. */
static const char *read_member(const char *at, const char *end, bool set[static BYTES], char *before)
{
	const bool range = *before && *at == '-' && end - at > 1 && at[1] != ']';
	at += range;
	at += *at == '\\';
	if (at == end)
		return NULL;
	/* A range that runs backwards adds nothing: its first byte is in the set already. */
	add_range(set, range ? *before : *at, *at);
	*before = range ? '\0' : *at;
	return at + 1;
}

/* What stands behind a '[', to the letter as git's wildmatch.c reads it. What is behind its ']'; NULL: malformed. */
static const char *read_set(const char *at, const char *end, bool set[static BYTES], const char **ret_problem)
{
	const bool negated = at < end && (*at == '!' || *at == '^');
	const char *const first = at + negated; /* a ']' there is a member */
	char before = '\0';
	memset(set, 0, BYTES * sizeof(set[0]));
	*ret_problem = "has a '[' without its ']' (\"\\[\" is the character itself)";
	for (at = first; at && at < end && (*at != ']' || at == first);) {
		const size_t class = class_length(at, end);
		if (class == 0) {
			at = read_member(at, end, set, &before);
			continue;
		}
		if (!add_class(set, at + 2, class - 4)) {
			*ret_problem =
				"has an unknown class between \"[:\" and \":]\" (alnum, alpha, digit, ... are known)";
			return NULL;
		}
		at += class;
		before = '\0';
	}
	for (unsigned c = 0; c < BYTES; c++)
		set[c] = set[c] != negated && c != '/';
	return at && at < end ? at + 1 : NULL;
}

/* An item is a run of stars, a set, an escaped byte, or a byte. What is behind it; NULL: malformed. */
static const char *item_end(const char *at, const char *end, const char **ret_problem)
{
	bool set[BYTES];
	if (*at == '[')
		return read_set(at + 1, end, set, ret_problem);
	if (*at == '\\') {
		*ret_problem = "has a backslash at its end (\"\\\\\" is the character itself)";
		return end - at > 1 ? at + 2 : NULL;
	}
	const bool star = *at++ == '*';
	while (star && at < end && *at == '*')
		at++;
	return at;
}

/* The length of a slash; 0: there is none. "\/" is one in all respects, unlike git's, whose "**\/" needs a folder. */
static size_t slash_length(const char *at, const char *end)
{
	const bool escaped = *at == '\\' && end - at > 1;
	return at[escaped] == '/' ? 1u + escaped : 0;
}

/* Where its slash is, or the end. NULL: malformed. */
static const char *component_end(const char *at, const char *end, const char **ret_problem)
{
	while (at && at < end && slash_length(at, end) == 0)
		at = item_end(at, end, ret_problem);
	return at;
}

/* A component of a glob without problems. */
struct component {
	const char *at, *stop, *next; /* next: NULL behind the last one */
	bool folders;                 /* it is "**" */
};

static struct component component_at(const char *at, const char *end)
{
	const char *problem;
	struct component c = {at, component_end(at, end, &problem), NULL, false};
	c.next = c.stop < end ? c.stop + slash_length(c.stop, end) : NULL;
	c.folders = c.stop - at > 1;
	for (; at < c.stop; at++)
		c.folders = c.folders && *at == '*';
	return c;
}

const char *glob_problem(tappet_str glob)
{
	const char *problem = NULL, *end = glob.ptr + glob.len;
	if (memchr(glob.ptr, '\0', glob.len))
		return "has a NUL byte";
	for (const char *at = glob.ptr; at;) {
		const char *stop = component_end(at, end, &problem);
		if (!stop)
			return problem;
		if (stop == at)
			return "has nothing between two slashes";
		at = stop < end ? stop + slash_length(stop, end) : NULL;
	}
	return NULL;
}

size_t glob_any_folder(tappet_str glob)
{
	const char *const end = glob.ptr + glob.len;
	struct component c = component_at(glob.ptr, end);
	while (c.folders && c.next)
		c = component_at(c.next, end);
	return c.next ? 0 : (size_t)(c.at - glob.ptr);
}

static void write_byte(struct text *t, unsigned c)
{
	static const char digits[] = "0123456789abcdef";
	const char hex[] = {'\\', 'x', digits[c / 16], digits[c % 16]};
	text_bytes(t, hex, sizeof(hex));
}

static void write_set(struct text *t, const bool set[static BYTES])
{
	if (!memchr(set, true, BYTES)) {
		text_cstr(t, "(?!)");
		return;
	}
	text_cstr(t, "[");
	for (unsigned c = 0; c < BYTES; c++) {
		const unsigned first = c;
		while (set[first] && c + 1 < BYTES && set[c + 1])
			c++;
		if (set[first])
			write_byte(t, first);
		if (c > first)
			text_cstr(t, "-");
		if (c > first)
			write_byte(t, c);
	}
	text_cstr(t, "]");
}

static void write_item(struct text *t, const char *at, const char *end)
{
	bool set[BYTES];
	const char *problem;
	if (*at == '[') {
		read_set(at + 1, end, set, &problem);
		write_set(t, set);
	} else if (*at == '?') {
		text_cstr(t, "[^/]");
	} else {
		write_byte(t, (unsigned char)at[*at == '\\']);
	}
}

static const char *last_star(const struct component *c)
{
	const char *last = NULL, *problem;
	for (const char *at = c->at; at < c->stop; at = item_end(at, c->stop, &problem))
		if (*at == '*')
			last = at;
	return last;
}

/* Each star begins a group that the next one, or the end of the component, closes. */
static void write_component(struct text *t, const struct component *c)
{
	const char *const last = last_star(c), *problem;
	bool open = false;
	for (const char *at = c->at; at < c->stop; at = item_end(at, c->stop, &problem)) {
		if (*at != '*') {
			write_item(t, at, c->stop);
			continue;
		}
		text_cstr(t, open ? ")" : "");
		text_cstr(t, at == last ? "(?>[^/]*" : "(?>[^/]*?");
		open = true;
	}
	text_cstr(t, c->next ? "/" : "\\z");
	text_cstr(t, open ? ")" : "");
}

static const char *last_folders(const char *at, const char *end)
{
	const char *last = NULL;
	while (at) {
		const struct component c = component_at(at, end);
		if (c.folders)
			last = at;
		at = c.next;
	}
	return last;
}

void glob_to_regex(tappet_str glob, struct text *regex)
{
	const char *const end = glob.ptr + glob.len, *const last = last_folders(glob.ptr, end);
	bool open = false;
	for (const char *at = glob.ptr; at;) {
		const struct component c = component_at(at, end);
		at = c.next;
		if (!c.folders) {
			write_component(regex, &c);
			continue;
		}
		text_cstr(regex, open ? ")" : "");
		open = c.at != last;
		if (!c.next)
			text_cstr(regex, "."); /* whatever follows it */
		else
			text_cstr(regex, open ? "(?>(?:.*?/)??" : "(?:.*/)?");
	}
}
