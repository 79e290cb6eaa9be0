#include "engine/mask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 4096 /* bytes of a stream that are taken at once */

/* A prefix of a value. 0 is the root, which no node has for a child, so 0 also stands for none. */
struct mask_node {
	uint32_t child, sibling;
	uint32_t fail;  /* the longest other prefix that this one ends with */
	uint32_t depth; /* its length */
	uint32_t match; /* the length of the longest value that it ends with; 0: none */
	uint8_t byte;
};

void mask_init(struct mask *m)
{
	*m = (struct mask){0};
}

void mask_wipe(struct mask *m)
{
	if (m->nodes)
		explicit_bzero(m->nodes, m->cap * sizeof(*m->nodes));
	free(m->nodes);
	mask_init(m);
}

/* ---- Building ------------------------------------------------------------------------------------------------- */

static uint32_t child_of(const struct mask *m, uint32_t node, uint8_t byte)
{
	uint32_t child;

	if (node == 0)
		return m->first[byte];
	child = m->nodes[node].child;
	while (child && m->nodes[child].byte != byte)
		child = m->nodes[child].sibling;
	return child;
}

/* Not by realloc: it would leave a copy behind that nobody overwrites. */
static int grow(struct mask *m)
{
	uint32_t cap = m->cap ? 2 * m->cap : 256;
	struct mask_node *nodes;

	if (m->count > MASK_BYTES_MAX)
		return -E2BIG;
	nodes = calloc(cap, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	if (m->nodes) {
		memcpy(nodes, m->nodes, m->count * sizeof(*nodes));
		explicit_bzero(m->nodes, m->cap * sizeof(*nodes));
		free(m->nodes);
	}
	m->nodes = nodes;
	m->cap = cap;
	m->count = m->count ? m->count : 1;
	return 0;
}

static int add_child(struct mask *m, uint32_t parent, uint8_t byte, uint32_t *ret)
{
	struct mask_node *node;
	int r = m->count == m->cap ? grow(m) : 0;

	if (r == 0 && m->count > MASK_BYTES_MAX)
		r = -E2BIG;
	if (r < 0)
		return r;
	node = &m->nodes[m->count];
	*node = (struct mask_node){.byte = byte, .depth = m->nodes[parent].depth + 1};
	node->sibling = m->nodes[parent].child;
	m->nodes[parent].child = m->count;
	if (parent == 0)
		m->first[byte] = m->count;
	*ret = m->count++;
	return 0;
}

static int add_value(struct mask *m, const char *value, size_t len)
{
	uint32_t node = 0;

	if (len < MASK_MIN)
		return 0;
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)value[i];
		uint32_t next = m->nodes ? child_of(m, node, byte) : 0;
		int r = next ? 0 : add_child(m, node, byte, &next);

		if (r < 0)
			return r;
		node = next;
	}
	m->nodes[node].match = (uint32_t)len;
	m->longest = m->longest > len ? m->longest : len;
	return 0;
}

int mask_add(struct mask *m, const char *value, size_t len)
{
	size_t at = 0;
	int r = add_value(m, value, len);

	while (r == 0 && at < len) {
		const char *newline = memchr(value + at, '\n', len - at);
		size_t line = newline ? (size_t)(newline - value) - at : len - at, text = line;

		if (text > 0 && value[at + text - 1] == '\r')
			text--;
		r = text < len ? add_value(m, value + at, text) : 0;
		at += line + 1;
	}
	return r;
}

static void link_child(struct mask *m, uint32_t parent, uint32_t child)
{
	struct mask_node *node = &m->nodes[child];
	uint32_t fail = m->nodes[parent].fail, to = 0;

	while (parent != 0 && (to = child_of(m, fail, node->byte)) == 0 && fail != 0)
		fail = m->nodes[fail].fail;
	node->fail = to;
	if (node->match == 0)
		node->match = m->nodes[to].match;
}

/* Breadth first: what a node falls back to is shorter, and linked already. */
int mask_seal(struct mask *m)
{
	uint32_t *queue, head = 0, tail = 0;

	if (mask_empty(m))
		return 0;
	queue = calloc(m->count, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue[tail++] = 0;
	while (head < tail) {
		uint32_t parent = queue[head++];

		for (uint32_t c = m->nodes[parent].child; c; c = m->nodes[c].sibling) {
			link_child(m, parent, c);
			queue[tail++] = c;
		}
	}
	free(queue);
	m->sealed = true;
	return 0;
}

/* ---- A stream ------------------------------------------------------------------------------------------------- */

int mask_stream_open(struct mask_stream *s, const struct mask *m, mask_sink sink, void *arg)
{
	*s = (struct mask_stream){.mask = m, .sink = sink, .arg = arg};
	if (mask_empty(m))
		return 0;
	s->held = malloc(m->longest + ROOM);
	s->edges = calloc(m->longest + ROOM + 1, sizeof(*s->edges));
	if (s->held && s->edges)
		return 0;
	mask_stream_close(s);
	return -ENOMEM;
}

void mask_stream_close(struct mask_stream *s)
{
	if (s->held)
		explicit_bzero(s->held, s->mask->longest + ROOM);
	free(s->held);
	free(s->edges);
	s->held = NULL;
	s->edges = NULL;
	s->count = 0;
}

/* The first `count` bytes are decided: no match to come reaches back to them. */
static void give_out(struct mask_stream *s, size_t count)
{
	size_t plain = 0;

	for (size_t i = 0; i < count; i++) {
		s->open += s->edges[i];
		if (s->open > 0 && !s->masked) {
			if (i > plain)
				s->sink(s->arg, s->held + plain, i - plain);
			s->sink(s->arg, "***", 3);
		}
		s->masked = s->open > 0;
		if (s->masked)
			plain = i + 1;
	}
	if (count > plain)
		s->sink(s->arg, s->held + plain, count - plain);
	s->count -= count;
	memmove(s->held, s->held + count, s->count);
	memmove(s->edges, s->edges + count, (s->count + 1) * sizeof(*s->edges));
	memset(s->edges + s->count + 1, 0, count * sizeof(*s->edges));
}

static void step(struct mask_stream *s, char c)
{
	const struct mask *m = s->mask;
	uint32_t node = s->node, next, match;

	while ((next = child_of(m, node, (uint8_t)c)) == 0 && node != 0)
		node = m->nodes[node].fail;
	s->node = next;
	s->held[s->count++] = c;
	match = m->nodes[next].match;
	if (match) {
		s->edges[s->count - match]++;
		s->edges[s->count]--;
	}
}

void mask_stream_put(struct mask_stream *s, const char *text, size_t len)
{
	if (!s->held) {
		if (len > 0)
			s->sink(s->arg, text, len);
		return;
	}
	while (len > 0) {
		size_t n = len < ROOM ? len : ROOM;

		for (size_t i = 0; i < n; i++)
			step(s, text[i]);
		/* The longest prefix of a value that the stream ends with. */
		give_out(s, s->count - s->mask->nodes[s->node].depth);
		text += n;
		len -= n;
	}
}

void mask_stream_end(struct mask_stream *s)
{
	if (!s->held)
		return;
	give_out(s, s->count);
	s->node = 0;
	s->masked = false;
	/* An edge behind the last byte closes a match that has gone out. */
	s->open = s->edges[0] = 0;
}

static void append(void *arg, const char *text, size_t len)
{
	(void)buf_append(arg, text, len);
}

int mask_text(const struct mask *m, const char *text, size_t len, struct buf *out)
{
	struct mask_stream s;
	int r = mask_stream_open(&s, m, append, out);

	if (r < 0)
		return r;
	mask_stream_put(&s, text, len);
	mask_stream_end(&s);
	mask_stream_close(&s);
	return buf_error(out);
}
