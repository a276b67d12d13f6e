/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/files.h"
#include "agent/pod/pod.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/client/events.h"
#include "net/pod_net.h"
/* A pod's sandbox: the supervisor with the shared namespaces, and the network in it. */

static void random_id(char ret[KNARR_ID_LEN + 1])
{
	CLEANUP(buf_done) struct buf hex = BUF_INIT;
	uint8_t b[KNARR_ID_LEN / 2];

	rng_system.fill(rng_system.user, b, sizeof(b));
	hex_encode(str_n(b, sizeof(b)), &hex);
	str_copy(ret, KNARR_ID_LEN + 1, buf_str(&hex));
}

/* Everything that was tied to the sandbox before starts anew: init containers run again. */
static void forget_instances(struct pod *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct container *c = p->containers[i];

		if (c->state != CONTAINER_EXITED)
			continue;
		pod_container_step(c, CONTAINER_WAITING);
		pod_container_end_done(&c->last);
		c->last = c->end;
		c->end = (struct container_end){0};
		c->waiting = "ContainerCreating";
	}
}

static void failed(struct pod *p, const struct err *err)
{
	uint64_t now = pods_now_ns(p->all);

	backoff_fail(&p->setup, &backoff_setup, now);
	p->setup_tried_ns = now;
	pod_event(p, EVENT_WARNING, "FailedCreatePodSandBox", "Failed to create pod sandbox: %s",
		  err_text(err));
}

void pod_host_ports(struct pod *p, bool up)
{
	bool any = false;

	if (!p->all->conf.host_ports || p->view->host_network)
		return;
	for (size_t i = 0; i < p->view->n && !any; i++)
		jv_for_each (it, jv_get(p->view->containers[i].json, "ports"))
			any = any || jv_i64(jv_get(it.value, "hostPort"), 0) > 0;
	if (any)
		p->all->conf.host_ports(p->all->conf.user, str_of(p->uid), up ? p->ip : NULL,
					p->ip6, p->view->spec);
}

void pod_connected(struct pod *p, bool up)
{
	if (p->all->conf.connected && !p->view->host_network && (!up || p->ip[0]))
		p->all->conf.connected(p->all->conf.user, str_of(p->uid), up ? p->ip : NULL, p->ip6,
				       p->view->obj);
}

static int attach_net(struct pod *p, struct err *err)
{
	CLEANUP_FD int fd = -1;
	struct pod_net_addr addr;
	char text[IP_TEXT];
	int r;

	if (p->view->host_network)
		return 0;
	fd = runtime_sandbox_netns(p->all->conf.rt, p->sandbox_id);
	if (fd < 0)
		return err_sys(err, -fd, "the sandbox has no network namespace: %s", strerror(-fd));
	r = pod_net_attach(p->all->conf.net, str_of(p->uid), fd, &addr, err);
	if (r < 0)
		return r;
	p->net_attached = true;
	str_copy(p->ip, sizeof(p->ip), str_of(ip4_format(addr.addr, text)));
	p->ip6[0] = 0;
	if (!ip_is_none(addr.addr6))
		ip_addr_format(addr.addr6, p->ip6);
	pod_host_ports(p, true);
	pod_connected(p, true);
	return 0;
}

static void detach_net(struct pod *p)
{
	struct err err = ERR_INIT;

	if (!p->all->conf.net || p->view->host_network)
		return;
	pod_host_ports(p, false);
	pod_connected(p, false);
	if (pod_net_detach(p->all->conf.net, str_of(p->uid), &err) < 0)
		pod_log(LOG_LEVEL_WARN, p, 0, "cannot detach network: %s", err_text(&err));
	p->net_attached = false;
	err_done(&err);
}

static void on_started(void *user, int r, const struct err *e)
{
	struct pod *p = user;
	struct err err = ERR_INIT;

	p->inflight--;
	if (p->all->closing)
		return;
	if (p->sandbox != SANDBOX_STARTING) { /* stopped meanwhile */
		pod_kick(p);
		return;
	}
	if (r < 0) {
		failed(p, e);
		pod_sandbox_step(p, SANDBOX_NONE);
		return;
	}
	r = attach_net(p, &err);
	if (r == 0)
		r = files_write(p, &err);
	if (r < 0) {
		failed(p, &err);
		err_done(&err);
		pod_sandbox_stop(p);
		return;
	}
	backoff_reset(&p->setup);
	p->volumes_dirty = true; /* status.podIP in a downwardAPI volume */
	pod_sandbox_step(p, SANDBOX_READY);
}

/* spec.securityContext.sysctls; the pairs point into the view. */
static size_t sysctls(const struct pod *p, struct runtime_pair **ret)
{
	struct jv list = jv_path(p->view->spec, "securityContext.sysctls");
	struct runtime_pair *v = xcalloc(jv_len(list) + 1, sizeof(*v));
	size_t n = 0;

	jv_for_each (it, list) {
		v[n].name = jv_strdup(jv_get(it.value, "name"));
		v[n].value = jv_strdup(jv_get(it.value, "value"));
		if (v[n].name && v[n].value) {
			n++;
			continue;
		}
		free((char *)(uintptr_t)v[n].name);
		free((char *)(uintptr_t)v[n].value);
	}
	*ret = v;
	return n;
}

void pod_sandbox_start(struct pod *p)
{
	const struct pod_view *v = p->view;
	const char *qos = qos_class_dir(pod_qos(v));
	CLEANUP_FREE char *cgroup = xasprintf("%s%spod%s", qos, qos[0] ? "/" : "", p->uid);
	CLEANUP_FREE char *hostname = str_dup(pod_view_hostname(v));
	CLEANUP_FREE char *note = xasprintf("%s %s", p->uid, p->key);
	struct runtime_pair *pairs;
	struct resource_amounts amounts;
	struct cgroup_numbers num;
	struct sandbox_spec spec = {0};
	struct err err = ERR_INIT;
	int r;

	random_id(p->sandbox_id);
	p->sandbox_attempt++;
	forget_instances(p);
	pod_resources(v, &amounts);
	cgroup_numbers_of(&amounts, &num);
	spec.id = p->sandbox_id;
	spec.note = note;
	spec.hostname = v->host_network ? NULL : hostname;
	spec.net = v->host_network ? RUNTIME_NS_HOST : RUNTIME_NS_POD;
	spec.uts = v->host_network ? RUNTIME_NS_HOST : RUNTIME_NS_POD;
	spec.ipc = v->host_ipc ? RUNTIME_NS_HOST : RUNTIME_NS_POD;
	spec.pid = v->host_pid    ? RUNTIME_NS_HOST
		   : v->share_pid ? RUNTIME_NS_POD
				  : RUNTIME_NS_CONTAINER;
	spec.n_sysctls = sysctls(p, &pairs);
	spec.sysctls = pairs;
	spec.cgroup_path = cgroup;
	spec.resources.cpu_shares = num.cpu_shares;
	spec.resources.cpu_quota_us = (uint64_t)num.cpu_quota_us;
	spec.resources.mem_limit_bytes = (uint64_t)num.mem_limit;
	pod_sandbox_step(p, SANDBOX_STARTING);
	r = runtime_sandbox_start(p->all->conf.rt, &spec, on_started, p, &err);
	if (r < 0) {
		failed(p, &err);
		pod_sandbox_step(p, SANDBOX_NONE);
	} else {
		p->inflight++;
	}
	for (size_t i = 0; i < spec.n_sysctls; i++) {
		free((char *)(uintptr_t)pairs[i].name);
		free((char *)(uintptr_t)pairs[i].value);
	}
	free(pairs);
	err_done(&err);
}

static void on_stopped(void *user, int r, const struct err *e)
{
	struct pod *p = user;

	p->inflight--;
	if (p->all->closing)
		return;
	if (r < 0)
		pod_log(LOG_LEVEL_WARN, p, 0, "cannot stop sandbox: %s", err_text(e));
	detach_net(p);
	if (p->sandbox == SANDBOX_STOPPING)
		pod_sandbox_step(p, SANDBOX_GONE);
	pod_kick(p);
}

void pod_sandbox_stop(struct pod *p)
{
	struct err err = ERR_INIT;

	if (p->sandbox == SANDBOX_NONE || p->sandbox == SANDBOX_GONE ||
	    p->sandbox == SANDBOX_STOPPING)
		return;
	pod_sandbox_step(p, SANDBOX_STOPPING);
	if (runtime_sandbox_stop(p->all->conf.rt, p->sandbox_id, on_stopped, p, &err) < 0) {
		pod_log(LOG_LEVEL_WARN, p, 0, "cannot stop sandbox: %s", err_text(&err));
		detach_net(p);
		pod_sandbox_step(p, SANDBOX_GONE);
	} else {
		p->inflight++;
	}
	err_done(&err);
}

void pod_sandbox_lost(struct pod *p)
{
	if (p->sandbox != SANDBOX_READY && p->sandbox != SANDBOX_STARTING)
		return;
	detach_net(p);
	p->ip[0] = 0;
	pod_sandbox_step(p, SANDBOX_GONE);
	if (p->work == POD_SYNC)
		pod_event(p, EVENT_NORMAL, "SandboxChanged",
			  "Pod sandbox changed, it will be killed and re-created.");
}
