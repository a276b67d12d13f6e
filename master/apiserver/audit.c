/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/audit.h"
#include "lib/base/cidr.h"
#include "lib/base/log.h"
#include "lib/json/jsonc.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"
#include "master/apiserver/admission_request.h"
#include "master/apiserver/audit_policy.h"
#include "master/apiserver/server.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICY_MAX (1u << 20)
#define MAX_SIZE (100u << 20)
#define BODY_MAX (1u << 20) /* of an object in one line; larger ones are left out */
#define GATHERED_MAX (8u << 20) /* written at once when more has come */

struct audit {
	struct audit_conf conf;
	char *path;
	int fd;
	uint64_t size;
	struct audit_policy policy;
	struct buf lines;
	struct timer flush;
	bool failing;
};

/* What is known of one request until it ends. */
struct audit_event {
	struct audit_decision d;
	int64_t received_ns;
	struct buf request, response; /* JSON; empty: not told */
	struct buf notes; /* members of "annotations" */
	bool told; /* a stage that was written carries what the next one needs not repeat */
};

/* ---- the file ---- */

static int open_file(struct audit *a, struct err *err)
{
	struct stat st;

	if (!strcmp(a->path, "-")) {
		a->fd = STDOUT_FILENO;
		return 0;
	}
	a->fd = open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (a->fd < 0)
		return err_sys(err, errno, "cannot open the audit log %s: %s", a->path,
			       strerror(errno));
	a->size = fstat(a->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "PATH-TIME" of earlier times: the oldest go when they are too many or too old. */
static void drop_old(struct audit *a)
{
	CLEANUP_FREE char *copy = xstrdup(a->path), *copy2 = xstrdup(a->path);
	const char *dir = dirname(copy), *base = basename(copy2);
	size_t n = 0, cap = 0, len = strlen(base);
	char **names = NULL;
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, base, len) && e->d_name[len] == '-')
			*ARRAY_PUSH(names, n, cap) = xasprintf("%s/%s", dir, e->d_name);
	if (d)
		closedir(d);
	if (n)
		qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++) {
		int64_t age_ns = INT64_MAX;
		struct stat st;

		if (stat(names[i], &st) == 0)
			age_ns = clock_real_ns(a->conf.timers->clock) -
				 (int64_t)st.st_mtime * (int64_t)NSEC_PER_SEC;
		if ((a->conf.max_backups && n - i > a->conf.max_backups) ||
		    (a->conf.max_age_ns && age_ns > (int64_t)a->conf.max_age_ns))
			unlink(names[i]);
		free(names[i]);
	}
	free(names);
}

static void rotate(struct audit *a)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP_FREE char *aside = NULL;
	char now[TIME_LEN + 1];

	time_format(clock_real_ns(a->conf.timers->clock), now);
	aside = xasprintf("%s-%s.%" PRIu64, a->path, now, clock_mono_ns(a->conf.timers->clock));
	close(a->fd);
	a->fd = -1;
	if (rename(a->path, aside) < 0)
		log_warn("cannot put the audit log %s aside: %s", a->path, strerror(errno));
	if (open_file(a, &e) < 0)
		log_err("%s", err_text(&e));
	drop_old(a);
}

static void flush(struct audit *a)
{
	size_t done = 0;

	while (a->fd >= 0 && done < a->lines.len) {
		ssize_t r = write(a->fd, a->lines.p + done, a->lines.len - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			if (!a->failing)
				log_err("the audit log %s cannot be written: %s", a->path,
					strerror(errno));
			a->failing = true;
			break;
		}
		a->failing = false;
		done += (size_t)r;
	}
	a->size += done;
	buf_clear(&a->lines);
	if (a->fd != STDOUT_FILENO && a->size >= a->conf.max_size)
		rotate(a);
	else if (a->fd < 0)
		open_file(a, NULL);
}

static void on_flush(struct timer *t)
{
	flush(container_of(t, struct audit, flush));
}

int audit_policy_check(struct str yaml, struct err *err)
{
	struct audit_policy p;
	int r = audit_policy_parse(yaml, &p, err);

	if (r == 0)
		audit_policy_done(&p);
	return r;
}

int audit_open(const struct audit_conf *conf, struct audit **ret, struct err *err)
{
	struct audit *a = NEW(struct audit);
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	int r = 0;

	a->conf = *conf;
	a->conf.max_size = conf->max_size ? conf->max_size : MAX_SIZE;
	a->path = xstrdup(conf->log_path);
	a->lines = BUF_INIT;
	a->flush.fire = on_flush;
	a->policy.json = BUF_INIT;
	a->fd = -1;
	if (conf->policy_file)
		r = file_read(AT_FDCWD, conf->policy_file, POLICY_MAX, &text);
	if (r < 0)
		err_sys(err, -r, "cannot read the audit policy %s: %s", conf->policy_file,
			strerror(-r));
	if (r == 0) {
		r = audit_policy_parse(conf->policy_file ? buf_str(&text) : STR_NULL, &a->policy,
				       err);
		if (r < 0)
			err_prefix(err, "audit policy %s: ", conf->policy_file);
	}
	if (r == 0)
		r = open_file(a, err);
	if (r < 0) {
		audit_close(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct audit *audit_close(struct audit *a)
{
	if (!a)
		return NULL;
	timers_disarm(a->conf.timers, &a->flush);
	if (a->fd >= 0)
		flush(a);
	if (a->fd >= 0 && a->fd != STDOUT_FILENO)
		close(a->fd);
	audit_policy_done(&a->policy);
	buf_done(&a->lines);
	free(a->path);
	free(a);
	return NULL;
}

/* ---- events ---- */

static void write_user(struct jw *w, const char *key, const struct user *u)
{
	jw_key(w, key);
	if (u)
		admission_user_write(u, w);
	else
		jw_raw(w, STR("{}"));
}

static void write_ref(struct jw *w, const struct request_info *i)
{
	const struct {
		const char *key;
		struct str value;
	} parts[] = {{"resource", i->resource},  {"namespace", i->ns},
		     {"name", i->name},          {"apiGroup", i->group},
		     {"apiVersion", i->version}, {"subresource", i->subresource}};

	if (!i->is_resource)
		return;
	jw_key(w, "objectRef");
	jw_begin_object(w);
	for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
		if (parts[k].value.len)
			jw_member_str(w, parts[k].key, parts[k].value);
	jw_end_object(w);
}

static void write_time(struct jw *w, const char *key, int64_t ns)
{
	char text[MICROTIME_LEN + 1];

	time_format_micro(ns, text);
	jw_member_str(w, key, str_of(text));
}

static void write_status(struct jw *w, const struct request *r, const struct buf *response)
{
	jw_key(w, "responseStatus");
	jw_begin_object(w);
	jw_member_raw(w, "metadata", STR("{}"));
	if (response->len) {
		struct jv v = jv_of(buf_str(response));

		if (jv_eqs(jv_get(v, "kind"), "Status")) {
			jw_member_str(w, "status", jv_text(jv_get(v, "status")));
			if (jv_exists(jv_get(v, "message")))
				jw_member_raw(w, "message", jv_raw(jv_get(v, "message")));
			if (jv_exists(jv_get(v, "reason")))
				jw_member_raw(w, "reason", jv_raw(jv_get(v, "reason")));
		}
	}
	jw_member_i64(w, "code", r->status);
	jw_end_object(w);
}

/* "10.0.0.1:4000" or "[::1]:4000" */
static struct str without_port(struct str addr)
{
	struct str host, port;

	return host_port_split(addr, &host, &port) ? host : addr;
}

static void write_event(struct request *r, enum audit_stage stage)
{
	struct audit *a = r->srv->audit;
	struct audit_event *e = r->audit;
	bool impersonated = r->real_user != NULL;
	struct jw w;

	if (e->d.omit_stages & (1u << stage))
		return;
	w = jw_start(&a->lines);
	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Event"));
	jw_member_str(&w, "apiVersion", STR("audit.k8s.io/v1"));
	jw_member_str(&w, "level", str_of(audit_levels[e->d.level]));
	jw_member_str(&w, "auditID", str_of(r->audit_id));
	jw_member_str(&w, "stage", str_of(audit_stages[stage]));
	{
		CLEANUP(buf_done) struct buf uri = BUF_INIT;

		buf_addstr(&uri, r->path);
		if (r->query_text.len)
			buf_addf(&uri, "?%.*s", STR_ARG(r->query_text));
		jw_member_str(&w, "requestURI", buf_str(&uri));
	}
	jw_member_str(&w, "verb", str_of(r->info.verb));
	write_user(&w, "user", impersonated ? r->real_user : r->user);
	if (impersonated)
		write_user(&w, "impersonatedUser", r->user);
	if (r->peer_addr) {
		jw_key(&w, "sourceIPs");
		jw_begin_array(&w);
		jw_str(&w, without_port(str_of(r->peer_addr)));
		jw_end_array(&w);
	}
	if (r->user_agent.len)
		jw_member_str(&w, "userAgent", r->user_agent);
	write_ref(&w, &r->info);
	if (stage != AUDIT_RECEIVED)
		write_status(&w, r, &e->response);
	if (e->request.len && e->d.level >= AUDIT_REQUEST)
		jw_member_raw(&w, "requestObject", buf_str(&e->request));
	if (e->response.len && e->d.level >= AUDIT_REQUEST_RESPONSE)
		jw_member_raw(&w, "responseObject", buf_str(&e->response));
	write_time(&w, "requestReceivedTimestamp", e->received_ns);
	write_time(&w, "stageTimestamp", server_now_ns(r->srv));
	if (e->notes.len) {
		CLEANUP(buf_done) struct buf notes = BUF_INIT;

		buf_addf(&notes, "{%s}", e->notes.p);
		jw_member_raw(&w, "annotations", buf_str(&notes));
	}
	jw_end_object(&w);
	buf_addc(&a->lines, '\n');
	if (a->lines.len > GATHERED_MAX)
		flush(a);
	else if (!timer_armed(&a->flush))
		timers_soon(a->conf.timers, &a->flush);
}

void audit_begin(struct request *r)
{
	struct audit *a = r->srv->audit;
	struct audit_decision d;

	if (!a)
		return;
	d = audit_policy_decide(&a->policy, r);
	if (d.level == AUDIT_NONE)
		return;
	r->audit = NEW(struct audit_event);
	*r->audit = (struct audit_event){.d = d,
					 .received_ns = server_now_ns(r->srv),
					 .request = BUF_INIT,
					 .response = BUF_INIT,
					 .notes = BUF_INIT};
	if (!*r->audit_id)
		rng_uuid(&rng_system, r->audit_id);
	write_event(r, AUDIT_RECEIVED);
}

void audit_note(struct request *r, const char *key, const char *value)
{
	CLEANUP(buf_done) struct buf member = BUF_INIT;
	struct buf *b;

	if (!r->audit)
		return;
	b = &r->audit->notes;
	json_quote(str_of(key), &member);
	buf_addc(&member, ':');
	if (b->len && memmem(b->p, b->len, member.p, member.len))
		return;
	if (b->len)
		buf_addc(b, ',');
	buf_addstr(b, buf_str(&member));
	json_quote(str_of(value), b);
}

bool audit_tells_bodies(const struct request *r)
{
	return r->audit && r->audit->d.level >= AUDIT_REQUEST;
}

void audit_allowed(struct request *r, bool allowed, const char *why)
{
	audit_note(r, "authorization.k8s.io/decision", allowed ? "allow" : "forbid");
	audit_note(r, "authorization.k8s.io/reason", why ? why : "");
}

/* On one line, and without metadata.managedFields, when the policy does not want them. */
static void take_object(struct audit_event *e, struct str json, struct buf *out)
{
	CLEANUP_JSON struct json_object *obj = NULL;

	if (!json.len || json.len > BODY_MAX || (json.p[0] != '{' && json.p[0] != '['))
		return;
	if (!e->d.omit_managed_fields && str_chr(json, '\n') < 0) {
		if (json_scan(json, NULL, NULL) == 0)
			buf_addstr(out, json);
		return;
	}
	if (jsonc_parse(json, NULL, &obj, NULL) < 0)
		return;
	if (e->d.omit_managed_fields)
		json_object_object_del(jsonc_get(obj, "metadata"), "managedFields");
	jsonc_write(obj, out);
}

void audit_answer(struct request *r, const struct http_piece *p, size_t n)
{
	struct audit_event *e = r->audit;
	CLEANUP(buf_done) struct buf all = BUF_INIT;

	if (!e || (e->d.level < AUDIT_REQUEST_RESPONSE && r->status < 400))
		return;
	for (size_t i = 0; i < n && all.len <= BODY_MAX; i++)
		buf_addstr(&all, p[i].bytes);
	take_object(e, buf_str(&all), &e->response);
}

void audit_started(struct request *r, int status)
{
	if (!r->audit)
		return;
	r->status = status;
	write_event(r, AUDIT_STARTED);
}

void audit_end(struct request *r)
{
	struct audit_event *e = r->audit;

	if (!e)
		return;
	if (e->d.level >= AUDIT_REQUEST)
		take_object(e, r->body, &e->request);
	write_event(r, AUDIT_COMPLETE);
	r->audit = NULL;
	buf_done(&e->request);
	buf_done(&e->response);
	buf_done(&e->notes);
	free(e);
}
