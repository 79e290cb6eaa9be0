/* Lists of patterns: read, compiled, matched. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "common/text.h"
#include "patterns.h"

/* Of PCRE2, for one pattern and one path: 30 ms at worst. Globs that people write need some hundreds. */
#define STEPS_MAX 100000
#define HEAP_MAX_KIB 4096
#define PATH_LEN_MAX 4096

struct pattern {
	pcre2_code *code;
	bool negated;
	bool folders; /* it ends with a slash */
	bool whole;   /* of the path; else only its last component counts */
};

struct patterns {
	/* To compile to machine code costs four times what it costs to read a pattern, which pays after hundreds of paths:
	 * for options, which stay, and not for .gitignore files, which are read with each scan of their folder. */
	bool jit;
	pcre2_match_context *limits;
	bool anywhere; /* one without '!' may match in every folder */
	size_t count;
	struct pattern list[];
};

static int compile(tappet_str glob, bool jit, pcre2_code **ret, char message[static PATTERNS_MESSAGE_SIZE])
{
	struct text regex = {0};
	int code = PCRE2_ERROR_NOMEMORY;
	PCRE2_SIZE at;
	pcre2_code *compiled = NULL;
	glob_to_regex(glob, &regex);
	if (!regex.failed)
		compiled = pcre2_compile((PCRE2_SPTR)regex.bytes, regex.len,
					 PCRE2_ANCHORED | PCRE2_DOTALL | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &code, &at,
					 NULL);
	const bool no_memory = regex.failed || code == PCRE2_ERROR_HEAP_FAILED;
	text_release(&regex);
	if (!compiled) {
		snprintf(message, PATTERNS_MESSAGE_SIZE, "is too complicated (PCRE2's error %d)", code);
		return no_memory ? -ENOMEM : -EINVAL;
	}
	/* It fails where memory must not be made executable; the pattern is interpreted then. */
	if (jit)
		(void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
	*ret = compiled;
	return 0;
}

/* Takes off what a pattern has at its ends besides the glob. */
static tappet_str strip(tappet_str text, struct pattern *p)
{
	p->negated = text.len > 0 && text.ptr[0] == '!';
	text = tappet_strn(text.ptr + p->negated, text.len - p->negated);
	p->folders = text.len > 0 && text.ptr[text.len - 1] == '/';
	text.len -= p->folders;
	p->whole = memchr(text.ptr, '/', text.len) != NULL;
	const bool top = text.len > 0 && text.ptr[0] == '/';
	return tappet_strn(text.ptr + top, text.len - top);
}

static int add(struct patterns *p, tappet_str text, char message[static PATTERNS_MESSAGE_SIZE])
{
	struct pattern *const pattern = &p->list[p->count];
	if (text.len == 0 || text.len > PATTERN_LEN_MAX) {
		snprintf(message, PATTERNS_MESSAGE_SIZE, text.len ? "has more than 4096 bytes" : "is empty");
		return -EINVAL;
	}
	tappet_str glob = strip(text, pattern);
	const char *const problem = glob.len > 0 ? glob_problem(glob) : "names nothing";
	if (problem) {
		snprintf(message, PATTERNS_MESSAGE_SIZE, "%s", problem);
		return -EINVAL;
	}
	const size_t skip = pattern->whole ? glob_any_folder(glob) : 0;
	glob = tappet_strn(glob.ptr + skip, glob.len - skip);
	pattern->whole = pattern->whole && skip == 0;
	const int r = compile(glob, p->jit, &pattern->code, message);
	if (r < 0)
		return r;
	p->anywhere = p->anywhere || (!pattern->whole && !pattern->negated);
	p->count++;
	return 0;
}

static struct patterns *make(size_t room, bool jit)
{
	struct patterns *p = calloc(1, sizeof(*p) + room * sizeof(p->list[0]));
	if (!p)
		return NULL;
	p->limits = pcre2_match_context_create(NULL);
	if (!p->limits) {
		free(p);
		return NULL;
	}
	pcre2_set_match_limit(p->limits, STEPS_MAX);
	pcre2_set_heap_limit(p->limits, HEAP_MAX_KIB);
	p->jit = jit;
	return p;
}

int patterns_new(const tappet_str *texts, size_t count, struct patterns **ret, size_t *ret_index,
		 char message[static PATTERNS_MESSAGE_SIZE])
{
	if (count > PATTERNS_MAX) {
		*ret_index = PATTERNS_MAX;
		snprintf(message, PATTERNS_MESSAGE_SIZE, "is one too many (at most %d)", PATTERNS_MAX);
		return -EINVAL;
	}
	struct patterns *p = make(count, true);
	int r = p ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = add(p, texts[i], message);
		if (r == -EINVAL)
			*ret_index = i;
	}
	if (r < 0)
		patterns_free(p);
	else
		*ret = p;
	return r;
}

/* Without the spaces at its end; a backslash keeps one. */
static size_t trimmed_length(const char *line, size_t len)
{
	size_t keep = 0;
	for (size_t i = 0; i < len; i++) {
		const bool escape = line[i] == '\\';
		if (escape && i + 1 == len)
			return len;
		i += escape;
		if (escape || line[i] != ' ')
			keep = i + 1;
	}
	return keep;
}

/* The pattern of a line, empty when it has none. Its text ends where git's does: at a NUL. */
static tappet_str read_line(const char *line, size_t len)
{
	len -= len > 0 && line[len - 1] == '\r';
	len = strnlen(line, len);
	return tappet_strn(line, len > 0 && line[0] == '#' ? 0 : trimmed_length(line, len));
}

/* No more than count. */
static size_t count_lines(const char *text, size_t len)
{
	size_t lines = 1;
	for (size_t i = 0; i < len && lines < PATTERNS_MAX; i++)
		lines += text[i] == '\n';
	return lines;
}

int patterns_parse(const char *text, size_t len, struct patterns **ret)
{
	char message[PATTERNS_MESSAGE_SIZE];
	const char *at = text, *const end = text + len;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	struct patterns *p = make(count_lines(text, len), false);
	int r = p ? 0 : -ENOMEM;
	while (r != -ENOMEM && at < end && p->count < PATTERNS_MAX) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		r = add(p, read_line(at, (size_t)(stop - at)), message);
		at = stop + 1;
	}
	if (r == -ENOMEM) {
		patterns_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void patterns_free(struct patterns *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		pcre2_code_free(p->list[i].code);
	pcre2_match_context_free(p->limits);
	free(p);
}

static bool matches(const struct patterns *p, const struct pattern *pattern, tappet_str subject, pcre2_match_data *data)
{
	return pcre2_match(pattern->code, (PCRE2_SPTR)subject.ptr, subject.len, 0, 0, data, p->limits) >= 0;
}

enum patterns_verdict patterns_match(const struct patterns *p, const char *path, size_t len, bool is_dir)
{
	const char *slash = memrchr(path, '/', len);
	const char *name = slash ? slash + 1 : path;
	const tappet_str whole = tappet_strn(path, len), last = tappet_strn(name, (size_t)(path + len - name));
	enum patterns_verdict verdict = PATTERNS_NONE;
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	for (size_t i = p->count; data && verdict == PATTERNS_NONE && i-- > 0;) {
		const struct pattern *pattern = &p->list[i];
		if ((is_dir || !pattern->folders) && matches(p, pattern, pattern->whole ? whole : last, data))
			verdict = pattern->negated ? PATTERNS_NEGATED : PATTERNS_MATCH;
	}
	pcre2_match_data_free(data);
	return verdict;
}

bool patterns_may_match_below(const struct patterns *p, const char *dir, size_t len)
{
	/* What is a begin of a path that matches, PCRE2 calls a partial match. */
	char begin[PATH_LEN_MAX + 1];
	pcre2_match_data *data;
	bool may = p->anywhere;
	if (may || len > PATH_LEN_MAX)
		return true;
	data = pcre2_match_data_create(1, NULL);
	if (!data)
		return true;
	memcpy(begin, dir, len);
	begin[len] = '/';
	for (size_t i = 0; !may && i < p->count; i++)
		may = !p->list[i].negated && (len == 0 || pcre2_match(p->list[i].code, (PCRE2_SPTR)begin, len + 1, 0,
								      PCRE2_PARTIAL_SOFT | PCRE2_NO_JIT, data,
								      p->limits) != PCRE2_ERROR_NOMATCH);
	pcre2_match_data_free(data);
	return may;
}
