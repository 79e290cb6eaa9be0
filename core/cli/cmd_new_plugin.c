/* new-plugin: the files of sdk/template with the name filled in. The same sources do for C and for C++. */
#include <errno.h>
#include <limits.h>
#include "base/json.h"
#include "base/program.h"
#include "cli/command.h"
#include "cli/make.h"
#include "model/names.h"
#include "version.h"

#define FILE_SIZE_MAX (256 * 1024)

struct language {
	const char *name, *language, *standard, *extension, *compiler; /* as --lang and CMake call it */
};

static const struct language languages[] = {
	{"c", "C", "17", "c", "cc -std=gnu17"},
	{"c++", "CXX", "20", "cpp", "c++ -std=gnu++20"},
};

struct work {
	const char *name, *folder, *kind;
	const struct language *language;
	char *templates;
	struct make make;
};

/* ---- The command line ---- */

/* Targets that every build made by CMake has. */
static bool is_target(const char *name)
{
	static const char *const targets[] = {"all",     "clean",   "depend",        "edit-cache", "help",
					      "install", "package", "rebuild-cache", "test"};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcmp(targets[i], name) == 0)
			return true;
	return false;
}

static bool kind_is_known(const char *kind)
{
	static const char *const kinds[] = {"http", "timer", "fd", "ws"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static int read_line(const struct cli *c, struct work *w)
{
	const char *kind = cli_value(c, "kind"), *lang = cli_value(c, "lang");
	w->name = c->args[0];
	w->folder = c->arg_count > 1 ? c->args[1] : w->name;
	w->kind = kind ? kind : "timer";
	if (!lang)
		w->language = &languages[0];
	for (size_t i = 0; lang && i < sizeof(languages) / sizeof(languages[0]); i++)
		if (strcmp(languages[i].name, lang) == 0)
			w->language = &languages[i];
	if (!name_is_plugin(w->name))
		cli_error("'%s' is no name of a plugin: small letters, digits and dashes, a letter first, at most 32",
			  w->name);
	else if (is_target(w->name))
		cli_error("'%s' cannot be the name of a plugin: CMake has a target of that name", w->name);
	else if (!kind_is_known(w->kind))
		cli_error("--kind must be http, timer, fd or ws, not '%s'", w->kind);
	else if (!w->language)
		cli_error("--lang must be c or c++, not '%s'", lang);
	else
		return CLI_OK;
	return CLI_USAGE;
}

/* ---- The files ---- */

static const char *word(const struct work *w, const char *at, size_t *ret_len)
{
	const struct {
		const char *key, *text;
	} words[] = {
		{"@NAME@", w->name},
		{"@EXT@", w->language->extension},
		{"@LANGUAGE@", w->language->language},
		{"@STANDARD@", w->language->standard},
		{"@COMPILER@", w->language->compiler},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*ret_len = strlen(words[i].key);
		if (strncmp(at, words[i].key, *ret_len) == 0)
			return words[i].text;
	}
	return NULL;
}

static void fill_in(const struct work *w, const char *text, struct buf *out)
{
	while (*text) {
		size_t len = strcspn(text, "@");
		buf_append(out, text, len);
		text += len;
		const char *filled = *text ? word(w, text, &len) : NULL;
		if (filled) {
			buf_str(out, filled);
			text += len;
		} else if (*text) {
			buf_char(out, *text++);
		}
	}
}

static int read_template(const char *path, struct buf *out)
{
	char chunk[4096];
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
		buf_append(out, chunk, n);
	int r = ferror(file) ? -EIO : buf_error(out);
	fclose(file);
	return r;
}

static int make_one(struct work *w, const char *template, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct buf text, filled;
	int code;
	if (snprintf(from, sizeof(from), "%s/%s", w->templates, template) >= (int)sizeof(from) ||
	    snprintf(to, sizeof(to), "%s/%s", w->folder, name) >= (int)sizeof(to))
		return make_tell(w->folder, -ENAMETOOLONG);
	buf_init(&text, FILE_SIZE_MAX);
	buf_init(&filled, 2 * FILE_SIZE_MAX);
	int r = read_template(from, &text);
	if (r == 0) {
		fill_in(w, buf_cstr(&text), &filled);
		r = buf_error(&filled);
	}
	if (r < 0)
		code = make_tell(from, r);
	else
		code = make_file(&w->make, to, buf_cstr(&filled), filled.len);
	buf_release(&filled);
	buf_release(&text);
	return code;
}

static int make_all(struct work *w)
{
	char source[64], test[64], template[64], test_template[64];
	snprintf(source, sizeof(source), "%s.%s", w->name, w->language->extension);
	snprintf(test, sizeof(test), "test_%s.%s", w->name, w->language->extension);
	snprintf(template, sizeof(template), "%s.c", w->kind);
	snprintf(test_template, sizeof(test_template), "test_%s.c", w->kind);
	const struct {
		const char *template, *name;
	} files[] = {
		{template, source},
		{test_template, test},
		{"CMakeLists.txt.in", "CMakeLists.txt"},
		{"README.md.in", "README.md"},
		{"gitignore.in", ".gitignore"},
	};
	int code = make_new_folder(&w->make, w->folder);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && code == CLI_OK; i++)
		code = make_one(w, files[i].template, files[i].name);
	return code;
}

int cmd_new_plugin(struct cli *c)
{
	static const char *const places[] = {"sdk/template", TAPPET_TEMPLATE_FROM_PROGRAM};
	struct work w = {0};
	int code = read_line(c, &w);
	if (code != CLI_OK)
		return code;
	int r = program_find(places, sizeof(places) / sizeof(places[0]), &w.templates);
	if (r < 0)
		return make_tell("template", r);
	code = make_all(&w);
	if (code == CLI_OK)
		printf("Made %s. Build and test it:\n\n  cd %s\n  cmake -B build && cmake --build build && ctest "
		       "--test-dir build\n",
		       w.folder, w.folder);
	else
		make_undo(&w.make);
	make_release(&w.make);
	free(w.templates);
	return code;
}
