/* The chunked transfer coding (RFC 9112 section 7.1), read strictly: line ends are CRLF, nothing but an extension
 * stands behind a size, trailers look like header fields. http-parser is not used for it: as Debian builds the library
 * (HTTP_PARSER_STRICT=0) it takes any two bytes for the line end behind a chunk's data and a bare LF inside an
 * extension, which another server in front may read differently. */
#ifndef GATEWAY_CHUNK_H
#define GATEWAY_CHUNK_H

#include <stddef.h>
#include <stdint.h>

struct chunk_decoder {
	int state;
	uint64_t left;  /* of the current chunk's data */
	size_t line;    /* bytes of the size line */
	size_t trailer; /* bytes of all trailers */
	size_t trailer_max;
};

void chunk_init(struct chunk_decoder *d, size_t trailer_max);
/* Reads up to the next piece of data. Returns 1 when the body is complete, 0 when there may be more; *ret_used bytes
 * were taken, *ret_data_len of them (maybe none) are data at *ret_data. -EBADMSG: not chunked; -E2BIG: trailers too
 * long. */
int chunk_read(struct chunk_decoder *d, const char *bytes, size_t len, size_t *ret_used, const char **ret_data,
	       size_t *ret_data_len);
/* How much of the current chunk's data has not come yet; 0 until its size is known. */
uint64_t chunk_missing(const struct chunk_decoder *d);

#endif
