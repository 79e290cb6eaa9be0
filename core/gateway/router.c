#include "gateway/router.h"

#include <errno.h>
#include "base/list.h"
#include "base/map.h"

struct router_node {
	struct router_node *parent;
	struct map literals; /* only set up when literal_count > 0 */
	size_t literal_count;
	struct router_node *one;  /* {name} */
	struct router_node *rest; /* {name...} */
	struct list routes;       /* that end here */
	size_t key_len;
	char key[]; /* of a literal */
};

struct route {
	struct list link;
	struct router *router;
	struct router_node *node; /* NULL: taken away */
	size_t references;
	unsigned surfaces, verbs;
	route_handler handler;
	void *arg;
	bool takes_rest;
	size_t param_count;
	char *params[ROUTE_PARAMS_MAX]; /* point into `pattern` */
	char pattern[];
};

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

static struct router_node *node_new(struct router_node *parent, const char *key, size_t key_len)
{
	struct router_node *node = calloc(1, sizeof(*node) + key_len);
	if (!node)
		return NULL;
	node->parent = parent;
	node->key_len = key_len;
	if (key_len)
		memcpy(node->key, key, key_len);
	list_init(&node->routes);
	return node;
}

static struct router_node *node_literal(struct router_node *node, const char *key, size_t key_len)
{
	struct router_node *child = node->literal_count ? map_get(&node->literals, key, key_len) : NULL;
	if (child)
		return child;
	child = node_new(node, key, key_len);
	if (!child)
		return NULL;
	if (node->literal_count == 0)
		map_init(&node->literals);
	if (map_put(&node->literals, key, key_len, child, NULL) < 0) {
		if (node->literal_count == 0)
			map_release(&node->literals);
		free(child);
		return NULL;
	}
	node->literal_count++;
	return child;
}

static struct router_node *node_child(struct router_node **child, struct router_node *parent)
{
	if (!*child)
		*child = node_new(parent, NULL, 0);
	return *child;
}

static void node_unlink(struct router_node *parent, struct router_node *node)
{
	if (parent->one == node) {
		parent->one = NULL;
	} else if (parent->rest == node) {
		parent->rest = NULL;
	} else {
		map_remove(&parent->literals, node->key, node->key_len);
		if (--parent->literal_count == 0)
			map_release(&parent->literals);
	}
}

static bool node_is_empty(const struct router_node *node)
{
	return list_empty(&node->routes) && node->literal_count == 0 && !node->one && !node->rest;
}

/* Frees the node and those above it that nothing needs any more. */
static void node_prune(struct router *router, struct router_node *node)
{
	while (node && node_is_empty(node)) {
		struct router_node *parent = node->parent;
		if (parent)
			node_unlink(parent, node);
		else
			router->root = NULL;
		free(node);
		node = parent;
	}
}

/* ---- patterns -------------------------------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && !(c >= '0' && c <= '9' && i > 0))
			return false;
	}
	return len > 0;
}

static bool has_brace(const char *text, size_t len)
{
	return memchr(text, '{', len) || memchr(text, '}', len);
}

/* `text` is "{name}" or "{name...}" inside route->pattern. */
static int add_param(struct route *route, char *text, size_t len)
{
	if (len < 3 || text[len - 1] != '}' || route->param_count == ROUTE_PARAMS_MAX)
		return -EINVAL;
	char *name = text + 1;
	size_t name_len = len - 2;
	if (name_len > 3 && memcmp(name + name_len - 3, "...", 3) == 0) {
		route->takes_rest = true;
		name_len -= 3;
	}
	if (!is_name(name, name_len))
		return -EINVAL;
	name[name_len] = '\0';
	for (size_t i = 0; i < route->param_count; i++)
		if (strcmp(route->params[i], name) == 0)
			return -EINVAL;
	route->params[route->param_count++] = name;
	return 0;
}

/* The node below *node for one segment of the pattern. */
static int descend(struct route *route, struct router_node **node, char *text, size_t len)
{
	struct router_node *next;
	if (route->takes_rest)
		return -EINVAL; /* something stands behind {name...} */
	if (len == 0 || text[0] != '{') {
		if (has_brace(text, len))
			return -EINVAL;
		next = node_literal(*node, text, len);
	} else {
		int r = add_param(route, text, len);
		if (r < 0)
			return r;
		next = node_child(route->takes_rest ? &(*node)->rest : &(*node)->one, *node);
	}
	if (!next)
		return -ENOMEM;
	*node = next;
	return 0;
}

/* Makes the nodes of the pattern. *ret_node is the deepest one also on failure, so that it can be pruned. */
static int place(struct route *route, struct router_node *root, struct router_node **ret_node)
{
	*ret_node = root;
	char *text = route->pattern;
	if (*text != '/')
		return -EINVAL;
	for (bool more = true; more;) {
		text++;
		size_t len = strcspn(text, "/");
		more = text[len] == '/';
		int r = descend(route, ret_node, text, len);
		if (r < 0)
			return r;
		text += len;
	}
	return 0;
}

static int parse_methods(const char *methods, unsigned *ret_bits)
{
	unsigned bits = 0;
	for (;;) {
		size_t len = strcspn(methods, ",");
		enum http_verb verb = verb_parse(methods, len);
		if (verb == VERB_NONE)
			return -EINVAL;
		bits |= 1u << verb;
		if (verb == VERB_GET)
			bits |= 1u << VERB_HEAD;
		if (methods[len] == '\0')
			break;
		methods += len + 1;
	}
	*ret_bits = bits;
	return 0;
}

static bool is_taken(struct router_node *node, unsigned surfaces, unsigned verbs)
{
	list_each (at, &node->routes) {
		const struct route *other = list_entry(at, struct route, link);
		if ((other->surfaces & surfaces) && (other->verbs & verbs))
			return true;
	}
	return false;
}

/* ---- routes ---------------------------------------------------------------------------------------------------- */

int router_add(struct router *router, unsigned surfaces, const char *methods, const char *pattern,
	       route_handler handler, void *arg, struct route **ret)
{
	unsigned verbs;
	int r = parse_methods(methods, &verbs);
	if (r < 0)
		return r;
	size_t size = strlen(pattern) + 1;
	struct route *route = calloc(1, sizeof(*route) + size);
	if (!router->root)
		router->root = node_new(NULL, NULL, 0);
	if (!route || !router->root) {
		free(route);
		return -ENOMEM;
	}
	route->router = router;
	route->references = 1;
	route->surfaces = surfaces;
	route->verbs = verbs;
	route->handler = handler;
	route->arg = arg;
	memcpy(route->pattern, pattern, size);
	struct router_node *node;
	r = place(route, router->root, &node);
	if (r == 0 && is_taken(node, surfaces, verbs))
		r = -EEXIST;
	if (r < 0) {
		node_prune(router, node);
		free(route);
		return r;
	}
	route->node = node;
	list_append(&node->routes, &route->link);
	*ret = route;
	return 0;
}

struct route *route_ref(struct route *route)
{
	route->references++;
	return route;
}

void route_unref(struct route *route)
{
	if (route && --route->references == 0)
		free(route);
}

void router_remove(struct route *route)
{
	struct router_node *node = route->node;
	route->node = NULL;
	list_remove(&route->link);
	node_prune(route->router, node);
	route_unref(route);
}

bool route_is_served(const struct route *route)
{
	return route->node != NULL;
}

void route_call(const struct route *route, struct http_request *request)
{
	route->handler(route->arg, request);
}

size_t route_param_count(const struct route *route)
{
	return route->param_count;
}

const char *route_param_name(const struct route *route, size_t index)
{
	return route->params[index];
}

bool route_takes_rest(const struct route *route)
{
	return route->takes_rest;
}

static int first_value(void *arg, const char *key, size_t key_len, void *value)
{
	(void)key;
	(void)key_len;
	*(void **)arg = value;
	return 1;
}

static struct router_node *any_child(struct router_node *node)
{
	void *literal = NULL;
	if (node->one)
		return node->one;
	if (node->rest)
		return node->rest;
	if (node->literal_count)
		map_each(&node->literals, first_value, &literal);
	return literal;
}

void router_release(struct router *router)
{
	/* Removing the last route of a leaf prunes it and what it leaves empty above. */
	while (router->root && !node_is_empty(router->root)) {
		struct router_node *node = router->root;
		while (list_empty(&node->routes))
			node = any_child(node);
		router_remove(list_entry(node->routes.next, struct route, link));
	}
	free(router->root);
	router->root = NULL;
}

/* ---- matching -------------------------------------------------------------------------------------------------- */

struct search {
	unsigned surfaces;
	enum http_verb verb;
	const struct segment *segments;
	size_t count;
	size_t param_count;
	struct router_match *match;
};

static bool search_routes(struct search *s, const struct router_node *node)
{
	for (const struct list *at = node->routes.next; at != &node->routes; at = at->next) {
		struct route *route = list_entry(at, struct route, link);
		if (!(route->surfaces & s->surfaces))
			continue;
		s->match->allow |= route->verbs;
		if (s->verb != VERB_NONE && (route->verbs & 1u << s->verb)) {
			s->match->route = route;
			return true;
		}
	}
	return false;
}

static bool search_below(struct search *s, const struct router_node *node, size_t index);

static bool search_param(struct search *s, const struct router_node *node, size_t index, bool rest)
{
	s->match->starts[s->param_count++] = index;
	if (rest ? search_routes(s, node) : search_below(s, node, index + 1))
		return true;
	s->param_count--;
	return false;
}

/* Visits each node at most once: a node stands at one depth only. */
static bool search_below(struct search *s, const struct router_node *node, size_t index)
{
	if (index == s->count)
		return search_routes(s, node);
	const struct segment *segment = &s->segments[index];
	const struct router_node *literal =
		node->literal_count ? map_get(&node->literals, segment->text, segment->len) : NULL;
	if (literal && search_below(s, literal, index + 1))
		return true;
	if (node->one && segment->len > 0 && search_param(s, node->one, index, false))
		return true;
	return node->rest && search_param(s, node->rest, index, true);
}

void router_match(const struct router *router, unsigned surfaces, enum http_verb verb, const struct segment *segments,
		  size_t count, struct router_match *ret)
{
	*ret = (struct router_match){0};
	struct search s = {.surfaces = surfaces, .verb = verb, .segments = segments, .count = count, .match = ret};
	if (router->root)
		search_below(&s, router->root, 0);
}
