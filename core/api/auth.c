/* Who may use the API. The control socket is guarded by its file mode. Over TCP there is the admin token, and a page in
 * a browser must not get to a loopback listener by a name that it made point there (DNS rebinding), nor from another
 * origin. */
#include "api/internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include "model/surface.h"

#define HOST_MAX 254

void api_set_admin_token(struct api *a, const char *token)
{
	a->has_admin = token && token[0] != '\0';
	if (a->has_admin)
		digest_sha256(token, strlen(token), a->admin_hash);
}

/* The name in "name", "name:port", "[v6]" or "[v6]:port", without brackets; false when it is none of these. */
static bool host_name(const char *authority, char ret[static HOST_MAX])
{
	const bool bracket = authority[0] == '[';
	const char *begin = authority + bracket;
	size_t len = strcspn(begin, bracket ? "]" : ":/?#");
	if (len == 0 || len >= HOST_MAX || (bracket && (begin[len] != ']' || !strchr(":/?#", begin[len + 1]))))
		return false;
	memcpy(ret, begin, len);
	ret[len] = '\0';
	return true;
}

static const char *behind_scheme(const char *url)
{
	const char *mark = strstr(url, "://");
	return mark ? mark + 3 : NULL;
}

int api_set_public_url(struct api *a, const char *url)
{
	char host[HOST_MAX];
	if (!url)
		return 0;
	const char *authority = behind_scheme(url);
	if (!authority || !host_name(authority, host))
		return -EINVAL;
	a->public_host = strdup(host);
	return a->public_host ? 0 : -ENOMEM;
}

static bool is_address(const char *name)
{
	struct in6_addr room;
	return inet_pton(AF_INET, name, &room) == 1 || inet_pton(AF_INET6, name, &room) == 1;
}

static bool host_allowed(const struct api *a, const char *host)
{
	char name[HOST_MAX];
	if (!host || !host_name(host, name))
		return false;
	return strcasecmp(name, "localhost") == 0 || is_address(name) ||
	       (a->public_host && strcasecmp(name, a->public_host) == 0);
}

static bool origin_allowed(const struct api *a, const char *origin, const char *host)
{
	char name[HOST_MAX];
	const char *authority = behind_scheme(origin);
	if (!authority)
		return false;
	if (host && strcasecmp(authority, host) == 0)
		return true;
	return a->public_host && host_name(authority, name) && strcasecmp(name, a->public_host) == 0;
}

static bool check_host(struct api *a, struct http_request *r)
{
	const char *host = http_header(r, "Host"), *origin = http_header(r, "Origin");
	/* On a UNIX socket the Host is whatever the proxy in front passes on. By TCP the peer alone counts: a page that has
	 * made its name point here can also write the headers of a proxy. */
	if (http_peer(r) == HTTP_PEER_LOOPBACK && !host_allowed(a, host)) {
		metric_add(a->unauthorized, 1);
		http_problem(r, 403, "host-not-allowed",
			     "the Host must be localhost, an address, or the host of publicUrl", 0);
		return false;
	}
	if (origin && !origin_allowed(a, origin, host)) {
		metric_add(a->unauthorized, 1);
		http_problem(r, 403, "origin-not-allowed", "requests from another origin are not taken", 0);
		return false;
	}
	return true;
}

/* By their hashes: neither the time nor the length of the comparison tells anything about the token. */
static bool token_matches(const struct api *a, const char *authorization)
{
	uint8_t hash[DIGEST_SIZE];
	if (!a->has_admin || !authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
		return false;
	const char *token = authorization + 7;
	token += strspn(token, " ");
	size_t len = strlen(token);
	while (len > 0 && token[len - 1] == ' ')
		len--;
	digest_sha256(token, len, hash);
	return digest_equal(hash, a->admin_hash, DIGEST_SIZE);
}

static void ask_for_token(struct http_request *r)
{
	static const char challenge[] = "Bearer realm=\"tappet\"";
	static const char type[] = "application/problem+json";
	static const char body[] = "{\"type\":\"tappet:unauthorized\",\"title\":\"Unauthorized\",\"status\":401,"
				   "\"detail\":\"the admin token is needed: Authorization: Bearer TOKEN\"}";
	const struct http_header_field headers[] = {
		{"Content-Type", type, sizeof(type) - 1},
		{"WWW-Authenticate", challenge, sizeof(challenge) - 1},
	};
	http_respond(r, 401, headers, 2, body, sizeof(body) - 1);
}

bool api_authorize(struct api *a, struct http_request *r, unsigned surfaces)
{
	if (surfaces == SURFACE_HEALTH || http_is_control(r))
		return true;
	if (!check_host(a, r))
		return false;
	if (surfaces != SURFACE_API || token_matches(a, http_header(r, "Authorization")))
		return true;
	metric_add(a->unauthorized, 1);
	ask_for_token(r);
	return false;
}

bool api_admits(struct api *a, struct http_request *r)
{
	return api_authorize(a, r, SURFACE_API);
}
