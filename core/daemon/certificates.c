#include "daemon/certificates.h"

#include <errno.h>
#include <sys/stat.h>
#include "base/log.h"
#include "daemon/internal.h"

#define LOOK_MS (60 * 1000)

/* ---- reading, on any thread ------------------------------------------------------------------------------------ */

static void add_state(struct buf *out, const char *path)
{
	struct stat st;
	if (path && stat(path, &st) == 0)
		buf_printf(out, "%s %llu %lld %lld.%09ld\n", path, (unsigned long long)st.st_ino, (long long)st.st_size,
			   (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* Changes when one of the files does. */
static void find_state(const struct config *c, uint8_t ret[static DIGEST_SIZE])
{
	struct buf all;
	buf_init(&all, (size_t)1 << 20);
	for (size_t i = 0; i < c->listen_count; i++) {
		const struct certificate_config *at = config_certificate(&c->listen[i], 0);
		for (size_t k = 1; at; at = config_certificate(&c->listen[i], k++)) {
			add_state(&all, at->cert);
			add_state(&all, at->key);
		}
		add_state(&all, c->listen[i].tls.client_ca);
	}
	digest_sha256(buf_cstr(&all), all.len, ret);
	buf_release(&all);
}

static int note_expiry(struct certificates *found, size_t index, const struct tls_credentials *credentials)
{
	int64_t *expires_s = calloc(credentials->count + 1, sizeof(*expires_s));
	if (!expires_s)
		return -ENOMEM;
	for (size_t i = 0; i < credentials->count; i++)
		expires_s[i] = certificate_expires_s(&credentials->certificates[i]);
	found->expires_s[index] = expires_s;
	return 0;
}

static int read_listener(const struct config *c, size_t index, struct certificates *found)
{
	const struct listen_config *l = &c->listen[index];
	struct tls_credentials credentials;
	int r = config_read_credentials(c, l, &found->mistakes, &found->warnings, &credentials);
	if (r == 0)
		r = note_expiry(found, index, &credentials);
	if (r == 0) {
		struct tls_identity_options options = {
			.certificates = credentials.certificates,
			.count = credentials.count,
			.client_ca = credentials.client_ca,
			.client_optional = l->tls.client_optional,
			.min_version = l->tls.min_version,
		};
		r = tls_identity_make(&options, &found->identities[index]);
		if (r == -EINVAL)
			json_file_mistake(c->file, &found->mistakes, l->tls.at, true,
					  "\"tls\": OpenSSL refuses what stands here");
	}
	tls_credentials_release(&credentials);
	return r;
}

static int read_all(const struct config *c, struct certificates *found)
{
	int r = 0;
	found->identities = calloc(c->listen_count + 1, sizeof(struct tls_identity *));
	found->expires_s = calloc(c->listen_count + 1, sizeof(int64_t *));
	if (!found->identities || !found->expires_s)
		return -ENOMEM;
	for (size_t i = 0; i < c->listen_count; i++) {
		int one = c->listen[i].tls.at ? read_listener(c, i, found) : 0;
		r = r < 0 && r != -EINVAL ? r : one < 0 ? one : r;
	}
	return r;
}

int certificates_read(const struct config *c, struct certificates *ret)
{
	*ret = (struct certificates){.count = c->listen_count};
	diag_init(&ret->mistakes);
	diag_init(&ret->warnings);
	find_state(c, ret->state);
	ret->error = read_all(c, ret);
	if (ret->error < 0 && ret->mistakes.count == 0)
		diag_add(&ret->mistakes, c->path, 0, 0, "the certificates cannot be read: %s",
			 log_strerror(ret->error));
	return ret->error;
}

void certificates_release(struct certificates *found)
{
	for (size_t i = 0; i < found->count; i++) {
		if (found->identities)
			tls_identity_unref(found->identities[i]);
		if (found->expires_s)
			free(found->expires_s[i]);
	}
	free(found->identities);
	free(found->expires_s);
	diag_release(&found->mistakes);
	diag_release(&found->warnings);
	*found = (struct certificates){0};
}

/* ---- taking in ------------------------------------------------------------------------------------------------- */

static void tell(const struct diag *diag, enum log_level level, const char *message)
{
	for (size_t i = 0; i < diag->count; i++)
		log_write(level, message,
			  (const struct log_field[]){log_str("file", diag->items[i].file),
						     log_int("line", diag->items[i].line),
						     log_int("column", diag->items[i].column),
						     log_str("what", diag->items[i].message), LOG_END});
}

void certificates_tell(const struct certificates *found)
{
	tell(&found->mistakes, LOG_ERROR, "mistake in a certificate");
	tell(&found->warnings, LOG_WARN, "doubtful certificate");
}

static void show_expiry(struct daemon *d, const struct listen_config *l, const int64_t *expires_s)
{
	const struct certificate_config *at = config_certificate(l, 0);
	for (size_t i = 0; at; at = config_certificate(l, ++i)) {
		struct buf label;
		buf_init(&label, 16384);
		metrics_label(&label, "certificate", at->cert);
		metric_set(metrics_gauge(d->metrics, "tappet_tls_certificate_expiry_timestamp_seconds",
					 "When a certificate of a listener expires, in seconds since 1970.",
					 buf_cstr(&label)),
			   (double)expires_s[i]);
		buf_release(&label);
	}
}

void certificates_take(struct daemon *d, struct certificates *found)
{
	struct certificate_watch *w = &d->certificates;
	certificates_tell(found);
	for (size_t i = 0; i < w->count; i++) {
		if (!w->all[i])
			continue;
		tls_use(w->all[i], found->identities[i]);
		found->identities[i] = NULL;
		show_expiry(d, &d->config->listen[i], found->expires_s[i]);
	}
	memcpy(w->state, found->state, sizeof(w->state));
	if (w->count > 0)
		health_set(d->health, "certificates", HEALTH_OK, NULL);
}

void certificates_refuse(struct daemon *d, const struct certificates *found)
{
	char reason[128];
	certificates_tell(found);
	snprintf(reason, sizeof(reason),
		 "%zu mistake%s in the certificates, so the ones before stay; see `tappet check`",
		 found->mistakes.count, found->mistakes.count == 1 ? "" : "s");
	health_set(d->health, "certificates", HEALTH_DEGRADED, reason);
}

/* ---- looking at the files -------------------------------------------------------------------------------------- */

static void look(uv_work_t *work)
{
	struct daemon *d = work->data;
	struct certificates *found = &d->certificates.found;
	uint8_t state[DIGEST_SIZE];
	find_state(d->config, state);
	if (memcmp(state, found->state, sizeof(state)) != 0)
		(void)certificates_read(d->config, found);
}

static void has_looked(uv_work_t *work, int status)
{
	struct daemon *d = work->data;
	struct certificate_watch *w = &d->certificates;
	struct certificates *found = &w->found;
	w->busy = false;
	if (status == 0 && !d->stopping && found->error < 0) {
		certificates_refuse(d, found);
		/* It is told once, until something changes again. */
		memcpy(w->state, found->state, sizeof(w->state));
	} else if (status == 0 && !d->stopping && found->count > 0) {
		certificates_take(d, found);
		log_info("certificates renewed", LOG_END);
	}
	certificates_release(found);
}

static void on_time(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	struct certificate_watch *w = &d->certificates;
	if (w->busy || d->reload.busy || d->stopping)
		return;
	w->work.data = d;
	memcpy(w->found.state, w->state, sizeof(w->state));
	w->busy = uv_queue_work(&d->loop, &w->work, look, has_looked) == 0;
}

int certificates_open(struct daemon *d, struct certificates *found)
{
	struct certificate_watch *w = &d->certificates;
	w->all = calloc(found->count + 1, sizeof(struct tls *));
	if (!w->all)
		return -ENOMEM;
	bool any = false;
	for (size_t i = 0; i < found->count; i++) {
		int r = found->identities[i] ? tls_open(d->metrics, &w->all[i]) : 0;
		if (r < 0)
			return r;
		any = any || found->identities[i];
		w->count = i + 1;
	}
	if (!any) {
		w->count = 0;
		return 0;
	}
	certificates_take(d, found);
	uv_timer_init(&d->loop, &w->timer);
	w->timer.data = d;
	w->open = true;
	uv_timer_start(&w->timer, on_time, LOOK_MS, LOOK_MS);
	uv_unref((uv_handle_t *)&w->timer);
	return 0;
}

void certificates_stop(struct daemon *d)
{
	if (d->certificates.open)
		uv_close((uv_handle_t *)&d->certificates.timer, NULL);
	d->certificates.open = false;
}

void certificates_free(struct daemon *d)
{
	struct certificate_watch *w = &d->certificates;
	for (size_t i = 0; i < w->count; i++)
		tls_free(w->all[i]);
	free(w->all);
	*w = (struct certificate_watch){0};
}
