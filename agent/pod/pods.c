/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pods.h"

#include <dirent.h>

#include "agent/pod/hooks.h"
#include "agent/pod/objects.h"
#include "agent/pod/ownership.h"
#include "agent/pod/pod.h"
#include "agent/pod/pod_devices.h"
#include "agent/pod/probes.h"
#include "agent/pod/report.h"
#include "agent/pod/shutdown.h"
#include "agent/pod/static_source.h"
#include "agent/pod/status.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/client/events.h"
#include "lib/client/informer.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"
#include "net/pod_net.h"

#define OBJECT_MAX (8u << 20)

int pods_new(const struct pods_conf *conf, struct pods **ret, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/pods", conf->data_dir);
	struct pods *ps;
	int r = dir_make(dir, 0750);

	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", dir, strerror(-r));
	r = dir_make(conf->log_dir, 0755);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", conf->log_dir, strerror(-r));
	ps = NEW(struct pods);
	ps->conf = *conf;
	list_init(&ps->list);
	list_init(&ps->owning);
	list_init(&ps->owning_next);
	ps->by_uid = hmap_new();
	ps->by_container = hmap_new();
	ps->objects = objects_new(conf->client);
	ps->held = held_claims_new(ps);
	if (conf->client)
		ps->recorder = recorder_new(conf->client,
					    &(struct recorder_conf){"kubelet", conf->node_name});
	if (conf->host_ip6)
		str_copy(ps->host_ip6, sizeof(ps->host_ip6), str_of(conf->host_ip6));
	if (conf->host_ip)
		pods_set_host_ip(ps, conf->host_ip);
	*ret = ps;
	return 0;
}

void pods_stop(struct pods *ps)
{
	if (!ps || ps->closing)
		return;
	ps->closing = true;
	pods_shutdown_free(ps);
	ps->manifests = static_source_free(ps->manifests);
	ps->api = informer_free(ps->api);
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		pod_state_save(p);
		for (size_t i = 0; i < p->n; i++) {
			probes_stop(p->containers[i]);
			hook_cancel(p->containers[i]);
		}
		report_cancel(p);
		refs_free(p);
	}
	ps->objects = objects_free(ps->objects);
	ps->held = held_claims_free(ps->held);
	ps->recorder = recorder_free(ps->recorder);
}

struct pods *pods_free(struct pods *ps)
{
	if (!ps)
		return NULL;
	pods_stop(ps);
	list_for_each_safe (it, &ps->list)
		pod_free(list_entry(it, struct pod, in_all));
	ownership_forget(ps);
	hmap_free(ps->by_uid);
	hmap_free(ps->by_container);
	free(ps);
	return NULL;
}

void pods_driver_here(struct pods *ps)
{
	held_claims_sweep(ps->held);
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		if (!jv_exists(jv_get(p->view->spec, "resourceClaims")))
			continue;
		backoff_reset(&p->setup);
		pod_kick(p);
	}
}

void pods_set_host_ip(struct pods *ps, const char *ip)
{
	if (strcmp(ps->host_ip, ip) == 0)
		return;
	str_copy(ps->host_ip, sizeof(ps->host_ip), str_of(ip));
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		p->status_dirty = true;
		pod_kick(p);
	}
}

void pods_set_node_uid(struct pods *ps, struct str uid)
{
	if (str_copy(ps->node_uid, sizeof(ps->node_uid), uid) < 0)
		return;
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		if (p->view->is_static && !p->mirror_uid)
			pod_kick(p);
	}
}

void pods_set_net(struct pods *ps, struct pod_net *net, const char *cluster_dns)
{
	ps->conf.net = net;
	ps->conf.cluster_dns = cluster_dns;
	pod_net_gc(net, pods_keep_net, ps);
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		backoff_reset(&p->setup);
		if (p->sandbox == SANDBOX_READY) {
			pod_host_ports(p, true);
			pod_connected(p, true);
		}
		pod_kick(p);
	}
}

void pods_volumes_changed(struct pods *ps, struct str uid)
{
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		if (uid.len ? !str_eqs(uid, p->uid) : p->volumes_ready)
			continue;
		p->volumes_dirty = true;
		pod_kick(p);
	}
}

bool pods_synced(const struct pods *ps)
{
	return ps->api_synced || !ps->conf.client;
}

/* ---- sources ---- */

static struct pod *find_named(const struct pods *ps, struct str ns, struct str name, struct str uid)
{
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		if (!p->gone && str_eq(p->view->ns, ns) && str_eq(p->view->name, name) &&
		    (!uid.len || str_eqs(uid, p->uid) ||
		     (p->mirror_uid && str_eqs(uid, p->mirror_uid))))
			return p;
	}
	return NULL;
}

void pods_set(struct pods *ps, struct str json)
{
	struct pod_view *v;
	struct err err = ERR_INIT;
	struct pod *p;

	if (pod_view_parse(json, &v, &err) < 0) {
		log_warn("a pod cannot be read: %s", err_text(&err));
		err_done(&err);
		return;
	}
	p = hmap_get(ps->by_uid, v->uid);
	if (p) {
		p->gone = false;
		pod_update(p, v);
		return;
	}
	/* One that had ended before this agent ever saw it is not begun again. */
	if (jv_eqs(jv_get(v->status, "phase"), "Succeeded") ||
	    jv_eqs(jv_get(v->status, "phase"), "Failed")) {
		if (v->deletion_grace_s < 0) {
			pod_view_free(v);
			return;
		}
	}
	p = pod_new(ps, v);
	if (pod_object_save(p, &err) < 0)
		pod_log(LOG_LEVEL_WARN, p, 0, "%s", err_text(&err));
	err_done(&err);
	if (v->deletion_grace_s >= 0)
		pod_end(p, v->deletion_grace_s);
	pod_kick(p);
}

void pods_unset(struct pods *ps, struct str uid)
{
	struct pod *p = hmap_get(ps->by_uid, uid);

	if (!p)
		return;
	p->gone = true;
	pod_kick(p);
}

/* The mirror of a static pod came, changed or went. */
static void mirror_seen(struct pods *ps, const struct pod_view *v, bool deleted)
{
	struct str uid = pod_view_annotation(v, STR("kubernetes.io/config.mirror"));
	struct pod *p = hmap_get(ps->by_uid, uid);

	if (p && !p->gone && !deleted && v->deletion_grace_s < 0) {
		if (!p->mirror_uid || !str_eqs(v->uid, p->mirror_uid)) {
			free(p->mirror_uid);
			p->mirror_uid = str_dup(v->uid);
			free(p->reported);
			p->reported = NULL;
		}
		pod_kick(p);
		return;
	}
	if (p && p->mirror_uid && str_eqs(v->uid, p->mirror_uid)) {
		free(p->mirror_uid);
		p->mirror_uid = NULL;
		pod_kick(p);
	}
	/* A mirror without its pod, or one that somebody deletes: let it go at once. */
	if (!deleted) {
		CLEANUP(buf_done) struct buf body = BUF_INIT;

		buf_addf(&body,
			 "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
			 "\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":\"%.*s\"}}",
			 STR_ARG(v->uid));
		client_delete(ps->conf.client, &client_pods, v->ns, v->name, buf_str(&body), NULL,
			      NULL);
	}
}

static bool as_mirror(struct pods *ps, struct object *o, bool deleted)
{
	struct pod_view *v;
	bool is;

	if (!jv_exists(jv_get(jv_path(jv_of(o->bytes), "metadata.annotations"),
			      "kubernetes.io/config.mirror")))
		return false;
	if (pod_view_parse(o->bytes, &v, NULL) < 0)
		return true;
	is = v->is_mirror;
	if (is)
		mirror_seen(ps, v, deleted);
	pod_view_free(v);
	return is;
}

static void on_added(void *user, struct object *o)
{
	if (!as_mirror(user, o, false))
		pods_set(user, o->bytes);
}

static void on_updated(void *user, struct object *old, struct object *o)
{
	struct str was = jv_text(jv_path(jv_of(old->bytes), "metadata.uid"));

	if (as_mirror(user, o, false))
		return;
	/* Deleted and made anew between two looks. */
	if (!str_eq(was, jv_text(jv_path(jv_of(o->bytes), "metadata.uid"))))
		pods_unset(user, was);
	pods_set(user, o->bytes);
}

static void on_deleted(void *user, struct object *o)
{
	if (!as_mirror(user, o, true))
		pods_unset(user, jv_text(jv_path(jv_of(o->bytes), "metadata.uid")));
}

/* Now absence means something: what the API no longer has must end. */
static void on_synced(void *user)
{
	struct pods *ps = user;

	ps->api_synced = true;
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);
		struct object *o;

		if (p->view->is_static) {
			pod_kick(p);
			continue;
		}
		o = informer_get_in(ps->api, p->view->ns, p->view->name);
		if (o && str_eqs(jv_text(jv_path(jv_of(o->bytes), "metadata.uid")), p->uid))
			continue;
		p->gone = true;
		pod_kick(p);
	}
}

static const struct informer_handler api_handler = {on_added, on_updated, on_deleted, on_synced};

/* ---- start ---- */

static void load_one(struct pods *ps, const char *uid)
{
	CLEANUP_FREE char *dir = xasprintf("%s/pods/%s", ps->conf.data_dir, uid);
	CLEANUP_FREE char *path = xasprintf("%s/pod.json", dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct pod_view *v;
	struct pod *p;

	if (file_read(AT_FDCWD, path, OBJECT_MAX, &b) < 0 ||
	    json_scan(buf_str(&b), NULL, &err) < 0 || pod_view_parse(buf_str(&b), &v, &err) < 0) {
		log_warn("the record of pod %s cannot be read and is dropped: %s", uid,
			 err_text(&err));
		err_done(&err);
		dir_remove_tree(AT_FDCWD, dir);
		return;
	}
	p = pod_new(ps, v);
	pod_state_load(p);
	if (v->deletion_grace_s >= 0)
		pod_end(p, v->deletion_grace_s);
	pod_kick(p);
}

static void ignore_done(void *user, int r, const struct err *err)
{
}

/* Sandboxes no record speaks of: a crash between the runtime's step and ours. */
static void remove_orphans(struct pods *ps)
{
	struct hmap *known = hmap_new();
	struct sandbox_info info;
	char after[KNARR_ID_LEN + 1] = "";
	bool first = true;

	list_for_each (it, &ps->list)
		hmap_put(known, str_of(list_entry(it, struct pod, in_all)->sandbox_id), ps);
	while (runtime_sandbox_next(ps->conf.rt, first ? NULL : after, &info) == 0) {
		first = false;
		str_copy(after, sizeof(after), str_of(info.id));
		if (hmap_has(known, str_of(after)))
			continue;
		log_notice("removing sandbox %s, which belongs to no pod", after);
		runtime_sandbox_remove(ps->conf.rt, after, ignore_done, NULL, NULL);
	}
	hmap_free(known);
}

int pods_start(struct pods *ps, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/pods", ps->conf.data_dir);
	DIR *d = opendir(dir);

	if (!d)
		return err_sys(err, errno, "cannot read %s: %s", dir, strerror(errno));
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			load_one(ps, e->d_name);
	closedir(d);
	remove_orphans(ps);
	if (ps->conf.static_dir && ps->conf.static_dir[0])
		ps->manifests = static_source_new(ps, ps->conf.loop, ps->conf.static_dir);
	if (ps->conf.client) {
		CLEANUP(buf_done) struct buf query = BUF_INIT, field = BUF_INIT;

		buf_addf(&field, "spec.nodeName=%s", ps->conf.node_name);
		client_query_add(&query, "fieldSelector", buf_str(&field));
		ps->api = informer_new(ps->conf.client, &(struct informer_conf){
								.kind = &client_pods,
								.query = query.p,
							});
		informer_handle(ps->api, &api_handler, ps);
		informer_start(ps->api);
	}
	return 0;
}

void pods_runtime_event(struct pods *ps, const struct runtime_event *ev)
{
	struct container *c;

	if (ev->type == RUNTIME_SANDBOX_LOST) {
		list_for_each_safe (it, &ps->list) {
			struct pod *p = list_entry(it, struct pod, in_all);

			if (strcmp(p->sandbox_id, ev->sandbox_id) == 0)
				pod_sandbox_lost(p);
		}
		return;
	}
	c = ev->container_id ? hmap_get(ps->by_container, str_of(ev->container_id)) : NULL;
	if (!c || strcmp(c->id, ev->container_id) != 0)
		return;
	if (ev->type == RUNTIME_OOM) {
		pod_log(LOG_LEVEL_WARN, c->pod, 0,
			"a process of container %s was killed: out of "
			"memory",
			c->name);
		return;
	}
	if (c->state == CONTAINER_STARTING || c->state == CONTAINER_RUNNING ||
	    c->state == CONTAINER_STOPPING)
		pod_container_exited(c);
}

/* ---- for the node API ---- */

int pods_find_container(struct pods *ps, struct str ns, struct str pod, struct str uid,
			struct str container, bool previous, const char **ret_id,
			const char **ret_log_path, struct err *err)
{
	struct pod *p = find_named(ps, ns, pod, uid);
	struct container *c;

	if (!p)
		return err_set(err, ENOENT, "NotFound", "pod \"%.*s\" not found", STR_ARG(pod));
	c = pod_container(p, container);
	if (!c)
		return err_set(err, ENOENT, "BadRequest",
			       "container %.*s not found in pod %.*s_%.*s", STR_ARG(container),
			       STR_ARG(pod), STR_ARG(ns));
	if (previous) {
		if (!c->previous_id[0] || !c->log_path || c->instances < 2)
			return err_set(err, ENOENT, "BadRequest",
				       "previous terminated container \"%.*s\" in pod \"%.*s\" not "
				       "found",
				       STR_ARG(container), STR_ARG(pod));
		free(c->previous_log);
		c->previous_log = xasprintf("%s/%s/%u.log", p->log_dir, c->name, c->instances - 2);
		if (ret_id)
			*ret_id = c->previous_id;
		if (ret_log_path)
			*ret_log_path = c->previous_log;
		return 0;
	}
	if (!c->id[0] && !c->log_path)
		return err_set(err, ENOENT, "BadRequest",
			       "container \"%.*s\" in pod \"%.*s\" is waiting to start: %s",
			       STR_ARG(container), STR_ARG(pod),
			       c->waiting ? c->waiting : "ContainerCreating");
	if (ret_id)
		*ret_id = c->id;
	if (ret_log_path)
		*ret_log_path = c->log_path;
	return 0;
}

int pods_find_sandbox(struct pods *ps, struct str ns, struct str pod, struct str uid,
		      const char **ret_sandbox_id, bool *ret_host_network, struct err *err)
{
	struct pod *p = find_named(ps, ns, pod, uid);

	if (!p)
		return err_set(err, ENOENT, "NotFound", "pod \"%.*s\" not found", STR_ARG(pod));
	if (p->sandbox != SANDBOX_READY)
		return err_set(err, ENOENT, "BadRequest", "pod \"%.*s\" is not running",
			       STR_ARG(pod));
	*ret_sandbox_id = p->sandbox_id;
	*ret_host_network = p->view->host_network;
	return 0;
}

void pods_list_json(struct pods *ps, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("PodList"));
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_raw(&w, "metadata", STR("{}"));
	jw_key(&w, "items");
	jw_begin_array(&w);
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);
		CLEANUP(buf_done) struct buf status = BUF_INIT;

		pod_status_json(p, false, &status);
		jw_begin_object(&w);
		jw_member_raw(&w, "metadata", jv_raw(p->view->metadata));
		jw_member_raw(&w, "spec", jv_raw(p->view->spec));
		jw_member_raw(&w, "status", buf_str(&status));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
}

void pods_each_container(struct pods *ps, void (*cb)(void *user, const struct pods_container *c),
			 void *user)
{
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		for (size_t i = 0; i < p->n; i++) {
			struct container *c = p->containers[i];
			struct pods_container pc = {
				.ns = p->view->ns,
				.pod = p->view->name,
				.uid = str_of(p->uid),
				.container = str_of(c->name),
				.container_id = c->id,
				.sandbox_id = p->sandbox_id,
				.pod_start_ns = p->start_ns,
				.start_ns = c->started_ns,
				.running = c->state == CONTAINER_RUNNING,
			};

			if (c->id[0])
				cb(user, &pc);
		}
	}
}

size_t pods_netns_fds(struct pods *ps, int **ret)
{
	size_t n = 0, cap = 0;

	*ret = NULL;
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);
		int fd = p->sandbox == SANDBOX_READY && !p->view->host_network
				 ? runtime_sandbox_netns(ps->conf.rt, p->sandbox_id)
				 : -1;

		if (fd >= 0)
			*ARRAY_PUSH(*ret, n, cap) = fd;
	}
	return n;
}

void pods_count(const struct pods *ps, struct pods_counts *ret)
{
	*ret = (struct pods_counts){0};
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		ret->pods++;
		for (size_t i = 0; i < p->n; i++)
			ret->containers_running += p->containers[i]->state == CONTAINER_RUNNING;
	}
}

bool pods_image_in_use(void *user, const char *image_id)
{
	struct pods *ps = user;

	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		for (size_t i = 0; i < p->n; i++)
			if (p->containers[i]->image_id &&
			    strcmp(p->containers[i]->image_id, image_id) == 0)
				return true;
	}
	return false;
}

bool pods_keep_net(struct str id, void *user)
{
	struct pods *ps = user;
	struct pod *p = hmap_get(ps->by_uid, id);

	return p && p->sandbox == SANDBOX_READY;
}
