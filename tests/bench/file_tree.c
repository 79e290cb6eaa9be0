/* A tree of very many small files, and a writer that changes them as quickly as it can:
 *   file_tree make ROOT FOLDERS FILES
 *   file_tree change ROOT FOLDERS FILES COUNT
 * ROOT is there and empty. FOLDERS is a multiple of 1,000: each thousand is a folder with 9 in it, which have 110 each. FILES are in
 * each folder. `change` appends to COUNT files all over the tree, each once, and prints when it began and when it was done:
 * nanoseconds of CLOCK_MONOTONIC. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THOUSAND = 1000, MIDDLE = 9, LEAVES = 110, THREADS_MAX = 16, PATH_MAX_LEN = 64 };

static const char TEXT[] = "sixty-four bytes are what many a small file has, or hardly more\n";

struct tree {
	int root;
	long folders, files;
	atomic_long next; /* thousand */
};

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* Relative to the root; those that hold others have the lower numbers. */
static void folder_path(long number, char path[static PATH_MAX_LEN])
{
	long top = number / THOUSAND, rest = number % THOUSAND;
	if (rest == 0)
		snprintf(path, PATH_MAX_LEN, "top%03ld", top);
	else if (rest <= MIDDLE)
		snprintf(path, PATH_MAX_LEN, "top%03ld/middle%ld", top, rest - 1);
	else
		snprintf(path, PATH_MAX_LEN, "top%03ld/middle%ld/leaf%03ld", top, (rest - 1 - MIDDLE) / LEAVES,
			 (rest - 1 - MIDDLE) % LEAVES);
}

/* All of it a hole: a million blocks would take minutes to be given back, and nobody reads them. */
static void make_file(int folder, const char *name)
{
	int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0 || ftruncate(file, sizeof TEXT - 1) < 0)
		fail(name);
	close(file);
}

static void append_to_file(int folder, const char *name)
{
	int file = openat(folder, name, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (file < 0 || write(file, TEXT, sizeof TEXT - 1) != (ssize_t)sizeof TEXT - 1)
		fail(name);
	close(file);
}

static void make_folder(const struct tree *tree, long number)
{
	char path[PATH_MAX_LEN], name[PATH_MAX_LEN];
	folder_path(number, path);
	if (mkdirat(tree->root, path, 0755) < 0)
		fail(path);
	int folder = openat(tree->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		fail(path);
	for (long i = 0; i < tree->files; i++) {
		snprintf(name, sizeof name, "file%02ld.txt", i);
		make_file(folder, name);
	}
	close(folder);
}

static void *make_thousands(void *argument)
{
	struct tree *tree = argument;
	long thousand;
	while ((thousand = atomic_fetch_add(&tree->next, 1)) < tree->folders / THOUSAND)
		for (long i = 0; i < THOUSAND; i++)
			make_folder(tree, thousand * THOUSAND + i);
	return NULL;
}

static void make(struct tree *tree)
{
	pthread_t threads[THREADS_MAX];
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	if (count > THREADS_MAX)
		count = THREADS_MAX;
	for (long i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, make_thousands, tree) != 0)
			fail("pthread_create");
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void change(const struct tree *tree, long count)
{
	char path[PATH_MAX_LEN], name[2 * PATH_MAX_LEN];
	long stride = tree->folders * tree->files / count;
	int64_t begin_ns = now_ns();
	for (long i = 0; i < count; i++) {
		long number = i * stride;
		folder_path(number / tree->files, path);
		snprintf(name, sizeof name, "%s/file%02ld.txt", path, number % tree->files);
		append_to_file(tree->root, name);
	}
	printf("%lld %lld\n", (long long)begin_ns, (long long)now_ns());
}

int main(int argc, char **argv)
{
	bool making = argc == 5 && strcmp(argv[1], "make") == 0;
	bool changing = argc == 6 && strcmp(argv[1], "change") == 0;
	if (!making && !changing) {
		fprintf(stderr, "usage: file_tree make ROOT FOLDERS FILES | change ROOT FOLDERS FILES COUNT\n");
		return 2;
	}
	struct tree tree = {.root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			    .folders = strtol(argv[3], NULL, 10),
			    .files = strtol(argv[4], NULL, 10)};
	if (tree.root < 0)
		fail(argv[2]);
	if (making)
		make(&tree);
	else
		change(&tree, strtol(argv[5], NULL, 10));
	return 0;
}
