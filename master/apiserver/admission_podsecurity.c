/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PodSecurity (k8s.io/pod-security-admission): the labels of a namespace say which of the Pod
 * Security Standards its pods must keep to, or be warned about. What makes pods (Deployments, Jobs
 * and so on) is only warned about: the pods themselves are refused.
 */
#include "lib/api/pod_standards.h"
#include "lib/api/status.h"
#include "master/apiserver/admission.h"
#include "master/apiserver/audit.h"
#include "master/apiserver/server.h"

#define LABELS "pod-security.kubernetes.io/"
#define PODS_MAX 3000 /* looked at when the policy of a namespace changes */

/* The policy of the object's namespace; most have none, which costs only a look at the bytes. */
static struct pod_security_policy policy_of(const struct admission *a)
{
	const struct store_obj *o =
		server_get(a->view, server_kind("", "v1", "namespaces"), STR(""), a->ns);
	struct jv labels = o ? jv_path(jv_of(o->value), "metadata.labels") : JV_NONE;
	CLEANUP_JSON struct json_object *tree = NULL;
	struct str raw = jv_exists(labels) ? jv_raw(labels) : STR("");
	struct pod_security_policy p;

	if (raw.len && memmem(raw.p, raw.len, LABELS, strlen(LABELS)))
		jsonc_parse(raw, NULL, &tree, NULL);
	pod_security_policy_parse(tree, &p, NULL);
	return p;
}

/* ---- pods and what makes them ---- */

static struct json_object *item_named(struct json_object *list, struct str name)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *x = json_object_array_get_idx(list, i);

		if (str_eq(jsonc_path_str(x, "name"), name))
			return x;
	}
	return NULL;
}

/* Of a pod that runs only its images and the ephemeral containers can change. */
static bool is_significant(struct json_object *obj, struct json_object *old)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers",
					    "spec.ephemeralContainers"};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct json_object *is = jsonc_path(obj, lists[i]);
		struct json_object *was = jsonc_path(old, lists[i]);

		for (size_t j = 0; is && j < json_object_array_length(is); j++) {
			struct json_object *c = json_object_array_get_idx(is, j);
			struct json_object *o = item_named(was, jsonc_path_str(c, "name"));

			if (!o || !str_eq(jsonc_path_str(c, "image"), jsonc_path_str(o, "image")))
				return true;
		}
	}
	return false;
}

/* `would violate PodSecurity "restricted:latest": ...`, or NULL. */
static char *violation(struct pod_security s, struct json_object *meta, struct json_object *spec)
{
	CLEANUP(buf_done) struct buf policy = BUF_INIT, details = BUF_INIT;

	if (pod_security_check(s, meta, spec, NULL, &details))
		return NULL;
	pod_security_format(s, &policy);
	return xasprintf("would violate PodSecurity \"%s\": %s", policy.p, details.p);
}

static void warn(struct admission *a, struct pod_security s, struct json_object *meta,
		 struct json_object *spec)
{
	CLEANUP_FREE char *text = violation(s, meta, spec);

	if (text)
		api_warnings_add(a->warnings, "%s", text);
}

/* What the audit log is told; the work is done only where there is one. */
static void note(struct admission *a, const struct pod_security_policy *p, bool enforced,
		 struct json_object *meta, struct json_object *spec)
{
	CLEANUP(buf_done) struct buf policy = BUF_INIT;
	CLEANUP_FREE char *text = NULL;

	if (!a->r || !a->r->audit)
		return;
	if (enforced) {
		pod_security_format(p->enforce, &policy);
		audit_note(a->r, LABELS "enforce-policy", policy.p);
	}
	text = violation(p->audit, meta, spec);
	if (text)
		audit_note(a->r, LABELS "audit-violations", text);
}

static int check_pod(struct admission *a, struct err *err)
{
	CLEANUP(buf_done) struct buf policy = BUF_INIT, details = BUF_INIT;
	struct json_object *meta = jsonc_get(a->obj, "metadata"), *spec = jsonc_get(a->obj, "spec");
	struct pod_security_policy p;
	CLEANUP_FREE char *why = NULL;

	if (*a->sub && strcmp(a->sub, "ephemeralcontainers") != 0 && strcmp(a->sub, "resize") != 0)
		return 0;
	p = policy_of(a);
	if (a->op == ADMIT_UPDATE && !is_significant(a->obj, a->old))
		return 0;
	note(a, &p, true, meta, spec);
	if (!p.enforce.level && !p.warn.level)
		return 0;
	if (!pod_security_check(p.enforce, meta, spec, NULL, &details)) {
		pod_security_format(p.enforce, &policy);
		why = xasprintf("violates PodSecurity \"%s\": %s", policy.p, details.p);
		return api_err_forbidden(err, a->kind, a->name, why);
	}
	warn(a, p.warn, meta, spec);
	return 0;
}

static void check_template(struct admission *a, const char *path)
{
	struct json_object *template = jsonc_path(a->obj, path);
	struct pod_security_policy p;

	if (!template || *a->sub)
		return;
	p = policy_of(a);
	note(a, &p, false, jsonc_get(template, "metadata"), jsonc_get(template, "spec"));
	if (p.warn.level)
		warn(a, p.warn, jsonc_get(template, "metadata"), jsonc_get(template, "spec"));
}

/* ---- namespaces ---- */

/* Pods with the same reasons are told of in one line, under the name that comes first. */
struct line {
	char *reasons, *pod;
	size_t n;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_line(struct hmap *lines, struct json_object *pod, const struct buf *reasons)
{
	struct line *l = hmap_get(lines, buf_str(reasons));
	struct str name = jsonc_path_str(pod, "metadata.name");

	if (!l) {
		l = NEW(struct line);
		l->reasons = xstrdup(reasons->p);
		l->pod = str_dup(name);
		hmap_put(lines, buf_str(reasons), l);
	}
	l->n++;
}

static void free_line(void *p)
{
	struct line *l = p;

	free(l->reasons);
	free(l->pod);
	free(l);
}

static void tell_lines(struct admission *a, struct pod_security s, const struct hmap *lines)
{
	CLEANUP(buf_done) struct buf policy = BUF_INIT;
	size_t n = 0;
	char **text;

	if (!hmap_len(lines))
		return;
	pod_security_format(s, &policy);
	api_warnings_add(a->warnings,
			 "existing pods in namespace \"%.*s\" violate the new PodSecurity enforce "
			 "level \"%s\"",
			 STR_ARG(a->name), policy.p);
	text = xcalloc(hmap_len(lines), sizeof(*text));
	hmap_for_each (it, lines) {
		const struct line *l = it->value;

		if (l->n == 1)
			text[n++] = xasprintf("%s: %s", l->pod, l->reasons);
		else
			text[n++] = xasprintf("%s (and %zu other pod%s): %s", l->pod, l->n - 1,
					      l->n == 2 ? "" : "s", l->reasons);
	}
	qsort(text, n, sizeof(*text), by_text);
	for (size_t i = 0; i < n; i++) {
		api_warnings_add(a->warnings, "%s", text[i]);
		free(text[i]);
	}
	free(text);
}

static void check_existing(struct admission *a, struct pod_security s)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT, reasons = BUF_INIT;
	struct hmap *lines = hmap_new();
	const struct store_obj *o;
	struct store_iter it;
	uint64_t left = PODS_MAX, all;

	request_key(server_kind("", "v1", "pods"), a->name, STR_NULL, &prefix);
	all = store_count(a->view, buf_str(&prefix), STR_NULL);
	if (all > PODS_MAX)
		api_warnings_add(a->warnings,
				 "new PodSecurity enforce level only checked against the first %u "
				 "of %" PRIu64 " existing pods",
				 PODS_MAX, all);
	store_range(a->view, buf_str(&prefix), STR_NULL, &it);
	while (left-- && (o = store_iter_next(&it))) {
		CLEANUP_JSON struct json_object *pod = NULL;

		if (jsonc_parse(o->value, NULL, &pod, NULL) < 0)
			continue;
		buf_clear(&reasons);
		if (!pod_security_check(s, jsonc_get(pod, "metadata"), jsonc_get(pod, "spec"),
					&reasons, NULL))
			add_line(lines, pod, &reasons);
	}
	tell_lines(a, s, lines);
	hmap_free_full(lines, free_line);
}

static int check_namespace(struct admission *a, struct err *err)
{
	struct json_object *labels = jsonc_path(a->obj, "metadata.labels");
	struct json_object *had = jsonc_path(a->old, "metadata.labels");
	struct pod_security_policy p, was;
	struct err bad = ERR_INIT;
	size_t n, n_had;

	if (*a->sub)
		return 0;
	n = pod_security_policy_parse(labels, &p, &bad);
	n_had = pod_security_policy_parse(had, &was, NULL);
	/* Who leaves bad labels as they are may change other things. */
	if (n && (a->op == ADMIT_CREATE || !n_had || !jsonc_equal(labels, had))) {
		err_move(err, &bad);
		return api_err_invalid(err, a->kind, a->name);
	}
	err_done(&bad);
	if (a->op == ADMIT_CREATE || p.enforce.level == POD_SECURITY_PRIVILEGED ||
	    pod_security_eq(p.enforce, was.enforce) ||
	    (p.enforce.minor == was.enforce.minor && p.enforce.level <= was.enforce.level))
		return 0;
	check_existing(a, p.enforce);
	return 0;
}

/* ---- the plugin ---- */

static const struct {
	const char *group, *plural, *template;
} makers[] = {
	{"", "podtemplates", "template"},
	{"", "replicationcontrollers", "spec.template"},
	{"apps", "replicasets", "spec.template"},
	{"apps", "deployments", "spec.template"},
	{"apps", "statefulsets", "spec.template"},
	{"apps", "daemonsets", "spec.template"},
	{"batch", "jobs", "spec.template"},
	{"batch", "cronjobs", "spec.jobTemplate.spec.template"},
};

int admit_pod_security(struct admission *a, struct err *err)
{
	const char *group = a->kind->group, *plural = a->kind->plural;

	if (!*group && !strcmp(plural, "pods"))
		return check_pod(a, err);
	if (!*group && !strcmp(plural, "namespaces"))
		return check_namespace(a, err);
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (!strcmp(group, makers[i].group) && !strcmp(plural, makers[i].plural))
			check_template(a, makers[i].template);
	return 0;
}
