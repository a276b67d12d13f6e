/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod_devices.h"

#include <dirent.h>
#include <fcntl.h>

#include "agent/plugin/dra.h"
#include "agent/pod/objects.h"
#include "agent/pod/pod.h"
#include "lib/api/device_claims.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"

#define FILE_MAX (1u << 20)

struct held_driver {
	struct held *of;
	char *name;
	bool asked; /* it may know of the claim */
	bool ready, gone;
	char *devices; /* JSON: [{"requests": [...], "ids": [...]}] */
	struct dra_call *call;
	char *why; /* the last call failed */
};

struct held {
	struct held_claims *all;
	char *ns, *name, *uid;
	struct held_driver *v;
	size_t n;
	struct hmap *pods; /* by uid */
	bool ending;
};

struct held_claims {
	struct pods *ps;
	char *dir;
	struct hmap *by_uid;
};

static void held_free(void *p)
{
	struct held *h = p;

	for (size_t i = 0; i < h->n; i++) {
		if (h->v[i].call)
			dra_cancel(h->v[i].call);
		free(h->v[i].name);
		free(h->v[i].devices);
		free(h->v[i].why);
	}
	hmap_free(h->pods);
	free(h->v);
	free(h->ns);
	free(h->name);
	free(h->uid);
	free(h);
}

static struct held_driver *driver_of(struct held *h, struct str name)
{
	for (size_t i = 0; i < h->n; i++)
		if (str_eqs(name, h->v[i].name))
			return &h->v[i];
	return NULL;
}

/* All drivers are known before any is asked: pointers to them stay. */
static void add_driver(struct held *h, struct str name)
{
	if (driver_of(h, name))
		return;
	h->v = xrealloc(h->v, (h->n + 1) * sizeof(*h->v));
	h->v[h->n++] = (struct held_driver){.of = h, .name = str_dup(name)};
}

/* ---- on disk ---- */

static void write_held(const struct held *h, struct jw *w)
{
	jw_begin_object(w);
	jw_member_str(w, "namespace", str_of(h->ns));
	jw_member_str(w, "name", str_of(h->name));
	jw_member_str(w, "uid", str_of(h->uid));
	jw_key(w, "pods");
	jw_begin_array(w);
	hmap_for_each (it, h->pods)
		jw_str(w, it->key);
	jw_end_array(w);
	jw_key(w, "drivers");
	jw_begin_array(w);
	for (size_t i = 0; i < h->n; i++) {
		jw_begin_object(w);
		jw_member_str(w, "name", str_of(h->v[i].name));
		jw_member_bool(w, "asked", h->v[i].asked);
		jw_member_bool(w, "ready", h->v[i].ready);
		if (h->v[i].devices)
			jw_member_raw(w, "devices", str_of(h->v[i].devices));
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_end_object(w);
}

static int save(const struct held *h, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s.json", h->all->dir, h->uid);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	int r = dir_make(h->all->dir, 0700);

	write_held(h, &w);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, buf_str(&b), 0600);
	return r < 0 ? err_sys(err, -r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

static void forget(struct held *h)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s.json", h->all->dir, h->uid);

	unlink(path);
	hmap_del(h->all->by_uid, str_of(h->uid));
	held_free(h);
}

static struct held *held_new(struct held_claims *all, struct str ns, struct str name,
			     struct str uid)
{
	struct held *h = NEW(struct held);

	h->all = all;
	h->ns = str_dup(ns);
	h->name = str_dup(name);
	h->uid = str_dup(uid);
	h->pods = hmap_new();
	hmap_put(all->by_uid, uid, h);
	return h;
}

static void load_one(struct held_claims *all, const char *file)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", all->dir, file);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct held *h;
	struct jv v;

	if (!str_ends(str_of(file), STR(".json")) || file[0] == '.' ||
	    file_read(AT_FDCWD, path, FILE_MAX, &b) < 0 || json_scan(buf_str(&b), NULL, NULL) < 0)
		return;
	v = jv_of(buf_str(&b));
	if (!jv_text(jv_get(v, "uid")).len || hmap_has(all->by_uid, jv_text(jv_get(v, "uid"))))
		return;
	h = held_new(all, jv_text(jv_get(v, "namespace")), jv_text(jv_get(v, "name")),
		     jv_text(jv_get(v, "uid")));
	jv_for_each (p, jv_get(v, "pods"))
		hmap_put(h->pods, jv_text(p.value), h);
	jv_for_each (d, jv_get(v, "drivers"))
		add_driver(h, jv_text(jv_get(d.value, "name")));
	jv_for_each (d, jv_get(v, "drivers")) {
		struct held_driver *hd = driver_of(h, jv_text(jv_get(d.value, "name")));

		hd->asked = jv_bool(jv_get(d.value, "asked"), false);
		hd->ready = jv_bool(jv_get(d.value, "ready"), false);
		if (jv_exists(jv_get(d.value, "devices")))
			hd->devices = str_dup(jv_raw(jv_get(d.value, "devices")));
	}
}

struct held_claims *held_claims_new(struct pods *ps)
{
	struct held_claims *all = NEW(struct held_claims);
	struct dirent *e;
	DIR *d;

	all->ps = ps;
	all->dir = xasprintf("%s/devices", ps->conf.data_dir);
	all->by_uid = hmap_new();
	d = opendir(all->dir);
	while (d && (e = readdir(d)))
		load_one(all, e->d_name);
	if (d)
		closedir(d);
	return all;
}

struct held_claims *held_claims_free(struct held_claims *all)
{
	if (!all)
		return NULL;
	hmap_free_full(all->by_uid, held_free);
	free(all->dir);
	free(all);
	return NULL;
}

/* ---- asking drivers ---- */

static void kick_pods(const struct held *h)
{
	hmap_for_each (it, h->pods) {
		struct pod *p = hmap_get(h->all->ps->by_uid, it->key);

		if (p)
			pod_kick(p);
	}
}

static char *devices_json(const struct dra_device *v, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);

	jw_begin_array(&w);
	for (size_t i = 0; i < n; i++) {
		jw_begin_object(&w);
		jw_key(&w, "requests");
		jw_begin_array(&w);
		for (size_t k = 0; k < v[i].n_requests; k++)
			jw_str(&w, v[i].requests[k]);
		jw_end_array(&w);
		jw_key(&w, "ids");
		jw_begin_array(&w);
		for (size_t k = 0; k < v[i].n_cdi_ids; k++)
			jw_str(&w, v[i].cdi_ids[k]);
		jw_end_array(&w);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	return buf_take(&b);
}

static void on_prepared(void *user, int r, const struct err *err, const struct dra_device *v,
			size_t n)
{
	struct held_driver *d = user;

	d->call = NULL;
	if (r < 0) {
		d->why = xstrdup(err_text(err));
	} else {
		free(d->devices);
		d->devices = devices_json(v, n);
		d->ready = true;
		save(d->of, NULL); /* else it is asked once more after a restart */
	}
	kick_pods(d->of);
}

static int release_one(struct held *h, struct err *err);

/* Of pods that went while no agent looked: nobody else gives it back. */
static void sweep_one(struct held *h)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	int r = release_one(h, &err);

	if (r == 0)
		forget(h);
	else if (r != -EAGAIN)
		log_warn("claim %s/%s: %s", h->ns, h->name, err_text(&err));
}

static void on_unprepared(void *user, int r, const struct err *err, const struct dra_device *v,
			  size_t n)
{
	struct held_driver *d = user;

	d->call = NULL;
	if (r < 0)
		d->why = xstrdup(err_text(err));
	else
		d->gone = true;
	if (hmap_len(d->of->pods))
		kick_pods(d->of);
	else if (r == 0)
		sweep_one(d->of);
}

/* -EAGAIN while it is under way. */
static int ask(struct held_driver *d, bool prepare, struct err *err)
{
	struct held *h = d->of;
	struct dra_claim claim = {str_of(h->ns), str_of(h->uid), str_of(h->name)};
	int r;

	if (d->call)
		return -EAGAIN;
	if (d->why) {
		CLEANUP_FREE char *why = TAKE(d->why);

		return err_sys(err, EIO, "%s", why);
	}
	if (!h->all->ps->conf.dra)
		return err_sys(err, ENOENT, "DRA driver %s is not registered", d->name);
	if (prepare && !d->asked) {
		d->asked = true;
		r = save(h, err);
		if (r < 0) {
			d->asked = false;
			return r;
		}
	}
	r = dra_ask(h->all->ps->conf.dra, str_of(d->name), prepare, &claim,
		    prepare ? on_prepared : on_unprepared, d, &d->call, err);
	return r < 0 ? r : -EAGAIN;
}

/* ---- a pod's way up ---- */

static struct held *held_by_name(struct held_claims *all, const struct pod *p, struct str name)
{
	hmap_for_each (it, all->by_uid) {
		struct held *h = it->value;

		if (str_eqs(name, h->name) && str_eq(p->view->ns, str_of(h->ns)) &&
		    hmap_has(h->pods, str_of(p->uid)))
			return h;
	}
	return NULL;
}

/* The claim may be used by the pod: now the pod holds it. */
static int hold(struct pod *p, const struct pod_claim *pc, struct jv claim, struct held **ret,
		struct err *err)
{
	struct held_claims *all = p->all->held;
	struct str uid = jv_text(jv_path(claim, "metadata.uid"));
	struct jv results = jv_path(claim, "status.allocation.devices.results");
	struct held *h = hmap_get(all->by_uid, uid);
	int r;

	if (pc->generated && !claim_is_for(claim, str_of(p->uid)))
		return err_sys(err, EACCES,
			       "ResourceClaim %.*s/%.*s was not created for Pod %s (Pod is not "
			       "owner)",
			       STR_ARG(p->view->ns), STR_ARG(pc->name), p->key);
	if (!claim_reserved_for(claim, str_of(p->uid)))
		return err_sys(err, EACCES,
			       "pod %.*s(%s) is not allowed to use resource claim %.*s(%.*s)",
			       STR_ARG(p->view->name), p->uid, STR_ARG(pc->name), STR_ARG(uid));
	if (!jv_exists(results))
		return err_sys(err, EINVAL, "resource claim %.*s is not allocated",
			       STR_ARG(pc->name));
	if (h && h->ending)
		return -EAGAIN;
	if (!h) {
		h = held_new(all, p->view->ns, pc->name, uid);
		jv_for_each (d, results)
			add_driver(h, jv_text(jv_get(d.value, "driver")));
	}
	hmap_put(h->pods, str_of(p->uid), h);
	r = save(h, err);
	*ret = h;
	return r;
}

static int prepare_one(struct pod *p, struct jv entry, struct err *err)
{
	struct pod_claim pc = pod_claim(p->view->obj, entry);
	struct held *h = NULL;
	struct jv claim;
	int r = 0;

	if (pc.none)
		return 0;
	if (!pc.name.len)
		return err_sys(err, ENOENT, "pod \"%s\": ResourceClaim not created yet", p->key);
	h = held_by_name(p->all->held, p, pc.name);
	if (!h) {
		r = refs_object(p, SOURCE_DEVICE_CLAIM, pc.name, &claim, err);
		if (r == 0)
			r = hold(p, &pc, claim, &h, err);
	}
	for (size_t i = 0; r == 0 && i < h->n; i++)
		if (!h->v[i].ready)
			r = ask(&h->v[i], true, err);
	return r;
}

int pod_devices_prepare(struct pod *p, struct err *err)
{
	int all = 0;

	jv_for_each (e, jv_get(p->view->spec, "resourceClaims")) {
		int r = prepare_one(p, e.value, err);

		if (r < 0 && r != -EAGAIN)
			return r;
		if (r < 0)
			all = r;
	}
	return all;
}

/* ---- and down ---- */

static int release_one(struct held *h, struct err *err)
{
	int all = 0;

	h->ending = true;
	for (size_t i = 0; i < h->n; i++) {
		struct held_driver *d = &h->v[i];
		int r = d->gone || !d->asked ? 0 : ask(d, false, err);

		if (r < 0 && r != -EAGAIN)
			return r;
		if (r < 0)
			all = r;
	}
	return all;
}

int pod_devices_release(struct pod *p, struct err *err)
{
	struct held **mine = NULL;
	size_t n = 0, cap = 0;
	int all = 0;

	hmap_for_each (it, p->all->held->by_uid)
		if (hmap_has(((struct held *)it->value)->pods, str_of(p->uid)))
			*ARRAY_PUSH(mine, n, cap) = it->value;
	for (size_t i = 0; i < n; i++) {
		struct held *h = mine[i];
		int r;

		if (hmap_len(h->pods) > 1) {
			hmap_del(h->pods, str_of(p->uid));
			save(h, NULL);
			continue;
		}
		r = release_one(h, err);
		if (r == 0)
			forget(h);
		else if (all == 0 || all == -EAGAIN)
			all = r;
	}
	free(mine);
	return all;
}

void held_claims_sweep(struct held_claims *all)
{
	struct held **idle = NULL;
	size_t n = 0, cap = 0;

	hmap_for_each (it, all->by_uid) {
		struct held *h = it->value;
		bool used = false;

		hmap_for_each (p, h->pods)
			used |= hmap_has(all->ps->by_uid, p->key);
		if (used)
			continue;
		hmap_free(h->pods);
		h->pods = hmap_new();
		*ARRAY_PUSH(idle, n, cap) = h;
	}
	for (size_t i = 0; i < n; i++)
		sweep_one(idle[i]);
	free(idle);
}

/* ---- into containers ---- */

/* "name" names a request, or all its alternatives: "name/sub". */
static bool is_for(struct jv requests, struct str wanted)
{
	if (!wanted.len || !jv_len(requests))
		return true;
	jv_for_each (r, requests) {
		struct str name = jv_text(r.value);
		ssize_t slash = str_chr(name, '/');

		if (str_eq(name, wanted) ||
		    (slash > 0 && str_eq(str_n(name.p, (size_t)slash), wanted)))
			return true;
	}
	return false;
}

static int add_devices(struct pod *p, const struct held *h, struct str request, struct hmap *seen,
		       struct cdi_edits *e, struct err *err)
{
	const char *const *dirs = p->all->conf.cdi_dirs ? p->all->conf.cdi_dirs : CDI_DIRS_DEFAULT;
	int r = 0;

	for (size_t i = 0; i < h->n; i++)
		jv_for_each (d, jv_of(str_of(h->v[i].devices ? h->v[i].devices : "[]"))) {
			if (!is_for(jv_get(d.value, "requests"), request))
				continue;
			jv_for_each (id, jv_get(d.value, "ids")) {
				CLEANUP(buf_done) struct buf b = BUF_INIT;
				struct str device = jv_str(id.value, &b);

				if (r == 0 && !hmap_put(seen, device, seen))
					r = cdi_add(dirs, device, e, err);
			}
		}
	return r;
}

int pod_devices_edits(struct container *c, struct cdi_edits *e, struct err *err)
{
	CLEANUP(hmap_freep) struct hmap *seen = hmap_new();
	struct pod *p = c->pod;

	jv_for_each (want, jv_path(c->view->json, "resources.claims")) {
		struct str name = jv_text(jv_get(want.value, "name"));

		jv_for_each (entry, jv_get(p->view->spec, "resourceClaims")) {
			struct pod_claim pc = pod_claim(p->view->obj, entry.value);
			const struct held *h;
			int r;

			if (!str_eq(jv_text(jv_get(entry.value, "name")), name) || pc.none)
				continue;
			h = held_by_name(p->all->held, p, pc.name);
			if (!h)
				return err_sys(err, ENOENT,
					       "unable to get claim info for claim %.*s in "
					       "namespace %.*s",
					       STR_ARG(pc.name), STR_ARG(p->view->ns));
			r = add_devices(p, h, jv_text(jv_get(want.value, "request")), seen, e, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
