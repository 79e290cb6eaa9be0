#include "expr/helper/programs.h"

#include <errno.h>
#include "expr/helper/message.h"

struct program {
	struct list node;
	uint64_t hash;
	size_t len;
	jq_state *jq;
	char text[];
};

struct complaint {
	struct buf *out;
	const char *program;
};

void programs_init(struct programs *p, size_t max, void (*out_of_memory)(void *arg), void *arg)
{
	*p = (struct programs){.max = max, .out_of_memory = out_of_memory, .arg = arg};
	list_init(&p->used);
}

static void drop(struct programs *p, struct program *program)
{
	list_remove(&program->node);
	p->count--;
	jq_teardown(&program->jq);
	free(program);
}

void programs_release(struct programs *p)
{
	list_each_safe (node, &p->used)
		drop(p, list_entry(node, struct program, node));
}

/* FNV-1a. Whoever made two texts of one hash would gain nothing: they are compared. */
static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static struct program *find(const struct programs *p, uint64_t hash, const char *text, size_t len)
{
	list_each (node, &p->used) {
		struct program *program = list_entry(node, struct program, node);
		if (program->hash == hash && program->len == len && memcmp(program->text, text, len) == 0)
			return program;
	}
	return NULL;
}

/* jq's first word is the best; what follows counts or comes from it. */
static void on_error(void *arg, jv error)
{
	const struct complaint *c = arg;
	jv text = jq_format_error(error);
	if (c->out->len == 0 && jv_get_kind(text) == JV_KIND_STRING)
		message_compile(c->out, jv_string_value(text), c->program);
	jv_free(text);
}

static void ignore(void *arg, jv value)
{
	(void)arg;
	jv_free(value);
}

/* Without these three `import` runs into an assertion of libjq's linker. */
static void set_no_library(jq_state *jq)
{
	jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
	jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/nonexistent"));
	jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string("/nonexistent"));
}

static int compile(const struct programs *p, const char *text, struct buf *message, jq_state **ret)
{
	struct complaint complaint = {.out = message, .program = text};
	jq_state *jq = jq_init();
	if (!jq)
		return -ENOMEM;
	/* It takes this one over to the process whenever it is used. */
	jq_set_nomem_handler(jq, p->out_of_memory, p->arg);
	set_no_library(jq);
	/* libjq 1.6 leaves it as it finds it in memory. */
	jq_set_input_cb(jq, NULL, NULL);
	jq_set_debug_cb(jq, ignore, NULL);
	jq_set_error_cb(jq, on_error, &complaint);
	if (!jq_compile(jq, text)) {
		jq_teardown(&jq);
		if (message->len == 0)
			buf_str(message, "it does not compile");
		return -EINVAL;
	}
	jq_set_error_cb(jq, ignore, NULL);
	*ret = jq;
	return 0;
}

static int add(struct programs *p, uint64_t hash, const char *text, size_t len, struct buf *message,
	       struct program **ret)
{
	if (memchr(text, '\0', len)) {
		buf_str(message, "a NUL character in the program");
		return -EINVAL;
	}
	struct program *program = calloc(1, sizeof(*program) + len + 1);
	if (!program)
		return -ENOMEM;
	memcpy(program->text, text, len);
	program->len = len;
	program->hash = hash;
	int r = compile(p, program->text, message, &program->jq);
	if (r < 0) {
		free(program);
		return r;
	}
	list_init(&program->node);
	p->count++;
	*ret = program;
	return 0;
}

int programs_get(struct programs *p, const char *text, size_t len, struct buf *message, jq_state **ret)
{
	const uint64_t hash = hash_of(text, len);
	struct program *program = find(p, hash, text, len);
	if (!program) {
		if (p->count >= p->max)
			drop(p, list_entry(p->used.prev, struct program, node));
		int r = add(p, hash, text, len, message, &program);
		if (r < 0)
			return r;
	}
	list_remove(&program->node);
	list_prepend(&p->used, &program->node);
	*ret = program->jq;
	return 0;
}
