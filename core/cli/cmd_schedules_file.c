/* schedule create --file: any number of schedules, in batches of which each is made as a whole or not at all. */
#include <unistd.h>
#include "cli/input.h"
#include "cli/schedules.h"

/* The daemon takes 250 at once, and bodies of 1 MiB unless it is configured otherwise. */
#define BATCH_MAX 250
#define BATCH_BYTES ((size_t)512 * 1024)

struct batches {
	struct cli *c;
	const char *path;
	const struct json *next;
	struct buf body;
	size_t count, done, total; /* in this batch; made; of the file */
	bool told;                 /* progress was shown */
};

/* ---- The file -------------------------------------------------------------------------------------------------- */

static int read_file(const char *path, struct json **ret)
{
	struct json_error error;
	struct buf text;
	int r = -1;
	buf_init(&text, INPUT_MAX);
	if (input_read(path, &text)) {
		r = json_parse(text.data, text.len, ret, &error);
		if (r < 0)
			cli_error("%s is not JSON: %s (byte %zu)", path, error.message, error.offset);
	}
	buf_release(&text);
	return r == 0 ? CLI_OK : CLI_FAILED;
}

/* A list, {"schedules": […]}, or one of them. */
static const struct json *first_of(const struct json *file, size_t *ret_count)
{
	const struct json *list = json_is_array(file) ? file : json_get(file, "schedules");
	*ret_count = list ? json_count(list) : 1;
	return list ? json_first(list) : file;
}

/* Those that name no workflow are for the one on the command line. */
static bool write_item(struct batches *b, const struct json *item, struct buf *out)
{
	struct buf text;
	if (!json_is_object(item)) {
		cli_error("%s: schedule %zu is no object", b->path, b->done + b->count);
		return false;
	}
	if (json_get(item, "workflow") || b->c->arg_count == 0)
		return json_print(item, out) == 0;
	buf_init(&text, INPUT_MAX);
	jsonw_open(&text, '{');
	jsonw_key(&text, "workflow");
	jsonw_str(&text, b->c->args[0]);
	for (const struct json *m = json_first(item); m; m = json_next(m)) {
		jsonw_key(&text, json_key(m));
		json_print(m, &text);
	}
	jsonw_close(&text, '}');
	buf_append(out, text.data, text.len);
	buf_release(&text);
	return true;
}

/* Fills the body with as many as go into one request. */
static bool write_batch(struct batches *b)
{
	struct buf item;
	bool well = true;
	b->count = 0;
	buf_clear(&b->body);
	jsonw_open(&b->body, '[');
	while (well && b->next && b->count < BATCH_MAX) {
		buf_init(&item, INPUT_MAX);
		well = write_item(b, b->next, &item);
		const bool fits = b->count == 0 || b->body.len + item.len < BATCH_BYTES;
		if (well && fits) {
			jsonw_raw(&b->body, item.data, item.len);
			b->next = json_next(b->next);
			b->count++;
		}
		buf_release(&item);
		if (!fits)
			break;
	}
	jsonw_close(&b->body, ']');
	return well;
}

/* ---- Telling --------------------------------------------------------------------------------------------------- */

static void tell_progress(struct batches *b)
{
	if (b->total <= BATCH_MAX || !isatty(STDERR_FILENO))
		return;
	b->told = true;
	fprintf(stderr, "\r%zu of %zu", b->done, b->total);
	if (b->done == b->total)
		fputc('\n', stderr);
	fflush(stderr);
}

static void print_batch(const struct batches *b, const struct json *made)
{
	bool first = b->done == 0;
	for (const struct json *s = json_first(json_get(made, "schedules")); s; s = json_next(s)) {
		const char *id = json_get_str(s, "id");
		struct buf text;
		if (!b->c->json) {
			puts(id ? id : "");
			continue;
		}
		buf_init(&text, INPUT_MAX);
		json_print(s, &text);
		printf("%s%s", first ? "" : ",", buf_cstr(&text));
		first = false;
		buf_release(&text);
	}
}

static void tell_failure(const struct batches *b, int code)
{
	if (b->told && b->done < b->total)
		fputc('\n', stderr);
	if (code == CLI_UNKNOWN)
		cli_error("%s: %zu of %zu were made; whether schedules %zu to %zu were is not known, behind them there "
			  "is none",
			  b->path, b->done, b->total, b->done + 1, b->done + b->count);
	else if (b->done > 0 || b->total > b->count)
		cli_error("%s: %zu of %zu were made; from schedule %zu on there is none", b->path, b->done, b->total,
			  b->done + 1);
}

static int send_batch(struct batches *b)
{
	struct answer answer;
	struct buf path;
	if (!write_batch(b))
		return CLI_FAILED;
	schedules_path(&path, NULL, NULL);
	const int code = schedules_call(b->c, "POST", &path, &b->body, &answer);
	if (code != CLI_OK)
		return code;
	print_batch(b, answer.json);
	b->done += b->count;
	answer_release(&answer);
	tell_progress(b);
	return CLI_OK;
}

int schedules_create_file(struct cli *c, const char *path)
{
	struct batches b = {.c = c, .path = path};
	struct json *file;
	int code = read_file(path, &file);
	if (code != CLI_OK)
		return code;
	b.next = first_of(file, &b.total);
	buf_init(&b.body, INPUT_MAX);
	if (c->json)
		fputs("{\"schedules\":[", stdout);
	while (b.next && code == CLI_OK)
		code = send_batch(&b);
	if (c->json)
		puts("]}");
	if (code != CLI_OK)
		tell_failure(&b, code);
	buf_release(&b.body);
	json_free(file);
	return code;
}
