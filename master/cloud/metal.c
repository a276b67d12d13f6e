/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cloud/cloud.h"
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"
#include "master/cloud/inventory.h"

#include <fcntl.h>
#include <sys/stat.h>

/*
 * Machines of one's own: an inventory file says which there are and where they stand, and which
 * addresses of their network load balancers may have. The file is looked at for each question, and
 * every two seconds; one with a mistake is refused with a line in the log, and what was known
 * stays.
 *
 * Who has which address stands in the Services themselves; `held` is a copy of that, with what was
 * given out a moment ago.
 */
#define LOOK_NS (2 * NSEC_PER_SEC)
#define FILE_MAX (4 * 1024 * 1024)
#define POOL_ANNOTATION "knarr.io/address-pool"

struct metal {
	struct cloud_base base;
	struct timers *timers;
	char *file;
	struct stat seen; /* the file as it was read */
	struct timer look;
	struct inventory *inventory;
	struct hmap *held; /* address -> uid */
	struct list calls;
};

struct metal_call {
	struct cloud_call_base base;
	struct list node;
	struct metal *m;
	struct timer timer;
	struct err e;
	struct buf result;
	cloud_fn *done;
	void *user;
};

static struct metal *metal_of(struct cloud *c)
{
	return (struct metal *)c;
}

/* ---- The file ---- */

static int load(struct metal *m, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct inventory *v = NULL;
	struct stat st = {0};
	int r;

	if (stat(m->file, &st) < 0)
		return err_sys(err, errno, "%s: %s", m->file, strerror(errno));
	m->seen = st;
	r = file_read(AT_FDCWD, m->file, FILE_MAX, &text);
	if (r < 0)
		return err_sys(err, -r, "%s: %s", m->file, strerror(-r));
	r = inventory_read(buf_str(&text), &v, err);
	if (r < 0) {
		err_prefix(err, "%s: ", m->file);
		return r;
	}
	inventory_free(m->inventory);
	m->inventory = v;
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ino == b->st_ino && a->st_size == b->st_size;
}

/* Reads the file again if it is another. */
static void refresh(struct metal *m)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct stat st;

	if (stat(m->file, &st) < 0 || same_file(&st, &m->seen))
		return;
	if (load(m, &e) < 0) {
		log_warn("the inventory stays as it was: %s", err_text(&e));
		return;
	}
	log_notice("the inventory was read again: %zu machines, %zu pools",
		   m->inventory->n_machines, m->inventory->n_pools);
	if (m->base.changed)
		m->base.changed(m->base.user);
}

static void on_look(struct timer *t)
{
	struct metal *m = container_of(t, struct metal, look);

	timers_arm_in(m->timers, &m->look, LOOK_NS);
	refresh(m);
}

/* ---- Machines ---- */

static void member(struct jw *w, const char *name, const char *text)
{
	if (text)
		jw_member_str(w, name, str_of(text));
}

static void answer_instance(struct metal *m, struct jv params, struct buf *out)
{
	const struct inventory_machine *i =
		inventory_machine(m->inventory, jv_text(jv_path(params, "node.name")));
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_bool(&w, "exists", i != NULL);
	if (i) {
		jw_member_bool(&w, "shutdown", i->shutdown);
		member(&w, "providerID", i->provider_id);
		member(&w, "instanceType", i->type);
		member(&w, "zone", i->zone);
		member(&w, "region", i->region);
		jw_member_raw(&w, "addresses", str_of(i->addresses));
	}
	jw_end_object(&w);
}

/* ---- Addresses ---- */

/* By their canonical forms: an IPv6 address may be written in many ways. */
static void hold(struct cloud *c, struct str owner, struct str address)
{
	char text[IP_TEXT];
	struct ip ip;

	if (ip_parse(address, &ip))
		address = str_of(ip_text(ip, text));
	free(hmap_put(metal_of(c)->held, address, str_dup(owner)));
}

static void release(struct cloud *c, struct str owner)
{
	struct metal *m = metal_of(c);
	struct hmap *left = hmap_new();

	hmap_for_each (it, m->held) {
		if (str_eqs(owner, it->value))
			free(it->value);
		else
			hmap_put(left, it->key, it->value);
	}
	hmap_free(m->held);
	m->held = left;
}

static bool is_free(struct metal *m, struct ip ip, struct str owner)
{
	char text[IP_TEXT];
	const char *by = hmap_get(m->held, str_of(ip_text(ip, text)));

	return !by || str_eqs(owner, by);
}

/* What one Service asks for, of one family. */
struct wish {
	struct str uid, ip, pool; /* ip, pool: absent: any */
	struct jv current;
	const char *zones; /* where the address has to be at home; NULL: anywhere */
	bool v6;
};

static bool at_home(const struct wish *w, const struct inventory_pool *p)
{
	return !w->zones || strcmp(w->zones, p->zones) == 0;
}

/* Does this address do? *ret_pool is where it is from. */
static bool fits(struct metal *m, const struct wish *w, struct ip ip,
		 const struct inventory_pool **ret_pool)
{
	const struct inventory_pool *p = inventory_pool_of(m->inventory, ip);

	if (!p || ip.v6 != w->v6 || !at_home(w, p) || !is_free(m, ip, w->uid) ||
	    (w->pool.len && !str_eqs(w->pool, p->name)))
		return false;
	*ret_pool = p;
	return true;
}

static bool pick_from(struct metal *m, const struct inventory_pool *p, bool v6, struct buf *out)
{
	char text[IP_TEXT];

	for (size_t i = 0; i < p->n; i++) {
		const struct ip_range *r = &p->ranges[i];

		if (r->first.v6 != v6)
			continue;
		/* Ends at the latest behind as many addresses as are held. */
		for (struct ip ip = r->first; ip.n <= r->last.n; ip.n++) {
			if (hmap_has(m->held, str_of(ip_text(ip, text))))
				continue;
			buf_adds(out, text);
			return true;
		}
	}
	return false;
}

static int wished_ip(struct metal *m, const struct wish *w, const struct inventory_pool **ret_pool,
		     struct buf *out, struct err *err)
{
	char text[IP_TEXT];
	struct ip ip;

	if (!ip_parse(w->ip, &ip))
		return err_sys(err, EINVAL, "loadBalancerIP \"%.*s\" is no address",
			       STR_ARG(w->ip));
	if (!inventory_pool_of(m->inventory, ip))
		return err_sys(err, EINVAL, "address %.*s is in no pool of the inventory",
			       STR_ARG(w->ip));
	if (!is_free(m, ip, w->uid))
		return err_sys(err, EADDRINUSE, "address %.*s is another Service's",
			       STR_ARG(w->ip));
	if (!fits(m, w, ip, ret_pool))
		return err_sys(err, EINVAL, "address %.*s is not in pool %.*s", STR_ARG(w->ip),
			       STR_ARG(w->pool));
	buf_adds(out, ip_text(ip, text));
	return 0;
}

static int pick(struct metal *m, const struct wish *w, const struct inventory_pool **ret_pool,
		struct buf *out, struct err *err)
{
	const char *kind = w->v6 ? "IPv6 " : "";
	char text[IP_TEXT];
	struct ip ip;

	if (w->ip.len)
		return wished_ip(m, w, ret_pool, out, err);
	if (w->pool.len && !inventory_pool(m->inventory, w->pool))
		return err_sys(err, EINVAL, "the inventory has no pool \"%.*s\"", STR_ARG(w->pool));
	jv_for_each (c, w->current)
		if (ip_parse(jv_text(c.value), &ip) && fits(m, w, ip, ret_pool)) {
			buf_adds(out, ip_text(ip, text));
			return 0;
		}
	for (size_t i = 0; i < m->inventory->n_pools; i++) {
		const struct inventory_pool *p = &m->inventory->pools[i];

		if ((w->pool.len ? !str_eqs(w->pool, p->name) : p->by_hand) || !at_home(w, p))
			continue;
		if (pick_from(m, p, w->v6, out)) {
			*ret_pool = p;
			return 0;
		}
	}
	if (w->pool.len)
		return err_sys(err, ENOSPC, "no %saddress is free in pool %.*s", kind,
			       STR_ARG(w->pool));
	return err_sys(err, ENOSPC, "no %saddress is free in any pool", kind);
}

static bool is_v6(struct str ip)
{
	return str_chr(ip, ':') >= 0;
}

/*
 * An address of each family that the Service has, the second one from a pool of the same zones: one
 * node answers for both. loadBalancerIP is that of its family.
 */
static int pick_all(struct metal *m, struct jv service, struct jv current,
		    const struct inventory_pool **ret_pool, struct buf ips[2], struct err *err)
{
	struct jv spec = jv_get(service, "spec"), families = jv_get(spec, "ipFamilies");
	struct str asked = jv_text(jv_get(spec, "loadBalancerIP"));
	struct wish w = {.uid = jv_text(jv_get(service, "uid")),
			 .pool = jv_text(jv_get(jv_get(service, "annotations"), POOL_ANNOTATION)),
			 .current = current};
	bool prefers = jv_eqs(jv_get(spec, "ipFamilyPolicy"), "PreferDualStack");
	bool has[2] = {jv_eqs(jv_path(spec, "ipFamilies[0]"), "IPv6"),
		       jv_eqs(jv_path(spec, "ipFamilies[1]"), "IPv6")};
	size_t n = MAX(MIN(jv_len(families), (size_t)2), (size_t)1);
	const struct inventory_pool *p = NULL;
	int r = 0;

	if (asked.len && is_v6(asked) != has[0] && (n == 1 || is_v6(asked) != has[1]))
		return err_sys(err, EINVAL,
			       "loadBalancerIP %.*s is of a family that the Service has not",
			       STR_ARG(asked));
	for (size_t i = 0; i < n && r == 0; i++) {
		w.v6 = has[i];
		w.ip = is_v6(asked) == w.v6 ? asked : STR_NULL;
		r = pick(m, &w, &p, &ips[i], err);
		if (i == 0)
			*ret_pool = p;
		if (r == 0)
			w.zones = p->zones;
	}
	if (r == -ENOSPC && ips[0].len && prefers && !w.ip.len) {
		err_done(err);
		r = 0; /* one is as good as none was said to be */
	}
	return r;
}

static void write_answer(struct metal *m, struct str uid, const struct buf ips[2],
			 const char *zones, struct buf *out)
{
	struct jw j = jw_start(out);

	release((struct cloud *)m, uid);
	jw_begin_object(&j);
	jw_key(&j, "ingress");
	jw_begin_array(&j);
	for (size_t i = 0; i < 2 && ips[i].len; i++) {
		hold((struct cloud *)m, uid, buf_str(&ips[i]));
		jw_begin_object(&j);
		jw_member_str(&j, "ip", buf_str(&ips[i]));
		jw_member_str(&j, "ipMode", STR("VIP"));
		jw_end_object(&j);
	}
	jw_end_array(&j);
	jw_member_bool(&j, "announce", true);
	jw_member_raw(&j, "zones", str_of(zones));
	jw_end_object(&j);
}

static void answer_balancer(struct metal *m, struct jv params, struct buf *out, struct err *err)
{
	struct jv service = jv_get(params, "service");
	struct buf ips[2] = {BUF_INIT, BUF_INIT};
	const struct inventory_pool *p = NULL;

	if (pick_all(m, service, jv_get(params, "current"), &p, ips, err) == 0)
		write_answer(m, jv_text(jv_get(service, "uid")), ips, p->zones, out);
	buf_done(&ips[0]);
	buf_done(&ips[1]);
}

/* ---- Calls: answered at once, but from the loop ---- */

static void call_free(struct metal_call *call)
{
	timers_disarm(call->m->timers, &call->timer);
	list_remove(&call->node);
	buf_done(&call->result);
	err_done(&call->e);
	free(call);
}

static void on_answer(struct timer *t)
{
	struct metal_call *call = container_of(t, struct metal_call, timer);
	struct metal_call copy = *call;

	list_remove(&call->node);
	free(call);
	copy.done(copy.user, &copy.e, copy.e.errnum ? JV_NONE : jv_of(buf_str(&copy.result)));
	buf_done(&copy.result);
	err_done(&copy.e);
}

static struct cloud_call *metal_ask(struct cloud *c, enum cloud_verb v, struct str params,
				    cloud_fn *done, void *user)
{
	struct metal *m = metal_of(c);
	struct metal_call *call = NEW(struct metal_call);
	struct jv p = jv_of(params);

	*call = (struct metal_call){.m = m, .done = done, .user = user};
	call->base.provider = &cloud_metal;
	call->timer.fire = on_answer;
	buf_init(&call->result);
	list_append(&m->calls, &call->node);
	refresh(m); /* a machine that was entered a moment ago is not gone */
	switch (v) {
	case CLOUD_INSTANCE:
		answer_instance(m, p, &call->result);
		break;
	case CLOUD_ENSURE_BALANCER:
		answer_balancer(m, p, &call->result, &call->e);
		break;
	case CLOUD_DELETE_BALANCER:
		release(c, jv_text(jv_path(p, "service.uid")));
		buf_adds(&call->result, "{}");
		break;
	case CLOUD_SYNC_ROUTES:
	case CLOUD_VERB_MAX:
		buf_adds(&call->result, "{}");
		break;
	}
	timers_soon(m->timers, &call->timer);
	return (struct cloud_call *)call;
}

static void metal_cancel(struct cloud_call *call)
{
	call_free((struct metal_call *)call);
}

static bool metal_does(const struct cloud *c, enum cloud_verb v)
{
	return v != CLOUD_SYNC_ROUTES; /* the agents have routes to each other */
}

static void metal_close(struct cloud *c)
{
	struct metal *m = metal_of(c);

	list_for_each_safe (it, &m->calls)
		call_free(list_entry(it, struct metal_call, node));
	timers_disarm(m->timers, &m->look);
	inventory_free(m->inventory);
	hmap_free_full(m->held, free);
	free(m->file);
	free(m);
}

static int metal_open(const struct cloud_conf *conf, struct cloud **ret, struct err *err)
{
	struct metal *m = NEW(struct metal);
	int r;

	m->base.provider = &cloud_metal;
	m->timers = conf->timers;
	m->file = xstrdup(conf->file);
	m->held = hmap_new();
	m->look.fire = on_look;
	list_init(&m->calls);
	r = load(m, err);
	if (r < 0) {
		metal_close((struct cloud *)m);
		return r;
	}
	timers_arm_in(m->timers, &m->look, LOOK_NS);
	*ret = (struct cloud *)m;
	return 0;
}

const struct cloud_provider cloud_metal = {
	.name = "metal",
	.open = metal_open,
	.close = metal_close,
	.does = metal_does,
	.call = metal_ask,
	.cancel = metal_cancel,
	.hold = hold,
	.release = release,
};
