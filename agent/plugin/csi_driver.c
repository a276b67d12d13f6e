/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/csi_private.h"

#include "lib/base/log.h"
#include "lib/base/pb.h"
#include "lib/json/json_scan.h"
/*
 * Drivers: what they are (NodeGetInfo, NodeGetCapabilities), and what the cluster is told of it: a
 * row in the node's CSINode, the node's annotation and the labels of its topology
 * (pkg/volume/csi/nodeinfomanager). One driver's row is written at a time; then the driver is told
 * that it is registered.
 */
#define NODE_ID_NOTE "csi.volume.kubernetes.io/nodeid"
#define AGAIN_NS NSEC_PER_SEC

static const struct client_kind csidrivers = {"storage.k8s.io", "v1", "csidrivers", "CSIDriver",
					      false};
static const struct client_kind csinodes = {"storage.k8s.io", "v1", "csinodes", "CSINode", false};

enum { WRITE_NODE, WRITE_PATCH, WRITE_CREATE, WRITE_DELETE };

static void write_next(struct csi_node *n);

struct csi_driver *csi_driver_find(const struct csi_node *n, struct str name)
{
	list_for_each (it, &n->drivers) {
		struct csi_driver *d = list_entry(it, struct csi_driver, in_node);

		if (str_eqs(name, d->name) && !d->gone)
			return d;
	}
	return NULL;
}

int csi_driver_get(const struct csi_node *n, const char *name, struct csi_driver **ret,
		   struct err *err)
{
	struct csi_driver *d = csi_driver_find(n, str_of(name));

	if (!d || !d->ready)
		return err_sys(err, ENOENT,
			       "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: "
			       "driver name %s not found in the list of registered CSI drivers",
			       name);
	*ret = d;
	return 0;
}

int csi_driver_can(const struct csi_node *n, struct str driver, enum csi_capability what,
		   struct err *err)
{
	CLEANUP_FREE char *name = str_dup(driver);
	struct csi_driver *d = NULL;
	int r = csi_driver_get(n, name ? name : "", &d, err);

	return r < 0 ? r : (d->can & (1u << what)) != 0;
}

static void driver_free(struct csi_driver *d)
{
	list_remove(&d->in_node);
	if (d->node->publishing == d)
		d->node->publishing = NULL;
	if (d->client)
		grpc_client_retire(d->client);
	buf_done(&d->topology);
	free(d->name);
	free(d->endpoint);
	free(d->node_id);
	free(d);
}

struct grpc_call *csi_call(struct csi_driver *d, const char *method, struct str request,
			   grpc_done_fn *done, void *user)
{
	CLEANUP_FREE char *path = xasprintf("/csi.v1.Node/%s", method);

	return grpc_client_call(d->client, &(struct grpc_req){.method = path,
							      .request = request,
							      .timeout_ns = CSI_TIMEOUT_NS,
							      .done = done,
							      .user = user});
}

/* ---- what the cluster is told ---- */

/* {"disk.example.com":"n1",...}: an annotation is text. */
static void node_ids(const struct csi_node *n, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	list_for_each (it, &n->drivers) {
		struct csi_driver *d = list_entry(it, struct csi_driver, in_node);

		if (d->ready && !d->gone)
			jw_member_str(&w, d->name, str_of(d->node_id));
	}
	jw_end_object(&w);
}

/* Topology{map<string, string> segments 1} */
static void each_segment(const struct csi_driver *d,
			 void (*fn)(struct jw *w, struct str key, struct str value), struct jw *w)
{
	struct str in = buf_str(&d->topology);
	struct pb_item it;

	while (pb_next(&in, &it) > 0)
		if (it.number == 1 && it.wire == PB_BYTES)
			fn(w, pb_get_bytes(it.bytes, 1), pb_get_bytes(it.bytes, 2));
}

static void put_label(struct jw *w, struct str key, struct str value)
{
	jw_keyn(w, key);
	jw_str(w, value);
}

static void put_key(struct jw *w, struct str key, struct str value)
{
	jw_str(w, key);
}

static void node_body(const struct csi_driver *d, struct buf *out)
{
	CLEANUP(buf_done) struct buf ids = BUF_INIT;
	struct jw w = jw_start(out);

	node_ids(d->node, &ids);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	jw_member_str(&w, NODE_ID_NOTE, ids.len > 2 ? buf_str(&ids) : STR_NULL);
	jw_end_object(&w);
	if (!d->gone) {
		jw_key(&w, "labels");
		jw_begin_object(&w);
		each_segment(d, put_label, &w);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
}

static void driver_row(struct jw *w, const struct csi_driver *d)
{
	jw_begin_object(w);
	jw_member_str(w, "name", str_of(d->name));
	jw_member_str(w, "nodeID", str_of(d->node_id));
	jw_key(w, "topologyKeys");
	jw_begin_array(w);
	each_segment(d, put_key, w);
	jw_end_array(w);
	if (d->max_volumes > 0) {
		jw_key(w, "allocatable");
		jw_begin_object(w);
		jw_member_i64(w, "count", MIN(d->max_volumes, (int64_t)INT32_MAX));
		jw_end_object(w);
	}
	jw_end_object(w);
}

static void csinode_head(const struct csi_node *n, struct jw *w)
{
	jw_member_str(w, "apiVersion", STR("storage.k8s.io/v1"));
	jw_member_str(w, "kind", STR("CSINode"));
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "name", str_of(n->name));
	jw_key(w, "ownerReferences");
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "apiVersion", STR("v1"));
	jw_member_str(w, "kind", STR("Node"));
	jw_member_str(w, "name", str_of(n->name));
	jw_member_str(w, "uid", str_of(n->uid));
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
}

static void csinode_body(const struct csi_driver *d, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	if (d->step == WRITE_CREATE)
		csinode_head(d->node, &w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_key(&w, "drivers");
	jw_begin_array(&w);
	if (d->step == WRITE_DELETE) {
		jw_begin_object(&w);
		jw_member_str(&w, "$patch", STR("delete"));
		jw_member_str(&w, "name", str_of(d->name));
		jw_end_object(&w);
	} else {
		driver_row(&w, d);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void answer(struct csi_driver *d, const struct err *e)
{
	if (d->plugin)
		plugin_answer(TAKE(d->plugin), e);
}

/* All is written. */
static void written(struct csi_driver *d)
{
	struct csi_node *n = d->node;

	n->publishing = NULL;
	d->dirty = false;
	if (d->gone) {
		driver_free(d);
	} else {
		answer(d, NULL);
		n->conf.changed(n->conf.user, STR_NULL);
		csi_stages_check(n);
	}
	write_next(n);
}

static void on_again(struct timer *t)
{
	write_next(container_of(t, struct csi_node, again));
}

static void write_step(struct csi_driver *d);

static void on_write(void *user, const struct err *e, struct str body)
{
	struct csi_driver *d = user;
	struct csi_node *n = d->node;
	int step = d->step;

	n->call = NULL;
	if (e->errnum && client_err_transient(e) && e->errnum != EAGAIN) {
		n->publishing = NULL;
		timers_arm_in(n->conf.timers, &n->again, AGAIN_NS);
		return;
	}
	if (step == WRITE_NODE && !e->errnum) {
		d->step = d->gone ? WRITE_DELETE : WRITE_PATCH;
	} else if (step == WRITE_PATCH && e->errnum == ENOENT) {
		d->step = WRITE_CREATE;
	} else if (step == WRITE_PATCH && e->errnum == EINVAL) {
		d->step = WRITE_DELETE; /* a row is not changed, but written anew */
	} else if (step == WRITE_DELETE && (!e->errnum || e->errnum == ENOENT) && !d->gone) {
		d->step = WRITE_PATCH;
	} else if (e->errnum && (e->errnum == EAGAIN || e->errnum == EEXIST)) {
		d->step = WRITE_PATCH;
	} else if (e->errnum && !d->gone) {
		log_warn("driver %s: cannot write its row: %s", d->name, err_text(e));
		n->publishing = NULL;
		answer(d, e);
		timers_arm_in(n->conf.timers, &n->again, 5 * AGAIN_NS);
		return;
	} else {
		written(d);
		return;
	}
	write_step(d);
}

static void write_step(struct csi_driver *d)
{
	struct csi_node *n = d->node;
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	bool node = d->step == WRITE_NODE, create = d->step == WRITE_CREATE;

	if (node)
		node_body(d, &body);
	else
		csinode_body(d, &body);
	n->call = client_do(n->conf.client,
			    &(struct client_req){
				    .method = create ? "POST" : "PATCH",
				    .kind = node ? &client_nodes : &csinodes,
				    .name = create ? STR_NULL : str_of(n->name),
				    .content_type = create ? NULL
						    : node ? CLIENT_MERGE_PATCH
							   : CLIENT_STRATEGIC_PATCH,
				    .body = buf_str(&body),
			    },
			    on_write, d);
}

static void write_next(struct csi_node *n)
{
	if (n->publishing || !n->uid || timer_armed(&n->again))
		return;
	list_for_each (it, &n->drivers) {
		struct csi_driver *d = list_entry(it, struct csi_driver, in_node);

		if (!d->dirty)
			continue;
		n->publishing = d;
		d->step = WRITE_NODE;
		write_step(d);
		return;
	}
}

void csi_node_registered(struct csi_node *n, struct str uid)
{
	if (n->uid && str_eqs(uid, n->uid))
		return;
	/* Another Node of this name: its CSINode went with the former one. */
	free(n->uid);
	n->uid = str_dup(uid);
	list_for_each (it, &n->drivers) {
		struct csi_driver *d = list_entry(it, struct csi_driver, in_node);

		d->dirty = d->dirty || (d->ready && !d->gone);
	}
	write_next(n);
}

/* ---- what a driver is ---- */

static void failed(struct csi_driver *d, const char *method, int status, struct str message)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct err err = ERR_INIT;
	struct plugin *p = TAKE(d->plugin);

	grpc_error_text(status, message, &why);
	err_sys(&err, EIO, "%s", why.p);
	log_warn("driver %s: %s: %s", d->name, method, why.p);
	driver_free(d);
	plugin_answer(p, &err);
	err_done(&err);
}

/* NodeGetInfoResponse{node_id 1, max_volumes_per_node 2, Topology accessible_topology 3} */
static void on_info(void *user, int status, struct str message, struct str response)
{
	struct csi_driver *d = user;

	if (status) {
		failed(d, "NodeGetInfo", status, message);
		return;
	}
	free(d->node_id);
	d->node_id = str_dup(pb_get_bytes(response, 1));
	d->max_volumes = (int64_t)pb_get_u64(response, 2);
	buf_clear(&d->topology);
	buf_addstr(&d->topology, pb_get_bytes(response, 3));
	d->ready = true;
	d->dirty = true;
	if (d->node->conf.client)
		write_next(d->node);
	else
		written(d);
}

/* NodeGetCapabilitiesResponse{repeated {RPC rpc 1 {Type type 1}} capabilities 1} */
static void on_capabilities(void *user, int status, struct str message, struct str response)
{
	struct csi_driver *d = user;
	struct pb_item it;

	if (status && status != GRPC_UNIMPLEMENTED) {
		failed(d, "NodeGetCapabilities", status, message);
		return;
	}
	d->can = 0;
	while (pb_next(&response, &it) > 0)
		if (it.number == 1 && it.wire == PB_BYTES) {
			uint64_t type = pb_get_u64(pb_get_bytes(it.bytes, 1), 1);

			d->can |= type < 32 ? 1u << type : 0;
		}
	csi_call(d, "NodeGetInfo", STR(""), on_info, d);
}

/* ---- registration ---- */

static int on_check(void *user, const struct plugin_info *info, struct err *err)
{
	struct csi_node *n = user;

	if (!plugin_version(info, 1))
		return err_sys(err, EINVAL,
			       "validation failed for CSI Driver %s at endpoint %s: "
			       "kubernetes.io/csi: ValidatePlugin for CSI driver \"%s\" failed. "
			       "None of the versions specified are supported",
			       info->name, info->endpoint, info->name);
	if (!*info->name || strchr(info->name, '/') || info->name[0] == '.')
		return err_sys(err, EINVAL, "\"%s\" is no name of a CSI driver", info->name);
	if (csi_driver_find(n, str_of(info->name)))
		return err_sys(err, EEXIST,
			       "validation failed for CSI Driver %s at endpoint %s: "
			       "kubernetes.io/csi: ValidatePlugin for CSI driver \"%s\" failed. "
			       "Another driver with the same name is already registered",
			       info->name, info->endpoint, info->name);
	return 0;
}

static void on_add(void *user, const struct plugin_info *info, struct plugin *p)
{
	struct csi_node *n = user;
	struct csi_driver *d = NEW(struct csi_driver);

	/* One that went and comes again: its row is written over, not taken out. */
	list_for_each_safe (it, &n->drivers) {
		struct csi_driver *old = list_entry(it, struct csi_driver, in_node);

		if (strcmp(old->name, info->name) == 0 && n->publishing != old)
			driver_free(old);
	}
	d->node = n;
	d->name = xstrdup(info->name);
	d->endpoint = xstrdup(info->endpoint);
	d->plugin = p;
	d->client = grpc_client_new(n->conf.loop, n->conf.timers, info->endpoint);
	buf_init(&d->topology);
	list_append(&n->drivers, &d->in_node);
	if (n->conf.client)
		csi_drivers_watch(n);
	csi_call(d, "NodeGetCapabilities", STR(""), on_capabilities, d);
}

static void on_gone(void *user, const struct plugin_info *info)
{
	struct csi_node *n = user;
	struct csi_driver *d = csi_driver_find(n, str_of(info->name));

	if (!d)
		return;
	d->plugin = NULL;
	d->gone = true;
	if (!d->ready || !n->conf.client) {
		/* Its calls are about itself: nobody is left to hear of them. */
		d->client = grpc_client_free(d->client);
		driver_free(d);
		return;
	}
	d->dirty = true;
	write_next(n);
}

const struct plugin_handler csi_plugin_handler = {
	.type = "CSIPlugin",
	.check = on_check,
	.add = on_add,
	.gone = on_gone,
};

/* ---- CSIDriver objects ---- */

static void on_spec(void *user, struct object *o)
{
	struct csi_node *n = user;

	n->conf.changed(n->conf.user, STR_NULL);
}

static void on_synced(void *user)
{
	on_spec(user, NULL);
}

static const struct informer_handler spec_handler = {.added = on_spec, .synced = on_synced};

void csi_drivers_watch(struct csi_node *n)
{
	if (n->csidrivers)
		return;
	n->csidrivers = informer_new(n->conf.client, &(struct informer_conf){.kind = &csidrivers});
	informer_handle(n->csidrivers, &spec_handler, n);
	informer_start(n->csidrivers);
}

int csi_driver_spec(struct csi_node *n, struct str driver, struct jv *ret)
{
	struct object *o;

	if (!n->conf.client)
		return -EAGAIN;
	csi_drivers_watch(n);
	if (!informer_synced(n->csidrivers))
		return -EAGAIN;
	o = informer_get(n->csidrivers, driver);
	*ret = o ? object_spec(o) : JV_NONE;
	return 0;
}

/* ---- all ---- */

struct csi_node *csi_node_new(const struct csi_conf *conf)
{
	struct csi_node *n = NEW(struct csi_node);

	n->conf = *conf;
	n->name = xstrdup(conf->node_name);
	n->dir = xstrdup(conf->kubelet_dir);
	n->again.fire = on_again;
	list_init(&n->drivers);
	list_init(&n->targets);
	list_init(&n->stages);
	csi_load(n);
	return n;
}

struct csi_node *csi_node_free(struct csi_node *n)
{
	if (!n)
		return NULL;
	if (n->call)
		client_cancel(n->conf.client, n->call);
	timers_disarm(n->conf.timers, &n->again);
	list_for_each_safe (it, &n->targets)
		csi_target_free(list_entry(it, struct csi_target, in_node));
	list_for_each_safe (it, &n->stages)
		csi_stage_free(list_entry(it, struct csi_stage, in_node));
	list_for_each_safe (it, &n->drivers) {
		struct csi_driver *d = list_entry(it, struct csi_driver, in_node);

		d->client = grpc_client_free(d->client);
		driver_free(d);
	}
	informer_free(n->csidrivers);
	free(n->uid);
	free(n->name);
	free(n->dir);
	free(n);
	return NULL;
}
