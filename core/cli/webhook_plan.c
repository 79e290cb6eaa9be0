#include "cli/webhook_plan.h"

#include "base/clock.h"
#include "cli/input.h"
#include "webhook/sender.h"

#define ANSWER_TIMEOUT_MS 60000
#define SECRET_MAX ((size_t)64 * 1024)
#define WORD_MAX (5 * SECRET_MAX)

static int out_of_memory(void)
{
	cli_error("out of memory");
	return CLI_FAILED;
}

/* ---- The secret ---- */

/* Takes the word over. */
static int keep_secret(struct plan *p, const char *secret, struct buf *word)
{
	p->secret = strdup(secret);
	p->secret_shown = buf_detach(word, NULL);
	buf_release(word);
	return p->secret && p->secret_shown ? CLI_OK : out_of_memory();
}

static int secret_of_variable(struct plan *p, const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
	struct buf word;
	const char *value = getenv(name);
	if (!name[0] || name[strspn(name, letters)] || strchr("0123456789", name[0])) {
		cli_error("--secret-env expects the name of a variable, not '%s'", name);
		return CLI_USAGE;
	}
	if (!value || !value[0]) {
		cli_error("--secret-env: the variable %s is not set", name);
		return CLI_USAGE;
	}
	buf_init(&word, WORD_MAX);
	buf_printf(&word, "\"$%s\"", name);
	return keep_secret(p, value, &word);
}

static int keep_file(struct plan *p, const char *secret, const char *path)
{
	struct buf word;
	buf_init(&word, WORD_MAX);
	buf_str(&word, "\"$(cat ");
	webhook_quote(&word, path);
	buf_str(&word, ")\"");
	return keep_secret(p, secret, &word);
}

/* Without the line end that editors put behind it, as the daemon reads its files. */
static int secret_of_file(struct plan *p, const char *path)
{
	struct buf text;
	buf_init(&text, SECRET_MAX);
	int code = CLI_FAILED;
	if (input_read(path, &text)) {
		while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
			text.data[--text.len] = '\0';
		code = keep_file(p, buf_cstr(&text), path);
		if (text.len == 0) {
			cli_error("%s: the secret is empty", path);
			code = CLI_USAGE;
		}
		if (text.data)
			explicit_bzero(text.data, text.cap);
	}
	buf_release(&text);
	return code;
}

static int read_secret(const struct cli *c, struct plan *p)
{
	const char *variable = cli_value(c, "secret-env"), *file = cli_value(c, "secret-file");
	const char *key = cli_value(c, "key");
	if (!!variable + !!file + !!key > 1) {
		cli_error("give one of --secret-env, --secret-file and --key");
		return CLI_USAGE;
	}
	if (variable)
		return secret_of_variable(p, variable);
	return file || key ? secret_of_file(p, file ? file : key) : CLI_OK;
}

/* ---- What the daemon says ---- */

static const char *text_of(const struct plan *p, const char *key, const char *otherwise)
{
	const char *text = json_get_str(p->answer.json, key);
	return text ? text : otherwise;
}

static const char *other_preset(const struct cli *c, const struct plan *p)
{
	const char *given = cli_value(c, "preset");
	return given && (!p->preset || strcmp(given, p->preset) != 0) ? given : NULL;
}

/* A request by another sender's rules is a test as well: that it is refused. */
static int check_preset(const struct cli *c, const struct plan *p)
{
	const char *other = other_preset(c, p);
	if (!other)
		return CLI_OK;
	if (p->preset)
		fprintf(stderr, "tappet: the trigger has the preset \"%s\", not \"%s\"\n", p->preset, other);
	else
		fprintf(stderr, "tappet: the trigger has no preset; this is sent as \"%s\" would\n", other);
	if (p->secret)
		return CLI_OK;
	cli_error("the daemon signs as its trigger expects only: for \"%s\" give the secret with --secret-env or "
		  "--secret-file",
		  other);
	return CLI_USAGE;
}

int plan_read(struct cli *c, struct plan *p)
{
	struct buf path;
	webhook_path(c, "sign", &path);
	int code = read_secret(c, p);
	if (code == CLI_OK)
		code = client_call_path(c, "GET", &path, NULL, &p->answer);
	else
		buf_release(&path);
	if (code != CLI_OK)
		return code;
	p->path = text_of(p, "path", "/");
	p->method = text_of(p, "method", "POST");
	p->public_url = text_of(p, "publicUrl", "");
	p->preset = text_of(p, "preset", NULL);
	p->sender = text_of(p, "sender", "none");
	p->auth = text_of(p, "auth", "none");
	p->auth_name = text_of(p, "authName", NULL);
	return check_preset(c, p);
}

void plan_release(struct plan *p)
{
	if (p->secret)
		explicit_bzero(p->secret, strlen(p->secret));
	free(p->secret);
	free(p->secret_shown);
	free(p->socket);
	free(p->url_shown);
	answer_release(&p->answer);
}

/* ---- The address ---- */

/* "http://host" without anything behind it */
static bool is_bare(const char *url)
{
	const char *host = strstr(url, "://");
	return host && !strchr(host + 3, '/') && !strchr(host + 3, '?');
}

int plan_address(struct cli *c, struct plan *p, struct webhook_request *r)
{
	const char *given = cli_value(c, "url"), *wait = cli_value(c, "wait");
	char *base = NULL;
	int64_t wait_ms = 0;
	if (wait && clock_parse_duration(wait, &wait_ms) < 0) {
		cli_error("--wait expects a duration such as 30s, not '%s'", wait);
		return CLI_USAGE;
	}
	if (given && strncmp(given, "http://", 7) != 0 && strncmp(given, "https://", 8) != 0) {
		cli_error("--url expects http://HOST:PORT or https://HOST, with or without a path, not '%s'", given);
		return CLI_USAGE;
	}
	const int code = given ? CLI_OK : webhook_listener(c, p->public_url, &base, &p->socket);
	if (code != CLI_OK)
		return code;
	buf_str(&r->url, given ? given : base);
	if (!given || is_bare(given))
		buf_str(&r->url, p->path);
	free(base);
	client_query(&r->url, "wait", wait);
	r->socket = p->socket;
	r->timeout_ms = ANSWER_TIMEOUT_MS + (long)wait_ms;
	return CLI_OK;
}

/* Path and query, as they are sent. */
static const char *target_of(const struct webhook_request *r)
{
	const char *url = buf_cstr(&r->url), *host = strstr(url, "://");
	const char *path = host ? strchr(host + 3, '/') : NULL;
	return path ? path : "/";
}

/* ---- What the caller shows ---- */

static int add_basic(struct webhook_request *r, const struct plan *p)
{
	static const char scheme[] = "Basic ";
	const char *user = p->auth_name ? p->auth_name : "";
	struct buf word;
	char *value = sender_basic(user, p->secret);
	buf_init(&word, 2 * WORD_MAX);
	buf_str(&word, "\"$(printf '%s:%s' ");
	webhook_quote(&word, user);
	buf_printf(&word, " %s | base64 -w0)\"", p->secret_shown);
	const bool whole = value && buf_error(&word) == 0;
	const bool added =
		whole && webhook_add_secret(r, "Authorization", scheme, value + strlen(scheme), buf_cstr(&word));
	if (value)
		explicit_bzero(value, strlen(value));
	free(value);
	buf_release(&word);
	if (!whole)
		return out_of_memory();
	return added ? CLI_OK : CLI_FAILED;
}

static int tell_missing(const struct cli *c, const struct plan *p)
{
	const char *how = "";
	if (strcmp(p->auth, "token") == 0)
		how = "a token of Tappet (tappet token create makes one)";
	else if (strcmp(p->auth, "bearer") == 0)
		how = "the bearer token";
	else if (strcmp(p->auth, "basic") == 0)
		how = "the password";
	else if (strcmp(p->auth, "header") == 0)
		how = "the header's secret";
	if (strcmp(p->auth, "jwt") == 0)
		cli_error("the trigger wants a JSON Web Token, which its issuer makes: --header 'Authorization: Bearer "
			  "TOKEN'");
	else if (strcmp(p->sender, "none") != 0 || cli_flag(c, "preset"))
		cli_error(
			"beside the signature the caller has to show %s, which the daemon does not hand out: give the "
			"header with --header '%s: ...'",
			how, p->auth_name && strcmp(p->auth, "header") == 0 ? p->auth_name : "Authorization");
	else
		cli_error("the caller has to show %s, which the daemon does not hand out: give it with --secret-env or "
			  "--secret-file",
			  how);
	return CLI_USAGE;
}

int plan_show(struct cli *c, struct plan *p, struct webhook_request *r)
{
	const bool by_header = strcmp(p->auth, "header") == 0, by_basic = strcmp(p->auth, "basic") == 0;
	const char *header = by_header && p->auth_name ? p->auth_name : "Authorization";
	const bool is_signed = strcmp(p->sender, "none") != 0 || cli_flag(c, "preset");
	if (strcmp(p->auth, "none") == 0 || strcmp(p->auth, "clientSubject") == 0 || webhook_has_header(r, header))
		return CLI_OK;
	if (!p->secret || is_signed || strcmp(p->auth, "jwt") == 0)
		return tell_missing(c, p);
	if (by_basic)
		return add_basic(r, p);
	return webhook_add_secret(r, header, by_header ? "" : "Bearer ", p->secret, p->secret_shown) ? CLI_OK
												     : CLI_FAILED;
}

/* ---- The signature ---- */

struct signing {
	struct plan *plan;
	struct webhook_request *request;
	bool failed;
};

static void add_to_query(struct plan *p, struct webhook_request *r, const char *key, const char *value)
{
	struct buf seen, shown;
	buf_init(&seen, 128 * 1024);
	buf_init(&shown, 2 * WORD_MAX);
	buf_printf(&seen, "%s%c%s=", buf_cstr(&r->url), strchr(buf_cstr(&r->url), '?') ? '&' : '?', key);
	webhook_quote(&shown, buf_cstr(&seen));
	buf_str(&shown, p->secret_shown);
	buf_release(&seen);
	free(p->url_shown);
	p->url_shown = buf_detach(&shown, NULL);
	buf_release(&shown);
	r->shown_url = p->url_shown;
	client_query(&r->url, key, value);
}

static void take_header(void *arg, const char *name, const char *value)
{
	struct signing *s = arg;
	const struct plan *p = s->plan;
	if (name[0] == '?') {
		add_to_query(s->plan, s->request, name + 1, value);
		s->failed |= !s->plan->url_shown;
	} else if (strcmp(value, p->secret) == 0) {
		s->failed |= !webhook_add_secret(s->request, name, "", value, p->secret_shown);
	} else {
		s->failed |= !webhook_add_header(s->request, name, value);
	}
}

/* The trigger's own options, or another preset, with the secret in them. */
static void write_options(const struct cli *c, const struct plan *p, struct buf *out)
{
	const char *other = other_preset(c, p);
	const struct json *options = json_get(p->answer.json, "signature");
	jsonw_open(out, '{');
	if (other) {
		jsonw_key(out, "preset");
		jsonw_str(out, other);
	}
	for (const struct json *m = other ? NULL : json_first(options); m; m = json_next(m)) {
		jsonw_key(out, json_key(m));
		json_print(m, out);
	}
	jsonw_key(out, "secret");
	jsonw_str(out, p->secret);
	jsonw_close(out, '}');
}

static int sign_here(const struct cli *c, struct plan *p, struct webhook_request *r)
{
	struct buf options, url;
	struct signing signing = {.plan = p, .request = r};
	char error[SENDER_ERROR_MAX];
	buf_init(&options, 4 * SECRET_MAX);
	buf_init(&url, 64 * 1024);
	write_options(c, p, &options);
	if (p->public_url[0])
		buf_printf(&url, "%s%s", p->public_url, target_of(r));
	char *target = strdup(target_of(r));
	const struct sender_request what = {
		.method = r->method,
		.url = buf_cstr(&url),
		.path_query = target ? target : "",
		.body = buf_cstr(&r->body),
		.body_len = r->body.len,
		.now_ms = clock_wall_ms(),
	};
	int code = CLI_OK;
	if (!target) {
		code = out_of_memory();
	} else if (!sender_sign(buf_cstr(&options), &what, take_header, &signing, error)) {
		cli_error("cannot sign: %s", error);
		code = CLI_USAGE;
	} else if (signing.failed) {
		code = CLI_FAILED;
	}
	if (options.data)
		explicit_bzero(options.data, options.cap);
	free(target);
	buf_release(&options);
	buf_release(&url);
	return code;
}

static int sign_there(struct cli *c, struct webhook_request *r)
{
	struct answer answer;
	struct buf path;
	webhook_path(c, "sign", &path);
	client_query(&path, "method", r->method);
	client_query(&path, "target", target_of(r));
	const int code = client_call_path(c, "POST", &path, &r->body, &answer);
	if (code != CLI_OK)
		return code;
	bool added = true;
	const struct json *headers = json_get(answer.json, "headers");
	for (const struct json *h = json_first(headers); h && added; h = json_next(h)) {
		const char *name = json_str(json_at(h, 0)), *value = json_str(json_at(h, 1));
		added = name && value && webhook_add_header(r, name, value);
	}
	answer_release(&answer);
	return added ? CLI_OK : CLI_FAILED;
}

int plan_sign(struct cli *c, struct plan *p, struct webhook_request *r)
{
	const bool other = other_preset(c, p) != NULL;
	if (strcmp(p->sender, "none") == 0 && !other)
		return CLI_OK;
	if (p->secret)
		return sign_here(c, p, r);
	if (strcmp(p->sender, "daemon") == 0)
		return sign_there(c, r);
	if (strcmp(p->sender, "key") == 0)
		cli_error("this sender signs with a private key (Ed25519), and the daemon has the public one only: "
			  "name it "
			  "with --key FILE");
	else
		cli_error("this sender shows the secret itself, which the daemon does not hand out: give it with "
			  "--secret-env or --secret-file");
	return CLI_USAGE;
}
