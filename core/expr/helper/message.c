#include "expr/helper/message.h"

#include <stdbool.h>

/* Names of jq's grammar, and what people call it. */
static const struct {
	const char *name, *words;
} tokens[] = {
	{"$end", "end of program"},
	{"IDENT", "name"},
	{"FIELD", "field"},
	{"LITERAL", "number"},
	{"FORMAT", "format"},
	{"QQSTRING_START", "string"},
	{"QQSTRING_END", "end of string"},
	{"QQSTRING_TEXT", "text"},
};

static const char *const noise[] = {"jq: error: ", "jq: ", " (Unix shell quoting issues?)"};

/* At most MESSAGE_MAX bytes, cut between characters; what is no space but looks like one becomes one. */
void message_plain(struct buf *out, const char *text, size_t len)
{
	const bool cut = len > MESSAGE_MAX;
	size_t keep = cut ? MESSAGE_MAX : len;
	while (cut && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
		keep--;
	while (keep > 0 && (unsigned char)text[keep - 1] <= ' ')
		keep--;
	for (size_t i = 0; i < keep; i++)
		buf_char(out, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i]);
	if (cut)
		buf_str(out, "...");
}

static bool is_word(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

struct place {
	unsigned long line; /* from 1; 0: jq named none */
	const char *at;     /* in the program; NULL when it is not known */
};

static const char *line_of(const char *program, unsigned long number)
{
	while (program && --number > 0) {
		program = strchr(program, '\n');
		program = program ? program + 1 : NULL;
	}
	return program;
}

/* Behind the line of the program that jq shows there are as many spaces as stand before the mistake. */
static struct place find_place(const char *where, const char *program)
{
	char *end;
	struct place p = {.line = strtoul(where, &end, 10)};
	const char *shown = strchr(end, '\n');
	const char *line = p.line > 0 ? line_of(program, p.line) : NULL;
	if (!shown || !line)
		return p;
	const size_t line_len = strcspn(line, "\n"), shown_len = strlen(shown + 1);
	if (shown_len >= line_len && shown_len - line_len <= line_len)
		p.at = line + (shown_len - line_len);
	return p;
}

/* What is left out at `text`, in bytes. */
static size_t noise_at(const char *text)
{
	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (strncmp(text, noise[i], strlen(noise[i])) == 0)
			return strlen(noise[i]);
	return 0;
}

static void write_word(struct buf *out, const char *word, size_t len, const struct place *p)
{
	static const char invalid[] = "INVALID_CHARACTER";
	if (len == sizeof(invalid) - 1 && strncmp(word, invalid, len) == 0) {
		if (p->at && *p->at > ' ' && *p->at < 0x7f)
			buf_printf(out, "'%c'", *p->at);
		else
			buf_str(out, "character");
		return;
	}
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		if (strlen(tokens[i].name) == len && strncmp(word, tokens[i].name, len) == 0) {
			buf_str(out, tokens[i].words);
			return;
		}
	}
	buf_append(out, word, len);
}

static void write_words(struct buf *out, const char *text, const char *end, const struct place *p)
{
	bool syntax = strncmp(text, "syntax error", 12) == 0;
	while (text < end) {
		size_t len = noise_at(text);
		if (len > 0) {
			text += len;
			syntax = syntax || strncmp(text, "syntax error", 12) == 0;
			continue;
		}
		while (text + len < end && is_word(text[len]))
			len++;
		if (syntax && len > 0)
			write_word(out, text, len, p);
		else
			buf_append(out, text, len > 0 ? len : 1);
		text += len > 0 ? len : 1;
	}
}

void message_compile(struct buf *out, const char *text, const char *program)
{
	static const char top[] = " at <top-level>, line ";
	const char *where = strstr(text, top);
	struct place place = {0};
	struct buf words;
	buf_init(&words, (size_t)16 * 1024 * 1024);
	if (where)
		place = find_place(where + sizeof(top) - 1, program);
	write_words(&words, text, where ? where : text + strlen(text), &place);
	message_plain(out, buf_cstr(&words), words.len);
	if (place.line > 1)
		buf_printf(out, " (line %lu)", place.line);
	buf_release(&words);
}
