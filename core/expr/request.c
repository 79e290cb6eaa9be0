#include "expr/internal.h"

#include <errno.h>

static int encode(struct buf *b, const struct expr_program *programs, size_t program_count,
		  const struct expr_input *inputs, size_t input_count)
{
	const size_t begin = frame_begin(b, FRAME_RUN);
	frame_number(b, 0);
	frame_number(b, (uint32_t)input_count);
	for (size_t i = 0; i < input_count; i++)
		frame_text(b, inputs[i].json, inputs[i].len);
	frame_number(b, (uint32_t)program_count);
	for (size_t i = 0; i < program_count; i++) {
		if (programs[i].input >= input_count)
			return -EINVAL;
		frame_number(b, (uint32_t)programs[i].input);
		frame_text(b, programs[i].text, strlen(programs[i].text));
	}
	frame_end(b, begin);
	return buf_error(b) == -ENOBUFS ? -E2BIG : buf_error(b);
}

int request_make(const struct expr_program *programs, size_t program_count, const struct expr_input *inputs,
		 size_t input_count, struct request **ret)
{
	if (program_count == 0)
		return -EINVAL;
	if (program_count > FRAME_PROGRAMS_MAX || input_count > FRAME_INPUTS_MAX)
		return -E2BIG;
	struct request *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	list_init(&r->node);
	buf_init(&r->frame, FRAME_REQUEST_MAX + sizeof(uint32_t));
	int error = encode(&r->frame, programs, program_count, inputs, input_count);
	if (error == 0) {
		r->count = program_count;
		r->results = calloc(program_count, sizeof(*r->results));
		error = r->results ? 0 : -ENOMEM;
	}
	if (error < 0) {
		expr_request_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

/* An owned text of a result. */
static void free_text(const char *text)
{
	free((void *)(uintptr_t)text);
}

void expr_request_free(struct request *r)
{
	if (!r)
		return;
	for (size_t i = 0; r->results && i < r->answered; i++) {
		/* An error's is "" and not owned. */
		if (r->results[i].status == 0)
			free_text(r->results[i].json);
		free_text(r->results[i].message);
	}
	free(r->results);
	buf_release(&r->frame);
	free(r);
}

void request_set_id(struct request *r, uint32_t id)
{
	r->id = id;
	/* Behind the frame's length and kind. */
	memcpy(r->frame.data + 2 * sizeof(uint32_t), &id, sizeof(id));
}

void request_answer(struct request *r, int status, const char *text, size_t len)
{
	struct expr_result *result = &r->results[r->answered++];
	*result = (struct expr_result){.status = status, .json = ""};
	if (status == -ENODATA)
		return;
	char *copy = malloc(len + 1);
	if (!copy) {
		result->status = -ENOMEM;
		return;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (status < 0) {
		result->message = copy;
	} else {
		result->json = copy;
		result->len = len;
	}
}

void request_fail(struct request *r, int status, const char *message)
{
	while (r->answered < r->count)
		request_answer(r, status, message, strlen(message));
}
