/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod_view.h"

#include "lib/base/clock.h"
#include "lib/json/json_scan.h"

#define CONTAINERS_MAX 1000

/* Strings that had escapes in the JSON, unescaped. */
struct view_text {
	struct view_text *next;
	size_t len;
	char s[];
};

struct pod_view *pod_view_free(struct pod_view *v)
{
	if (!v)
		return NULL;
	for (struct view_text *t = v->texts, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	free(v->containers);
	free((void *)(uintptr_t)v->json.p);
	free(v);
	return NULL;
}

struct str pod_view_text(const struct pod_view *cv, struct jv value)
{
	struct pod_view *v = (struct pod_view *)(uintptr_t)cv;
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct view_text *t;
	struct str s;

	if (jv_type(value) != JV_STRING)
		return STR_NULL;
	s = jv_str(value, &scratch);
	if (s.p >= v->json.p && s.p <= v->json.p + v->json.len)
		return s;
	t = xmalloc(sizeof(*t) + s.len + 1);
	memcpy(t->s, s.p, s.len);
	t->s[s.len] = 0;
	t->len = s.len;
	t->next = v->texts;
	v->texts = t;
	return str_n(t->s, t->len);
}

static struct str text_at(struct pod_view *v, struct jv parent, const char *key, struct str dflt)
{
	struct str s = pod_view_text(v, jv_get(parent, key));

	return s.len ? s : dflt;
}

static int64_t int_at(struct jv parent, const char *key, int64_t dflt)
{
	struct jv f = jv_get(parent, key);

	return jv_i64(f, dflt);
}

static bool bool_at(struct jv parent, const char *key, bool dflt)
{
	struct jv f = jv_get(parent, key);

	return jv_bool(f, dflt);
}

static enum restart_policy restart_of(struct str s)
{
	if (str_eqs(s, "Never"))
		return RESTART_NEVER;
	return str_eqs(s, "OnFailure") ? RESTART_ON_FAILURE : RESTART_ALWAYS;
}

/* An image without tag, or with :latest, is pulled always unless the pod says otherwise. */
static enum pull_policy pull_of(struct str policy, struct str image)
{
	ssize_t slash = str_rchr(image, '/'), colon = str_rchr(image, ':');

	if (str_eqs(policy, "Always"))
		return PULL_ALWAYS;
	if (str_eqs(policy, "Never"))
		return PULL_NEVER;
	if (policy.len || str_chr(image, '@') >= 0)
		return PULL_IF_NOT_PRESENT;
	return colon <= slash || str_ends(image, STR(":latest")) ? PULL_ALWAYS
								 : PULL_IF_NOT_PRESENT;
}

static int container_parse(struct pod_view *v, struct jv c, enum container_kind kind,
			   struct err *err)
{
	struct container_view *cv = &v->containers[v->n];
	struct str own = pod_view_text(v, jv_get(c, "restartPolicy"));

	*cv = (struct container_view){.json = c, .kind = kind, .restart = v->restart};
	cv->name = pod_view_text(v, jv_get(c, "name"));
	cv->image = pod_view_text(v, jv_get(c, "image"));
	if (!cv->name.len)
		return err_sys(err, EINVAL, "a container of pod %.*s has no name",
			       STR_ARG(v->name));
	/* The name becomes a path; the server has checked it, a static pod's file has not been. */
	for (size_t i = 0; i < cv->name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", cv->name.p[i]) ||
		    cv->name.len > 63)
			return err_sys(err, EINVAL, "container name \"%.*s\" is not a DNS label",
				       STR_ARG(cv->name));
	cv->pull = pull_of(pod_view_text(v, jv_get(c, "imagePullPolicy")), cv->image);
	cv->tty = bool_at(c, "tty", false);
	cv->stdin = bool_at(c, "stdin", false);
	cv->stdin_once = bool_at(c, "stdinOnce", false);
	cv->termination_path = text_at(v, c, "terminationMessagePath", STR("/dev/termination-log"));
	cv->termination_from_log = str_eqs(pod_view_text(v, jv_get(c, "terminationMessagePolicy")),
					   "FallbackToLogsOnError");
	if (kind == CONTAINER_INIT && str_eqs(own, "Always")) {
		cv->kind = CONTAINER_SIDECAR;
		cv->restart = RESTART_ALWAYS;
	} else if (kind == CONTAINER_INIT && v->restart == RESTART_ALWAYS) {
		cv->restart = RESTART_ON_FAILURE;
	} else if (kind == CONTAINER_EPHEMERAL) {
		cv->restart = RESTART_NEVER;
	}
	v->n++;
	return 0;
}

static int containers_parse(struct pod_view *v, struct err *err)
{
	static const struct {
		const char *key;
		enum container_kind kind;
	} lists[] = {{"initContainers", CONTAINER_INIT},
		     {"containers", CONTAINER_MAIN},
		     {"ephemeralContainers", CONTAINER_EPHEMERAL}};
	size_t total = 0, *counts[] = {&v->n_init, &v->n_main, &v->n_ephemeral};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		total += jv_len(jv_get(v->spec, lists[i].key));
	if (total > CONTAINERS_MAX)
		return err_sys(err, E2BIG, "pod has %zu containers, at most %d are possible", total,
			       CONTAINERS_MAX);
	v->containers = xcalloc(total + 1, sizeof(*v->containers));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct jv list = jv_get(v->spec, lists[i].key);
		size_t before = v->n;

		if (jv_type(list) != JV_ARRAY)
			continue;
		jv_for_each (it, list) {
			r = container_parse(v, it.value, lists[i].kind, err);
			if (r < 0)
				return r;
		}
		*counts[i] = v->n - before;
	}
	if (!v->n_main)
		return err_sys(err, EINVAL, "spec.containers of pod %.*s is empty",
			       STR_ARG(v->name));
	return 0;
}

static void spec_parse(struct pod_view *v)
{
	struct jv s = v->spec;

	v->node_name = text_at(v, s, "nodeName", STR(""));
	v->hostname = text_at(v, s, "hostname", STR(""));
	v->subdomain = text_at(v, s, "subdomain", STR(""));
	v->service_account = text_at(v, s, "serviceAccountName", STR("default"));
	v->dns_policy = text_at(v, s, "dnsPolicy", STR("ClusterFirst"));
	v->priority_class = text_at(v, s, "priorityClassName", STR(""));
	v->host_network = bool_at(s, "hostNetwork", false);
	v->host_pid = bool_at(s, "hostPID", false);
	v->host_ipc = bool_at(s, "hostIPC", false);
	v->share_pid = bool_at(s, "shareProcessNamespace", false);
	v->host_fqdn = bool_at(s, "setHostnameAsFQDN", false);
	v->service_links = bool_at(s, "enableServiceLinks", true);
	v->automount_token = bool_at(s, "automountServiceAccountToken", true);
	v->restart = restart_of(pod_view_text(v, jv_get(s, "restartPolicy")));
	v->grace_s = int_at(s, "terminationGracePeriodSeconds", 30);
	v->deadline_s = int_at(s, "activeDeadlineSeconds", -1);
	v->fs_group = int_at(jv_get(s, "securityContext"), "fsGroup", -1);
	v->priority = int_at(s, "priority", 0);
}

static void metadata_parse(struct pod_view *v)
{
	struct str at, source;

	v->ns = text_at(v, v->metadata, "namespace", STR("default"));
	v->name = text_at(v, v->metadata, "name", STR(""));
	v->uid = text_at(v, v->metadata, "uid", STR(""));
	v->resource_version = text_at(v, v->metadata, "resourceVersion", STR(""));
	v->generation = int_at(v->metadata, "generation", 0);
	v->deletion_grace_s = -1;
	at = pod_view_text(v, jv_get(v->metadata, "deletionTimestamp"));
	if (at.len && time_parse(at, &v->deletion_ns) == 0)
		v->deletion_grace_s = int_at(v->metadata, "deletionGracePeriodSeconds", 0);
	source = pod_view_annotation(v, STR("kubernetes.io/config.source"));
	v->is_static = source.len && !str_eqs(source, "api");
	v->is_mirror = pod_view_annotation(v, STR("kubernetes.io/config.mirror")).len > 0;
}

/* The uid names directories and cgroups: nothing but what a UID or a hash consists of. */
static bool uid_good(struct str uid)
{
	if (!uid.len || uid.len > 64)
		return false;
	for (size_t i = 0; i < uid.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-",
			    uid.p[i]))
			return false;
	return true;
}

int pod_view_parse(struct str json, struct pod_view **ret, struct err *err)
{
	CLEANUP(pod_view_freep) struct pod_view *v = NEW(struct pod_view);
	int r;

	v->json = str_n(xmemdup(json.p, json.len), json.len);
	v->obj = jv_of(v->json);
	v->metadata = jv_get(v->obj, "metadata");
	v->spec = jv_get(v->obj, "spec");
	v->status = jv_get(v->obj, "status");
	if (jv_type(v->metadata) != JV_OBJECT || jv_type(v->spec) != JV_OBJECT)
		return err_sys(err, EINVAL, "not a Pod: metadata or spec is missing");
	metadata_parse(v);
	if (!v->name.len)
		return err_sys(err, EINVAL, "not a Pod: metadata.name is missing");
	if (!uid_good(v->uid))
		return err_sys(err, EINVAL, "pod %.*s: metadata.uid is missing or malformed",
			       STR_ARG(v->name));
	spec_parse(v);
	r = containers_parse(v, err);
	if (r < 0)
		return r;
	*ret = TAKE(v);
	return 0;
}

const struct container_view *pod_view_container(const struct pod_view *v, struct str name)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->containers[i].name, name))
			return &v->containers[i];
	return NULL;
}

static struct str map_value(const struct pod_view *v, struct jv map, struct str key)
{
	if (jv_type(map) == JV_OBJECT)
		jv_for_each_member (it, map)
			if (str_eq(it.key, key))
				return pod_view_text(v, it.value);
	return STR_NULL;
}

struct str pod_view_label(const struct pod_view *v, struct str key)
{
	return map_value(v, jv_get(v->metadata, "labels"), key);
}

struct str pod_view_annotation(const struct pod_view *v, struct str key)
{
	return map_value(v, jv_get(v->metadata, "annotations"), key);
}

struct str pod_view_hostname(const struct pod_view *v)
{
	struct str h = v->hostname.len ? v->hostname : v->name;

	/* GetPodHostname: cut to 63 characters, and no trailing "-" or ".". */
	if (h.len > 63)
		h.len = 63;
	while (h.len && (h.p[h.len - 1] == '-' || h.p[h.len - 1] == '.'))
		h.len--;
	return h;
}

bool pod_view_same_image(const struct pod_view *a, const struct pod_view *b, struct str name)
{
	const struct container_view *x = pod_view_container(a, name),
				    *y = pod_view_container(b, name);

	return x && y && str_eq(x->image, y->image);
}

const char *container_kind_name(enum container_kind k)
{
	static const char *const names[] = {"initContainers", "initContainers", "containers",
					    "ephemeralContainers"};

	return names[k];
}
