#include "expr/programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/workflow.h"

void programs_init(struct programs *p, const struct map *known)
{
	*p = (struct programs){.known = known};
	map_init(&p->by_digest);
}

void programs_release(struct programs *p)
{
	expr_check_release(p->items, p->count);
	for (size_t i = 0; i < p->count; i++)
		free((char *)(uintptr_t)p->items[i].program);
	free(p->items);
	free(p->digests);
	free(p->places);
	map_release(&p->by_digest);
}

static void digest_of(const char *program, uint8_t ret[static DIGEST_SIZE])
{
	digest_sha256(program, strlen(program), ret);
}

static int grow(void **list, size_t *cap, size_t count, size_t size)
{
	size_t wanted = *cap ? 2 * *cap : 16;
	void *more;

	if (count < *cap)
		return 0;
	more = reallocarray(*list, wanted, size);
	if (!more)
		return -ENOMEM;
	*list = more;
	*cap = wanted;
	return 0;
}

static int grow_items(struct programs *p)
{
	size_t cap = p->cap;
	void *items = p->items, *digests = p->digests;
	int r = grow(&items, &cap, p->count, sizeof(*p->items));

	p->items = items;
	if (r < 0)
		return r;
	cap = p->cap;
	r = grow(&digests, &cap, p->count, sizeof(*p->digests));
	p->digests = digests;
	if (r == 0)
		p->cap = cap;
	return r;
}

/* The map's values are places in the list, counted from 1. */
static int add_item(struct programs *p, const char *program, const uint8_t *digest, size_t *ret)
{
	uintptr_t at = (uintptr_t)map_get(&p->by_digest, digest, DIGEST_SIZE);
	char *copy;

	if (at > 0) {
		*ret = at - 1;
		return 0;
	}
	if (grow_items(p) < 0)
		return -ENOMEM;
	copy = strdup(program);
	if (!copy || map_put(&p->by_digest, digest, DIGEST_SIZE, (void *)(uintptr_t)(p->count + 1), NULL) < 0) {
		free(copy);
		return -ENOMEM;
	}
	p->items[p->count] = (struct expr_check_item){.program = copy};
	memcpy(p->digests[p->count], digest, DIGEST_SIZE);
	*ret = p->count++;
	return 0;
}

static int add_place(struct programs *p, const struct program_place *place)
{
	void *places = p->places;
	int r = grow(&places, &p->place_cap, p->place_count, sizeof(*p->places));

	p->places = places;
	if (r == 0)
		p->places[p->place_count++] = *place;
	return r;
}

struct adding {
	struct programs *list;
	struct program_place place;
};

static void add_one(void *arg, const struct json *program)
{
	struct adding *a = arg;
	struct programs *p = a->list;
	uint8_t digest[DIGEST_SIZE];
	int r;

	digest_of(json_str(program), digest);
	if (p->known && map_get(p->known, digest, sizeof(digest)))
		return;
	a->place.at = program;
	r = add_item(p, json_str(program), digest, &a->place.item);
	if (r == 0)
		r = add_place(p, &a->place);
	if (r < 0)
		p->error = r;
}

void programs_add(struct programs *p, const struct json_file *file, const struct json *root, size_t owner)
{
	struct adding a = {.list = p, .place = {.file = file, .owner = owner}};

	workflow_each_program(root, add_one, &a);
}

int programs_check(struct programs *p, const char *helper)
{
	if (p->error < 0 || p->count == 0)
		return p->error;
	return expr_check(helper, p->items, p->count, 0);
}

void programs_each_bad(const struct programs *p,
		       void (*bad)(void *arg, const struct program_place *place, const char *message), void *arg)
{
	for (size_t i = 0; i < p->place_count; i++) {
		const struct expr_check_item *item = &p->items[p->places[i].item];

		if (item->status < 0)
			bad(arg, &p->places[i], item->message ? item->message : "it cannot be compiled");
	}
}

void program_mistake(const struct program_place *place, const char *message, struct diag *d)
{
	const char *key = json_key(place->at);

	json_file_mistake(place->file, d, place->at, false, "\"%.80s\": not a jq program: %s", key ? key : "jq",
			  message);
}
