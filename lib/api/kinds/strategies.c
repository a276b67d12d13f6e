/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/strategies.h"
#include "lib/api/api.h"
#include "lib/api/quantity.h"
#include "lib/api/validate/rules.h"
#include "lib/base/codec.h"

static size_t list_len(struct json_object *v)
{
	return json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
}

/* obj becomes old, but for the named top-level members, which stay as they came. */
static void keep_all_but(struct json_object *obj, struct json_object *old, const char *member)
{
	json_object_object_foreach(old, key, v)
	{
		if (strcmp(key, member) != 0 && strcmp(key, "metadata") != 0)
			jsonc_set(obj, key, json_object_get(v));
	}
}

/* ---- Pod ---- */

struct qos {
	bool any, all_equal;
};

static void qos_container(struct json_object *c, struct qos *q)
{
	static const char *const names[] = {"cpu", "memory"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct json_object *l = jsonc_get(jsonc_path(c, "resources.limits"), names[i]);
		struct json_object *r = jsonc_get(jsonc_path(c, "resources.requests"), names[i]);
		int64_t lim = quantity_str_milli(jsonc_str(l)),
			req = quantity_str_milli(jsonc_str(r));

		q->any |= lim > 0 || req > 0;
		if (lim <= 0 || (r && req != lim))
			q->all_equal = false;
	}
}

const char *pod_qos_class(struct json_object *spec)
{
	static const char *const lists[] = {"containers", "initContainers"};
	struct qos q = {false, true};

	if (jsonc_get(spec, "resources"))
		qos_container(spec, &q);
	else
		for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
			struct json_object *v = jsonc_get(spec, lists[l]);

			for (size_t i = 0; i < list_len(v); i++)
				qos_container(json_object_array_get_idx(v, i), &q);
		}
	return !q.any ? "BestEffort" : q.all_equal ? "Guaranteed" : "Burstable";
}

/* The keys of a term whose values are the pod's own become part of its selector. */
static void merge_keys(struct json_object *selector, struct json_object *keys, const char *op,
		       struct json_object *labels)
{
	for (size_t i = 0; i < list_len(keys); i++) {
		struct str key = jsonc_str(json_object_array_get_idx(keys, i));
		CLEANUP_FREE char *name = str_dup(key);
		struct json_object *value = name ? jsonc_get(labels, name) : NULL;
		struct json_object *list = jsonc_get(selector, "matchExpressions"), *e, *values;

		if (!value)
			continue;
		if (!json_object_is_type(list, json_type_array)) {
			list = json_object_new_array();
			jsonc_set(selector, "matchExpressions", list);
		}
		e = json_object_new_object();
		values = json_object_new_array();
		json_object_array_add(values, json_object_get(value));
		jsonc_set_str(e, "key", key);
		jsonc_set_str(e, "operator", str_of(op));
		jsonc_set(e, "values", values);
		json_object_array_add(list, e);
	}
}

/* matchLabelKeys and mismatchLabelKeys of (anti-)affinity terms (KEP-3633). */
static void merge_affinity_keys(struct json_object *obj)
{
	static const char *const kinds[] = {"podAffinity", "podAntiAffinity"};
	static const char *const lists[] = {"requiredDuringSchedulingIgnoredDuringExecution",
					    "preferredDuringSchedulingIgnoredDuringExecution"};
	struct json_object *affinity = jsonc_path(obj, "spec.affinity");
	struct json_object *labels = jsonc_path(obj, "metadata.labels");

	for (size_t i = 0; affinity && i < 4; i++) {
		struct json_object *list =
			jsonc_get(jsonc_get(affinity, kinds[i / 2]), lists[i % 2]);

		for (size_t k = 0; k < list_len(list); k++) {
			struct json_object *term = json_object_array_get_idx(list, k), *selector;

			if (i % 2)
				term = jsonc_get(term, "podAffinityTerm");
			selector = jsonc_get(term, "labelSelector");
			if (!selector)
				continue;
			merge_keys(selector, jsonc_get(term, "matchLabelKeys"), "In", labels);
			merge_keys(selector, jsonc_get(term, "mismatchLabelKeys"), "NotIn", labels);
		}
	}
}

static void pod_create(struct json_object *obj)
{
	struct json_object *status = json_object_new_object();

	merge_affinity_keys(obj);
	jsonc_set_str(status, "phase", STR("Pending"));
	jsonc_set_str(status, "qosClass", str_of(pod_qos_class(jsonc_get(obj, "spec"))));
	jsonc_set(obj, "status", status);
	if (list_len(jsonc_path(obj, "spec.schedulingGates"))) {
		struct json_object *list = json_object_new_array(), *c = json_object_new_object();

		jsonc_set_str(c, "type", STR("PodScheduled"));
		jsonc_set_str(c, "status", STR("False"));
		jsonc_set_str(c, "reason", STR("SchedulingGated"));
		jsonc_set_str(c, "message",
			      STR("Scheduling is blocked due to non-empty scheduling gates"));
		json_object_array_add(list, c);
		jsonc_set(status, "conditions", list);
	}
}

void pod_prepare_status(struct json_object *obj, struct json_object *old)
{
	struct json_object *qos = jsonc_path(old, "status.qosClass");

	keep_all_but(obj, old, "status");
	if (qos && jsonc_get(obj, "status"))
		jsonc_set(jsonc_get(obj, "status"), "qosClass", json_object_get(qos));
}

void pod_prepare_ephemeral(struct json_object *obj, struct json_object *old)
{
	CLEANUP_JSON struct json_object *list =
		json_object_get(jsonc_path(obj, "spec.ephemeralContainers"));

	struct json_object *spec;

	keep_all_but(obj, old, "");
	spec = jsonc_clone(jsonc_get(obj, "spec"));
	if (list)
		jsonc_set(spec, "ephemeralContainers", json_object_get(list));
	else
		json_object_object_del(spec, "ephemeralContainers"); /* to be refused */
	jsonc_set(obj, "spec", spec);
}

static struct json_object *by_name(struct json_object *list, struct str name)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);

		if (str_eq(jsonc_path_str(e, "name"), name))
			return e;
	}
	return NULL;
}

/* Only resources and resizePolicy of containers may change here. */
void pod_prepare_resize(struct json_object *obj, struct json_object *old)
{
	CLEANUP_JSON struct json_object *wanted = json_object_get(jsonc_get(obj, "spec"));
	struct json_object *spec, *list;

	keep_all_but(obj, old, "");
	spec = jsonc_clone(jsonc_get(obj, "spec"));
	jsonc_set(obj, "spec", spec);
	list = jsonc_get(spec, "containers");
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i);
		struct json_object *w =
			by_name(jsonc_get(wanted, "containers"), jsonc_path_str(c, "name"));
		struct json_object *r = jsonc_get(w, "resources");

		if (r)
			jsonc_set(c, "resources", json_object_get(r));
	}
}

const struct api_strategy pod_strategy = {
	.prepare_create = pod_create,
	.validate = validate_pod,
	.validate_create = validate_pod_create,
	.validate_update = validate_pod_update,
};

/* ---- Namespace ---- */

static void namespace_create(struct json_object *obj)
{
	struct json_object *list, *spec = jsonc_ensure(obj, "spec");
	bool found = false;

	api_set_str(obj, "status.phase", STR("Active"));
	list = jsonc_get(spec, "finalizers");
	if (!list) {
		list = json_object_new_array();
		jsonc_set(spec, "finalizers", list);
	}
	for (size_t i = 0; i < list_len(list); i++)
		found |= str_eqs(jsonc_str(json_object_array_get_idx(list, i)), "kubernetes");
	if (!found)
		json_object_array_add(list, json_object_new_string("kubernetes"));
}

static void namespace_update(struct json_object *obj, struct json_object *old)
{
	struct json_object *f = jsonc_path(old, "spec.finalizers");

	if (f)
		api_set(obj, "spec.finalizers", json_object_get(f));
}

void namespace_prepare_finalize(struct json_object *obj, struct json_object *old)
{
	struct json_object *status = jsonc_get(old, "status");

	if (status)
		jsonc_set(obj, "status", json_object_get(status));
}

const struct api_strategy namespace_strategy = {
	.prepare_create = namespace_create,
	.prepare_update = namespace_update,
	.validate = validate_namespace,
};

/* ---- Secret: stringData is written, never read ---- */

static void secret_canonicalise(struct json_object *obj)
{
	struct json_object *text = jsonc_get(obj, "stringData"), *data;

	if (!text)
		return;
	data = jsonc_ensure(obj, "data");
	json_object_object_foreach(text, key, v)
	{
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		base64_encode(v ? jsonc_str(v) : STR(""), &b);
		jsonc_set_str(data, key, buf_str(&b));
	}
	json_object_object_del(obj, "stringData");
}

static void secret_update(struct json_object *obj, struct json_object *old)
{
	struct json_object *type = jsonc_get(old, "type");

	if (type && !jsonc_path_str(obj, "type").len)
		jsonc_set(obj, "type", json_object_get(type));
	secret_canonicalise(obj);
}

const struct api_strategy secret_strategy = {
	.prepare_create = secret_canonicalise,
	.prepare_update = secret_update,
	.validate = validate_secret,
	.validate_update = validate_secret_update,
};

/* ---- CertificateSigningRequest ---- */

/* The parts of status that each subresource may write. */
static struct json_object *split_conditions(struct json_object *list, bool approval)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i);
		struct str type = jsonc_path_str(c, "type");

		if ((str_eqs(type, "Approved") || str_eqs(type, "Denied")) == approval)
			json_object_array_add(out, json_object_get(c));
	}
	return out;
}

static void merge_conditions(struct json_object *obj, struct json_object *old, bool approval)
{
	struct json_object *mine = split_conditions(jsonc_path(obj, "status.conditions"), approval);
	struct json_object *rest =
		split_conditions(jsonc_path(old, "status.conditions"), !approval);

	for (size_t i = 0; i < list_len(mine); i++)
		json_object_array_add(rest, json_object_get(json_object_array_get_idx(mine, i)));
	json_object_put(mine);
	if (list_len(rest))
		api_set(obj, "status.conditions", rest);
	else
		json_object_put(rest);
}

void csr_prepare_approval(struct json_object *obj, struct json_object *old)
{
	struct json_object *cert = jsonc_path(old, "status.certificate");

	keep_all_but(obj, old, "status");
	merge_conditions(obj, old, true);
	if (cert)
		api_set(obj, "status.certificate", json_object_get(cert));
}

void csr_prepare_status(struct json_object *obj, struct json_object *old)
{
	keep_all_but(obj, old, "status");
	merge_conditions(obj, old, false);
}

static void csr_update(struct json_object *obj, struct json_object *old)
{
	keep_all_but(obj, old, "");
}

const struct api_strategy csr_strategy = {.prepare_update = csr_update, .validate = validate_csr};

/* Kinds with nothing of their own but validation. */
const struct api_strategy configmap_strategy = {
	.validate = validate_configmap,
	.validate_update = validate_configmap_update,
};
const struct api_strategy node_strategy = {
	.validate = validate_node,
	.validate_update = validate_node_update,
};
const struct api_strategy endpoints_strategy = {.validate = validate_endpoints};
const struct api_strategy endpointslice_strategy = {
	.validate = validate_endpointslice,
	.validate_update = validate_endpointslice_update,
};
const struct api_strategy event_strategy = {.validate = validate_event};
const struct api_strategy event_v1_strategy = {
	.validate = validate_event_v1,
	.validate_create = validate_event_v1_create,
	.validate_update = validate_event_v1_update,
};
const struct api_strategy lease_strategy = {.validate = validate_lease};
const struct api_strategy deployment_strategy = {
	.validate = validate_deployment,
	.validate_update = validate_selector_update,
};

/* ---- DaemonSet: the count of its templates, which older clients read ---- */

#define DAEMON_GENERATION "deprecated.daemonset.template.generation"

static void set_generation(struct json_object *obj, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	jsonc_set_str(jsonc_ensure(jsonc_ensure(obj, "metadata"), "annotations"), DAEMON_GENERATION,
		      str_of(text));
}

static void daemonset_create(struct json_object *obj)
{
	set_generation(obj, 1);
}

static void daemonset_update(struct json_object *obj, struct json_object *old)
{
	struct json_object *notes = jsonc_path(old, "metadata.annotations");
	int64_t n = 1;

	if (notes)
		str_to_i64(jsonc_str(jsonc_get(notes, DAEMON_GENERATION)), &n);
	if (!jsonc_equal(jsonc_path(obj, "spec.template"), jsonc_path(old, "spec.template")))
		n++;
	set_generation(obj, n);
}

const struct api_strategy daemonset_strategy = {
	.prepare_create = daemonset_create,
	.prepare_update = daemonset_update,
	.validate = validate_daemonset,
	.validate_update = validate_selector_update,
};
const struct api_strategy statefulset_strategy = {
	.validate = validate_statefulset,
	.validate_update = validate_statefulset_update,
};
const struct api_strategy poddisruptionbudget_strategy = {.validate = validate_pdb};
const struct api_strategy controllerrevision_strategy = {
	.validate_update = validate_controllerrevision_update,
};
const struct api_strategy replicaset_strategy = {
	.validate = validate_replicaset,
	.validate_update = validate_selector_update,
};
const struct api_strategy priorityclass_strategy = {
	.validate = validate_priorityclass,
	.validate_update = validate_priorityclass_update,
};
