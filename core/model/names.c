#include "model/names.h"

#include <string.h>
#include <strings.h>

#include "base/id.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

#define NEAREST_MAX_LEN 40
#define VARIABLE_MAX_LEN 255
#define OUTPUT_MAX_LEN 255
#define TOPIC_MAX_LEN 255
#define TOKEN_MAX_LEN 100

static bool consists_of(const char *name, size_t len, const char *characters)
{
	for (size_t i = 0; i < len; i++)
		if (name[i] == '\0' || !strchr(characters, name[i]))
			return false;
	return len > 0;
}

bool name_is_identifier(const char *name, size_t len)
{
	return len <= NAME_MAX_LEN && consists_of(name, len, LOWER UPPER DIGIT "_") && !strchr(DIGIT, name[0]);
}

static bool is_variable(const char *name)
{
	size_t len = strlen(name);

	return len <= VARIABLE_MAX_LEN && consists_of(name, len, LOWER UPPER DIGIT "_") && !strchr(DIGIT, name[0]);
}

bool name_is_id(const char *name, size_t len)
{
	return len <= NAME_MAX_LEN && consists_of(name, len, LOWER DIGIT "_-");
}

bool name_is_path(const char *name, size_t len)
{
	if (!consists_of(name, len, LOWER UPPER DIGIT "_-."))
		return false;
	return name[0] != '.' && name[len - 1] != '.' && !memmem(name, len, "..", 2);
}

bool name_is_output(const char *name, size_t len)
{
	return len <= OUTPUT_MAX_LEN && consists_of(name, len, LOWER UPPER DIGIT "_-.");
}

bool name_is_topic_filter(const char *text)
{
	if (strlen(text) > TOPIC_MAX_LEN)
		return false;
	for (;;) {
		size_t len = strcspn(text, ".");
		bool rest = len == 1 && *text == '>';

		if (rest)
			return text[1] == '\0';
		if (!(len == 1 && *text == '*') && !consists_of(text, len, LOWER UPPER DIGIT "_-"))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

bool name_is_token(const char *name)
{
	size_t len = strlen(name);

	return len <= TOKEN_MAX_LEN && consists_of(name, len, LOWER UPPER DIGIT "!#$%&'*+-.^_`|~");
}

bool name_is_slug(const char *name)
{
	size_t len = strlen(name);

	return len <= SLUG_MAX_LEN && consists_of(name, len, LOWER DIGIT "-") && name[0] != '-' && !id_valid(name);
}

bool name_is_plugin(const char *name)
{
	size_t len = strlen(name);

	return len <= 32 && consists_of(name, len, LOWER DIGIT "-") && strchr(LOWER, name[0]);
}

bool name_is_reserved(const char *name)
{
	return strcmp(name, "manual") == 0 || strcmp(name, "workflow") == 0 || strcmp(name, "replay") == 0;
}

const char *name_env_problem(const char *name)
{
	static const char *const own[] = {"TAPPET_RUN",     "TAPPET_ACTIVITY", "TAPPET_STEP",
					  "TAPPET_ATTEMPT", "TAPPET_INPUT",    "TAPPET_OUTPUT"};

	if (!is_variable(name))
		return "is no name for a variable: expected letters, digits and _, not a digit first";
	if (strncmp(name, "TAPPET_PARAM_", strlen("TAPPET_PARAM_")) == 0)
		return "is set by the daemon: it holds a parameter";
	/* TAPPET_RUN above all: by it the children of a crashed daemon are found. */
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return "is set by the daemon";
	return NULL;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). Both at most NEAREST_MAX_LEN. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_MAX_LEN + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	for (size_t j = 0; j <= b_len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *oldest = before;

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_len];
}

void nearest_init(struct nearest *n, const char *key)
{
	size_t len = strlen(key);

	*n = (struct nearest){.key = key};
	/* One letter may be wrong, or a third of them. */
	n->distance = len > NEAREST_MAX_LEN ? 0 : (len < 3 ? 1 : len / 3) + 1;
}

void nearest_offer(struct nearest *n, const char *word)
{
	size_t d;

	if (n->distance == 0 || strlen(word) > NEAREST_MAX_LEN)
		return;
	d = strcasecmp(n->key, word) == 0 ? 0 : distance(n->key, word);
	if (d >= n->distance || d >= strlen(word))
		return;
	n->word = word;
	n->distance = d;
}
