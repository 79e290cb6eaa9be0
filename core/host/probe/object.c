#include "host/probe/object.h"
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host/probe/values.h"

#define LIBRARIES_MAX 64

/* A mapped ELF file; every offset is checked against its size before it is used. */
struct elf {
	const char *bytes;
	size_t size;
	const Elf64_Shdr *sections;
	size_t section_count;
};

static const void *at(const struct elf *e, uint64_t offset, uint64_t size)
{
	return offset <= e->size && size <= e->size - offset ? e->bytes + offset : NULL;
}

static bool elf_open(const char *path, struct elf *e)
{
	struct stat st;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	*e = (struct elf){0};
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		e->size = (size_t)st.st_size;
		e->bytes = mmap(NULL, e->size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	close(fd);
	if (!e->bytes || e->bytes == MAP_FAILED)
		return false;
	const Elf64_Ehdr *head = at(e, 0, sizeof(*head));
	if (head && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_ident[EI_CLASS] == ELFCLASS64) {
		e->sections = at(e, head->e_shoff, head->e_shnum * sizeof(*e->sections));
		e->section_count = e->sections ? head->e_shnum : 0;
	}
	if (e->section_count)
		return true;
	munmap((void *)(uintptr_t)e->bytes, e->size);
	return false;
}

static const Elf64_Shdr *section(const struct elf *e, uint32_t type)
{
	for (size_t i = 0; i < e->section_count; i++)
		if (e->sections[i].sh_type == type)
			return &e->sections[i];
	return NULL;
}

/* A text of the string table that belongs to `s`. */
static const char *text_of(const struct elf *e, const Elf64_Shdr *s, uint64_t offset)
{
	if (s->sh_link >= e->section_count)
		return "";
	const Elf64_Shdr *strings = &e->sections[s->sh_link];
	const char *all = at(e, strings->sh_offset, strings->sh_size);
	return all && offset < strings->sh_size && all[strings->sh_size - 1] == '\0' ? all + offset : "";
}

/* What linkers and sanitizers put there, and the program brings. */
static bool is_tools(const char *name)
{
	static const char *const prefixes[] = {"__asan_",      "__ubsan_",   "__tsan_", "__lsan_",
					       "__sanitizer_", "__odr_asan", "__gcov_", "__bss_start",
					       "_edata",       "_end",       "_init",   "_fini"};
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

struct libraries {
	void *handles[LIBRARIES_MAX];
	size_t count;
	bool unknown; /* one of them cannot be opened from here: what is missing may be in it */
};

static void add_library(struct libraries *all, const char *name)
{
	void *handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	if (handle && all->count < LIBRARIES_MAX)
		all->handles[all->count++] = handle;
	else
		all->unknown = true;
}

static void open_libraries(const struct elf *e, struct board *b, struct libraries *all)
{
	const Elf64_Shdr *s = section(e, SHT_DYNAMIC);
	const Elf64_Dyn *entries = s ? at(e, s->sh_offset, s->sh_size) : NULL;
	add_library(all, "libc.so.6");
	for (size_t i = 0; entries && i < s->sh_size / sizeof(*entries); i++) {
		const Elf64_Dyn *d = &entries[i];
		if (d->d_tag == DT_NEEDED)
			add_library(all, text_of(e, s, d->d_un.d_val));
		if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
			board_broken(b, LINK_TEXTREL,
				     "its code has to be changed while it is loaded; build it with -fPIC");
	}
}

static bool found(const struct libraries *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (dlsym(all->handles[i], name))
			return true;
	return all->unknown;
}

static void check_symbol(struct board *b, const struct libraries *all, const Elf64_Sym *s, const char *name)
{
	const unsigned bind = ELF64_ST_BIND(s->st_info), visibility = ELF64_ST_VISIBILITY(s->st_other);
	if (!name[0] || bind == STB_LOCAL || is_tools(name))
		return;
	if (s->st_shndx == SHN_UNDEF) {
		if (bind != STB_WEAK && !found(all, name))
			board_broken(b, LINK_UNDEFINED, "%s is in none of the libraries that it links with", name);
	} else if (visibility == STV_DEFAULT && strcmp(name, "tappet_plugin_v1") != 0) {
		board_broken(b, LINK_SYMBOL, "it exports %s, too; build it with -fvisibility=hidden", name);
	}
}

bool object_check_links(struct board *b, const char *path)
{
	struct elf e;
	struct libraries all = {.count = 0};
	if (!elf_open(path, &e)) {
		board_broken(b, DESC_LOAD, "%s is not there, or no shared object of 64 bits", path);
		return false;
	}
	board_applies(b, LINK_SYMBOL);
	board_applies(b, LINK_UNDEFINED);
	board_applies(b, LINK_TEXTREL);
	open_libraries(&e, b, &all);
	const Elf64_Shdr *s = section(&e, SHT_DYNSYM);
	const Elf64_Sym *symbols = s ? at(&e, s->sh_offset, s->sh_size) : NULL;
	for (size_t i = 0; symbols && i < s->sh_size / sizeof(*symbols); i++)
		check_symbol(b, &all, &symbols[i], text_of(&e, s, symbols[i].st_name));
	munmap((void *)(uintptr_t)e.bytes, e.size);
	return b->rules[LINK_UNDEFINED].state == PROBE_PASSED;
}

/* ---- The descriptor ---- */

size_t count_entries(const char *folder)
{
	size_t count = 0;
	DIR *dir = opendir(folder);
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

bool object_load(struct board *b, const char *path, struct tappet_instance *p)
{
	struct diag d;
	const struct plugin_config config = {.name = (char *)(uintptr_t) "probe", .load = (char *)(uintptr_t)path};
	static const char prefix[] = "plugin probe: ";
	diag_init(&d);
	*p = (struct tappet_instance){.name = config.name};
	board_applies(b, DESC_LOAD);
	const int r = loader_load(p, path, &config, NULL, &d);
	const char *text = d.count ? d.items[0].message : "out of memory";
	if (r < 0)
		board_broken(b, DESC_LOAD, "%s",
			     strncmp(text, prefix, sizeof(prefix) - 1) == 0 ? text + sizeof(prefix) - 1 : text);
	diag_release(&d);
	return r == 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

void object_check_describe(struct board *b, const char *path, const struct tappet_instance *p)
{
	struct tappet_instance again;
	char *version = strdup(p->desc.version), *summary = strdup(p->desc.summary);
	const size_t files = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
	board_applies(b, DESC_PURE);
	if (object_load(b, path, &again) &&
	    (memcmp(&again.desc, &p->desc, SIZE_UNTIL(tappet_plugin, list_checkpoints)) != 0 ||
	     !same_text(version, again.desc.version) || !same_text(summary, again.desc.summary)))
		board_broken(b, DESC_PURE,
			     "the second call of tappet_plugin_v1 gave another descriptor than the first");
	free(version);
	free(summary);
	if (count_entries("/proc/self/fd") != files)
		board_broken(b, DESC_PURE, "tappet_plugin_v1 left a file open");
	if (count_entries("/proc/self/task") != threads)
		board_broken(b, DESC_PURE, "tappet_plugin_v1 started a thread");
}

static bool names(const struct option *table, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].key, key) == 0)
			return true;
	return false;
}

void object_check_options(struct board *b, const struct option *table, size_t count)
{
	char message[160];
	if (count)
		board_applies(b, DESC_OPTIONS);
	for (size_t i = 0; i < count; i++) {
		const struct option *o = &table[i];
		if (!o->help[0])
			board_broken(b, DESC_OPTIONS, "the option %s has no help text", o->key);
		if (o->replaced_by && !names(table, count, o->replaced_by))
			board_broken(b, DESC_OPTIONS, "the option %s is replaced by %s, which is not in its table",
				     o->key, o->replaced_by);
		if (!values_default_valid(o, message, sizeof(message)))
			board_broken(b, DESC_OPTIONS, "the default of the option %s is wrong: %s", o->key, message);
	}
}
