/* SPDX-License-Identifier: Apache-2.0 */
/* Deployment and ReplicaSet; follows pkg/apis/apps/validation. */
#include "lib/api/labels.h"
#include "lib/api/validate/pod.h"
#include "lib/api/validate/rules.h"

static struct str label_of(void *user, struct str key)
{
	CLEANUP_FREE char *name = str_dup(key);
	struct json_object *v = jsonc_get(user, name);

	return v ? jsonc_str(v) : STR_NULL;
}

void check_selected(const struct place *p, struct json_object *spec)
{
	struct json_object *selector = jsonc_get(spec, "selector");
	struct json_object *labels = jsonc_path(spec, "template.metadata.labels");
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(label_selector_done) struct label_selector s = {0};

	if (selector)
		jsonc_write(selector, &b);
	if (label_selector_from_object(jv_of(buf_str(&b)), &s, NULL) < 0) {
		place_invalid(PLACE(p, "selector"), selector, "invalid label selector");
		return;
	}
	if (!label_selector_is_everything(&s) && !label_selector_match_fn(&s, label_of, labels))
		place_invalid_map(PLACE(p, "template.metadata.labels"), labels,
				  "`selector` does not match template `labels`");
}

static void check_selector(const struct place *p, struct json_object *spec, const char *empty)
{
	struct json_object *selector = jsonc_get(spec, "selector");

	if (!selector) {
		place_required(PLACE(p, "selector"), "");
		return;
	}
	check_label_selector(PLACE(p, "selector"), selector);
	if (!map_len(jsonc_get(selector, "matchLabels")) &&
	    !list_len(jsonc_get(selector, "matchExpressions")))
		place_invalid(PLACE(p, "selector"), selector, empty);
}

/* Selector and template, as a ReplicaSet has them. */
static void check_template(const struct place *p, struct json_object *spec, const char *empty)
{
	static const char *const always[] = {"Always", NULL};
	struct json_object *pod = jsonc_path(spec, "template.spec");
	struct str policy = text_of(pod, "restartPolicy");

	check_selector(p, spec, empty);
	check_selected(p, spec);
	validate_pod_template(PLACE(p, "template"), jsonc_get(spec, "template"));
	if (!str_eqs(policy, "Always"))
		place_unsupported(PLACE(p, "template.spec.restartPolicy"), policy, always);
	if (jsonc_get(pod, "activeDeadlineSeconds"))
		place_forbidden(PLACE(p, "template.spec.activeDeadlineSeconds"),
				"activeDeadlineSeconds in ReplicaSet is not Supported");
}

static void check_rolling(const struct place *p, struct json_object *r)
{
	struct json_object *unavailable = jsonc_get(r, "maxUnavailable");
	const struct place *at = PLACE(p, "maxUnavailable");
	uint64_t down = check_int_or_percent(at, unavailable);
	uint64_t up = check_int_or_percent(PLACE(p, "maxSurge"), jsonc_get(r, "maxSurge"));

	if (!down && !up)
		place_invalid(at, unavailable, "may not be 0 when `maxSurge` is 0");
	if (json_object_is_type(unavailable, json_type_string) && down > 100)
		place_invalid(at, unavailable, "must not be greater than 100%");
}

/* One of both must be 0, the other not. */
static void check_daemon_rolling(const struct place *p, struct json_object *r)
{
	struct json_object *unavailable = jsonc_get(r, "maxUnavailable");
	struct json_object *surge = jsonc_get(r, "maxSurge");
	uint64_t down = check_int_or_percent(PLACE(p, "maxUnavailable"), unavailable);
	uint64_t up = check_int_or_percent(PLACE(p, "maxSurge"), surge);

	if (json_object_is_type(unavailable, json_type_string) && down > 100)
		place_invalid(PLACE(p, "maxUnavailable"), unavailable,
			      "must not be greater than 100%");
	if (json_object_is_type(surge, json_type_string) && up > 100)
		place_invalid(PLACE(p, "maxSurge"), surge, "must not be greater than 100%");
	if (down && up)
		place_invalid(PLACE(p, "maxSurge"), surge,
			      "may not be set when maxUnavailable is non-zero");
	else if (!down && !up)
		place_required(PLACE(p, "maxUnavailable"), "cannot be 0 when maxSurge is 0");
}

static void check_strategy(const struct place *p, struct json_object *s)
{
	static const char *const types[] = {"Recreate", "RollingUpdate", NULL};
	struct json_object *rolling = jsonc_get(s, "rollingUpdate");
	struct str type = text_of(s, "type");

	if (str_eqs(type, "Recreate")) {
		if (rolling)
			place_forbidden(PLACE(p, "rollingUpdate"),
					"may not be specified when strategy `type` is 'Recreate'");
	} else if (str_eqs(type, "RollingUpdate")) {
		if (rolling)
			check_rolling(PLACE(p, "rollingUpdate"), rolling);
		else
			place_required(PLACE(p, "rollingUpdate"),
				       "this should be defaulted and never be nil");
	} else {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		jsonc_write(s, &b);
		place_unsupported_json(p, s ? b.p : "{}", types);
	}
}

void validate_deployment(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *deadline = jsonc_get(spec, "progressDeadlineSeconds");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_not_negative(p, spec, "replicas");
	check_template(p, spec, "empty selector is invalid for deployment");
	check_strategy(PLACE(p, "strategy"), jsonc_get(spec, "strategy"));
	check_not_negative(p, spec, "minReadySeconds");
	check_not_negative(p, spec, "revisionHistoryLimit");
	check_not_negative(p, spec, "progressDeadlineSeconds");
	if (deadline && jsonc_i64(deadline, 0) <= int_of(spec, "minReadySeconds"))
		place_invalid(PLACE(p, "progressDeadlineSeconds"), deadline,
			      "must be greater than minReadySeconds");
}

void validate_replicaset(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_not_negative(p, spec, "replicas");
	check_not_negative(p, spec, "minReadySeconds");
	check_template(p, spec, "empty selector is invalid for deployment");
}

void validate_selector_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec.selector"), jsonc_path(obj, "spec.selector"),
			jsonc_path(old, "spec.selector"));
}

/* ---- ReplicationController: its selector is a plain map ---- */

void validate_replicationcontroller(struct json_object *obj, struct err *err)
{
	static const char *const always[] = {"Always", NULL};
	struct json_object *spec = jsonc_get(obj, "spec"), *template = jsonc_get(spec, "template");
	struct json_object *selector = jsonc_get(spec, "selector");
	struct json_object *labels = jsonc_path(template, "metadata.labels");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	struct str policy = jsonc_path_str(template, "spec.restartPolicy");
	bool fits = true;

	check_not_negative(p, spec, "minReadySeconds");
	if (!map_len(selector))
		place_required(PLACE(p, "selector"), "");
	check_not_negative(p, spec, "replicas");
	if (!template) {
		place_required(PLACE(p, "template"), "");
		return;
	}
	map_for_each(it, selector)
	{
		struct json_object *v = labels ? jsonc_get(labels, map_key(it)) : NULL;

		fits &= v && str_eq(jsonc_str(v), jsonc_str(map_value(it)));
	}
	if (!fits)
		place_invalid_map(PLACE(p, "template.metadata.labels"), labels,
				  "`selector` does not match template `labels`");
	validate_pod_template(PLACE(p, "template"), template);
	if (!str_eqs(policy, "Always"))
		place_unsupported(PLACE(p, "template.spec.restartPolicy"), policy, always);
	if (jsonc_path(template, "spec.activeDeadlineSeconds"))
		place_forbidden(PLACE(p, "template.spec.activeDeadlineSeconds"),
				"activeDeadlineSeconds in ReplicationController is not Supported");
}

/* ---- DaemonSet ---- */

void validate_daemonset(struct json_object *obj, struct err *err)
{
	static const char *const types[] = {"OnDelete", "RollingUpdate", NULL};
	struct json_object *spec = jsonc_get(obj, "spec"), *s = jsonc_get(spec, "updateStrategy");
	struct json_object *rolling = jsonc_get(s, "rollingUpdate");
	const struct place *p = PLACE(PLACE_OF(err), "spec"), *at = PLACE(p, "updateStrategy");
	struct str type = text_of(s, "type");

	check_template(p, spec, "empty selector is invalid for daemonset");
	check_not_negative(p, spec, "minReadySeconds");
	check_not_negative(p, spec, "revisionHistoryLimit");
	if (str_eqs(type, "OnDelete"))
		return;
	if (!str_eqs(type, "RollingUpdate")) {
		place_unsupported(PLACE(at, "type"), type, types);
		return;
	}
	at = PLACE(at, "rollingUpdate");
	if (!rolling) {
		place_required(at, "");
		return;
	}
	check_daemon_rolling(at, rolling);
}

/* ---- StatefulSet ---- */

static void check_stateful_update(const struct place *p, struct json_object *s)
{
	static const char *const types[] = {"OnDelete", "RollingUpdate", NULL};
	struct json_object *rolling = jsonc_get(s, "rollingUpdate");
	struct json_object *max = jsonc_get(rolling, "maxUnavailable");
	struct str type = text_of(s, "type");

	if (!type.len) {
		place_required(p, "");
	} else if (str_eqs(type, "OnDelete")) {
		if (rolling)
			place_invalid(PLACE(p, "rollingUpdate"), rolling,
				      "only allowed for updateStrategy 'RollingUpdate'");
	} else if (!str_eqs(type, "RollingUpdate")) {
		place_unsupported(PLACE(p, "type"), type, types);
	} else {
		check_not_negative(PLACE(p, "rollingUpdate"), rolling, "partition");
		if (max && !check_int_or_percent(PLACE(p, "rollingUpdate.maxUnavailable"), max))
			place_invalid(PLACE(p, "rollingUpdate.maxUnavailable"), max, "cannot be 0");
	}
}

/*
 * The spec as its pods will be: with the volumes of the claims that are made for each. NULL where
 * there are none.
 */
static struct json_object *with_claims(struct json_object *spec)
{
	struct json_object *templates = jsonc_get(spec, "volumeClaimTemplates"), *pod, *volumes;
	struct json_object *whole;

	if (!list_len(templates) || !jsonc_path(spec, "template.spec"))
		return NULL;
	whole = jsonc_clone(spec);
	pod = jsonc_path(whole, "template.spec");
	volumes = jsonc_get(pod, "volumes");
	if (!volumes) {
		volumes = json_object_new_array();
		jsonc_set(pod, "volumes", volumes);
	}
	for (size_t i = 0; i < list_len(templates); i++) {
		struct str name = jsonc_path_str(list_at(templates, i), "metadata.name");
		struct json_object *v = json_object_new_object();
		bool there = false;

		for (size_t k = 0; k < list_len(volumes); k++)
			there |= str_eq(text_of(list_at(volumes, k), "name"), name);
		jsonc_set_str(v, "name", name);
		jsonc_set_str(jsonc_ensure(v, "persistentVolumeClaim"), "claimName", name);
		if (there || !name.len)
			json_object_put(v);
		else
			json_object_array_add(volumes, v);
	}
	return whole;
}

void validate_statefulset(struct json_object *obj, struct err *err)
{
	static const char *const policies[] = {"OrderedReady", "Parallel", NULL};
	struct json_object *spec = jsonc_get(obj, "spec");
	CLEANUP_JSON struct json_object *whole = with_claims(spec);
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	struct str service = text_of(spec, "serviceName");

	check_enum(p, spec, "podManagementPolicy", policies, true);
	check_stateful_update(PLACE(p, "updateStrategy"), jsonc_get(spec, "updateStrategy"));
	check_not_negative(p, spec, "replicas");
	check_not_negative(p, spec, "minReadySeconds");
	check_not_negative(p, spec, "revisionHistoryLimit");
	check_not_negative(PLACE(p, "ordinals"), jsonc_get(spec, "ordinals"), "start");
	if (service.len)
		check_name(PLACE(p, "serviceName"), NAME_DNS_LABEL, service);
	check_template(p, whole ? whole : spec, "empty selector is invalid for statefulset");
}

void validate_statefulset_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const fixed[] = {"selector", "serviceName", "podManagementPolicy",
					    "volumeClaimTemplates"};
	struct json_object *now = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		struct json_object *a = jsonc_get(now, fixed[i]), *b = jsonc_get(was, fixed[i]);

		if (a == b || jsonc_equal(a, b))
			continue;
		place_forbidden(PLACE(PLACE_OF(err), "spec"),
				"updates to statefulset spec for fields other than 'replicas', "
				"'ordinals', 'template', 'updateStrategy', "
				"'revisionHistoryLimit', "
				"'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
				"forbidden");
		return;
	}
}

void validate_controllerrevision_update(struct json_object *obj, struct json_object *old,
					struct err *err)
{
	check_not_negative(PLACE_OF(err), obj, "revision");
	check_immutable(PLACE(PLACE_OF(err), "data"), jsonc_get(obj, "data"),
			jsonc_get(old, "data"));
}

/* ---- Status ---- */

static void not_above(const struct place *p, struct json_object *s, const char *name,
		      const char *limit, const char *detail)
{
	if (int_of(s, name) > int_of(s, limit))
		place_invalid_int(PLACE(p, name), int_of(s, name), detail);
}

static void check_counts(const struct place *p, struct json_object *s, const char *subset)
{
	static const char *const msg = "cannot be greater than status.replicas";

	not_above(p, s, subset, "replicas", msg);
	not_above(p, s, "readyReplicas", "replicas", msg);
	not_above(p, s, "availableReplicas", "replicas", msg);
	not_above(p, s, "availableReplicas", "readyReplicas",
		  "cannot be greater than readyReplicas");
}

void validate_deployment_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const counts[] = {"observedGeneration", "replicas",
					     "updatedReplicas",    "readyReplicas",
					     "availableReplicas",  "unavailableReplicas",
					     "collisionCount"};
	struct json_object *s = jsonc_get(obj, "status"), *was = jsonc_get(old, "status");
	const struct place *p = PLACE(PLACE_OF(err), "status");

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		check_not_negative(p, s, counts[i]);
	check_counts(p, s, "updatedReplicas");
	if (jsonc_get(was, "collisionCount") &&
	    int_of(s, "collisionCount") < int_of(was, "collisionCount"))
		place_invalid_int(PLACE(p, "collisionCount"), int_of(s, "collisionCount"),
				  "cannot be decremented");
}

void validate_replicaset_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const counts[] = {"replicas", "fullyLabeledReplicas", "readyReplicas",
					     "availableReplicas", "observedGeneration"};
	struct json_object *s = jsonc_get(obj, "status");
	const struct place *p = PLACE(PLACE_OF(err), "status");

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		check_not_negative(p, s, counts[i]);
	check_counts(p, s, "fullyLabeledReplicas");
}

void validate_daemonset_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const counts[] = {"currentNumberScheduled", "numberMisscheduled",
					     "desiredNumberScheduled", "numberReady",
					     "observedGeneration",     "updatedNumberScheduled",
					     "numberAvailable",        "numberUnavailable",
					     "collisionCount"};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		check_not_negative(PLACE(PLACE_OF(err), "status"), jsonc_get(obj, "status"),
				   counts[i]);
}

void validate_statefulset_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const counts[] = {
		"replicas",          "readyReplicas",      "currentReplicas", "updatedReplicas",
		"availableReplicas", "observedGeneration", "collisionCount"};
	static const char *const msg = "cannot be greater than status.replicas";
	struct json_object *s = jsonc_get(obj, "status");
	const struct place *p = PLACE(PLACE_OF(err), "status");

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		check_not_negative(p, s, counts[i]);
	not_above(p, s, "readyReplicas", "replicas", msg);
	not_above(p, s, "currentReplicas", "replicas", msg);
	not_above(p, s, "updatedReplicas", "replicas", msg);
	not_above(p, s, "availableReplicas", "replicas", msg);
}
