/* SPDX-License-Identifier: Apache-2.0 */
/* What may change in a pod: by an update, by its status and by its other subresources. */
#include "lib/api/kinds/strategies.h"
#include "lib/api/quantity.h"
#include "lib/api/validate/pod.h"
#include "lib/api/validate/rules.h"

#define MIRROR "kubernetes.io/config.mirror"
#define APPARMOR "container.apparmor.security.beta.kubernetes.io/"
#define DIFF_LINES 20
#define FIXED                                                                                   \
	"pod updates may not change fields other than `spec.containers[*].image`,"              \
	"`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only " \
	"additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to " \
	"be set to 1 if it was previously negative)\n"

/* ---- What differs, for the person who reads the message ---- */

struct diff {
	struct buf path, out;
	size_t lines;
};

static void diff_value(struct diff *d, struct json_object *was, struct json_object *now);

static void diff_member(struct diff *d, const char *name, struct json_object *was,
			struct json_object *now)
{
	size_t len = d->path.len;

	buf_addf(&d->path, "%s%s", *name == '[' ? "" : ".", name);
	diff_value(d, was, now);
	buf_setlen(&d->path, len);
}

static void diff_object(struct diff *d, struct json_object *was, struct json_object *now)
{
	map_for_each(it, was)
		diff_member(d, map_key(it), map_value(it), jsonc_get(now, map_key(it)));
	map_for_each(it, now) if (!jsonc_get(was, map_key(it)))
		diff_member(d, map_key(it), NULL, map_value(it));
}

static void diff_value(struct diff *d, struct json_object *was, struct json_object *now)
{
	static const char *const marks[] = {"- ", "+ "};
	struct json_object *const both[] = {was, now};

	if (d->lines >= DIFF_LINES || jsonc_equal(was, now))
		return;
	if (json_object_is_type(was, json_type_object) &&
	    json_object_is_type(now, json_type_object)) {
		diff_object(d, was, now);
		return;
	}
	if (list_len(was) && list_len(was) == list_len(now)) {
		for (size_t i = 0; i < list_len(was); i++) {
			char index[32];

			snprintf(index, sizeof(index), "[%zu]", i);
			diff_member(d, index, list_at(was, i), list_at(now, i));
		}
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		if (!both[i])
			continue;
		buf_adds(&d->out, marks[i]);
		buf_addstr(&d->out, buf_str(&d->path));
		buf_adds(&d->out, ": ");
		jsonc_write(both[i], &d->out);
		buf_addc(&d->out, '\n');
		d->lines++;
	}
}

static void forbid_difference(const struct place *p, const char *text, struct json_object *was,
			      struct json_object *now)
{
	struct diff d = {BUF_INIT, BUF_INIT, 0};
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_adds(&d.path, "spec");
	diff_value(&d, was, now);
	buf_adds(&b, text);
	buf_addstr(&b, buf_str(&d.out));
	place_forbidden(p, b.p);
	buf_done(&d.path);
	buf_done(&d.out);
}

/* ---- Update of the pod itself ---- */

static bool check_images(const struct place *p, struct json_object *now, struct json_object *old)
{
	if (list_len(now) == list_len(old))
		return true;
	place_forbidden(p, "pod updates may not add or remove containers");
	return false;
}

/* May only become sooner. */
static bool check_deadline(const struct place *p, struct json_object *now, struct json_object *old)
{
	int64_t s = jsonc_i64(now, 0);

	if (!now) {
		if (old)
			place_invalid(p, NULL,
				      "must not update from a positive integer to nil value");
		return true;
	}
	if (s < 0 || s > INT32_MAX)
		return check_range(p, s, 0, INT32_MAX);
	if (!old || jsonc_i64(old, 0) >= s)
		return true;
	place_invalid(p, now, "must be less than or equal to previous value");
	return false;
}

static bool same_but_seconds(struct json_object *a, struct json_object *b)
{
	static const char *const fields[] = {"key", "operator", "value", "effect"};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!str_eq(text_of(a, fields[i]), text_of(b, fields[i])))
			return false;
	return true;
}

static void check_tolerations_added(const struct place *p, struct json_object *now,
				    struct json_object *old)
{
	if (jsonc_equal(now, old))
		return;
	for (size_t i = 0; i < list_len(old); i++) {
		bool found = false;

		for (size_t j = 0; !found && j < list_len(now); j++)
			found = same_but_seconds(list_at(old, i), list_at(now, j));
		if (found)
			continue;
		place_forbidden(
			p, "existing toleration can not be modified except its tolerationSeconds");
		return;
	}
}

static void check_gates_removed(const struct place *p, struct json_object *now,
				struct json_object *old)
{
	struct seen names = {0};

	for (size_t i = 0; i < list_len(old); i++)
		seen_add(&names, text_of(list_at(old, i), "name"));
	for (size_t i = 0; i < list_len(now); i++) {
		struct str name = text_of(list_at(now, i), "name");
		CLEANUP_FREE char *why = NULL;

		if (seen_has(&names, name))
			continue;
		why = xasprintf("only deletion is allowed, but found new scheduling gate '%.*s'",
				STR_ARG(name));
		place_forbidden(PLACE(PLACE_AT(p, i), "name"), why);
	}
	seen_done(&names);
}

/* obj[name] = from[name], or nothing when it has none. */
static void restore(struct json_object *obj, struct json_object *from, const char *name)
{
	struct json_object *v = jsonc_get(from, name);

	if (v)
		jsonc_set(obj, name, json_object_get(v));
	else
		json_object_object_del(obj, name);
}

static void restore_images(struct json_object *spec, struct json_object *old, const char *name)
{
	struct json_object *list = jsonc_get(spec, name), *was = jsonc_get(old, name);

	for (size_t i = 0; i < list_len(list); i++)
		restore(list_at(list, i), list_at(was, i), "image");
}

/* Each list of the old term must be the beginning of the new one's. */
static bool only_added(struct json_object *now, struct json_object *old)
{
	static const char *const lists[] = {"matchExpressions", "matchFields"};
	size_t had = 0, have = 0;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json_object *a = jsonc_get(old, lists[l]), *b = jsonc_get(now, lists[l]);

		had += list_len(a);
		have += list_len(b);
		if (list_len(b) < list_len(a))
			return false;
		for (size_t i = 0; i < list_len(a); i++)
			if (!jsonc_equal(list_at(a, i), list_at(b, i)))
				return false;
	}
	return had || !have;
}

static struct json_object *node_terms(struct json_object *spec)
{
	return jsonc_path(spec, "affinity.nodeAffinity."
				"requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
}

/* A pod that waits for its gates may still be narrowed down, never widened. */
static void check_gated(const struct place *p, struct json_object *spec, struct json_object *old)
{
	struct json_object *terms = node_terms(spec), *was = node_terms(old);
	struct json_object *selector = jsonc_get(spec, "nodeSelector");
	const struct place *at =
		PLACE(p, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
			 "nodeSelectorTerms");

	map_for_each(it, jsonc_get(old, "nodeSelector"))
	{
		if (jsonc_equal(map_value(it), jsonc_get(selector, map_key(it))))
			continue;
		place_invalid_map(
			PLACE(p, "nodeSelector"), selector,
			"only additions to spec.nodeSelector are allowed (no mutations or "
			"deletions)");
		break;
	}
	if (list_len(was) && list_len(was) != list_len(terms)) {
		place_invalid(at, terms,
			      "no additions/deletions to non-empty NodeSelectorTerms list are "
			      "allowed");
		return;
	}
	for (size_t i = 0; i < list_len(was); i++)
		if (!only_added(list_at(terms, i), list_at(was, i)))
			place_invalid(PLACE_AT(at, i), list_at(terms, i),
				      "only additions are allowed (no mutations or deletions)");
}

/* The node affinity of the old one; without affinity of pods there may be none at all then. */
static void restore_node_affinity(struct json_object *spec, struct json_object *old)
{
	struct json_object *affinity = jsonc_get(spec, "affinity");
	struct json_object *was = jsonc_path(old, "affinity.nodeAffinity");

	if (!affinity && !was)
		return;
	affinity = jsonc_ensure(spec, "affinity");
	restore(affinity, jsonc_get(old, "affinity"), "nodeAffinity");
	if (!map_len(affinity) && !jsonc_get(old, "affinity"))
		json_object_object_del(spec, "affinity");
}

static void check_fixed(const struct place *p, struct json_object *spec, struct json_object *old)
{
	CLEANUP_JSON struct json_object *rest = jsonc_clone(spec);
	static const char *const free_fields[] = {"activeDeadlineSeconds", "tolerations",
						  "schedulingGates"};

	restore_images(rest, old, "containers");
	restore_images(rest, old, "initContainers");
	for (size_t i = 0; i < ARRAY_SIZE(free_fields); i++)
		restore(rest, old, free_fields[i]);
	if (int_of(old, "terminationGracePeriodSeconds") < 0 &&
	    int_of(rest, "terminationGracePeriodSeconds") == 1)
		restore(rest, old, "terminationGracePeriodSeconds");
	if (list_len(jsonc_get(old, "schedulingGates"))) {
		check_gated(p, spec, old);
		restore(rest, old, "nodeSelector");
		restore_node_affinity(rest, old);
	}
	if (!jsonc_equal(rest, old))
		forbid_difference(p, FIXED, old, rest);
}

static void check_annotations_kept(const struct place *p, struct json_object *now,
				   struct json_object *old)
{
	map_for_each(it, old)
	{
		const struct place *at = PLACE_KEY(p, map_key(it));

		if (jsonc_equal(map_value(it), jsonc_get(now, map_key(it))))
			continue;
		if (str_starts(str_of(map_key(it)), STR(APPARMOR)))
			place_forbidden(at, "may not remove or update AppArmor annotations");
		if (!strcmp(map_key(it), MIRROR))
			place_forbidden(at, "may not remove or update mirror pod annotation");
	}
	map_for_each(it, now)
	{
		if (jsonc_get(old, map_key(it)))
			continue;
		if (str_starts(str_of(map_key(it)), STR(APPARMOR)))
			place_forbidden(PLACE_KEY(p, map_key(it)),
					"may not add AppArmor annotations");
		if (!strcmp(map_key(it), MIRROR))
			place_forbidden(PLACE_KEY(p, map_key(it)),
					"may not add mirror pod annotation");
	}
}

void validate_pod_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec");

	check_annotations_kept(PLACE(root, "metadata.annotations"),
			       jsonc_path(obj, "metadata.annotations"),
			       jsonc_path(old, "metadata.annotations"));
	if (jsonc_equal(spec, was))
		return;
	if (!check_images(PLACE(p, "containers"), jsonc_get(spec, "containers"),
			  jsonc_get(was, "containers")) ||
	    !check_images(PLACE(p, "initContainers"), jsonc_get(spec, "initContainers"),
			  jsonc_get(was, "initContainers")) ||
	    !check_deadline(PLACE(p, "activeDeadlineSeconds"),
			    jsonc_get(spec, "activeDeadlineSeconds"),
			    jsonc_get(was, "activeDeadlineSeconds")))
		return;
	check_tolerations_added(PLACE(p, "tolerations"), jsonc_get(spec, "tolerations"),
				jsonc_get(was, "tolerations"));
	check_gates_removed(PLACE(p, "schedulingGates"), jsonc_get(spec, "schedulingGates"),
			    jsonc_get(was, "schedulingGates"));
	check_fixed(p, spec, was);
}

/* ---- Status ---- */

static struct json_object *by_name(struct json_object *list, struct str name)
{
	for (size_t i = 0; i < list_len(list); i++)
		if (str_eq(text_of(list_at(list, i), "name"), name))
			return list_at(list, i);
	return NULL;
}

/* A container which has ended for good does not come back. */
static void check_states(const struct place *p, struct json_object *now, struct json_object *old,
			 struct str policy, struct json_object *init)
{
	if (str_eqs(policy, "Always"))
		return;
	for (size_t i = 0; i < list_len(old); i++) {
		struct json_object *s = list_at(old, i);
		struct json_object *ended = jsonc_path(s, "state.terminated");
		struct json_object *next = by_name(now, text_of(s, "name"));

		if (!ended || (int_of(ended, "exitCode") && str_eqs(policy, "OnFailure")))
			continue;
		if (container_restarts(by_name(init, text_of(s, "name"))))
			continue;
		if (next && !jsonc_path(next, "state.terminated"))
			place_forbidden(PLACE(PLACE_AT(p, i), "state"),
					"may not be transitioned to non-terminated state");
	}
}

static void check_ips(const struct place *p, struct json_object *list)
{
	struct seen seen = {0};
	size_t v6 = 0;

	for (size_t i = 0; i < list_len(list); i++) {
		check_ip(PLACE_AT(p, i), text_of(list_at(list, i), "ip"));
		v6 += ip_is_v6(text_of(list_at(list, i), "ip"));
	}
	if (list_len(list) > 2 || (list_len(list) == 2 && v6 != 1))
		place_invalid(p, list, "may specify no more than one IP for each IP family");
	for (size_t i = 0; i < list_len(list); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		if (seen_add(&seen, text_of(list_at(list, i), "ip")))
			continue;
		json_quote(text_of(list_at(list, i), "ip"), &b);
		place_report(PLACE_AT(p, i), "FieldValueDuplicate", "Duplicate value: {\"IP\":%s}",
			     b.p);
	}
	seen_done(&seen);
}

void validate_pod_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *s = jsonc_get(obj, "status"), *was = jsonc_get(old, "status");
	struct json_object *spec = jsonc_get(old, "spec"), *conditions = jsonc_get(s, "conditions");
	struct json_object *hosts = jsonc_get(s, "hostIPs");
	struct str policy = text_of(spec, "restartPolicy");
	struct str nominated = text_of(s, "nominatedNodeName");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "status");

	check_annotations_kept(PLACE(root, "metadata.annotations"),
			       jsonc_path(obj, "metadata.annotations"),
			       jsonc_path(old, "metadata.annotations"));
	for (size_t i = 0; i < list_len(conditions); i++)
		check_name(PLACE(PLACE_AT(PLACE(root, "metadata.conditions"), i), "Type"),
			   NAME_QUALIFIED, text_of(list_at(conditions, i), "type"));
	if (nominated.len && !str_eq(nominated, text_of(was, "nominatedNodeName")))
		check_name(PLACE(p, "nominatedNodeName"), NAME_SUBDOMAIN, nominated);
	check_immutable(PLACE(p, "qosClass"), jsonc_get(s, "qosClass"), jsonc_get(was, "qosClass"));
	check_states(PLACE(p, "containerStatuses"), jsonc_get(s, "containerStatuses"),
		     jsonc_get(was, "containerStatuses"), policy, NULL);
	check_states(PLACE(p, "initContainerStatuses"), jsonc_get(s, "initContainerStatuses"),
		     jsonc_get(was, "initContainerStatuses"), policy,
		     jsonc_get(spec, "initContainers"));
	check_states(PLACE(p, "ephemeralContainerStatuses"),
		     jsonc_get(s, "ephemeralContainerStatuses"),
		     jsonc_get(was, "ephemeralContainerStatuses"), STR("Never"), NULL);
	check_ips(PLACE(p, "podIPs"), jsonc_get(s, "podIPs"));
	if (list_len(hosts) && !str_eq(text_of(s, "hostIP"), text_of(list_at(hosts, 0), "ip")))
		place_invalid_str(PLACE(PLACE_AT(PLACE(p, "hostIPs"), 0), "ip"),
				  text_of(list_at(hosts, 0), "ip"), "must be equal to `hostIP`");
	check_ips(PLACE(p, "hostIPs"), hosts);
}

/* ---- Other subresources ---- */

static bool is_mirror(struct json_object *pod)
{
	return jsonc_get(jsonc_path(pod, "metadata.annotations"), MIRROR) != NULL;
}

void validate_pod_ephemeral(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *now = jsonc_path(obj, "spec.ephemeralContainers");
	struct json_object *was = jsonc_path(old, "spec.ephemeralContainers");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec.ephemeralContainers");

	if (is_mirror(old)) {
		place_forbidden(root, "static pods do not support ephemeral containers");
		return;
	}
	validate_pod(obj, err);
	for (size_t i = 0; i < list_len(was); i++) {
		struct str name = text_of(list_at(was, i), "name");
		struct json_object *c = by_name(now, name);
		CLEANUP_FREE char *why = NULL;

		if (!c)
			why = xasprintf("existing ephemeral containers \"%.*s\" may not be "
					"removed\n",
					STR_ARG(name));
		else if (!jsonc_equal(c, list_at(was, i)))
			why = xasprintf("existing ephemeral containers \"%.*s\" may not be "
					"changed\n",
					STR_ARG(name));
		if (why)
			place_forbidden(p, why);
	}
}

static bool lost(struct json_object *now, struct json_object *old)
{
	map_for_each(it, old) if (!jsonc_get(now, map_key(it))) return true;
	return false;
}

static bool shrinks(struct json_object *now, struct json_object *old)
{
	struct quantity a, b;

	return quantity_parse(text_of(now, "memory"), &a) == 0 &&
	       quantity_parse(text_of(old, "memory"), &b) == 0 && quantity_cmp(a, b) < 0;
}

static bool restarts_for_memory(struct json_object *ctr)
{
	struct json_object *list = jsonc_get(ctr, "resizePolicy");

	for (size_t i = 0; i < list_len(list); i++)
		if (str_eqs(text_of(list_at(list, i), "resourceName"), "memory"))
			return str_eqs(text_of(list_at(list, i), "restartPolicy"),
				       "RestartContainer");
	return false;
}

static void check_resized(const struct place *p, struct json_object *ctr, struct json_object *old)
{
	struct json_object *r = jsonc_get(ctr, "resources"), *was = jsonc_get(old, "resources");
	struct json_object *limits = jsonc_get(r, "limits"), *had = jsonc_get(was, "limits");
	const struct place *memory = PLACE_KEY(PLACE(p, "limits"), "memory");

	if (lost(jsonc_get(r, "requests"), jsonc_get(was, "requests")))
		place_forbidden(PLACE(p, "requests"), "resource requests cannot be removed");
	if (lost(limits, had))
		place_forbidden(PLACE(p, "limits"), "resource limits cannot be removed");
	if (restarts_for_memory(ctr) || !jsonc_get(limits, "memory"))
		return;
	if (shrinks(limits, had))
		place_forbidden(memory, "memory limits cannot be decreased unless resizePolicy is "
					"RestartContainer");
	else if (!jsonc_get(had, "memory"))
		place_forbidden(memory, "memory limits cannot be added unless resizePolicy is "
					"RestartContainer");
}

void validate_pod_resize(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	struct json_object *list = jsonc_get(spec, "containers");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec");

	if (map_len(jsonc_get(was, "resources")) || map_len(jsonc_get(spec, "resources"))) {
		place_forbidden(root, "pods with pod-level resources cannot be resized");
		return;
	}
	if (is_mirror(old)) {
		place_forbidden(root, "static pods cannot be resized");
		return;
	}
	validate_pod(obj, err);
	if (strcmp(pod_qos_class(spec), pod_qos_class(was)) != 0)
		place_invalid_str(p, str_of(pod_qos_class(was)),
				  "Pod QOS Class may not change as a result of resizing");
	for (size_t i = 0; i < list_len(list); i++)
		check_resized(PLACE(PLACE_AT(PLACE(p, "containers"), i), "resources"),
			      list_at(list, i), list_at(jsonc_get(was, "containers"), i));
}
