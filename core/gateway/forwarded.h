/* Who is at the other end of a proxy: the addresses and the scheme that Forwarded (RFC 7239) or X-Forwarded-For and
 * X-Forwarded-Proto tell. They are believed from peers that the configuration names, and from nobody else: each proxy adds
 * what it sees, at the end, so the last address that is no trusted proxy's own is the client's. What a client writes there
 * itself stands before that and is never reached. */
#ifndef GATEWAY_FORWARDED_H
#define GATEWAY_FORWARDED_H

struct http_request;
struct peer;

/* After the head is read: sets what http_remote, http_scheme and http_is_loopback say. Where the fields are malformed, up
 * to the address that counts, the proxy's own stays. */
void forwarded_apply(struct http_request *r, const struct peer *peer);

#endif
