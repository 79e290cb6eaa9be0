#include "support_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WORDS_MAX 32
#define OPEN_MAX_COUNT 8

struct serve_options served;
int serve_calls;

static int fake_serve(const struct serve_options *options)
{
	static char config[256];
	served = *options;
	snprintf(config, sizeof(config), "%s", options->config_path);
	served.config_path = config; /* the words of the command line are gone when the test looks */
	served.plugins = NULL;
	assert_string_equal(options->plugins[options->plugin_count - 1], "./b.so");
	serve_calls++;
	return 42;
}

/* ---- Catching output ------------------------------------------------------------------------------------------- */

struct caught {
	int fd, saved;
	FILE *file;
};

static void catch_begin(struct caught *c, int fd, FILE *stream)
{
	fflush(stream);
	c->fd = fd;
	c->saved = dup(fd);
	c->file = tmpfile();
	assert_non_null(c->file);
	dup2(fileno(c->file), fd);
}

static char *catch_end(struct caught *c, FILE *stream)
{
	fflush(stream);
	dup2(c->saved, c->fd);
	close(c->saved);
	const long len = lseek(fileno(c->file), 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(pread(fileno(c->file), text, (size_t)len, 0), len);
	fclose(c->file);
	return text;
}

struct result run_cli(const char *const *words)
{
	static const struct cli_hooks hooks = {.serve = fake_serve};
	struct result r = {0};
	struct caught out, err;
	char *argv[WORDS_MAX + 2] = {strdup("tappet")};
	int argc = 1;
	for (; words[argc - 1] && argc <= WORDS_MAX; argc++)
		argv[argc] = strdup(words[argc - 1]);
	char *owned[WORDS_MAX + 2];
	memcpy(owned, argv, sizeof(argv));
	catch_begin(&out, STDOUT_FILENO, stdout);
	catch_begin(&err, STDERR_FILENO, stderr);
	r.code = cli_main(argc, argv, &hooks);
	r.err = catch_end(&err, stderr);
	r.out = catch_end(&out, stdout);
	for (int i = 0; i < argc; i++)
		free(owned[i]);
	return r;
}

void result_release(struct result *r)
{
	free(r->out);
	free(r->err);
	*r = (struct result){0};
}

/* ---- Folders --------------------------------------------------------------------------------------------------- */

int folder_open(void **state)
{
	char *folder = strdup("/tmp/tappet-cli-XXXXXX");
	assert_non_null(mkdtemp(folder));
	unsetenv("TAPPET_SERVER");
	unsetenv("TAPPET_TOKEN");
	*state = folder;
	return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info;
	(void)type;
	(void)place;
	return remove(path);
}

int folder_close(void **state)
{
	nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* ---- The script ------------------------------------------------------------------------------------------------ */

struct script {
	pthread_t thread;
	int listener;
	char server[160];
	const struct scene *scenes;
	size_t count, played;
	int open[OPEN_MAX_COUNT];
	size_t open_count;
	char wrong[512]; /* the first request that was not as it should be */
};

static size_t wanted_bytes(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "\r\nContent-Length: ");
	if (!end)
		return SIZE_MAX;
	const size_t head = (size_t)(end - request) + 4;
	return head + (length && length < end ? strtoul(length + 18, NULL, 10) : 0);
}

static void play(struct script *s, int fd)
{
	const struct scene *scene = &s->scenes[s->played];
	char request[16384] = "", head[256];
	size_t len = 0;
	while (len < wanted_bytes(request) && len < sizeof(request) - 1) {
		const ssize_t n = read(fd, request + len, sizeof(request) - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		request[len] = '\0';
	}
	const char *body = strstr(request, "\r\n\r\n");
	const bool well = strncmp(request, scene->request, strlen(scene->request)) == 0 &&
			  (!scene->expected || (body && strstr(body, scene->expected)));
	if (!well && !s->wrong[0])
		snprintf(s->wrong, sizeof(s->wrong), "scene %zu: %.400s", s->played, request);
	s->played++;
	snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n",
		 scene->status % STAYS_OPEN);
	if (scene->status < STAYS_OPEN)
		snprintf(head + strlen(head), sizeof(head) - strlen(head), "Content-Length: %zu\r\n",
			 strlen(scene->body));
	snprintf(head + strlen(head), sizeof(head) - strlen(head), "\r\n");
	if (scene->status > 0 && write(fd, head, strlen(head)) > 0 && scene->body[0])
		assert_true(write(fd, scene->body, strlen(scene->body)) > 0);
}

static void *play_all(void *arg)
{
	struct script *s = arg;
	while (s->played < s->count) {
		const int fd = accept(s->listener, NULL, NULL);
		if (fd < 0)
			break;
		const bool stays = s->scenes[s->played].status >= STAYS_OPEN;
		play(s, fd);
		if (stays && s->open_count < OPEN_MAX_COUNT)
			s->open[s->open_count++] = fd;
		else
			close(fd);
	}
	return NULL;
}

struct script *script_start(const char *folder, const struct scene *scenes, size_t count)
{
	struct script *s = calloc(1, sizeof(*s));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	assert_non_null(s);
	s->scenes = scenes;
	s->count = count;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/daemon.sock", folder);
	snprintf(s->server, sizeof(s->server), "unix:%s", address.sun_path);
	unlink(address.sun_path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(s->listener, 16), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, play_all, s), 0);
	return s;
}

const char *script_server(const struct script *s)
{
	return s->server;
}

void script_end(struct script *s)
{
	char wrong[512];
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
	for (size_t i = 0; i < s->open_count; i++)
		close(s->open[i]);
	snprintf(wrong, sizeof(wrong), "%s", s->wrong);
	const size_t missing = s->count - s->played;
	free(s);
	if (wrong[0])
		fail_msg("%s", wrong);
	assert_int_equal(missing, 0);
}
