/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/pod_standards.h"

#define LABEL "pod-security.kubernetes.io/"

static const char *const levels[] = {"privileged", "baseline", "restricted"};

/* ---- policies ---- */

static bool parse_level(struct str s, enum pod_security_level *ret)
{
	for (unsigned i = 0; i < ARRAY_SIZE(levels); i++)
		if (str_eqs(s, levels[i])) {
			*ret = (enum pod_security_level)i;
			return true;
		}
	return false;
}

static bool parse_version(struct str s, unsigned *ret)
{
	uint64_t minor;

	*ret = POD_SECURITY_LATEST;
	if (str_eqs(s, "latest"))
		return true;
	if (!str_starts(s, STR("v1.")) || str_to_u64(str_skip(s, 3), &minor) < 0 ||
	    (s.len > 4 && s.p[3] == '0') || minor > 1000000)
		return false;
	*ret = (unsigned)minor;
	return true;
}

static void bad_label(struct err *err, const char *key, struct str value, const char *why)
{
	CLEANUP_FREE char *path = xasprintf("metadata.labels[%s]", key);

	if (err)
		err_field(err, path, "FieldValueInvalid", "Invalid value: \"%.*s\": %s",
			  STR_ARG(value), why);
}

/* One mode's two labels; true in *ret_set when its level was given and could be read. */
static size_t parse_mode(struct json_object *labels, const char *mode,
			 enum pod_security_level otherwise, struct pod_security *ret,
			 bool *ret_level, bool *ret_version, struct err *err)
{
	CLEANUP_FREE char *level_key = xasprintf(LABEL "%s", mode);
	CLEANUP_FREE char *version_key = xasprintf(LABEL "%s-version", mode);
	struct json_object *level = jsonc_get(labels, level_key);
	struct json_object *version = jsonc_get(labels, version_key);
	size_t bad = 0;

	*ret = (struct pod_security){POD_SECURITY_PRIVILEGED, POD_SECURITY_LATEST};
	*ret_level = level;
	*ret_version = version;
	if (level && !parse_level(jsonc_str(level), &ret->level)) {
		ret->level = otherwise;
		*ret_level = strcmp(mode, "enforce") != 0;
		bad_label(err, level_key, jsonc_str(level),
			  "must be one of privileged, baseline, restricted");
		bad++;
	}
	if (version && !parse_version(jsonc_str(version), &ret->minor)) {
		bad_label(err, version_key, jsonc_str(version), "must be \"latest\" or \"v1.x\"");
		bad++;
	}
	return bad;
}

size_t pod_security_policy_parse(struct json_object *labels, struct pod_security_policy *ret,
				 struct err *err)
{
	bool enforce_level, warn_level, warn_version, level, version;
	size_t bad;

	bad = parse_mode(labels, "enforce", POD_SECURITY_RESTRICTED, &ret->enforce, &enforce_level,
			 &version, err);
	bad += parse_mode(labels, "audit", POD_SECURITY_PRIVILEGED, &ret->audit, &level, &version,
			  err);
	bad += parse_mode(labels, "warn", POD_SECURITY_PRIVILEGED, &ret->warn, &warn_level,
			  &warn_version, err);
	/* Who is refused something is warned of it in controllers too. */
	if (!warn_level && enforce_level && ret->enforce.level > ret->warn.level) {
		ret->warn.level = ret->enforce.level;
		if (!warn_version)
			ret->warn.minor = ret->enforce.minor;
	}
	return bad;
}

void pod_security_format(struct pod_security s, struct buf *out)
{
	buf_addf(out, "%s:", levels[s.level]);
	if (s.minor == POD_SECURITY_LATEST)
		buf_adds(out, "latest");
	else
		buf_addf(out, "v1.%u", s.minor);
}

/* ---- what checks are made with ---- */

struct pod {
	struct json_object *meta, *spec, *ctx; /* ctx: spec.securityContext */
	unsigned minor;
	struct buf detail;
	const char *reason;
};

/* Names in their order, or (with `set`) each once and sorted. */
struct names {
	struct str v[64];
	size_t n;
};

static void add(struct names *l, struct str s)
{
	if (l->n < ARRAY_SIZE(l->v))
		l->v[l->n++] = s;
}

static void add_once(struct names *l, struct str s)
{
	size_t i = 0;

	while (i < l->n && str_cmp(l->v[i], s) < 0)
		i++;
	if ((i < l->n && str_eq(l->v[i], s)) || l->n == ARRAY_SIZE(l->v))
		return;
	memmove(l->v + i + 1, l->v + i, (l->n - i) * sizeof(*l->v));
	l->v[i] = s;
	l->n++;
}

static void put_quoted(struct buf *b, const struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		buf_addf(b, "%s\"%.*s\"", i ? ", " : "", STR_ARG(l->v[i]));
}

/* `container "a"`, `containers "a", "b"` */
static void put_containers(struct buf *b, const struct names *l)
{
	buf_adds(b, l->n == 1 ? "container " : "containers ");
	put_quoted(b, l);
}

/* `pod and container "a"` */
static void put_setters(struct buf *b, bool pod, const struct names *containers)
{
	if (pod)
		buf_adds(b, containers->n ? "pod and " : "pod");
	if (containers->n)
		put_containers(b, containers);
}

struct containers {
	struct json_object *list;
	size_t kind, at;
};

/* Init, ordinary and ephemeral ones in turn. */
static struct json_object *next_container(const struct pod *p, struct containers *it)
{
	static const char *const kinds[] = {"initContainers", "containers", "ephemeralContainers"};

	for (;;) {
		if (json_object_is_type(it->list, json_type_array) &&
		    it->at < json_object_array_length(it->list))
			return json_object_array_get_idx(it->list, it->at++);
		if (it->kind == ARRAY_SIZE(kinds))
			return NULL;
		it->list = jsonc_get(p->spec, kinds[it->kind++]);
		it->at = 0;
	}
}
#define for_each_container(p, c)                                                       \
	for (struct containers c##_it = {0}, *c##_on = &c##_it; c##_on; c##_on = NULL) \
		for (struct json_object * c; (c = next_container(p, &c##_it));)

#define for_each_item(array, i, x)                                                               \
	for (size_t i = 0;                                                                       \
	     json_object_is_type(array, json_type_array) && i < json_object_array_length(array); \
	     i++)                                                                                \
		for (struct json_object *x = json_object_array_get_idx(array, i); x; x = NULL)

static struct str name_of(struct json_object *c)
{
	return jsonc_path_str(c, "name");
}

static bool is_true(struct json_object *o)
{
	return o && json_object_get_boolean(o);
}

static bool is_false(struct json_object *o)
{
	return o && !json_object_get_boolean(o);
}

static bool refuse(struct pod *p, const char *reason)
{
	p->reason = reason;
	return false;
}

static bool is_windows(const struct pod *p)
{
	return p->minor >= 25 && str_eqs(jsonc_path_str(p->spec, "os.name"), "windows");
}

/* A pod in a user namespace of its own may be root there (KEP-127). */
static bool has_own_users(const struct pod *p)
{
	return p->minor >= 35 && is_false(jsonc_get(p->spec, "hostUsers"));
}

/* ---- baseline ---- */

static bool app_armor_type(struct str t)
{
	return str_eqs(t, "RuntimeDefault") || str_eqs(t, "Localhost");
}

static bool check_app_armor(struct pod *p)
{
	struct names bad = {0}, values = {0}, notes = {0};
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct json_object *prof = jsonc_get(p->ctx, "appArmorProfile");
	struct json_object *annotations = jsonc_get(p->meta, "annotations");
	bool pod = prof && !app_armor_type(jsonc_path_str(prof, "type"));

	if (pod)
		add_once(&values, jsonc_path_str(prof, "type"));
	for_each_container(p, c)
	{
		prof = jsonc_path(c, "securityContext.appArmorProfile");
		if (prof && !app_armor_type(jsonc_path_str(prof, "type"))) {
			add(&bad, name_of(c));
			add_once(&values, jsonc_path_str(prof, "type"));
		}
	}
	if (json_object_is_type(annotations, json_type_object)) {
		json_object_object_foreach(annotations, key, val)
		{
			struct str v = jsonc_str(val);

			if (str_starts(str_of(key),
				       STR("container.apparmor.security.beta.kubernetes.io/")) &&
			    v.len && !str_eqs(v, "runtime/default") &&
			    !str_starts(v, STR("localhost/")))
				add_once(&notes, str_of(key));
		}
	}
	if (!pod && !bad.n && !notes.n)
		return true;
	put_setters(&p->detail, pod, &bad);
	if (notes.n)
		buf_addf(&p->detail, "%sannotation%s", pod || bad.n ? " and " : "",
			 notes.n == 1 ? "" : "s");
	buf_adds(&p->detail, " must not set AppArmor profile type to ");
	put_quoted(&p->detail, &values);
	for (size_t i = 0; i < notes.n; i++) {
		CLEANUP_FREE char *key = str_dup(notes.v[i]);

		buf_addf(&p->detail, "%s\"%s=\"%.*s\"\"", values.n || i ? ", " : "", key,
			 STR_ARG(jsonc_str(jsonc_get(annotations, key))));
	}
	return refuse(p, values.n + notes.n == 1 ? "forbidden AppArmor profile"
						 : "forbidden AppArmor profiles");
}

static bool is_default_capability(struct str c)
{
	static const char *const allowed[] = {
		"AUDIT_WRITE", "CHOWN",  "DAC_OVERRIDE",     "FOWNER",  "FSETID",
		"KILL",        "MKNOD",  "NET_BIND_SERVICE", "SETFCAP", "SETGID",
		"SETPCAP",     "SETUID", "SYS_CHROOT"};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (str_eqs(c, allowed[i]))
			return true;
	return false;
}

static bool check_capabilities(struct pod *p)
{
	struct names bad = {0}, caps = {0};

	for_each_container(p, c)
	{
		struct json_object *list = jsonc_path(c, "securityContext.capabilities.add");
		bool fine = true;

		for_each_item(list, i, cap) if (!is_default_capability(jsonc_str(cap)))
		{
			fine = false;
			add_once(&caps, jsonc_str(cap));
		}
		if (!fine)
			add(&bad, name_of(c));
	}
	if (!bad.n)
		return true;
	put_containers(&p->detail, &bad);
	buf_adds(&p->detail, " must not include ");
	put_quoted(&p->detail, &caps);
	buf_adds(&p->detail, " in securityContext.capabilities.add");
	return refuse(p, "non-default capabilities");
}

static bool check_host_namespaces(struct pod *p)
{
	static const char *const fields[] = {"hostNetwork", "hostPID", "hostIPC"};
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (is_true(jsonc_get(p->spec, fields[i]))) {
			buf_addf(&p->detail, "%s%s=true", any ? ", " : "", fields[i]);
			any = true;
		}
	return any ? refuse(p, "host namespaces") : true;
}

static bool check_host_path(struct pod *p)
{
	struct names bad = {0};

	for_each_item(jsonc_get(p->spec, "volumes"), i, v) if (jsonc_get(v, "hostPath"))
		add(&bad, name_of(v));
	if (!bad.n)
		return true;
	buf_adds(&p->detail, bad.n == 1 ? "volume " : "volumes ");
	put_quoted(&p->detail, &bad);
	return refuse(p, "hostPath volumes");
}

static bool check_host_ports(struct pod *p)
{
	struct names bad = {0}, ports = {0};

	for_each_container(p, c)
	{
		bool fine = true;

		for_each_item(jsonc_get(c, "ports"), i, port)
		{
			struct json_object *host = jsonc_get(port, "hostPort");

			if (jsonc_i64(host, 0) != 0) {
				fine = false;
				add_once(&ports, str_of(json_object_to_json_string(host)));
			}
		}
		if (!fine)
			add(&bad, name_of(c));
	}
	if (!bad.n)
		return true;
	put_containers(&p->detail, &bad);
	buf_addf(&p->detail, " %s %s ", bad.n == 1 ? "uses" : "use",
		 ports.n == 1 ? "hostPort" : "hostPorts");
	for (size_t i = 0; i < ports.n; i++)
		buf_addf(&p->detail, "%s%.*s", i ? ", " : "", STR_ARG(ports.v[i]));
	return refuse(p, "hostPort");
}

/* True when one of its actions goes to a host that it names. */
static bool names_host(struct json_object *handler, struct names *hosts)
{
	static const char *const actions[] = {"httpGet.host", "tcpSocket.host"};
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		struct str host = jsonc_path_str(handler, actions[i]);

		if (host.len) {
			add_once(hosts, host);
			any = true;
		}
	}
	return any;
}

static bool check_host_probes(struct pod *p)
{
	static const char *const handlers[] = {"livenessProbe", "readinessProbe", "startupProbe",
					       "lifecycle.postStart", "lifecycle.preStop"};
	struct names bad = {0}, hosts = {0};

	if (p->minor < 34)
		return true;
	for_each_container(p, c) for (size_t i = 0; i < ARRAY_SIZE(handlers);
				      i++) if (names_host(jsonc_path(c, handlers[i]), &hosts))
		add_once(&bad, name_of(c));
	if (!bad.n)
		return true;
	put_containers(&p->detail, &bad);
	buf_addf(&p->detail, " %s probe or lifecycle %s ", bad.n == 1 ? "uses" : "use",
		 hosts.n == 1 ? "host" : "hosts");
	put_quoted(&p->detail, &hosts);
	return refuse(p, "probe or lifecycle host");
}

static bool check_privileged(struct pod *p)
{
	struct names bad = {0};

	for_each_container(p, c) if (is_true(jsonc_path(c, "securityContext.privileged")))
		add(&bad, name_of(c));
	if (!bad.n)
		return true;
	put_containers(&p->detail, &bad);
	buf_adds(&p->detail, " must not set securityContext.privileged=true");
	return refuse(p, "privileged");
}

static bool proc_mount(struct pod *p)
{
	struct names bad = {0}, values = {0};

	for_each_container(p, c)
	{
		struct str v = jsonc_path_str(c, "securityContext.procMount");

		if (v.p && !str_eqs(v, "Default")) {
			add(&bad, name_of(c));
			add_once(&values, v);
		}
	}
	if (!bad.n)
		return true;
	put_containers(&p->detail, &bad);
	buf_adds(&p->detail, " must not set securityContext.procMount to ");
	put_quoted(&p->detail, &values);
	return refuse(p, "procMount");
}

static bool check_proc_mount(struct pod *p)
{
	return has_own_users(p) || proc_mount(p);
}

struct se_linux {
	struct names types;
	bool user, role;
};

static bool se_linux_fine(const struct pod *p, struct json_object *o, struct se_linux *bad)
{
	static const char *const types[] = {"", "container_t", "container_init_t",
					    "container_kvm_t"};
	struct str type = jsonc_path_str(o, "type");
	bool fine = p->minor >= 31 && str_eqs(type, "container_engine_t");

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		fine = fine || str_eqs(type, types[i]);
	if (!fine)
		add_once(&bad->types, type);
	if (jsonc_path_str(o, "user").len)
		bad->user = true;
	if (jsonc_path_str(o, "role").len)
		bad->role = true;
	return fine && !jsonc_path_str(o, "user").len && !jsonc_path_str(o, "role").len;
}

static bool check_se_linux(struct pod *p)
{
	struct se_linux bad = {0};
	struct names containers = {0};
	struct json_object *o = jsonc_get(p->ctx, "seLinuxOptions");
	bool pod = o && !se_linux_fine(p, o, &bad);
	const char *sep = "";

	for_each_container(p, c)
	{
		o = jsonc_path(c, "securityContext.seLinuxOptions");
		if (o && !se_linux_fine(p, o, &bad))
			add(&containers, name_of(c));
	}
	if (!pod && !containers.n)
		return true;
	put_setters(&p->detail, pod, &containers);
	buf_adds(&p->detail, " set forbidden securityContext.seLinuxOptions: ");
	if (bad.types.n) {
		buf_adds(&p->detail, bad.types.n == 1 ? "type " : "types ");
		put_quoted(&p->detail, &bad.types);
		sep = "; ";
	}
	if (bad.user) {
		buf_addf(&p->detail, "%suser may not be set", sep);
		sep = "; ";
	}
	if (bad.role)
		buf_addf(&p->detail, "%srole may not be set", sep);
	return refuse(p, "seLinuxOptions");
}

static bool seccomp_type(struct str t)
{
	return str_eqs(t, "Localhost") || str_eqs(t, "RuntimeDefault");
}

static bool seccomp_note(struct str v)
{
	return str_eqs(v, "runtime/default") || str_eqs(v, "docker/default") ||
	       str_starts(v, STR("localhost/"));
}

/* Before version 1.19 annotations said it. */
static bool seccomp_annotations(struct pod *p)
{
	struct json_object *notes = jsonc_get(p->meta, "annotations");
	size_t n = 0;
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	if (!json_object_is_type(notes, json_type_object))
		return true;
	json_object_object_foreach(notes, key, val)
	{
		struct str k = str_of(key),
			   prefix = STR("container.seccomp.security.alpha.kubernetes.io/");
		bool counts = str_eqs(k, "seccomp.security.alpha.kubernetes.io/pod");

		for_each_container(p, c) counts =
			counts ||
			(str_starts(k, prefix) && str_eq(str_skip(k, prefix.len), name_of(c)));
		if (counts && !seccomp_note(jsonc_str(val)))
			buf_addf(&text, "%s%s=\"%.*s\"", n++ ? ", " : "", key,
				 STR_ARG(jsonc_str(val)));
	}
	if (!n)
		return true;
	buf_addf(&p->detail, "forbidden annotation%s %.*s", n == 1 ? "" : "s",
		 STR_ARG(buf_str(&text)));
	return refuse(p, "seccompProfile");
}

/* With `required` somebody has to say it, the pod or each container. */
static bool seccomp_fields(struct pod *p, bool required)
{
	struct names bad = {0}, silent = {0}, values = {0};
	struct json_object *o = jsonc_get(p->ctx, "seccompProfile");
	struct str type = jsonc_path_str(o, "type");
	bool pod = o && !seccomp_type(type), set = o && !pod;

	if (pod)
		add_once(&values, type);
	for_each_container(p, c)
	{
		o = jsonc_path(c, "securityContext.seccompProfile");
		type = jsonc_path_str(o, "type");
		if (o && !seccomp_type(type)) {
			add(&bad, name_of(c));
			add_once(&values, type);
		} else if (!o && !set) {
			add(&silent, name_of(c));
		}
	}
	if (pod || bad.n) {
		put_setters(&p->detail, pod, &bad);
		buf_adds(&p->detail, " must not set securityContext.seccompProfile.type to ");
		put_quoted(&p->detail, &values);
		return refuse(p, "seccompProfile");
	}
	if (!required || !silent.n)
		return true;
	buf_adds(&p->detail, "pod or ");
	put_containers(&p->detail, &silent);
	buf_adds(&p->detail, " must set securityContext.seccompProfile.type to \"RuntimeDefault\" "
			     "or \"Localhost\"");
	return refuse(p, "seccompProfile");
}

static bool check_seccomp(struct pod *p)
{
	return p->minor < 19 ? seccomp_annotations(p) : seccomp_fields(p, false);
}

static bool check_sysctls(struct pod *p)
{
	static const struct {
		const char *name;
		unsigned since;
	} allowed[] = {{"kernel.shm_rmid_forced", 0},
		       {"net.ipv4.ip_local_port_range", 0},
		       {"net.ipv4.tcp_syncookies", 0},
		       {"net.ipv4.ping_group_range", 0},
		       {"net.ipv4.ip_unprivileged_port_start", 0},
		       {"net.ipv4.ip_local_reserved_ports", 27},
		       {"net.ipv4.tcp_keepalive_time", 29},
		       {"net.ipv4.tcp_fin_timeout", 29},
		       {"net.ipv4.tcp_keepalive_intvl", 29},
		       {"net.ipv4.tcp_keepalive_probes", 29},
		       {"net.ipv4.tcp_rmem", 32},
		       {"net.ipv4.tcp_wmem", 32},
		       {"net.ipv4.tcp_slow_start_after_idle", 37},
		       {"net.ipv4.tcp_notsent_lowat", 37}};
	bool any = false;

	for_each_item(jsonc_get(p->ctx, "sysctls"), i, s)
	{
		bool fine = false;

		for (size_t j = 0; j < ARRAY_SIZE(allowed); j++)
			fine = fine || (allowed[j].since <= p->minor &&
					str_eqs(name_of(s), allowed[j].name));
		if (!fine) {
			buf_addf(&p->detail, "%s%.*s", any ? ", " : "", STR_ARG(name_of(s)));
			any = true;
		}
	}
	return any ? refuse(p, "forbidden sysctls") : true;
}

static bool check_windows(struct pod *p)
{
	struct names bad = {0};
	bool pod = is_true(jsonc_path(p->ctx, "windowsOptions.hostProcess"));

	for_each_container(
		p, c) if (is_true(jsonc_path(c, "securityContext.windowsOptions.hostProcess")))
		add(&bad, name_of(c));
	if (!pod && !bad.n)
		return true;
	put_setters(&p->detail, pod, &bad);
	buf_adds(&p->detail, " must not set securityContext.windowsOptions.hostProcess=true");
	return refuse(p, "hostProcess");
}

/* ---- restricted ---- */

static bool check_escalation(struct pod *p)
{
	struct names bad = {0};

	if (p->minor < 8 || is_windows(p))
		return true;
	for_each_container(
		p, c) if (!is_false(jsonc_path(c, "securityContext.allowPrivilegeEscalation")))
		add(&bad, name_of(c));
	if (!bad.n)
		return true;
	put_containers(&p->detail, &bad);
	buf_adds(&p->detail, " must set securityContext.allowPrivilegeEscalation=false");
	return refuse(p, "allowPrivilegeEscalation != false");
}

static bool check_capabilities_dropped(struct pod *p)
{
	struct names keep = {0}, gain = {0}, caps = {0};

	if (p->minor < 22 || is_windows(p))
		return true;
	for_each_container(p, c)
	{
		struct json_object *set = jsonc_path(c, "securityContext.capabilities");
		bool all = false, fine = true;

		for_each_item(jsonc_get(set, "drop"), i, cap) all =
			all || str_eqs(jsonc_str(cap), "ALL");
		if (!all)
			add(&keep, name_of(c));
		for_each_item(jsonc_get(set, "add"), i,
			      cap) if (!str_eqs(jsonc_str(cap), "NET_BIND_SERVICE"))
		{
			fine = false;
			add_once(&caps, jsonc_str(cap));
		}
		if (!fine)
			add(&gain, name_of(c));
	}
	if (keep.n) {
		put_containers(&p->detail, &keep);
		buf_adds(&p->detail, " must set securityContext.capabilities.drop=[\"ALL\"]");
	}
	if (gain.n) {
		buf_adds(&p->detail, keep.n ? "; " : "");
		put_containers(&p->detail, &gain);
		buf_adds(&p->detail, " must not include ");
		put_quoted(&p->detail, &caps);
		buf_adds(&p->detail, " in securityContext.capabilities.add");
	}
	return keep.n || gain.n ? refuse(p, "unrestricted capabilities") : true;
}

static bool check_proc_mount_always(struct pod *p)
{
	return p->minor < 35 || proc_mount(p);
}

/* The volume's source; "unknown" for none that is known. */
static const char *volume_type(struct json_object *v, bool *ret_fine)
{
	static const char *const fine[] = {
		"configMap", "csi",   "downwardAPI",           "emptyDir",
		"ephemeral", "image", "persistentVolumeClaim", "projected",
		"secret"};
	static const char *const others[] = {"hostPath",
					     "gcePersistentDisk",
					     "awsElasticBlockStore",
					     "gitRepo",
					     "nfs",
					     "iscsi",
					     "glusterfs",
					     "rbd",
					     "flexVolume",
					     "cinder",
					     "cephfs",
					     "flocker",
					     "fc",
					     "azureFile",
					     "vsphereVolume",
					     "quobyte",
					     "azureDisk",
					     "photonPersistentDisk",
					     "portworxVolume",
					     "scaleIO",
					     "storageos"};

	*ret_fine = true;
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		if (jsonc_get(v, fine[i]))
			return fine[i];
	*ret_fine = false;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (jsonc_get(v, others[i]))
			return others[i];
	return "unknown";
}

static bool check_volumes(struct pod *p)
{
	struct names bad = {0}, types = {0};

	for_each_item(jsonc_get(p->spec, "volumes"), i, v)
	{
		bool fine;
		const char *type = volume_type(v, &fine);

		if (!fine) {
			add(&bad, name_of(v));
			add_once(&types, str_of(type));
		}
	}
	if (!bad.n)
		return true;
	buf_adds(&p->detail, bad.n == 1 ? "volume " : "volumes ");
	put_quoted(&p->detail, &bad);
	buf_addf(&p->detail, " %s restricted volume %s ", bad.n == 1 ? "uses" : "use",
		 types.n == 1 ? "type" : "types");
	put_quoted(&p->detail, &types);
	return refuse(p, "restricted volume types");
}

static bool check_non_root(struct pod *p)
{
	struct names bad = {0}, silent = {0};
	struct json_object *own = jsonc_get(p->ctx, "runAsNonRoot");

	if (has_own_users(p))
		return true;
	for_each_container(p, c)
	{
		struct json_object *o = jsonc_path(c, "securityContext.runAsNonRoot");

		if (is_false(o))
			add(&bad, name_of(c));
		else if (!o && !is_true(own))
			add(&silent, name_of(c));
	}
	if (is_false(own) || bad.n) {
		put_setters(&p->detail, is_false(own), &bad);
		buf_adds(&p->detail, " must not set securityContext.runAsNonRoot=false");
	} else if (silent.n) {
		buf_adds(&p->detail, "pod or ");
		put_containers(&p->detail, &silent);
		buf_adds(&p->detail, " must set securityContext.runAsNonRoot=true");
	} else {
		return true;
	}
	return refuse(p, "runAsNonRoot != true");
}

static bool is_root(struct json_object *ctx)
{
	struct json_object *o = jsonc_get(ctx, "runAsUser");

	return o && jsonc_i64(o, -1) == 0;
}

static bool check_user(struct pod *p)
{
	struct names bad = {0};
	bool pod = is_root(p->ctx);

	if (p->minor < 23 || has_own_users(p))
		return true;
	for_each_container(p, c) if (is_root(jsonc_get(c, "securityContext")))
		add(&bad, name_of(c));
	if (!pod && !bad.n)
		return true;
	put_setters(&p->detail, pod, &bad);
	buf_adds(&p->detail, " must not set runAsUser=0");
	return refuse(p, "runAsUser=0");
}

static bool check_seccomp_set(struct pod *p)
{
	return p->minor < 19 || is_windows(p) || seccomp_fields(p, true);
}

/* ---- all of them ---- */

struct check {
	enum pod_security_level level;
	bool (*fine)(struct pod *p);
	/* Baseline only: the stricter check that stands in its place at restricted, since when. */
	bool (*stricter)(struct pod *p);
	unsigned stricter_since;
};

/* In the order in which reasons are told: by name within a level. */
static const struct check checks[] = {
	{POD_SECURITY_BASELINE, check_app_armor, NULL, 0},
	{POD_SECURITY_BASELINE, check_capabilities, check_capabilities_dropped, 22},
	{POD_SECURITY_BASELINE, check_host_namespaces, NULL, 0},
	{POD_SECURITY_BASELINE, check_host_path, check_volumes, 0},
	{POD_SECURITY_BASELINE, check_host_ports, NULL, 0},
	{POD_SECURITY_BASELINE, check_host_probes, NULL, 0},
	{POD_SECURITY_BASELINE, check_privileged, NULL, 0},
	{POD_SECURITY_BASELINE, check_proc_mount, check_proc_mount_always, 35},
	{POD_SECURITY_BASELINE, check_se_linux, NULL, 0},
	{POD_SECURITY_BASELINE, check_seccomp, check_seccomp_set, 19},
	{POD_SECURITY_BASELINE, check_sysctls, NULL, 0},
	{POD_SECURITY_BASELINE, check_windows, NULL, 0},
	{POD_SECURITY_RESTRICTED, check_escalation, NULL, 0},
	{POD_SECURITY_RESTRICTED, check_capabilities_dropped, NULL, 0},
	{POD_SECURITY_RESTRICTED, check_proc_mount_always, NULL, 0},
	{POD_SECURITY_RESTRICTED, check_volumes, NULL, 0},
	{POD_SECURITY_RESTRICTED, check_non_root, NULL, 0},
	{POD_SECURITY_RESTRICTED, check_user, NULL, 0},
	{POD_SECURITY_RESTRICTED, check_seccomp_set, NULL, 0},
};

bool pod_security_check(struct pod_security s, struct json_object *metadata,
			struct json_object *spec, struct buf *reasons, struct buf *details)
{
	struct pod p = {.meta = metadata,
			.spec = spec,
			.ctx = jsonc_get(spec, "securityContext"),
			.minor = s.minor,
			.detail = BUF_INIT};
	bool fine = true;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct check *c = &checks[i];

		if (c->level > s.level ||
		    (s.level == POD_SECURITY_RESTRICTED && c->stricter &&
		     s.minor >= c->stricter_since) ||
		    c->fine(&p))
			continue;
		if (reasons)
			buf_addf(reasons, "%s%s", fine ? "" : ", ", p.reason);
		if (details)
			buf_addf(details, "%s%s (%s)", fine ? "" : ", ", p.reason, p.detail.p);
		buf_clear(&p.detail);
		fine = false;
	}
	buf_done(&p.detail);
	return fine;
}
