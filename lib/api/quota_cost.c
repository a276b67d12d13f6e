/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/quota_cost.h"
#include "lib/api/labels.h"
#include "lib/base/clock.h"

#define STORAGE_CLASS ".storageclass.storage.k8s.io/"

/* ---- sums ---- */

void quota_use_done(struct quota_use *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->v[i].name);
	free(u->v);
	*u = (struct quota_use){0};
}

static struct quota_item *find(const struct quota_use *u, struct str name)
{
	for (size_t i = 0; i < u->n; i++)
		if (str_eqs(name, u->v[i].name))
			return &u->v[i];
	return NULL;
}

void quota_use_add(struct quota_use *u, struct str name, struct quantity q, int times)
{
	struct quota_item *it = find(u, name);

	if (!it) {
		it = ARRAY_PUSH(u->v, u->n, u->cap);
		*it = (struct quota_item){.name = str_dup(name), .q = {0, q.format}};
	}
	it->q.nano += q.nano * times;
}

const struct quantity *quota_use_get(const struct quota_use *u, struct str name)
{
	const struct quota_item *it = find(u, name);

	return it ? &it->q : NULL;
}

static void add_count(struct quota_use *u, const char *name, int64_t n)
{
	quota_use_add(u, str_of(name), quantity_of(n, QUANTITY_SI), 1);
}

/* ---- pods ---- */

static bool amount(struct jv list, struct str name, struct quantity *ret)
{
	*ret = quantity_of(0, QUANTITY_SI);
	return quantity_parse(jv_text(jv_getn(list, name)), ret) == 0;
}

/*
 * What the whole pod asks for: all containers together with the sidecars, or more where an init
 * container (beside the sidecars before it) needs more; and overhead. resources of the pod itself
 * come before those of its containers.
 */
static bool pod_total(struct jv spec, const char *list, struct str name, struct quantity *ret)
{
	struct quantity sum = quantity_of(0, QUANTITY_SI), side = sum, peak = sum, q;
	bool any = false;

	jv_for_each (c, jv_get(spec, "containers"))
		if (amount(jv_get(jv_get(c.value, "resources"), list), name, &q)) {
			sum.nano += q.nano;
			sum.format = q.format;
			any = true;
		}
	jv_for_each (c, jv_get(spec, "initContainers")) {
		if (!amount(jv_get(jv_get(c.value, "resources"), list), name, &q))
			continue;
		any = true;
		sum.format = q.format;
		if (jv_eqs(jv_get(c.value, "restartPolicy"), "Always"))
			q.nano = side.nano += q.nano;
		else
			q.nano += side.nano;
		peak.nano = MAX(peak.nano, q.nano);
	}
	sum.nano = MAX(sum.nano + side.nano, peak.nano);
	if (amount(jv_get(jv_get(spec, "resources"), list), name, &q)) {
		sum = q;
		any = true;
	}
	if (any && amount(jv_get(spec, "overhead"), name, &q))
		sum.nano += q.nano;
	*ret = sum;
	return any;
}

static bool is_plain(struct str name)
{
	return str_eqs(name, "cpu") || str_eqs(name, "memory") ||
	       str_eqs(name, "ephemeral-storage");
}

static void add_prefixed(struct quota_use *u, const char *prefix, struct str name,
			 struct quantity q)
{
	CLEANUP_FREE char *full = xasprintf("%s%.*s", prefix, STR_ARG(name));

	quota_use_add(u, str_of(full), q, 1);
}

/* One name that some container mentions; once each. */
static void add_requested(struct quota_use *u, struct jv spec, struct str name)
{
	CLEANUP_FREE char *full = xasprintf("requests.%.*s", STR_ARG(name));
	struct quantity q;

	if (quota_use_get(u, str_of(full)) || !pod_total(spec, "requests", name, &q))
		return;
	quota_use_add(u, str_of(full), q, 1);
	if (is_plain(name) || str_starts(name, STR("hugepages-")))
		quota_use_add(u, name, q, 1);
}

static void add_named(struct quota_use *u, struct jv spec, struct jv owner)
{
	jv_for_each_member (it, jv_path(owner, "resources.requests"))
		add_requested(u, spec, it.key);
}

static bool pod_counts(struct jv pod, int64_t now_ns)
{
	struct jv phase = jv_path(pod, "status.phase");
	int64_t gone;

	if (jv_eqs(phase, "Failed") || jv_eqs(phase, "Succeeded"))
		return false;
	if (time_parse(jv_text(jv_path(pod, "metadata.deletionTimestamp")), &gone) < 0)
		return true;
	gone += jv_i64(jv_path(pod, "metadata.deletionGracePeriodSeconds"), 0) *
		(int64_t)NSEC_PER_SEC;
	return now_ns <= gone;
}

static void pod_cost(struct jv pod, int64_t now_ns, struct quota_use *u)
{
	static const char *const limited[] = {"cpu", "memory", "ephemeral-storage"};
	struct jv spec = jv_get(pod, "spec");
	struct quantity q;

	if (!pod_counts(pod, now_ns))
		return;
	add_count(u, "pods", 1);
	add_named(u, spec, spec);
	jv_for_each (c, jv_get(spec, "containers"))
		add_named(u, spec, c.value);
	jv_for_each (c, jv_get(spec, "initContainers"))
		add_named(u, spec, c.value);
	for (size_t i = 0; i < ARRAY_SIZE(limited); i++)
		if (pod_total(spec, "limits", str_of(limited[i]), &q))
			add_prefixed(u, "limits.", str_of(limited[i]), q);
}

/* ---- services and claims ---- */

static void service_cost(struct jv svc, struct quota_use *u)
{
	struct jv spec = jv_get(svc, "spec"), type = jv_get(spec, "type");
	int64_t ports = 0;

	add_count(u, "services", 1);
	if (jv_eqs(type, "LoadBalancer"))
		add_count(u, "services.loadbalancers", 1);
	jv_for_each (p, jv_get(spec, "ports"))
		ports += jv_bool(jv_get(spec, "allocateLoadBalancerNodePorts"), true) ||
			 jv_i64(jv_get(p.value, "nodePort"), 0) != 0;
	if (jv_eqs(type, "NodePort") || jv_eqs(type, "LoadBalancer"))
		add_count(u, "services.nodeports", ports);
}

static void claim_cost(struct jv pvc, struct quota_use *u)
{
	struct str class = jv_text(jv_path(pvc, "spec.storageClassName"));
	struct quantity want, have;
	bool any = amount(jv_path(pvc, "spec.resources.requests"), STR("storage"), &want);

	/* What has been given to it counts while it is more than what it asks for. */
	if (amount(jv_path(pvc, "status.allocatedResources"), STR("storage"), &have) &&
	    quantity_cmp(have, want) > 0) {
		want = have;
		any = true;
	}
	add_count(u, "persistentvolumeclaims", 1);
	if (any)
		quota_use_add(u, STR("requests.storage"), want, 1);
	if (class.len) {
		CLEANUP_FREE char *n =
			xasprintf("%.*s" STORAGE_CLASS "persistentvolumeclaims", STR_ARG(class));
		CLEANUP_FREE char *r =
			xasprintf("%.*s" STORAGE_CLASS "requests.storage", STR_ARG(class));

		add_count(u, n, 1);
		if (any)
			quota_use_add(u, str_of(r), want, 1);
	}
}

/* ---- all kinds ---- */

static bool is_core(const struct api_kind *k, const char *plural)
{
	return !*k->group && !strcmp(k->plural, plural);
}

void quota_cost(const struct api_kind *k, struct jv obj, int64_t now_ns, struct quota_use *ret)
{
	static const char *const counted[] = {"configmaps", "secrets", "replicationcontrollers",
					      "resourcequotas"};
	CLEANUP_FREE char *count =
		xasprintf("count/%s%s%s", k->plural, *k->group ? "." : "", k->group);

	add_count(ret, count, 1);
	if (is_core(k, "pods"))
		pod_cost(obj, now_ns, ret);
	else if (is_core(k, "services"))
		service_cost(obj, ret);
	else if (is_core(k, "persistentvolumeclaims"))
		claim_cost(obj, ret);
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++)
		if (is_core(k, counted[i]))
			add_count(ret, counted[i], 1);
}

const struct api_kind *quota_kind_of(struct str name)
{
	static const char *const core[] = {"services",
					   "secrets",
					   "configmaps",
					   "persistentvolumeclaims",
					   "replicationcontrollers",
					   "resourcequotas"};
	struct str rest = name, plural;

	if (str_starts(name, STR("count/"))) {
		rest = str_skip(name, strlen("count/"));
		str_split(&rest, '.', &plural);
		return api_kind_any_version(rest.p ? rest : STR(""), plural);
	}
	if (str_starts(name, STR("services.")))
		name = STR("services");
	if (str_eqs(name, "requests.storage") ||
	    memmem(name.p, name.len, STORAGE_CLASS, strlen(STORAGE_CLASS)))
		name = STR("persistentvolumeclaims");
	for (size_t i = 0; i < ARRAY_SIZE(core); i++)
		if (str_eqs(name, core[i]))
			return api_kind_find(STR(""), STR("v1"), name);
	return api_kind_find(STR(""), STR("v1"), STR("pods"));
}

/* ---- scopes ---- */

static bool terms_cross(struct jv terms, const char *inner)
{
	jv_for_each (t, terms) {
		struct jv term = inner ? jv_get(t.value, inner) : t.value;

		if (jv_len(jv_get(term, "namespaces")) ||
		    jv_exists(jv_get(term, "namespaceSelector")))
			return true;
	}
	return false;
}

static bool crosses_namespaces(struct jv pod)
{
	static const char *const sorts[] = {"podAffinity", "podAntiAffinity"};
	struct jv affinity = jv_path(pod, "spec.affinity");

	for (size_t i = 0; i < ARRAY_SIZE(sorts); i++) {
		struct jv a = jv_get(affinity, sorts[i]);

		if (terms_cross(jv_get(a, "requiredDuringSchedulingIgnoredDuringExecution"),
				NULL) ||
		    terms_cross(jv_get(a, "preferredDuringSchedulingIgnoredDuringExecution"),
				"podAffinityTerm"))
			return true;
	}
	return false;
}

static bool fits_class(struct jv req, struct jv pod)
{
	struct str class = jv_text(jv_path(pod, "spec.priorityClassName"));
	struct jv op = jv_get(req, "operator");
	bool in = false;

	if (jv_eqs(op, "Exists"))
		return class.len;
	if (jv_eqs(op, "DoesNotExist"))
		return !class.len;
	jv_for_each (v, jv_get(req, "values"))
		in = in || str_eq(jv_text(v.value), class);
	return jv_eqs(op, "NotIn") ? !in : in && class.len;
}

static bool fits_scope(struct str scope, struct jv req, struct jv pod)
{
	bool best_effort = jv_eqs(jv_path(pod, "status.qosClass"), "BestEffort");
	bool ends = jv_i64(jv_path(pod, "spec.activeDeadlineSeconds"), -1) >= 0;

	if (str_eqs(scope, "Terminating"))
		return ends;
	if (str_eqs(scope, "NotTerminating"))
		return !ends;
	if (str_eqs(scope, "BestEffort"))
		return best_effort;
	if (str_eqs(scope, "NotBestEffort"))
		return !best_effort;
	if (str_eqs(scope, "PriorityClass"))
		return jv_exists(req) ? fits_class(req, pod)
				      : jv_text(jv_path(pod, "spec.priorityClassName")).len;
	return str_eqs(scope, "CrossNamespacePodAffinity") && crosses_namespaces(pod);
}

bool quota_matches(struct jv quota, const struct api_kind *k, struct jv obj)
{
	struct jv scopes = jv_path(quota, "spec.scopes");
	struct jv reqs = jv_path(quota, "spec.scopeSelector.matchExpressions");

	if (!jv_len(scopes) && !jv_len(reqs))
		return true;
	if (!is_core(k, "pods"))
		return false;
	jv_for_each (s, scopes)
		if (!fits_scope(jv_text(s.value), JV_NONE, obj))
			return false;
	jv_for_each (r, reqs)
		if (!fits_scope(jv_text(jv_get(r.value, "scopeName")), r.value, obj))
			return false;
	return true;
}

/* ---- what containers must say ---- */

/* Whether the container says what the quota's resource name is about. */
static bool says(struct jv container, struct str name)
{
	const char *list = "requests";

	if (str_starts(name, STR("limits."))) {
		list = "limits";
		name = str_skip(name, strlen("limits."));
	} else if (str_starts(name, STR("requests."))) {
		name = str_skip(name, strlen("requests."));
	}
	return jv_exists(jv_getn(jv_get(jv_get(container, "resources"), list), name));
}

static void silent_ones(struct jv list, struct str name, struct buf *out)
{
	jv_for_each (c, list)
		if (!says(c.value, name))
			buf_addf(out, "%s%.*s", out->len ? "," : "",
				 STR_ARG(jv_text(jv_get(c.value, "name"))));
}

int quota_check_pod(struct jv quota, struct jv pod, struct err *err)
{
	/* In the order in which they are named. */
	static const char *const must[] = {"cpu",    "limits.cpu",   "limits.memory",
					   "memory", "requests.cpu", "requests.memory"};
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct jv hard = jv_path(quota, "spec.hard"), spec = jv_get(pod, "spec");

	for (size_t i = 0; i < ARRAY_SIZE(must); i++) {
		CLEANUP(buf_done) struct buf names = BUF_INIT;

		if (!jv_exists(jv_get(hard, must[i])))
			continue;
		silent_ones(jv_get(spec, "containers"), str_of(must[i]), &names);
		silent_ones(jv_get(spec, "initContainers"), str_of(must[i]), &names);
		if (names.len)
			buf_addf(&text, "%s%s for: %s", text.len ? "; " : "", must[i], names.p);
	}
	return text.len ? err_sys(err, EINVAL, "must specify %s", text.p) : 0;
}
