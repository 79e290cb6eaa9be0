#include "cli/stream.h"

#include <curl/curl.h>
#include "cli/client.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define POLL_MS 1000

struct stream {
	const struct stream_reader *reader;
	size_t index;
	CURL *curl;
	struct buf line;
};

static long status_of(CURL *curl)
{
	long status = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
	struct stream *s = arg;
	const size_t len = size * count;
	const char *at = bytes, *end;
	if (status_of(s->curl) != 200)
		return len;
	while ((end = memchr(at, '\n', (size_t)(bytes + len - at)))) {
		buf_append(&s->line, at, (size_t)(end - at));
		if (buf_error(&s->line) < 0)
			return 0;
		if (s->line.len > 0)
			s->reader->line(s->reader->arg, s->index, buf_cstr(&s->line), s->line.len);
		buf_clear(&s->line);
		at = end + 1;
	}
	buf_append(&s->line, at, (size_t)(bytes + len - at));
	return buf_error(&s->line) < 0 ? 0 : len;
}

/* What became of one that has ended: an end in order, a cut and a daemon that is away are one to who tries again. */
static int result_of(const struct CURLMsg *message)
{
	const long status = status_of(message->easy_handle);
	if (status == 0)
		return CLI_UNREACHABLE;
	return status == 200 ? CLI_OK : CLI_REFUSED;
}

static int read_all(CURLM *multi, const struct stream_reader *reader)
{
	int running = 0, left;
	for (;;) {
		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return CLI_UNREACHABLE;
		if (!reader->between(reader->arg))
			return CLI_OK;
		const struct CURLMsg *message = curl_multi_info_read(multi, &left);
		if (message)
			return result_of(message);
		if (curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
			return CLI_UNREACHABLE;
	}
}

static int open_streams(struct cli *c, CURLM *multi, const struct stream_reader *reader, struct stream *streams)
{
	for (size_t i = 0; i < reader->count; i++) {
		struct stream *s = &streams[i];
		void *curl;
		s->reader = reader;
		s->index = i;
		buf_init(&s->line, LINE_MAX_BYTES);
		int code = client_dup(c, reader->paths[i], take, s, &curl);
		if (code != CLI_OK)
			return code;
		s->curl = curl;
		curl_multi_add_handle(multi, curl);
	}
	return CLI_OK;
}

int stream_read(struct cli *c, const struct stream_reader *reader)
{
	struct stream streams[STREAMS_MAX] = {0};
	CURLM *multi = curl_multi_init();
	if (!multi) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	int code = open_streams(c, multi, reader, streams);
	if (code == CLI_OK)
		code = read_all(multi, reader);
	for (size_t i = 0; i < STREAMS_MAX && streams[i].curl; i++) {
		curl_multi_remove_handle(multi, streams[i].curl);
		curl_easy_cleanup(streams[i].curl);
		buf_release(&streams[i].line);
	}
	curl_multi_cleanup(multi);
	return code;
}
