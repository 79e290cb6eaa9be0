#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include "version.h"

#define ANSWER_MAX ((size_t)64 * 1024 * 1024)
#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_TIMEOUT_MS 60000L

struct client {
	CURL *curl;
	struct curl_slist *headers;
	char *url;
	char *socket; /* or NULL */
	char error[CURL_ERROR_SIZE];
};

void client_free(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->headers);
	free(client->url);
	free(client->socket);
	free(client);
	curl_global_cleanup();
}

void answer_release(struct answer *a)
{
	buf_release(&a->body);
	json_free(a->json);
	a->json = NULL;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct buf *body = arg;
	return buf_append(body, bytes, size * count) < 0 ? 0 : size * count;
}

static int add_header(struct client *client, const char *text)
{
	struct curl_slist *list = curl_slist_append(client->headers, text);
	if (!list)
		return -ENOMEM;
	client->headers = list;
	return 0;
}

static int add_headers(struct client *client)
{
	const char *token = client->socket ? NULL : getenv("TAPPET_TOKEN");
	struct buf line;
	/* "Expect:" keeps curl from waiting for a 100 before larger bodies. */
	int r = add_header(client, "Content-Type: application/json");
	if (r == 0)
		r = add_header(client, "Expect:");
	if (r < 0 || !token)
		return r;
	buf_init(&line, 4096);
	buf_printf(&line, "Authorization: Bearer %s", token);
	r = buf_error(&line) < 0 ? buf_error(&line) : add_header(client, buf_cstr(&line));
	buf_release(&line);
	return r;
}

static void set_up(struct client *client)
{
	CURL *curl = client->curl;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "tappet/" TAPPET_VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	if (client->socket) {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
	}
}

static int open_client(struct cli *c)
{
	char *url, *socket;
	if (c->client)
		return CLI_OK;
	int code = find_daemon(c, &url, &socket);
	if (code != CLI_OK)
		return code;
	struct client *client = calloc(1, sizeof(*client));
	if (!client) {
		free(url);
		free(socket);
		cli_error("out of memory");
		return CLI_FAILED;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->url = url;
	client->socket = socket;
	client->curl = curl_easy_init();
	c->client = client;
	if (!client->curl || add_headers(client) < 0) {
		cli_error("out of memory");
		client_free(client);
		c->client = NULL;
		return CLI_FAILED;
	}
	set_up(client);
	return CLI_OK;
}

static void set_url(CURL *curl, const struct client *client, const char *path)
{
	struct buf url;
	buf_init(&url, 64 * 1024);
	buf_printf(&url, "%s/api/v1%s", client->url, path);
	curl_easy_setopt(curl, CURLOPT_URL, buf_cstr(&url));
	buf_release(&url);
}

int client_dup(struct cli *c, const char *path, size_t (*take)(char *bytes, size_t size, size_t count, void *arg),
	       void *arg, void **ret_curl)
{
	int code = open_client(c);
	if (code != CLI_OK)
		return code;
	CURL *curl = curl_easy_duphandle(c->client->curl);
	if (!curl) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	set_url(curl, c->client, path);
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, arg);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	/* It has no end, but a sign of life every 15 s. */
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 0L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, ANSWER_TIMEOUT_MS / 1000);
	*ret_curl = curl;
	return CLI_OK;
}

/* What one request is besides its method and path. */
struct extra {
	const struct buf *body;
	const char *header; /* one more line, or NULL */
	bool quiet;         /* an unreachable daemon is not told */
	bool may_miss;      /* nor is a 404 */
};

/* Each goes with one request only. */
static struct curl_slist *with_header(const struct client *client, const char *header)
{
	struct curl_slist *all = curl_slist_append(NULL, header);
	for (const struct curl_slist *h = client->headers; h && all; h = h->next)
		all = curl_slist_append(all, h->data);
	return all;
}

static CURLcode perform(struct client *client, const char *method, const char *path, const struct extra *extra,
			struct answer *answer)
{
	CURL *curl = client->curl;
	const struct buf *body = extra->body;
	struct curl_slist *headers = extra->header ? with_header(client, extra->header) : NULL;
	client->error[0] = '\0';
	set_url(curl, client, path);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? body->len : 0));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? buf_cstr(body) : "");
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers ? headers : client->headers);
	CURLcode result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
	curl_slist_free_all(headers);
	return result;
}

static bool never_arrived(CURLcode result)
{
	return result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST ||
	       result == CURLE_COULDNT_RESOLVE_PROXY || result == CURLE_PEER_FAILED_VERIFICATION ||
	       result == CURLE_SSL_CONNECT_ERROR;
}

static void report_unreachable(const struct client *client, CURLcode result)
{
	const char *why = client->error[0] ? client->error : curl_easy_strerror(result);
	if (client->socket && strcmp(client->socket, CLIENT_SYSTEM_SOCKET) == 0)
		cli_error("no daemon answers at unix:%s; name another one by its configuration (-c FILE) or --server",
			  client->socket);
	else if (client->socket && result == CURLE_COULDNT_CONNECT)
		cli_error("no daemon answers at unix:%s; is 'tappet serve' running?", client->socket);
	else if (client->socket)
		cli_error("no daemon answers at unix:%s (%s); is 'tappet serve' running?", client->socket, why);
	else
		cli_error("no daemon answers at %s (%s)", client->url, why);
}

/* A request that changes something and got no answer may have been carried out or not. */
static int report_transport(const struct client *client, const char *method, CURLcode result, bool quiet)
{
	if (!never_arrived(result) && strcmp(method, "GET") != 0) {
		cli_error("the daemon did not answer (%s): it may have been done or not",
			  client->error[0] ? client->error : curl_easy_strerror(result));
		return CLI_UNKNOWN;
	}
	if (!quiet)
		report_unreachable(client, result);
	return CLI_UNREACHABLE;
}

static int exit_of(long status, const char *type)
{
	if (status == 404 || (type && strcmp(type, "tappet:unknown-workflow") == 0))
		return CLI_NOT_FOUND;
	if (type && strcmp(type, "tappet:outcome-unknown") == 0)
		return CLI_UNKNOWN;
	return status >= 500 && status != 503 ? CLI_FAILED : CLI_REFUSED;
}

/* As text, or with the places in the file that was sent. */
static void report_mistake(const struct cli *c, const struct json *mistake)
{
	const char *message = json_get_str(mistake, "message");
	int64_t line = 0, column = 0;
	json_int(json_get(mistake, "line"), &line);
	json_int(json_get(mistake, "column"), &column);
	if (c->subject)
		fprintf(stderr, "%s:", c->subject);
	if (line > 0)
		fprintf(stderr, "%lld:%lld:", (long long)line, (long long)column);
	if (message)
		fprintf(stderr, "%s%s\n", c->subject || line > 0 ? " " : "", message);
	else
		fprintf(stderr, "%s\n", json_str(mistake) ? json_str(mistake) : "");
}

static int report_problem(const struct cli *c, const struct answer *answer)
{
	const char *detail = json_get_str(answer->json, "detail");
	const struct json *mistakes = json_get(answer->json, "mistakes");
	for (const struct json *m = json_first(mistakes); m; m = json_next(m))
		report_mistake(c, m);
	if (detail)
		cli_error("%s", detail);
	else
		cli_error("the daemon answered %ld", answer->status);
	if (answer->status == 401 && !getenv("TAPPET_TOKEN"))
		cli_error("over TCP, put the admin token into TAPPET_TOKEN");
	if (c->json)
		client_print_json(answer);
	return mistakes ? CLI_FAILED : exit_of(answer->status, json_get_str(answer->json, "type"));
}

static int call(struct cli *c, const char *method, const char *path, const struct extra *extra, struct answer *ret)
{
	struct answer answer = {0};
	int code = open_client(c);
	if (code != CLI_OK)
		return code;
	buf_init(&answer.body, ANSWER_MAX);
	CURLcode result = perform(c->client, method, path, extra, &answer);
	if (result != CURLE_OK) {
		code = report_transport(c->client, method, result, extra->quiet);
		answer_release(&answer);
		return code;
	}
	if (answer.body.len > 0)
		json_parse(answer.body.data, answer.body.len, &answer.json, NULL);
	if (answer.status >= 200 && answer.status < 300 && (answer.json || answer.body.len == 0)) {
		*ret = answer;
		return CLI_OK;
	}
	code = extra->may_miss && answer.status == 404 ? CLI_NOT_FOUND : report_problem(c, &answer);
	answer_release(&answer);
	return code;
}

int client_call(struct cli *c, const char *method, const char *path, const struct buf *body, struct answer *ret)
{
	return call(c, method, path, &(struct extra){.body = body}, ret);
}

int client_call_long(struct cli *c, const char *method, const char *path, const struct buf *body, struct answer *ret)
{
	int code = open_client(c);
	if (code != CLI_OK)
		return code;
	curl_easy_setopt(c->client->curl, CURLOPT_TIMEOUT_MS, 0L);
	code = client_call(c, method, path, body, ret);
	curl_easy_setopt(c->client->curl, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
	return code;
}

int client_call_path(struct cli *c, const char *method, struct buf *path, const struct buf *body, struct answer *ret)
{
	int code = CLI_USAGE;
	if (buf_error(path) < 0)
		cli_error("the command line is too long");
	else
		code = client_call(c, method, buf_cstr(path), body, ret);
	buf_release(path);
	return code;
}

int client_try(struct cli *c, const char *method, const char *path, const struct buf *body, struct answer *ret)
{
	return call(c, method, path, &(struct extra){.body = body, .quiet = true}, ret);
}

int client_offer(struct cli *c, const char *path, const char *header, const struct buf *body, struct answer *ret)
{
	return call(c, "POST", path, &(struct extra){.body = body, .header = header, .may_miss = true}, ret);
}

void client_print_json(const struct answer *a)
{
	if (a->body.len == 0)
		return;
	fwrite(a->body.data, 1, a->body.len, stdout);
	if (a->body.data[a->body.len - 1] != '\n')
		putchar('\n');
}

void client_escape(struct buf *path, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_char(path, *text);
		else
			buf_printf(path, "%%%02X", (unsigned)(unsigned char)*text);
	}
}

void client_query(struct buf *path, const char *key, const char *value)
{
	if (!value)
		return;
	buf_char(path, strchr(buf_cstr(path), '?') ? '&' : '?');
	buf_str(path, key);
	buf_char(path, '=');
	client_escape(path, value);
}
