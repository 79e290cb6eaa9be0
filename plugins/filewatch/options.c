/* The options of a trigger. */
#include "filewatch.h"
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
	{"settleFor", TAPPET_STRING, 0, "file",
	 "Whose quiet time that is: of each \"file\", or of the whole \"batch\".", NULL},
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
	struct option_error *error;
};

static int mistake(const struct reading *r, const char *key, size_t index, const char *message)
{
	r->error->key = key;
	r->error->index = index;
	snprintf(r->error->message, sizeof(r->error->message), "%s", message);
	return -EINVAL;
}

/* ---- The path ---- */

static int read_path(const struct reading *r)
{
	struct options *o = r->options;
	tappet_str path;
	if (r->reader->str(r->config, "path", 0, &path) < 0 || path.len == 0 || path.ptr[0] != '/')
		return mistake(r, "path", 0, "expected a path");
	while (path.len > 1 && path.ptr[path.len - 1] == '/')
		path.len--;
	o->path = strndup(path.ptr, path.len);
	o->folder = o->path ? strdup(o->path) : NULL;
	if (!o->folder)
		return -ENOMEM;
	o->name = strrchr(o->path, '/') + 1;
	o->folder[o->name - o->path > 1 ? o->name - o->path - 1 : 1] = '\0';
	if (strlen(o->name) > NAME_MAX)
		return mistake(r, "path", 0, "expected a name of at most 255 bytes at the end");
	if (strcmp(o->name, "..") == 0 || strcmp(o->name, ".") == 0)
		return mistake(r, "path", 0, "expected a name at the end, not \".\" or \"..\"");
	return 0;
}

/* ---- Words ---- */

static int read_word(const struct reading *r, const char *key, size_t index, const char *const *words, size_t count,
		     size_t *ret)
{
	tappet_str text;
	char message[160] = "expected ";
	if (r->reader->str(r->config, key, index, &text) < 0)
		return -ENOENT;
	for (size_t i = 0; i < count; i++) {
		if (strlen(words[i]) == text.len && memcmp(words[i], text.ptr, text.len) == 0) {
			*ret = i;
			return 0;
		}
		const size_t len = strlen(message);
		snprintf(message + len, sizeof(message) - len, "%s\"%s\"",
			 i == 0          ? ""
			 : i + 1 < count ? ", "
					 : " or ",
			 words[i]);
	}
	return mistake(r, key, index, message);
}

/* One of two words, of which the second one is true. */
static int read_choice(const struct reading *r, const char *key, const char *no, const char *yes, bool *ret)
{
	const char *const words[] = {no, yes};
	size_t which = 0;
	const int error = read_word(r, key, 0, words, 2, &which);
	if (error == 0)
		*ret = which == 1;
	return error == -ENOENT ? 0 : error;
}

/* Several of them, as bits. None: `otherwise`. */
static int read_bits(const struct reading *r, const char *key, const char *const *words, size_t count,
		     unsigned int first, uint32_t otherwise, uint32_t *ret)
{
	const size_t given = r->reader->count(r->config, key);
	uint32_t bits = given ? 0 : otherwise;
	for (size_t i = 0; i < given; i++) {
		size_t which = 0;
		const int error = read_word(r, key, i, words, count, &which);
		if (error < 0)
			return error;
		bits |= 1u << (which + first);
	}
	*ret = bits;
	return 0;
}

static int read_words(const struct reading *r)
{
	static const char *const modes[] = {"auto", "always", "never"};
	struct options *o = r->options;
	size_t mode = POLL_AUTO;
	const uint32_t all_kinds = (1u << KIND_COUNT) - 1, types = 1u << ENTRY_FILE | 1u << ENTRY_SYMLINK;
	int error = read_bits(r, "kinds", kind_names, KIND_COUNT, 0, all_kinds, &o->kinds);
	if (error == 0)
		error = read_bits(r, "types", entry_type_names + 1, ENTRY_TYPE_COUNT - 1, 1, types, &o->types);
	if (error == 0)
		error = read_choice(r, "settleFor", "file", "batch", &o->settle_batch);
	if (error == 0)
		error = read_choice(r, "batch", "file", "burst", &o->burst);
	if (error == 0)
		error = read_choice(r, "existing", "ignore", "emit", &o->emit_existing);
	if (error == 0)
		error = read_choice(r, "whenUnmounted", "wait", "removed", &o->unmounted_is_removed);
	if (error == 0)
		error = read_word(r, "poll", 0, modes, 3, &mode);
	o->poll = (enum poll_mode)mode;
	return error == -ENOENT ? 0 : error;
}

/* ---- Globs ---- */

static int read_globs(const struct reading *r, const char *key, struct patterns **ret)
{
	const size_t count = r->reader->count(r->config, key);
	char message[PATTERNS_MESSAGE_SIZE], whole[PATTERNS_MESSAGE_SIZE + 32];
	size_t index = 0;
	int error = 0;
	if (count == 0)
		return 0;
	tappet_str *texts = calloc(count, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		(void)r->reader->str(r->config, key, i, &texts[i]);
	error = patterns_new(texts, count, ret, &index, message);
	free(texts);
	if (error != -EINVAL)
		return error;
	snprintf(whole, sizeof(whole), "the pattern %s", message);
	return mistake(r, key, index, whole);
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

static int read_numbers(const struct reading *r)
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
		return mistake(r, "batchLimit", 0, "expected 1 to 10000");
	if (o->poll_ms < 1)
		return mistake(r, "pollInterval", 0, "expected more than 0s");
	if (o->poll_max_ms < o->poll_ms)
		return mistake(r, "pollIntervalMax", 0, "expected no less than pollInterval");
	if (o->settle_max_ms > 0 && o->settle_max_ms < o->settle_ms)
		return mistake(r, "settleMax", 0, "expected no less than settle, or 0s");
	return 0;
}

/* ---- All of them ---- */

static uint64_t hash(uint64_t h, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t hash_list(const struct reading *r, uint64_t h, const char *key)
{
	tappet_str text;
	h = hash(h, key, strlen(key));
	for (size_t i = 0; r->reader->str(r->config, key, i, &text) == TAPPET_OK; i++)
		h = hash(h, text.ptr, text.len);
	return h;
}

/* Of what decides which entries stand in the journal. */
static uint64_t fingerprint(const struct reading *r)
{
	const struct options *o = r->options;
	const uint64_t numbers[] = {o->gitignore, o->follow, o->types, o->min_size};
	uint64_t h = hash_list(r, UINT64_C(0xcbf29ce484222325), "include");
	h = hash_list(r, h, "exclude");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		h = hash(h, (const char *)&numbers[i], sizeof(numbers[i]));
	return h;
}

void options_release(struct options *o)
{
	free(o->path);
	free(o->folder);
	patterns_free(o->include);
	patterns_free(o->exclude);
}

int options_read(const struct option_reader *reader, const tappet_config *config, struct options *ret,
		 struct option_error *ret_error)
{
	struct options o = {0};
	const struct reading r = {reader, config, &o, ret_error};
	int error = read_path(&r);
	if (error == 0)
		error = read_words(&r);
	if (error == 0)
		error = read_numbers(&r);
	if (error == 0)
		error = read_globs(&r, "include", &o.include);
	if (error == 0)
		error = read_globs(&r, "exclude", &o.exclude);
	if (error < 0) {
		options_release(&o);
		return error;
	}
	o.fingerprint = fingerprint(&r);
	*ret = o;
	return 0;
}
