/* The program `tappet-jq`: runs jq programs for Tappet, which starts it with the socket between them as standard input.
 *
 *   tappet-jq MEMORY_MAX OUTPUT_MAX PROGRAMS_MAX PARENT
 *
 * It trusts neither programs nor inputs, and Tappet does not trust it: it has no files, no environment and little memory, and
 * is killed when it takes too long. Whatever kills it costs the one program that did. */
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "expr/frame.h"
#include "expr/helper/confine.h"
#include "expr/helper/evaluate.h"
#include "expr/helper/programs.h"

struct helper {
	struct frame_reader reader;
	struct programs programs;
	struct buf out, text;
	size_t output_max;
	/* What it is at. */
	uint32_t id, index;
	jv inputs[FRAME_INPUTS_MAX];
	uint32_t input_count;
};

/* All of it, or the end: without the other side there is nothing to do. */
static void write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDIN_FILENO, bytes, len);
		if (n < 0 && errno != EINTR)
			_exit(0);
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void flush(struct helper *h)
{
	if (buf_error(&h->out) < 0)
		_exit(1);
	write_all(h->out.data, h->out.len);
	buf_clear(&h->out);
}

/* Here for out_of_memory: libjq 1.6 does not keep what that is to be called with. */
static struct helper the_helper;

/* libjq found no memory and would abort now. There is none for a frame either. */
static void out_of_memory(void *arg)
{
	const struct helper *h = &the_helper;
	struct {
		uint32_t len, kind, id, index, status, text_len;
	} frame = {.len = 5 * sizeof(uint32_t), .kind = FRAME_RESULT, .id = h->id, .index = h->index, .status = ENOMEM};
	write_all((const char *)&frame, sizeof(frame));
	(void)arg;
	_exit(0);
}

static void answer(struct helper *h, int status, const struct buf *text)
{
	const size_t begin = frame_begin(&h->out, FRAME_RESULT);
	frame_number(&h->out, h->id);
	frame_number(&h->out, h->index);
	frame_number(&h->out, (uint32_t)-status);
	frame_text(&h->out, buf_cstr(text), text->len);
	frame_end(&h->out, begin);
}

static void run_program(struct helper *h, bool check, uint32_t input, const char *text, size_t len)
{
	jq_state *jq;
	buf_clear(&h->text);
	int r = programs_get(&h->programs, text, len, &h->text, &jq);
	if (r == 0 && !check)
		r = evaluate(jq, jv_copy(h->inputs[input]), h->output_max, &h->text);
	answer(h, r, &h->text);
}

/* A malformed frame: the other side is not what it should be. */
static void demand(bool condition)
{
	if (!condition)
		_exit(1);
}

static void take_inputs(struct helper *h, struct frame *f)
{
	const uint32_t count = frame_take_number(f);
	demand(count <= FRAME_INPUTS_MAX);
	for (h->input_count = 0; h->input_count < count; h->input_count++) {
		size_t len;
		const char *json = frame_take_text(f, &len);
		demand(!f->bad);
		h->inputs[h->input_count] = evaluate_parse(json, len);
	}
}

static void take_request(struct helper *h, struct frame *f)
{
	const uint32_t kind = frame_take_number(f);
	demand(kind == FRAME_RUN || kind == FRAME_CHECK);
	h->id = frame_take_number(f);
	h->index = 0;
	const size_t begin = frame_begin(&h->out, FRAME_BEGIN);
	frame_number(&h->out, h->id);
	frame_end(&h->out, begin);
	flush(h);
	take_inputs(h, f);
	for (uint32_t left = frame_take_number(f); left > 0; left--, h->index++) {
		size_t len;
		const uint32_t input = frame_take_number(f);
		const char *text = frame_take_text(f, &len);
		demand(!f->bad && (kind == FRAME_CHECK || input < h->input_count));
		/* Answers before the next program: it may be the last one. */
		if (h->index > 0)
			flush(h);
		run_program(h, kind == FRAME_CHECK, input, text, len);
	}
	demand(frame_is_done(f));
	for (uint32_t i = 0; i < h->input_count; i++)
		jv_free(h->inputs[i]);
}

/* false: the other side has gone. */
static bool read_more(struct helper *h)
{
	char *room;
	size_t len;
	demand(frame_reader_room(&h->reader, &room, &len) == 0);
	ssize_t n = read(STDIN_FILENO, room, len);
	if (n < 0)
		return errno == EINTR;
	frame_reader_added(&h->reader, (size_t)n);
	return n > 0;
}

static int serve(struct helper *h)
{
	const size_t begin = frame_begin(&h->out, FRAME_HELLO);
	frame_number(&h->out, FRAME_VERSION);
	frame_end(&h->out, begin);
	do {
		struct frame f;
		int r;
		while ((r = frame_reader_next(&h->reader, &f)) > 0)
			take_request(h, &f);
		demand(r == 0);
		/* The last answer of a request goes with the begin of the next one, when that is here already. */
		flush(h);
	} while (read_more(h));
	return 0;
}

static bool read_number(const char *text, unsigned long long *ret)
{
	char *end;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

int main(int argc, char **argv)
{
	struct helper *h = &the_helper;
	unsigned long long memory, output, programs, parent;
	if (argc != 5 || !read_number(argv[1], &memory) || !read_number(argv[2], &output) ||
	    !read_number(argv[3], &programs) || programs == 0 || !read_number(argv[4], &parent)) {
		(void)fputs("tappet-jq runs jq programs for tappet, which starts it.\n", stderr);
		return 2;
	}
	int r = confine((size_t)memory, (pid_t)parent);
	if (r < 0)
		return -r;
	h->output_max = (size_t)output;
	frame_reader_init(&h->reader, FRAME_REQUEST_MAX);
	programs_init(&h->programs, (size_t)programs, out_of_memory, NULL);
	buf_init(&h->out, 2 * (h->output_max + FRAME_RESULT_HEAD) + 4096);
	buf_init(&h->text, h->output_max + 4096);
	jv_nomem_handler(out_of_memory, NULL);
	return serve(h);
}
