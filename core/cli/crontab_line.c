#include <ctype.h>
#include <pwd.h>
#include "base/json_scan.h"
#include "cli/crontab.h"

#define FIELDS 5
#define USER_MAX 64

const char *crontab_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

static size_t word_len(const char *text)
{
	return strcspn(text, " \t\n");
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

bool crontab_is_utf8(const char *text)
{
	size_t left = strlen(text), used;
	for (; left > 0; text += used, left -= used) {
		used = (unsigned char)*text < 0x80 ? 1 : json_utf8(text, left);
		if (used == 0)
			return false;
	}
	return true;
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

bool crontab_looks_like_system(const char *text, unsigned *ret_odd)
{
	unsigned number = 0, odd = 0;
	bool root = false, user = false;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *begin = crontab_blanks(line);
		number++;
		if (strchr("#\r\n", *begin) || crontab_is_variable(begin))
			continue;
		const int rank = user_rank(begin + (*begin == '-'));
		user = user || rank > 0;
		root = root || rank == 2;
		if (rank == 0 && odd == 0)
			odd = number;
	}
	*ret_odd = user ? odd : 0;
	return root && odd == 0;
}
