/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/dra.h"

#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/pb.h"
#include "lib/client/client.h"
#include "lib/http/grpc.h"

#define CALL_NS (45 * NSEC_PER_SEC)
#define AWAY_NS (30 * NSEC_PER_SEC) /* of a driver, before its slices go */

/* One registration of a driver. */
struct instance {
	struct list node; /* dra.instances: the newest last */
	const struct plugin_info *info; /* as long as it is registered */
	char *driver;
	const char *service;
	struct grpc_client *client;
	struct dra *all;
};

struct dra_call {
	struct list node;
	struct instance *in;
	struct grpc_call *call;
	bool prepare;
	char *uid, *name;
	dra_done_fn *done;
	void *user;
};

/* A driver that is away. */
struct away {
	struct list node;
	struct dra *all;
	char *driver;
	struct timer timer;
};

struct dra {
	struct dra_conf conf;
	struct list instances, calls, aways;
};

struct dra *dra_new(const struct dra_conf *conf)
{
	struct dra *d = NEW(struct dra);

	d->conf = *conf;
	list_init(&d->instances);
	list_init(&d->calls);
	list_init(&d->aways);
	return d;
}

static void away_free(struct away *a)
{
	list_remove(&a->node);
	timers_disarm(a->all->conf.timers, &a->timer);
	free(a->driver);
	free(a);
}

static void instance_free(struct instance *in)
{
	list_remove(&in->node);
	grpc_client_free(in->client);
	free(in->driver);
	free(in);
}

static void call_free(struct dra_call *c)
{
	list_remove(&c->node);
	free(c->uid);
	free(c->name);
	free(c);
}

struct dra *dra_free(struct dra *d)
{
	if (!d)
		return NULL;
	list_for_each_safe (it, &d->calls)
		dra_cancel(list_entry(it, struct dra_call, node));
	list_for_each_safe (it, &d->instances)
		instance_free(list_entry(it, struct instance, node));
	list_for_each_safe (it, &d->aways)
		away_free(list_entry(it, struct away, node));
	free(d);
	return NULL;
}

/* ---- registration ---- */

static const char *service_of(const struct plugin_info *info)
{
	static const struct {
		const char *version, *service;
	} known[] = {{"v1.DRAPlugin", "k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin"},
		     {"v1beta1.DRAPlugin", "k8s.io.kubelet.pkg.apis.dra.v1beta1.DRAPlugin"}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		for (const char *const *v = info->versions; *v; v++)
			if (!strcmp(*v, known[i].version))
				return known[i].service;
	return NULL;
}

static int on_check(void *user, const struct plugin_info *info, struct err *err)
{
	if (!*info->name)
		return err_sys(err, EINVAL, "empty DRA plugin name");
	if (!service_of(info))
		return err_sys(err, EINVAL,
			       "none of the DRA gRPC services supported by the kubelet is provided "
			       "by the plugin %s",
			       info->name);
	return 0;
}

static void on_add(void *user, const struct plugin_info *info, struct plugin *p)
{
	struct dra *d = user;
	struct instance *in = NEW(struct instance);

	in->all = d;
	in->info = info;
	in->driver = xstrdup(info->name);
	in->service = service_of(info);
	in->client = grpc_client_new(d->conf.loop, d->conf.timers, info->endpoint);
	list_append(&d->instances, &in->node);
	list_for_each_safe (it, &d->aways) {
		struct away *a = list_entry(it, struct away, node);

		if (!strcmp(a->driver, info->name))
			away_free(a);
	}
	if (p) /* a test has none */
		plugin_answer(p, NULL);
	if (d->conf.registered)
		d->conf.registered(d->conf.user, info->name);
}

static struct instance *newest(struct dra *d, struct str driver)
{
	struct instance *found = NULL;

	list_for_each (it, &d->instances) {
		struct instance *in = list_entry(it, struct instance, node);

		if (str_eqs(driver, in->driver))
			found = in;
	}
	return found;
}

/* Nobody can use its devices here: what it said of them is void. */
static void on_away(struct timer *t)
{
	struct away *a = container_of(t, struct away, timer);
	struct dra *d = a->all;
	CLEANUP(buf_done) struct buf query = BUF_INIT, fields = BUF_INIT;

	buf_addf(&fields, "spec.nodeName=%s,spec.driver=%s", d->conf.node_name, a->driver);
	client_query_add(&query, "fieldSelector", buf_str(&fields));
	log_info("driver %s is gone: its ResourceSlices of this node are removed", a->driver);
	if (d->conf.client)
		client_do(d->conf.client,
			  &(struct client_req){.method = "DELETE",
					       .kind = &client_resourceslices,
					       .query = query.p},
			  NULL, NULL);
	away_free(a);
}

static void call_ended(struct dra_call *c, int r, const struct err *err)
{
	dra_done_fn *done = c->done;
	void *user = c->user;

	call_free(c);
	done(user, r, err, NULL, 0);
}

static void on_gone(void *user, const struct plugin_info *info)
{
	struct dra *d = user;
	CLEANUP_FREE char *driver = xstrdup(info->name);
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct away *a;

	err_sys(&err, ENOENT, "DRA driver %s went away", driver);
	list_for_each_safe (it, &d->instances) {
		struct instance *in = list_entry(it, struct instance, node);

		if (in->info != info)
			continue;
		list_for_each_safe (ct, &d->calls) {
			struct dra_call *c = list_entry(ct, struct dra_call, node);

			if (c->in != in)
				continue;
			grpc_call_cancel(c->call);
			call_ended(c, -ENOENT, &err);
		}
		instance_free(in);
	}
	if (newest(d, str_of(driver)))
		return;
	a = NEW(struct away);
	a->all = d;
	a->driver = xstrdup(driver);
	a->timer.fire = on_away;
	list_append(&d->aways, &a->node);
	timers_arm_in(d->conf.timers, &a->timer, AWAY_NS);
}

const struct plugin_handler dra_plugin_handler = {
	.type = "DRAPlugin",
	.check = on_check,
	.add = on_add,
	.gone = on_gone,
};

/* ---- calls ---- */

#define DEVICES_MAX 256
#define TEXTS_MAX 1024

/* Texts of one field of a message, into the pool of texts. */
static size_t texts_of(struct str message, uint32_t number, struct str *pool, size_t room)
{
	struct pb_item it;
	size_t n = 0;

	while (n < room && pb_next(&message, &it) > 0)
		if (it.number == number && it.wire == PB_BYTES)
			pool[n++] = it.bytes;
	return n;
}

static int read_devices(struct str entry, dra_done_fn *done, void *user)
{
	CLEANUP_FREE struct dra_device *v = xcalloc(DEVICES_MAX, sizeof(*v));
	CLEANUP_FREE struct str *texts = xcalloc(TEXTS_MAX, sizeof(*texts));
	size_t n = 0, used = 0;
	struct pb_item it;
	int r;

	while ((r = pb_next(&entry, &it)) > 0) {
		struct dra_device *d = &v[n];

		if (it.number != 1 || it.wire != PB_BYTES)
			continue;
		if (n == DEVICES_MAX)
			return -E2BIG;
		n++;
		d->pool = pb_get_bytes(it.bytes, 2);
		d->device = pb_get_bytes(it.bytes, 3);
		d->requests = texts + used;
		d->n_requests = texts_of(it.bytes, 1, texts + used, TEXTS_MAX - used);
		used += d->n_requests;
		d->cdi_ids = texts + used;
		d->n_cdi_ids = texts_of(it.bytes, 4, texts + used, TEXTS_MAX - used);
		used += d->n_cdi_ids;
		if (used == TEXTS_MAX)
			return -E2BIG;
	}
	if (r < 0)
		return r;
	done(user, 0, NULL, v, n);
	return 0;
}

int dra_read_answer(struct str answer, struct str uid, bool prepare, dra_done_fn *done, void *user)
{
	struct pb_item it;
	int r;

	while ((r = pb_next(&answer, &it)) > 0) {
		struct str entry, failed;

		if (it.number != 1 || it.wire != PB_BYTES ||
		    !str_eq(pb_get_bytes(it.bytes, 1), uid))
			continue;
		entry = pb_get_bytes(it.bytes, 2);
		failed = pb_get_bytes(entry, prepare ? 2 : 1);
		if (failed.len) {
			CLEANUP(err_done) struct err err = ERR_INIT;

			err_sys(&err, EIO, "%.*s", STR_ARG(failed));
			done(user, -EIO, &err, NULL, 0);
			return 0;
		}
		if (prepare)
			return read_devices(entry, done, user);
		done(user, 0, NULL, NULL, 0);
		return 0;
	}
	return -EINVAL;
}

struct answer {
	dra_done_fn *done;
	void *user;
	const char *name;
	bool prepare;
};

static void on_answer(void *user, int r, const struct err *err, const struct dra_device *v,
		      size_t n)
{
	const struct answer *a = user;
	CLEANUP(err_done) struct err why = ERR_INIT;

	if (r < 0)
		err_sys(&why, -r, "Node%sResources failed for ResourceClaim %s: %s",
			a->prepare ? "Prepare" : "Unprepare", a->name, err_text(err));
	a->done(a->user, r, r < 0 ? &why : NULL, v, n);
}

static void on_done(void *user, int status, struct str message, struct str response)
{
	struct dra_call *c = user;
	CLEANUP_FREE char *uid = TAKE(c->uid), *name = TAKE(c->name);
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct answer a = {c->done, c->user, name, c->prepare};
	const char *what = c->prepare ? "Prepare" : "Unprepare";

	call_free(c);
	if (status != GRPC_OK) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		grpc_error_text(status, message, &b);
		err_sys(&err, EIO, "Node%sResources: %s", what, b.p);
	} else if (dra_read_answer(response, str_of(uid), a.prepare, on_answer, &a) < 0) {
		err_sys(&err, EIO, "Node%sResources skipped ResourceClaim %s", what, name);
	}
	if (err.errnum)
		a.done(a.user, -EIO, &err, NULL, 0);
}

int dra_ask(struct dra *d, struct str driver, bool prepare, const struct dra_claim *claim,
	    dra_done_fn *done, void *user, struct dra_call **ret, struct err *err)
{
	struct instance *in = newest(d, driver);
	CLEANUP(buf_done) struct buf request = BUF_INIT;
	CLEANUP_FREE char *method = NULL;
	struct dra_call *c;
	size_t at;

	*ret = NULL;
	if (!in)
		return err_sys(err, ENOENT, "DRA driver %.*s is not registered", STR_ARG(driver));
	at = pb_open(&request, 1);
	pb_put_text(&request, 1, claim->ns);
	pb_put_text(&request, 2, claim->uid);
	pb_put_text(&request, 3, claim->name);
	pb_close(&request, at);
	method = xasprintf("/%s/Node%sResources", in->service, prepare ? "Prepare" : "Unprepare");
	c = NEW(struct dra_call);
	c->in = in;
	c->prepare = prepare;
	c->uid = str_dup(claim->uid);
	c->name = str_dup(claim->name);
	c->done = done;
	c->user = user;
	list_append(&d->calls, &c->node);
	c->call = grpc_client_call(in->client, &(struct grpc_req){.method = method,
								  .request = buf_str(&request),
								  .timeout_ns = CALL_NS,
								  .done = on_done,
								  .user = c});
	*ret = c;
	return 0;
}

void dra_cancel(struct dra_call *c)
{
	grpc_call_cancel(c->call);
	call_free(c);
}
