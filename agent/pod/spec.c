/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "agent/plugin/shared.h"
#include "agent/pod/env.h"
#include "agent/pod/files.h"
#include "agent/pod/pod.h"
#include "agent/pod/pod_devices.h"
#include "lib/client/informer.h"
#include "lib/sys/file.h"
/*
 * From a container of the API to a container_spec of the runtime (kuberuntime_container.go
 * generateContainerConfig, pkg/securitycontext, kubelet_pods.go makeMounts).
 */
struct builder {
	struct container *c;
	const struct image_info *img;
	struct container_spec spec;
	struct env env;
	char **argv, **envv;
	struct runtime_mount *mounts;
	size_t n_mounts, cap_mounts;
	struct runtime_device *devices;
	size_t n_devices, cap_devices;
	uint32_t groups[64];
	struct cdi_edits cdi; /* of its devices */
	char **owned; /* strings to free */
	size_t n_owned, cap_owned;
};

static char *own(struct builder *b, char *s)
{
	*ARRAY_PUSH(b->owned, b->n_owned, b->cap_owned) = s;
	return s;
}

static void builder_done(struct builder *b)
{
	env_done(&b->env);
	cdi_edits_done(&b->cdi);
	env_strv_free(b->argv);
	env_strv_free(b->envv);
	free(b->mounts);
	free(b->devices);
	for (size_t i = 0; i < b->n_owned; i++)
		free(b->owned[i]);
	free(b->owned);
}

/* ---- environment, command ---- */

static void service_env(struct pod *p, struct env *out)
{
	struct informer *services = p->all->conf.services;

	if (!services)
		return;
	/* The API's own service is announced everywhere, the others to their namespace. */
	informer_for_each(it, services)
	{
		bool api = str_eqs(it->ns, "default") && str_eqs(it->name, "kubernetes");

		if (api || (p->view->service_links && str_eq(it->ns, p->view->ns)))
			env_add_service(out, jv_of(it->bytes));
	}
}

static int build_env(struct builder *b, struct err *err)
{
	struct pod *p = b->c->pod;
	struct env services = ENV_INIT, own_env = ENV_INIT;
	int r;

	service_env(p, &services);
	r = env_build(p->view, b->c->view, &services, &p->source, &own_env, err);
	if (r == 0) {
		env_add_missing(&own_env, &services);
		for (const char *const *e = b->img->config.env; *e; e++) {
			const char *eq = strchr(*e, '=');

			if (eq)
				env_set(&b->env, str_n(*e, (size_t)(eq - *e)), str_of(eq + 1));
		}
		for (size_t i = 0; i < own_env.n; i++)
			env_set(&b->env, str_of(own_env.v[i].name), str_of(own_env.v[i].value));
		env_set(&services, STR("HOSTNAME"), pod_view_hostname(p->view));
		{
			struct str have;

			if (!env_get(&b->env, STR("HOSTNAME"), &have))
				env_set(&b->env, STR("HOSTNAME"), pod_view_hostname(p->view));
			if (!env_get(&b->env, STR("PATH"), &have))
				env_set(&b->env, STR("PATH"),
					STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
					    "/sbin:/bin"));
			if (b->c->view->tty && !env_get(&b->env, STR("TERM"), &have))
				env_set(&b->env, STR("TERM"), STR("xterm"));
		}
		for (size_t i = 0; i < b->cdi.n_env; i++) {
			const char *eq = strchr(b->cdi.env[i], '=');

			env_set(&b->env, str_n(b->cdi.env[i], (size_t)(eq - b->cdi.env[i])),
				str_of(eq + 1));
		}
		b->envv = env_strv(&b->env);
		b->spec.env = (const char *const *)b->envv;
	}
	env_done(&services);
	env_done(&own_env);
	return r;
}

static void add_words(struct builder *b, struct jv list, size_t *n)
{
	jv_for_each (it, list) {
		CLEANUP(buf_done) struct buf text = BUF_INIT;

		env_expand(&b->env, pod_view_text(b->c->pod->view, it.value), &text);
		b->argv[(*n)++] = xstrndup(text.p, text.len);
	}
}

static void add_image_words(struct builder *b, const char *const *words, size_t *n)
{
	for (; *words; words++)
		b->argv[(*n)++] = xstrdup(*words);
}

static size_t strv_len(const char *const *v)
{
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

/* command replaces entrypoint AND cmd; args alone replace cmd only. */
static int build_argv(struct builder *b, struct err *err)
{
	struct jv command = jv_get(b->c->view->json, "command"),
		  args = jv_get(b->c->view->json, "args");
	const struct image_config *ic = &b->img->config;
	size_t n = 0;

	b->argv = xcalloc(jv_len(command) + jv_len(args) + strv_len(ic->entrypoint) +
				  strv_len(ic->cmd) + 1,
			  sizeof(*b->argv));
	if (jv_len(command)) {
		add_words(b, command, &n);
		add_words(b, args, &n);
	} else {
		add_image_words(b, ic->entrypoint, &n);
		if (jv_len(args))
			add_words(b, args, &n);
		else
			add_image_words(b, ic->cmd, &n);
	}
	if (!n)
		return err_sys(err, EINVAL, "no command specified");
	b->spec.argv = (const char *const *)b->argv;
	return 0;
}

/* ---- security ---- */

/* The container's securityContext field, else the pod's. */
static struct jv security(const struct builder *b, const char *name)
{
	struct jv v = jv_get(jv_get(b->c->view->json, "securityContext"), name);

	return jv_exists(v) ? v : jv_get(jv_get(b->c->pod->view->spec, "securityContext"), name);
}

static int caps_change(struct jv list, uint64_t *set, bool add, struct err *err)
{
	jv_for_each (it, list) {
		CLEANUP_FREE char *name = jv_strdup(it.value);
		uint64_t mask;

		if (!name || runtime_cap_mask(name, &mask) < 0)
			return err_sys(err, EINVAL, "unknown capability \"%s\"", name ? name : "");
		*set = add ? *set | mask : *set & ~mask;
	}
	return 0;
}

static int build_caps(struct builder *b, struct err *err)
{
	struct jv caps = jv_path(b->c->view->json, "securityContext.capabilities");
	struct jv add = jv_get(caps, "add"), drop = jv_get(caps, "drop");
	bool drop_all = false;
	int r;

	b->spec.caps = b->spec.privileged ? RUNTIME_CAPS_ALL : RUNTIME_CAPS_DEFAULT;
	jv_for_each (it, drop)
		drop_all = drop_all || jv_eqs(it.value, "ALL") || jv_eqs(it.value, "all");
	/* "drop: ALL, add: X" is the usual way of writing "only X", whatever the order. */
	if (drop_all) {
		b->spec.caps = 0;
		return caps_change(add, &b->spec.caps, true, err);
	}
	r = caps_change(add, &b->spec.caps, true, err);
	return r < 0 ? r : caps_change(drop, &b->spec.caps, false, err);
}

static void build_seccomp(struct builder *b)
{
	struct jv profile = security(b, "seccompProfile");
	struct jv type = jv_get(profile, "type");

	/* Without a profile: Unconfined, as the kubelet without --seccomp-default. */
	b->spec.seccomp = RUNTIME_SECCOMP_UNCONFINED;
	if (jv_eqs(type, "RuntimeDefault"))
		b->spec.seccomp = RUNTIME_SECCOMP_DEFAULT;
	else if (jv_eqs(type, "Localhost")) {
		b->spec.seccomp = RUNTIME_SECCOMP_LOCALHOST;
		b->spec.seccomp_profile = own(b, jv_strdup(jv_get(profile, "localhostProfile")));
	}
}

/* runAsNonRoot is checked against what is known: the numbers, else the image's own USER. */
static int check_non_root(const struct builder *b, struct err *err)
{
	const char *user = b->img->config.user;
	uint64_t uid;
	struct str s = str_of(user), first;

	if (!jv_bool(security(b, "runAsNonRoot"), false))
		return 0;
	if (b->spec.uid == 0)
		return err_sys(err, EINVAL, "container's runAsUser breaks non-root policy");
	if (b->spec.uid > 0)
		return 0;
	str_split(&s, ':', &first);
	if (!first.len || (str_to_u64(first, &uid) == 0 && uid == 0))
		return err_sys(err, EINVAL,
			       "container has runAsNonRoot and image will run as root");
	if (str_to_u64(first, &uid) < 0)
		return err_sys(err, EINVAL,
			       "container has runAsNonRoot and image has non-numeric user (%s), "
			       "cannot verify user is non-root",
			       user);
	return 0;
}

static int build_security(struct builder *b, struct err *err)
{
	const struct pod_view *v = b->c->pod->view;
	struct jv own_ctx = jv_get(b->c->view->json, "securityContext");
	struct jv groups = jv_path(v->spec, "securityContext.supplementalGroups");
	struct container_spec *s = &b->spec;
	int r;

	s->user = b->img->config.user;
	s->uid = jv_i64(security(b, "runAsUser"), -1);
	s->gid = jv_i64(security(b, "runAsGroup"), -1);
	if (s->uid >= 0)
		s->user = own(b, xasprintf("%" PRId64, s->uid));
	jv_for_each (it, groups)
		if (s->n_groups < ARRAY_SIZE(b->groups) - 1)
			b->groups[s->n_groups++] = (uint32_t)jv_i64(it.value, 0);
	if (v->fs_group >= 0)
		b->groups[s->n_groups++] = (uint32_t)v->fs_group;
	for (size_t i = 0; i < b->cdi.n_groups && s->n_groups < ARRAY_SIZE(b->groups); i++)
		b->groups[s->n_groups++] = b->cdi.groups[i];
	s->groups = b->groups;
	s->strict_groups =
		jv_eqs(jv_path(v->spec, "securityContext.supplementalGroupsPolicy"), "Strict");
	s->privileged = jv_bool(jv_get(own_ctx, "privileged"), false);
	s->read_only_root = jv_bool(jv_get(own_ctx, "readOnlyRootFilesystem"), false);
	s->no_new_privs = !jv_bool(jv_get(own_ctx, "allowPrivilegeEscalation"), true);
	s->unmask_paths = jv_eqs(jv_get(own_ctx, "procMount"), "Unmasked");
	build_seccomp(b);
	r = build_caps(b, err);
	return r < 0 ? r : check_non_root(b, err);
}

/* ---- mounts ---- */

static struct runtime_mount *add_mount(struct builder *b, const char *source, const char *target,
				       bool read_only)
{
	struct runtime_mount *m = ARRAY_PUSH(b->mounts, b->n_mounts, b->cap_mounts);

	*m = (struct runtime_mount){
		.type = RUNTIME_MOUNT_BIND,
		.source = source,
		.target = target,
		.read_only = read_only,
	};
	return m;
}

static int sub_path(struct builder *b, struct jv m, const char **ret, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct str plain = pod_view_text(b->c->pod->view, jv_get(m, "subPath"));
	struct str expr = pod_view_text(b->c->pod->view, jv_get(m, "subPathExpr"));
	struct str rest, el;

	*ret = NULL;
	if (expr.len)
		env_expand(&b->env, expr, &text);
	else
		buf_addstr(&text, plain);
	if (!text.len)
		return 0;
	rest = buf_str(&text);
	if (text.p[0] == '/')
		return err_sys(err, EINVAL, "subPath \"%s\" must be a relative path", text.p);
	while (str_split(&rest, '/', &el))
		if (str_eqs(el, ".."))
			return err_sys(err, EINVAL, "subPath \"%s\" must not contain '..'", text.p);
	*ret = own(b, buf_take(&text));
	return 0;
}

static enum runtime_propagation propagation(struct jv m)
{
	struct jv v = jv_get(m, "mountPropagation");

	if (jv_eqs(v, "Bidirectional"))
		return RUNTIME_MOUNT_SHARED;
	return jv_eqs(v, "HostToContainer") ? RUNTIME_MOUNT_SLAVE : RUNTIME_MOUNT_PRIVATE;
}

/* What drivers mount in their containers has to be seen by the node: see shared.h. */
static int share(const struct pod *p, const char *source, struct err *err)
{
	const char *dir = p->all->conf.kubelet_dir;
	size_t n = dir ? strlen(dir) : 0;

	if (!n || strncmp(source, dir, n) != 0 || (source[n] && source[n] != '/'))
		return 0;
	return dir_share(dir, err);
}

static int volume_mounts(struct builder *b, struct err *err)
{
	struct pod *p = b->c->pod;

	jv_for_each (it, jv_get(b->c->view->json, "volumeMounts")) {
		struct str name = jv_text(jv_get(it.value, "name"));
		char *target = jv_strdup(jv_get(it.value, "mountPath"));
		const char *source = volume_set_path(p->volumes, name), *sub;
		struct runtime_mount *m;
		struct stat st;
		int r;

		if (!target || !source) {
			free(target);
			return err_sys(err, EINVAL,
				       "cannot find volume \"%.*s\" to mount into "
				       "container \"%s\"",
				       STR_ARG(name), b->c->name);
		}
		own(b, target);
		if (target[0] != '/')
			target = own(b, xasprintf("/%s", target));
		r = sub_path(b, it.value, &sub, err);
		if (r < 0)
			return r;
		/* hostPath without a type: a directory is made where nothing is, as runtimes do. */
		if (stat(source, &st) < 0 && errno == ENOENT)
			dir_make(source, 0755);
		m = add_mount(b, source, target,
			      jv_bool(jv_get(it.value, "readOnly"), false) ||
				      volume_set_read_only(p->volumes, name));
		m->sub_path = sub;
		m->propagation = propagation(it.value);
		r = m->propagation == RUNTIME_MOUNT_SHARED ? share(p, source, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Claims with volumeMode Block: the device itself. */
static int volume_devices(struct builder *b, struct err *err)
{
	struct pod *p = b->c->pod;

	jv_for_each (it, jv_get(b->c->view->json, "volumeDevices")) {
		struct str name = jv_text(jv_get(it.value, "name"));
		char *target = jv_strdup(jv_get(it.value, "devicePath"));
		const char *source = volume_set_path(p->volumes, name);

		if (!target || !source || !volume_set_block(p->volumes, name)) {
			free(target);
			return err_sys(err, EINVAL,
				       "cannot find volume \"%.*s\" to map into container \"%s\"",
				       STR_ARG(name), b->c->name);
		}
		*ARRAY_PUSH(b->devices, b->n_devices, b->cap_devices) = (struct runtime_device){
			.host_path = source,
			.container_path = own(b, target),
			.access = volume_set_read_only(p->volumes, name) ? "r" : "rw",
		};
	}
	b->spec.devices = b->devices;
	b->spec.n_devices = b->n_devices;
	return 0;
}

/* What the drivers of its claims have prepared. */
static void device_edits(struct builder *b)
{
	for (size_t i = 0; i < b->cdi.n_nodes; i++)
		*ARRAY_PUSH(b->devices, b->n_devices, b->cap_devices) = (struct runtime_device){
			.host_path = b->cdi.nodes[i].host_path,
			.container_path = b->cdi.nodes[i].path,
			.access = b->cdi.nodes[i].access,
		};
	b->spec.devices = b->devices;
	b->spec.n_devices = b->n_devices;
	for (size_t i = 0; i < b->cdi.n_mounts; i++) {
		const struct cdi_mount *c = &b->cdi.mounts[i];
		struct runtime_mount *m = add_mount(b, c->host_path, c->path, c->read_only);

		m->nosuid = c->nosuid;
		m->nodev = c->nodev;
		m->noexec = c->noexec;
		m->propagation = c->propagation == 's'   ? RUNTIME_MOUNT_SHARED
				 : c->propagation == 'l' ? RUNTIME_MOUNT_SLAVE
							 : RUNTIME_MOUNT_PRIVATE;
	}
}

static bool has_target(const struct builder *b, const char *target)
{
	for (size_t i = 0; i < b->n_mounts; i++)
		if (strcmp(b->mounts[i].target, target) == 0)
			return true;
	return false;
}

/* Shorter targets first, so that none hides another. */
static int mount_cmp(const void *a, const void *b)
{
	const struct runtime_mount *x = a, *y = b;
	size_t lx = strlen(x->target), ly = strlen(y->target);

	return lx < ly ? -1 : lx > ly;
}

static int build_mounts(struct builder *b, struct err *err)
{
	struct pod *p = b->c->pod;
	char *log;
	int r = volume_mounts(b, err);

	if (r == 0)
		r = volume_devices(b, err);
	if (r < 0)
		return r;
	device_edits(b);
	if (!has_target(b, "/etc/hosts"))
		add_mount(b, own(b, xasprintf("%s/etc-hosts", p->dir)), "/etc/hosts", false);
	if (!has_target(b, "/etc/hostname") && !p->view->host_network)
		add_mount(b, own(b, xasprintf("%s/etc-hostname", p->dir)), "/etc/hostname", false);
	if (!has_target(b, "/etc/resolv.conf"))
		add_mount(b, own(b, xasprintf("%s/resolv.conf", p->dir)), "/etc/resolv.conf",
			  false);
	log = files_termination_log(b->c, err);
	if (!log)
		return -EIO;
	own(b, log);
	add_mount(b, log, own(b, str_dup(b->c->view->termination_path)), false);
	qsort(b->mounts, b->n_mounts, sizeof(*b->mounts), mount_cmp);
	b->spec.mounts = b->mounts;
	b->spec.n_mounts = b->n_mounts;
	return 0;
}

/* ---- the whole ---- */

static void build_resources(struct builder *b)
{
	struct pod *p = b->c->pod;
	struct resource_amounts a;
	struct cgroup_numbers n;

	container_resources(b->c->view, &a);
	cgroup_numbers_of(&a, &n);
	b->spec.resources.cpu_shares = n.cpu_shares;
	b->spec.resources.cpu_quota_us = (uint64_t)n.cpu_quota_us;
	b->spec.resources.mem_limit_bytes = (uint64_t)n.mem_limit;
	b->spec.oom_score_adj = oom_score_adj(p->view, b->c->view, p->all->conf.node_mem_bytes);
}

static int build_rest(struct builder *b, struct err *err)
{
	struct container *c = b->c;
	struct pod *p = c->pod;
	struct str cwd = pod_view_text(p->view, jv_get(c->view->json, "workingDir"));
	CLEANUP_FREE char *dir = xasprintf("%s/%s", p->log_dir, c->name);
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	int r = dir_make(dir, 0755);

	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", dir, strerror(-r));
	env_expand(&b->env, cwd, &text);
	b->spec.cwd = cwd.len ? own(b, buf_take(&text)) : b->img->config.working_dir;
	b->spec.id = c->id;
	b->spec.sandbox_id = p->sandbox_id;
	b->spec.note = own(b, xasprintf("%s %s %u", p->uid, c->name, c->restarts));
	b->spec.lower_dirs = b->img->lower_dirs;
	b->spec.n_lower_dirs = b->img->n_lower_dirs;
	b->spec.tty = c->view->tty;
	b->spec.stdin_open = c->view->stdin;
	b->spec.stdin_once = c->view->stdin_once;
	b->spec.log_path = c->log_path;
	b->spec.log_max_bytes = p->all->conf.container_log_max_bytes;
	b->spec.log_max_files = p->all->conf.container_log_max_files;
	return 0;
}

int container_spec_start(struct container *c, const struct image_info *img, runtime_done_fn *done,
			 struct err *err)
{
	struct builder b = {.c = c, .img = img};
	int r = pod_devices_edits(c, &b.cdi, err);

	if (r == 0)
		r = build_env(&b, err);
	if (r == 0)
		r = build_argv(&b, err);
	if (r == 0)
		r = build_security(&b, err);
	if (r == 0)
		r = build_mounts(&b, err);
	if (r == 0)
		r = build_rest(&b, err);
	if (r == 0) {
		build_resources(&b);
		r = runtime_container_start(c->pod->all->conf.rt, &b.spec, done, c, err);
	}
	builder_done(&b);
	return r;
}
