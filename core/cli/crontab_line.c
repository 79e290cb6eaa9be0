#include <ctype.h>
#include <pwd.h>
#include "cli/crontab.h"

#define FIELDS 5
#define USER_MAX 64

const char *crontab_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

static size_t word_len(const char *text)
{
	return strcspn(text, " \t\r\n");
}

const char *crontab_behind_when(const char *line)
{
	/* "@every 90s" is two words. */
	const int count = *line != '@' ? FIELDS : strncmp(line, "@every", 6) == 0 ? 2 : 1;
	for (int i = 0; i < count; i++) {
		const size_t len = word_len(line);
		if (len == 0)
			return NULL;
		line = crontab_blanks(line + len);
	}
	return line;
}

/* Numbers, or where `names` is set also those of months and days. */
static bool is_field(const char *word, size_t len, bool names)
{
	size_t letters = 0;
	for (size_t i = 0; i < len; i++) {
		letters = isalpha((unsigned char)word[i]) ? letters + 1 : 0;
		if (letters > (names ? 3 : 0) || (!isalnum((unsigned char)word[i]) && !strchr("*/,-~", word[i])))
			return false;
	}
	return len > 0;
}

bool crontab_looks_like_entry(const char *line)
{
	const char *rest = crontab_behind_when(line);
	if (!rest || *rest == '\0' || *rest == '\n')
		return false;
	if (*line == '@')
		return isalpha((unsigned char)line[1]);
	for (int i = 0; i < FIELDS; i++) {
		const size_t len = word_len(line);
		if (!is_field(line, len, i > 2))
			return false;
		line = crontab_blanks(line + len);
	}
	return true;
}

bool crontab_is_variable(const char *line)
{
	const char quote = *line;
	const char *end = line;
	if (quote == '"' || quote == '\'') {
		end++;
		while (*end && *end != '\n' && *end != quote)
			end++;
		if (*end != quote)
			return false;
		end++;
	} else {
		end += strcspn(line, "= \t\r\n");
	}
	return end > line && *crontab_blanks(end) == '=';
}

/* 0: no user; 1: a user; 2: root */
static int user_rank(const char *line)
{
	char name[USER_MAX];
	const char *word = crontab_behind_when(line);
	const size_t len = word ? word_len(word) : 0;
	const char *command = word ? crontab_blanks(word + len) : NULL;
	if (len == 0 || len >= sizeof(name) || *command == '\0' || *command == '\n')
		return 0;
	memcpy(name, word, len);
	name[len] = '\0';
	if (strcmp(name, "root") == 0)
		return 2;
	return getpwnam(name) ? 1 : 0;
}

bool crontab_looks_like_system(const char *text)
{
	bool root = false;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *begin = crontab_blanks(line);
		if (*begin == '#' || *begin == '\n' || *begin == '\0' || crontab_is_variable(begin))
			continue;
		const int rank = user_rank(begin);
		if (rank == 0)
			return false;
		root = root || rank == 2;
	}
	return root;
}
