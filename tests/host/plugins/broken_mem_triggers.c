/* Keeps something of each trigger until its end. */
#include "broken.h"

struct node {
	struct node *next;
	char bytes[100];
};

static void add(struct state *s, tappet_trigger *handle)
{
	struct node *node = calloc(1, sizeof(*node));
	(void)handle;
	if (!node)
		abort();
	node->next = s->kept;
	s->kept = node;
}

static void end(struct state *s)
{
	for (struct node *node = s->kept, *next; node; node = next) {
		next = node->next;
		free(node);
	}
}

static const struct hooks hooks = {.add = add, .destroy = end};
