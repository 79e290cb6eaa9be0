/* The options of a trigger. */
#include "filewatch.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_LIMIT_MAX 10000

const tappet_option trigger_options[TRIGGER_OPTIONS] = {
	{"path", TAPPET_PATH, TAPPET_REQUIRED, NULL, "The file or folder that is watched, with all that is below it.",
	 NULL},
	{"include", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "Which paths count, as in gitignore(5): \"**/*.md\", \"!drafts/\". Without it: all.", NULL},
	{"exclude", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "Which paths do not count, in the same way; of a folder nothing that is below it does.", NULL},
	{"gitignore", TAPPET_BOOLEAN, 0, "false",
	 "Whether what the tree's .gitignore files leave out does not count, nor .git itself.", NULL},
	{"kinds", TAPPET_STRING, TAPPET_MULTI, NULL, "What is told: created, changed, removed, moved. Without it: all.",
	 NULL},
	{"types", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "Of what it is told: file, directory, symlink, other. Without it: file and symlink.", NULL},
	{"settle", TAPPET_DURATION, 0, "500ms", "For how long nothing must have happened to it before it is told.",
	 NULL},
	{"settleFor", TAPPET_STRING, 0, NULL,
	 "Whose quiet time that is: of each \"file\", or of the whole \"batch\". Without it: of the file, and of a "
	 "burst "
	 "the batch.",
	 NULL},
	{"settleMax", TAPPET_DURATION, 0, "10m",
	 "After that long it is told although it is not quiet, or still being written. 0s: never.", NULL},
	{"waitForClose", TAPPET_BOOLEAN, 0, "true",
	 "Whether a file that is being written is told only when it is closed.", NULL},
	{"batch", TAPPET_STRING, 0, "file", "One activity for each \"file\", or one for a \"burst\" of them.", NULL},
	{"batchLimit", TAPPET_INTEGER, 0, "1000", "How many changes one activity has at most, 1 to 10000.", NULL},
	{"followSymlinks", TAPPET_BOOLEAN, 0, "false", "Whether links are taken for what they lead to.", NULL},
	{"attributes", TAPPET_BOOLEAN, 0, "true",
	 "Whether it is told that nothing but permissions, owner or links (ctime) have changed.", NULL},
	{"minSize", TAPPET_SIZE, 0, "0", "Smaller files are not told.", NULL},
	{"minAge", TAPPET_DURATION, 0, "0s", "How long ago a file must have been written before it is told.", NULL},
	{"existing", TAPPET_STRING, 0, "ignore",
	 "What becomes of files that are there at the first start: \"ignore\", or \"emit\" them as created.", NULL},
	{"poll", TAPPET_STRING, 0, "auto",
	 "Whether folders are polled: \"auto\" where no events come from, \"always\" or \"never\".", NULL},
	{"pollInterval", TAPPET_DURATION, 0, "2s", "How long after a round with changes the next one begins.", NULL},
	{"pollIntervalMax", TAPPET_DURATION, 0, "1m", "To which that grows while nothing changes.", NULL},
	{"whenUnmounted", TAPPET_STRING, 0, "wait",
	 "What a file system that is unmounted means: \"wait\" for it, or its files are \"removed\".", NULL},
};

struct reading {
	const struct option_reader *reader;
	const tappet_config *config;
	struct options *options;
	int error;
};

static void fail(struct reading *r, int error)
{
	if (error < 0 && r->error != -ENOMEM)
		r->error = error;
}

static void mistake(struct reading *r, const char *key, size_t index, const char *message)
{
	if (r->reader->mistake)
		r->reader->mistake(r->reader->arg, key, index, message);
	fail(r, -EINVAL);
}

/* ---- The path ---- */

static void read_path(struct reading *r)
{
	struct options *o = r->options;
	tappet_str path;
	if (r->reader->str(r->config, "path", 0, &path) < 0 || path.len == 0 || path.ptr[0] != '/') {
		fail(r, -EINVAL);
		return;
	}
	while (path.len > 1 && path.ptr[path.len - 1] == '/')
		path.len--;
	o->path = strndup(path.ptr, path.len);
	o->folder = o->path ? strdup(o->path) : NULL;
	if (!o->folder) {
		fail(r, -ENOMEM);
		return;
	}
	o->name = strrchr(o->path, '/') + 1;
	o->folder[o->name - o->path > 1 ? o->name - o->path - 1 : 1] = '\0';
	if (strlen(o->name) > NAME_MAX)
		mistake(r, "path", 0, "expected a name of at most 255 bytes at the end");
	if (strcmp(o->name, "..") == 0 || strcmp(o->name, ".") == 0)
		mistake(r, "path", 0, "expected a name at the end, not \".\" or \"..\"");
}

/* ---- Words ---- */

/* False: it is not set, or another word. */
static bool read_word(struct reading *r, const char *key, size_t index, const char *const *words, size_t count,
		      size_t *ret)
{
	tappet_str text;
	char message[160] = "expected ";
	if (r->reader->str(r->config, key, index, &text) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strlen(words[i]) == text.len && memcmp(words[i], text.ptr, text.len) == 0) {
			*ret = i;
			return true;
		}
		const char *before = i == 0 ? "" : i + 1 < count ? ", " : " or ";
		const size_t len = strlen(message);
		snprintf(message + len, sizeof(message) - len, "%s\"%s\"", before, words[i]);
	}
	mistake(r, key, index, message);
	return false;
}

/* One of two words, of which the second one is true. */
static bool read_choice(struct reading *r, const char *key, const char *no, const char *yes, bool otherwise)
{
	const char *const words[] = {no, yes};
	size_t which = 0;
	return read_word(r, key, 0, words, 2, &which) ? which == 1 : otherwise;
}

/* Several of them, as bits from `first` on. None: `otherwise`. */
static uint32_t read_bits(struct reading *r, const char *key, const char *const *words, size_t count,
			  unsigned int first, uint32_t otherwise)
{
	const size_t given = r->reader->count(r->config, key);
	uint32_t bits = given ? 0 : otherwise;
	for (size_t i = 0; i < given; i++) {
		size_t which = 0;
		if (read_word(r, key, i, words, count, &which))
			bits |= 1u << (which + first);
	}
	return bits;
}

static void read_words(struct reading *r)
{
	static const char *const modes[] = {"auto", "always", "never"};
	struct options *o = r->options;
	size_t mode = POLL_AUTO;
	o->kinds = read_bits(r, "kinds", kind_names, KIND_COUNT, 0, (1u << KIND_COUNT) - 1);
	o->types = read_bits(r, "types", entry_type_names + 1, ENTRY_TYPE_COUNT - 1, 1,
			     1u << ENTRY_FILE | 1u << ENTRY_SYMLINK);
	o->burst = read_choice(r, "batch", "file", "burst", false);
	o->settle_batch = read_choice(r, "settleFor", "file", "batch", o->burst);
	o->emit_existing = read_choice(r, "existing", "ignore", "emit", false);
	o->unmounted_is_removed = read_choice(r, "whenUnmounted", "wait", "removed", false);
	(void)read_word(r, "poll", 0, modes, 3, &mode);
	o->poll = (enum poll_mode)mode;
}

/* ---- Globs ---- */

static struct patterns *read_globs(struct reading *r, const char *key)
{
	const size_t count = r->reader->count(r->config, key);
	char message[PATTERNS_MESSAGE_SIZE], whole[PATTERNS_MESSAGE_SIZE + 32];
	struct patterns *patterns = NULL;
	size_t index = 0;
	if (count == 0)
		return NULL;
	tappet_str *texts = calloc(count, sizeof(*texts));
	if (!texts) {
		fail(r, -ENOMEM);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		(void)r->reader->str(r->config, key, i, &texts[i]);
	const int error = patterns_new(texts, count, &patterns, &index, message);
	free(texts);
	if (error == -EINVAL) {
		snprintf(whole, sizeof(whole), "the pattern %s", message);
		mistake(r, key, index, whole);
	}
	fail(r, error);
	return error < 0 ? NULL : patterns;
}

/* ---- Numbers ---- */

static int64_t number_of(const struct reading *r, const char *key)
{
	int64_t number = 0;
	(void)r->reader->integer(r->config, key, 0, &number);
	return number;
}

static bool truth_of(const struct reading *r, const char *key)
{
	int32_t truth = 0;
	(void)r->reader->boolean(r->config, key, &truth);
	return truth;
}

static void read_numbers(struct reading *r)
{
	struct options *o = r->options;
	const int64_t limit = number_of(r, "batchLimit");
	o->settle_ms = number_of(r, "settle");
	o->settle_max_ms = number_of(r, "settleMax");
	o->min_size = (uint64_t)number_of(r, "minSize");
	o->min_age_ms = number_of(r, "minAge");
	o->poll_ms = number_of(r, "pollInterval");
	o->poll_max_ms = number_of(r, "pollIntervalMax");
	o->batch_limit = (uint32_t)limit;
	o->gitignore = truth_of(r, "gitignore");
	o->follow = truth_of(r, "followSymlinks");
	o->attributes = truth_of(r, "attributes");
	o->wait_for_close = truth_of(r, "waitForClose");
	if (limit < 1 || limit > BATCH_LIMIT_MAX)
		mistake(r, "batchLimit", 0, "expected 1 to 10000");
	if (o->poll_ms < 1)
		mistake(r, "pollInterval", 0, "expected a pollInterval of more than 0s");
	if (o->poll_max_ms < o->poll_ms)
		mistake(r, "pollIntervalMax", 0, "expected no less than pollInterval");
	if (o->settle_max_ms > 0 && o->settle_max_ms < o->settle_ms)
		mistake(r, "settleMax", 0, "expected no less than settle, or 0s");
}

/* ---- All of them ---- */

static void write_list(const struct reading *r, struct text *to, const char *key)
{
	const size_t count = r->reader->count(r->config, key);
	text_key(to, key);
	text_cstr(to, "[");
	for (size_t i = 0; i < count; i++) {
		tappet_str text = {0};
		(void)r->reader->str(r->config, key, i, &text);
		text_cstr(to, i ? "," : "");
		text_json(to, text);
	}
	text_cstr(to, "]");
}

static char *write_rules(const struct reading *r)
{
	const struct options *o = r->options;
	struct text to = {0};
	text_cstr(&to, "{");
	write_list(r, &to, "include");
	write_list(r, &to, "exclude");
	text_number(&to, "gitignore", o->gitignore);
	text_number(&to, "types", o->types);
	text_number(&to, "minSize", (int64_t)o->min_size);
	text_cstr(&to, "}");
	if (to.failed)
		text_release(&to);
	return to.bytes;
}

static int rules_list(const cJSON *rules, const char *key, struct patterns **ret)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(rules, key), *value;
	const int count = cJSON_GetArraySize(list);
	char message[PATTERNS_MESSAGE_SIZE];
	size_t i = 0;
	if (count == 0)
		return 0;
	tappet_str *texts = calloc((size_t)count, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	cJSON_ArrayForEach(value, list) texts[i++] = tappet_cstr(cJSON_GetStringValue(value));
	const int error = patterns_new(texts, i, ret, &i, message);
	free(texts);
	return error;
}

static uint64_t rules_number(const cJSON *rules, const char *key)
{
	const double number = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(rules, key));
	return number > 0 && number < 0x1p63 ? (uint64_t)number : 0;
}

int rules_read(const char *rules, struct options *ret)
{
	struct options o = {0};
	cJSON *json = cJSON_Parse(rules);
	int error = json ? rules_list(json, "include", &o.include) : -EINVAL;
	if (error == 0)
		error = rules_list(json, "exclude", &o.exclude);
	o.gitignore = rules_number(json, "gitignore") != 0;
	o.types = (uint32_t)rules_number(json, "types");
	o.min_size = rules_number(json, "minSize");
	cJSON_Delete(json);
	if (error < 0)
		options_release(&o);
	else
		*ret = o;
	return error;
}

void options_release(struct options *o)
{
	free(o->path);
	free(o->folder);
	free(o->rules);
	patterns_free(o->include);
	patterns_free(o->exclude);
}

int options_read(const struct option_reader *reader, const tappet_config *config, struct options *ret)
{
	struct options o = {0};
	struct reading r = {.reader = reader, .config = config, .options = &o};
	read_path(&r);
	read_words(&r);
	read_numbers(&r);
	o.include = read_globs(&r, "include");
	o.exclude = read_globs(&r, "exclude");
	o.rules = write_rules(&r);
	fail(&r, o.rules ? 0 : -ENOMEM);
	if (r.error < 0)
		options_release(&o);
	else
		*ret = o;
	return r.error;
}
