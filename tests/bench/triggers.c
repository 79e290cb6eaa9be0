/* 100,000 triggers on one plugin: how long the host takes to add them, how much memory it takes for each, and how long it takes to
 * remove one. Prints JSON. Usage: triggers PLUGIN.so */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "host/host.h"

#define WORKFLOWS 1000
#define TRIGGERS 100 /* of each */

static size_t allocated(void)
{
	const struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static struct workflow *make(size_t triggers)
{
	struct workflow *w = NULL;
	struct json_file *file = NULL;
	struct diag d;
	struct buf text;
	diag_init(&d);
	buf_init(&text, (size_t)1 << 20);
	buf_str(&text, "{\"triggers\": [");
	for (size_t i = 0; i < triggers; i++)
		buf_printf(&text, "%s{\"id\": \"t%zu\", \"plugin\": \"many\"}", i ? "," : "", i);
	buf_str(&text, "], \"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]}");
	if (json_file_parse("many", buf_cstr(&text), text.len, &d, &file) < 0 ||
	    workflow_parse(file, "many", NULL, &d, &w) < 0) {
		fprintf(stderr, "%s\n", d.count ? d.items[0].message : "out of memory");
		exit(1);
	}
	json_file_free(file);
	buf_release(&text);
	diag_release(&d);
	return w;
}

static void sync_one(struct host *h, size_t number, struct workflow *w)
{
	struct catalog_entry entry = {.revision = 1, .slug = w->slug, .enabled = true, .workflow = w};
	snprintf(entry.id, sizeof(entry.id), "%024zx", number);
	host_sync(h, &entry);
}

static void settled(void *arg)
{
	*(bool *)arg = true;
}

static void settle(struct host *h, uv_loop_t *loop)
{
	bool done = false;
	struct host_settle settle = {.done = settled, .arg = &done};
	host_settle(h, &settle);
	while (!done)
		uv_run(loop, UV_RUN_ONCE);
}

int main(int argc, char **argv)
{
	static struct workflow *all[WORKFLOWS];
	uv_loop_t loop;
	struct host *host;
	struct diag d;
	struct post *post;
	uv_loop_init(&loop);
	diag_init(&d);
	const struct plugin_config config = {.name = (char *)(uintptr_t) "many", .load = argc > 1 ? argv[1] : NULL};
	if (argc != 2 || post_open(&loop, &post) < 0)
		return 2;
	const struct host_options options = {.loop = &loop, .post = post};
	if (host_open(&options, &host) < 0 || host_load(host, &config, NULL, &d) < 0 || host_create(host, &d) < 0 ||
	    host_start(host, &d) < 0) {
		fprintf(stderr, "%s\n", d.count ? d.items[0].message : "the host cannot be opened");
		return 1;
	}
	for (size_t i = 0; i < WORKFLOWS; i++)
		all[i] = make(TRIGGERS);
	struct workflow *fewer = make(TRIGGERS - 1);
	const size_t before = allocated();
	const int64_t begin = clock_mono_ns();
	for (size_t i = 0; i < WORKFLOWS; i++)
		sync_one(host, i, all[i]);
	settle(host, &loop);
	const int64_t added = clock_mono_ns();
	const size_t bytes = allocated() - before;
	sync_one(host, WORKFLOWS / 2, fewer);
	settle(host, &loop);
	const int64_t removed = clock_mono_ns();
	printf("{\"triggers\": %d, \"add_s\": %.3f, \"bytes_each\": %zu, \"remove_ms\": %.3f}\n", WORKFLOWS * TRIGGERS,
	       (double)(added - begin) / 1e9, bytes / (WORKFLOWS * TRIGGERS), (double)(removed - added) / 1e6);
	return 0;
}
