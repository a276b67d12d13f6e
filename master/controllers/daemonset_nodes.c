/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/daemonset.h"
#include "lib/json/jw.h"

/* Which nodes a daemon pod fits (k8s pkg/controller/daemon, component-helpers nodeaffinity). */

static const struct {
	const char *key, *effect;
	bool host_network; /* for pods of the host's network alone */
} daemon_tols[] = {
	{"node.kubernetes.io/not-ready", "NoExecute", false},
	{"node.kubernetes.io/unreachable", "NoExecute", false},
	{"node.kubernetes.io/disk-pressure", "NoSchedule", false},
	{"node.kubernetes.io/memory-pressure", "NoSchedule", false},
	{"node.kubernetes.io/pid-pressure", "NoSchedule", false},
	{"node.kubernetes.io/unschedulable", "NoSchedule", false},
	{"node.kubernetes.io/network-unavailable", "NoSchedule", true},
};

static bool value_in(struct jv values, struct str s)
{
	jv_for_each (v, values)
		if (str_eq(jv_text(v.value), s))
			return true;
	return false;
}

static bool compares(struct jv values, struct str have, bool greater)
{
	struct jv_iter it = jv_iter_start(values, false);
	int64_t a, b;

	if (!jv_iter_next(&it) || str_to_i64(have, &a) < 0 || str_to_i64(jv_text(it.value), &b) < 0)
		return false;
	return greater ? a > b : a < b;
}

static bool req_holds(struct jv req, struct jv have)
{
	struct jv op = jv_get(req, "operator"), values = jv_get(req, "values");
	bool there = jv_exists(have);

	if (jv_eqs(op, "In"))
		return there && value_in(values, jv_text(have));
	if (jv_eqs(op, "NotIn"))
		return !there || !value_in(values, jv_text(have));
	if (jv_eqs(op, "Exists"))
		return there;
	if (jv_eqs(op, "DoesNotExist"))
		return !there;
	if (jv_eqs(op, "Gt") || jv_eqs(op, "Lt"))
		return there && compares(values, jv_text(have), jv_eqs(op, "Gt"));
	return false;
}

/* A term without requirements matches nothing. */
static bool term_holds(struct jv term, struct jv node)
{
	struct jv labels = jv_path(node, "metadata.labels");
	struct jv exprs = jv_get(term, "matchExpressions"), fields = jv_get(term, "matchFields");

	jv_for_each (e, exprs)
		if (!req_holds(e.value, jv_getn(labels, jv_text(jv_get(e.value, "key")))))
			return false;
	jv_for_each (f, fields)
		if (!jv_eqs(jv_get(f.value, "key"), "metadata.name") ||
		    !req_holds(f.value, jv_path(node, "metadata.name")))
			return false;
	return jv_len(exprs) + jv_len(fields) > 0;
}

static struct jv required_of(struct jv spec)
{
	return jv_path(spec,
		       "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
}

static bool affinity_holds(struct jv spec, struct jv node)
{
	struct jv labels = jv_path(node, "metadata.labels"), required = required_of(spec);

	jv_for_each_member (m, jv_get(spec, "nodeSelector")) {
		struct jv have = jv_getn(labels, m.key);

		if (!jv_exists(have) || !str_eq(jv_text(have), jv_text(m.value)))
			return false;
	}
	if (!jv_exists(required))
		return true;
	jv_for_each (t, jv_get(required, "nodeSelectorTerms"))
		if (term_holds(t.value, node))
			return true;
	return false;
}

static bool tolerates(struct jv tol, struct jv taint)
{
	struct str key = jv_text(jv_get(tol, "key")), effect = jv_text(jv_get(tol, "effect"));

	if (effect.len && !str_eq(effect, jv_text(jv_get(taint, "effect"))))
		return false;
	if (key.len && !str_eq(key, jv_text(jv_get(taint, "key"))))
		return false;
	if (jv_eqs(jv_get(tol, "operator"), "Exists"))
		return true;
	return key.len && str_eq(jv_text(jv_get(tol, "value")), jv_text(jv_get(taint, "value")));
}

static bool tolerated(struct jv spec, struct jv taint)
{
	bool host = jv_bool(jv_get(spec, "hostNetwork"), false);

	for (size_t i = 0; i < ARRAY_SIZE(daemon_tols); i++)
		if ((host || !daemon_tols[i].host_network) &&
		    jv_eqs(jv_get(taint, "key"), daemon_tols[i].key) &&
		    jv_eqs(jv_get(taint, "effect"), daemon_tols[i].effect))
			return true;
	jv_for_each (t, jv_get(spec, "tolerations"))
		if (tolerates(t.value, taint))
			return true;
	return false;
}

struct daemon_fit daemon_fit(struct jv spec, struct jv node)
{
	struct daemon_fit fit = {false, false};
	struct str wanted = jv_text(jv_get(spec, "nodeName"));

	if (wanted.len && !str_eq(wanted, jv_text(jv_path(node, "metadata.name"))))
		return fit;
	if (!affinity_holds(spec, node))
		return fit;
	fit = (struct daemon_fit){true, true};
	jv_for_each (t, jv_path(node, "spec.taints")) {
		struct jv effect = jv_get(t.value, "effect");
		bool hard = jv_eqs(effect, "NoExecute");

		if ((!hard && !jv_eqs(effect, "NoSchedule")) || tolerated(spec, t.value))
			continue;
		fit.run = false;
		if (hard)
			fit.stay = false;
	}
	return fit;
}

static bool has_toleration(struct jv spec, const char *key, const char *effect)
{
	jv_for_each (t, jv_get(spec, "tolerations"))
		if (jv_eqs(jv_get(t.value, "key"), key) &&
		    jv_eqs(jv_get(t.value, "effect"), effect) &&
		    jv_eqs(jv_get(t.value, "operator"), "Exists") &&
		    !jv_exists(jv_get(t.value, "tolerationSeconds")))
			return true;
	return false;
}

void daemon_tolerations(struct jv spec, struct buf *out)
{
	bool host = jv_bool(jv_get(spec, "hostNetwork"), false);
	struct jw w = jw_start(out);

	jw_begin_array(&w);
	jv_for_each (t, jv_get(spec, "tolerations"))
		jw_raw(&w, jv_raw(t.value));
	for (size_t i = 0; i < ARRAY_SIZE(daemon_tols); i++) {
		if ((daemon_tols[i].host_network && !host) ||
		    has_toleration(spec, daemon_tols[i].key, daemon_tols[i].effect))
			continue;
		jw_begin_object(&w);
		jw_member_str(&w, "key", str_of(daemon_tols[i].key));
		jw_member_str(&w, "operator", STR("Exists"));
		jw_member_str(&w, "effect", str_of(daemon_tols[i].effect));
		jw_end_object(&w);
	}
	jw_end_array(&w);
}

static const char required_name[] = "requiredDuringSchedulingIgnoredDuringExecution";

static void copy_but(struct jw *w, struct jv obj, const char *but)
{
	jv_for_each_member (m, obj) {
		if (str_eqs(m.key, but))
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
}

void daemon_affinity(struct jv spec, struct str node, struct buf *out)
{
	struct jv affinity = jv_get(spec, "affinity");
	CLEANUP(buf_done) struct buf quoted = BUF_INIT, term = BUF_INIT;
	struct jw w = jw_start(out);

	json_quote(node, &quoted);
	buf_addf(&term,
		 "{\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\","
		 "\"operator\":\"In\",\"values\":[%s]}]}]}",
		 quoted.p);
	jw_begin_object(&w);
	copy_but(&w, affinity, "nodeAffinity");
	jw_key(&w, "nodeAffinity");
	jw_begin_object(&w);
	copy_but(&w, jv_get(affinity, "nodeAffinity"), required_name);
	jw_member_raw(&w, required_name, buf_str(&term));
	jw_end_object(&w);
	jw_end_object(&w);
}

struct str daemon_node_of(struct jv spec)
{
	struct str node = jv_text(jv_get(spec, "nodeName"));

	if (node.len)
		return node;
	jv_for_each (t, jv_get(required_of(spec), "nodeSelectorTerms"))
		jv_for_each (f, jv_get(t.value, "matchFields")) {
			struct jv values = jv_get(f.value, "values");
			struct jv_iter it = jv_iter_start(values, false);

			if (jv_eqs(jv_get(f.value, "key"), "metadata.name") &&
			    jv_eqs(jv_get(f.value, "operator"), "In") && jv_len(values) == 1 &&
			    jv_iter_next(&it))
				return jv_text(it.value);
		}
	return STR_NULL;
}
