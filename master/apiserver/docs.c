/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/docs.h"
#include "lib/api/crd/custom.h"
#include "lib/api/openapi.h"
#include "lib/json/json_scan.h"
#include "lib/sys/memory.h"
#include "master/apiserver/aggregate_internal.h"
#include "master/apiserver/gzip.h"
#include "master/apiserver/respond.h"

#include <uv.h>

#define DOCS_MAX 8 /* kept at once; the one not asked for the longest goes */
#define IDLE_NS (300 * NSEC_PER_SEC)
#define FETCH_TIMEOUT_NS (5 * NSEC_PER_SEC)
#define OTHER_MAX (8u << 20)
#define OTHER_VALUES 1000000

struct job;

struct doc {
	enum docs_form form;
	char *group, *version; /* "" but for v3 */
	/* What it was made of, and what that is called. */
	uint64_t kinds_stamp, others_stamp;
	char etag[48];
	struct http_blob *gz; /* NULL: not at hand */
	uint64_t used_ns;
	struct request **waiting; /* a reference each */
	size_t n_waiting, cap_waiting;
	struct job *job;
};

struct docs {
	struct apiserver *s;
	struct doc **v;
	size_t n, cap;
	struct list jobs;
	struct timer idle;
};

/* Another server's document, on its way here. */
struct other {
	struct job *job;
	char *group, *version;
	struct http_call *call;
	int status;
	struct buf json;
};

struct job {
	struct list node;
	struct docs *docs; /* NULL: they are gone */
	struct doc *doc; /* NULL: it is */
	enum docs_form form;
	char *group, *version, etag[48];
	struct api_kinds kinds; /* a snapshot; a reference to each definition */
	struct other *others;
	size_t n_others, pending;
	uv_work_t work;
	uv_sem_t worked;
	bool queued;
	struct buf gz;
};

/* ---- in the thread ---- */

static void write_v2(struct job *j, struct buf *out)
{
	CLEANUP(buf_done) struct buf own = BUF_INIT, merged = BUF_INIT;
	CLEANUP_FREE struct api_openapi_other *others = xcalloc(j->n_others + 1, sizeof(*others));
	size_t n = 0;

	api_openapi_v2_json(&j->kinds, &own);
	for (size_t i = 0; i < j->n_others; i++) {
		struct other *o = &j->others[i];

		if (o->json.len)
			others[n++] =
				(struct api_openapi_other){buf_str(&o->json), o->group, o->version};
	}
	if (n)
		api_openapi_v2_merge(buf_str(&own), others, n, &merged);
	if (j->form == DOCS_V2_PB)
		api_openapi_v2_pb(n ? buf_str(&merged) : buf_str(&own), out);
	else
		buf_addstr(out, n ? buf_str(&merged) : buf_str(&own));
}

static void make(struct job *j)
{
	CLEANUP(buf_done) struct buf doc = BUF_INIT;

	if (j->form == DOCS_V3)
		api_openapi_v3(&j->kinds, str_of(j->group), str_of(j->version), &doc);
	else
		write_v2(j, &doc);
	if (doc.len)
		gzip_pack(buf_str(&doc), 6, &j->gz);
}

static void work(uv_work_t *w)
{
	struct job *j = w->data;

	make(j);
	memory_trim(); /* it is done rarely, and took much */
	uv_sem_post(&j->worked);
}

/* ---- jobs ---- */

/* What it holds of others'. */
static void drop_held(struct job *j)
{
	for (size_t i = 0; i < j->kinds.n_extra; i++)
		custom_def_unref(custom_def_of(j->kinds.extra[i]));
	free(TAKE(j->kinds.extra));
	j->kinds.n_extra = 0;
	for (size_t i = 0; i < j->n_others; i++) {
		struct other *o = &j->others[i];

		if (o->call)
			http_call_cancel(TAKE(o->call));
		free(o->group);
		free(o->version);
		buf_done(&o->json);
	}
	free(TAKE(j->others));
	j->n_others = 0;
}

static void job_free(struct job *j)
{
	drop_held(j);
	buf_done(&j->gz);
	uv_sem_destroy(&j->worked);
	free(j->group);
	free(j->version);
	free(j);
}

/* "?hash=" of an index says which document is meant: that one never changes. */
static struct str hash_of(const struct doc *d)
{
	return str_n(d->etag + 1, strlen(d->etag) - 2);
}

static void answer(struct request *r, const struct doc *d)
{
	static const char *const types[] = {
		[DOCS_V2_JSON] = "application/json",
		[DOCS_V2_PB] = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
		[DOCS_V3] = "application/json"};

	bool forever = d->form == DOCS_V3 && str_eq(query_get(&r->query, "hash"), hash_of(d));

	respond_zipped(r, types[d->form], d->etag, forever, d->gz);
}

static void answer_all(struct doc *d)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (!d->gz)
		err_set(&e, ENOMEM, "InternalError", "the document could not be made");
	while (d->n_waiting) {
		struct request *r = d->waiting[--d->n_waiting];

		if (r->gone)
			; /* nobody waits any more */
		else if (d->gz)
			answer(r, d);
		else
			respond_err(r, &e);
		request_unref(r);
	}
}

static void start(struct docs *ds, struct doc *d);

static void worked(uv_work_t *w, int status)
{
	struct job *j = w->data;
	struct doc *d = j->doc;

	if (!j->docs) {
		job_free(j);
		return;
	}
	list_remove(&j->node);
	if (d) {
		d->job = NULL;
		if (!strcmp(d->etag, j->etag)) {
			if (j->gz.len)
				d->gz = http_blob_take_buf(&j->gz);
			answer_all(d);
		} else if (d->n_waiting) {
			start(j->docs, d); /* the kinds have changed meanwhile */
		}
	}
	job_free(j);
}

static void queue(struct job *j)
{
	j->queued = true;
	if (uv_queue_work(j->docs->s->conf.loop, &j->work, work, worked) < 0) {
		uv_sem_post(&j->worked);
		worked(&j->work, -1);
	}
}

/* ---- the others' documents ---- */

static void other_status(struct http_call *call, int status, void *user)
{
	((struct other *)user)->status = status;
}

/* Without it the document is made all the same. */
static void other_end(struct http_call *call, int err, void *user)
{
	static const struct json_scan_limits limits = {.max_values = OTHER_VALUES};
	struct other *o = user;
	struct job *j = o->job;

	o->call = NULL;
	if (err < 0 || o->status != 200 || json_scan(buf_str(&o->json), &limits, NULL) < 0)
		buf_clear(&o->json);
	if (!--j->pending)
		queue(j);
}

static void other_data(struct http_call *call, struct str data, void *user)
{
	struct other *o = user;

	if (o->json.len + data.len <= OTHER_MAX) {
		buf_addstr(&o->json, data);
	} else {
		http_call_cancel(call); /* it may have no end */
		other_end(NULL, -EMSGSIZE, o);
	}
}

static const struct http_call_ops other_ops = {other_status, other_data, other_end};

static bool ask(struct other *o, struct remote *r)
{
	const struct http_header headers[] = {
		HTTP_HEADER("Accept", STR("application/json")),
		HTTP_HEADER("X-Remote-User", STR("system:aggregator")),
		HTTP_HEADER("X-Remote-Group", STR("system:masters")),
	};
	struct http_call_req req = {.method = "GET",
				    .path = "/openapi/v2",
				    .headers = headers,
				    .n_headers = ARRAY_SIZE(headers),
				    .timeout_ns = FETCH_TIMEOUT_NS};
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	const char *reason;
	struct http_client *c = aggregate_client(r, &reason, &why);

	o->group = xstrdup(r->group);
	o->version = xstrdup(r->version);
	o->call = c ? http_client_request(c, &req, &other_ops, o) : NULL;
	return o->call;
}

static void ask_others(struct job *j)
{
	const struct aggregate *a = j->docs->s->aggregate;

	if (j->form == DOCS_V3)
		return;
	j->others = xcalloc(a->n + 1, sizeof(*j->others));
	for (size_t i = 0; i < a->n; i++) {
		if (!a->v[i]->available)
			continue;
		j->others[j->n_others] = (struct other){.job = j, .json = BUF_INIT};
		j->pending += ask(&j->others[j->n_others++], a->v[i]);
	}
}

static void start(struct docs *ds, struct doc *d)
{
	const struct api_kinds *now = server_kinds(ds->s);
	struct job *j = NEW(struct job);

	*j = (struct job){.docs = ds,
			  .doc = d,
			  .form = d->form,
			  .group = xstrdup(d->group),
			  .version = xstrdup(d->version),
			  .gz = BUF_INIT};
	memcpy(j->etag, d->etag, sizeof(j->etag));
	j->work.data = j;
	uv_sem_init(&j->worked, 0);
	j->kinds.extra = xcalloc(now->n_extra + 1, sizeof(*j->kinds.extra));
	for (size_t i = 0; i < now->n_extra; i++) {
		j->kinds.extra[j->kinds.n_extra++] = now->extra[i];
		custom_def_ref(custom_def_of(now->extra[i]));
	}
	list_append(&ds->jobs, &j->node);
	d->job = j;
	ask_others(j);
	if (!j->pending)
		queue(j);
}

/* ---- what is kept ---- */

static void doc_free(struct doc *d)
{
	if (d->job)
		d->job->doc = NULL;
	while (d->n_waiting)
		request_unref(d->waiting[--d->n_waiting]);
	http_blob_unref(d->gz);
	free(d->waiting);
	free(d->group);
	free(d->version);
	free(d);
}

static void on_idle(struct timer *t)
{
	struct docs *ds = container_of(t, struct docs, idle);
	uint64_t now = clock_mono_ns(ds->s->clock);
	bool any = false;

	for (size_t i = 0; i < ds->n; i++) {
		struct doc *d = ds->v[i];

		if (d->gz && now - d->used_ns >= IDLE_NS)
			d->gz = http_blob_unref(d->gz);
		any |= d->gz != NULL;
	}
	if (any)
		timers_arm_in(ds->s->timers, &ds->idle, IDLE_NS);
}

struct docs *docs_new(struct apiserver *s)
{
	struct docs *ds = NEW(struct docs);

	ds->s = s;
	ds->idle.fire = on_idle;
	list_init(&ds->jobs);
	return ds;
}

struct docs *docs_free(struct docs *ds)
{
	if (!ds)
		return NULL;
	timers_disarm(ds->s->timers, &ds->idle);
	list_for_each_safe (it, &ds->jobs) {
		struct job *j = list_entry(it, struct job, node);

		list_remove(&j->node);
		/* The thread reads what goes next; what remains is freed when the loop says so. */
		if (j->queued && uv_cancel((uv_req_t *)&j->work) < 0)
			uv_sem_wait(&j->worked);
		j->docs = NULL;
		if (j->doc)
			j->doc->job = NULL;
		drop_held(j);
		if (!j->queued)
			job_free(j);
	}
	while (ds->n)
		doc_free(ds->v[--ds->n]);
	free(ds->v);
	free(ds);
	return NULL;
}

static struct doc *doc_new(struct docs *ds, enum docs_form form, struct str group,
			   struct str version)
{
	struct doc *d = NEW(struct doc);
	size_t at = ds->n;

	d->form = form;
	d->group = xstrndup(group.p, group.len);
	d->version = xstrndup(version.p, version.len);
	d->kinds_stamp = UINT64_MAX;
	for (size_t i = 0; ds->n >= DOCS_MAX && i < ds->n; i++)
		if (!ds->v[i]->n_waiting && (at == ds->n || ds->v[i]->used_ns < ds->v[at]->used_ns))
			at = i;
	if (at == ds->n) {
		*ARRAY_PUSH(ds->v, ds->n, ds->cap) = d;
	} else {
		doc_free(ds->v[at]);
		ds->v[at] = d;
	}
	return d;
}

static struct doc *find(struct docs *ds, enum docs_form form, struct str group, struct str version)
{
	for (size_t i = 0; i < ds->n; i++)
		if (ds->v[i]->form == form && str_eqs(group, ds->v[i]->group) &&
		    str_eqs(version, ds->v[i]->version))
			return ds->v[i];
	return doc_new(ds, form, group, version);
}

/* Who else has documents, and of what. */
static uint64_t others_stamp(const struct docs *ds)
{
	const struct aggregate *a = ds->s->aggregate;
	uint64_t h = 0;

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i]->available)
			h = h * 31 + str_hash(buf_str(&a->v[i]->resources)) +
			    str_hash(str_of(a->v[i]->key));
	return h;
}

static void refresh(struct docs *ds, struct doc *d)
{
	const struct api_kinds *kinds = server_kinds(ds->s);
	uint64_t others = d->form == DOCS_V3 ? 0 : others_stamp(ds);
	CLEANUP(buf_done) struct buf tag = BUF_INIT;

	if (d->kinds_stamp == kinds->stamp && d->others_stamp == others)
		return;
	d->kinds_stamp = kinds->stamp;
	d->others_stamp = others;
	buf_addc(&tag, '"');
	if (d->form == DOCS_V3)
		api_openapi_hash(kinds, str_of(d->group), str_of(d->version), &tag);
	else
		api_openapi_hash(kinds, STR_NULL, STR_NULL, &tag);
	if (others)
		buf_addf(&tag, "-%" PRIx64, others);
	buf_adds(&tag, d->form == DOCS_V2_PB ? "-pb\"" : "\"");
	if (!strcmp(tag.p, d->etag))
		return;
	snprintf(d->etag, sizeof(d->etag), "%s", tag.p);
	d->gz = http_blob_unref(d->gz);
}

static bool is_served(const struct api_kinds *ks, struct str group, struct str version)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++)
		if (k->plural && str_eqs(group, k->group) && str_eqs(version, k->version))
			return true;
	return false;
}

static bool is_old_hash(const struct request *r, const struct doc *d)
{
	struct str hash = query_get(&r->query, "hash");

	return d->form == DOCS_V3 && hash.len && !str_eq(hash, hash_of(d));
}

/* To what there is now. */
static void redirect(struct request *r, const struct doc *d)
{
	CLEANUP(buf_done) struct buf to = BUF_INIT;
	struct http_header h[1];

	buf_addf(&to, "%.*s?hash=%.*s", STR_ARG(r->path), STR_ARG(hash_of(d)));
	h[0] = HTTP_HEADER("Location", buf_str(&to));
	r->answered = true;
	r->status = 301;
	r->front->reply(r, 301, h, 1, NULL, 0);
}

void docs_get(struct request *r, enum docs_form form, struct str group, struct str version)
{
	struct docs *ds = r->srv->docs;
	struct doc *d;

	if (form == DOCS_V3 && !is_served(server_kinds(r->srv), group, version)) {
		respond_not_served(r);
		return;
	}
	d = find(ds, form, group, version);
	refresh(ds, d);
	d->used_ns = clock_mono_ns(ds->s->clock);
	if (!timer_armed(&ds->idle))
		timers_arm_in(ds->s->timers, &ds->idle, IDLE_NS);
	if (is_old_hash(r, d)) {
		redirect(r, d);
	} else if (respond_not_modified(r, d->etag)) {
		; /* the client has it */
	} else if (d->gz) {
		answer(r, d);
	} else {
		*ARRAY_PUSH(d->waiting, d->n_waiting, d->cap_waiting) = request_ref(r);
		if (!d->job)
			start(ds, d);
	}
}
