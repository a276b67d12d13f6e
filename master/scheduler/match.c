/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/class.h"

void sched_selector_add(struct label_selector *s, struct str key, struct str value, bool in)
{
	struct label_req *r = ARRAY_PUSH(s->reqs, s->n, s->cap);

	*r = (struct label_req){.key = str_dup(key), .op = in ? LABEL_IN : LABEL_NOT_IN};
	r->values = xcalloc(1, sizeof(*r->values));
	r->values[0] = xstrndup(value.len ? value.p : "", value.len);
	r->n_values = 1;
}

void sched_match_done(struct sched_match *m)
{
	for (size_t i = 0; i < m->n_ns; i++)
		free(m->ns[i]);
	free(m->ns);
	label_selector_done(&m->sel);
	label_selector_done(&m->ns_sel);
	*m = (struct sched_match){0};
}

static bool in_namespace(const struct sched_match *m, const struct sched_ns *ns)
{
	if (m->any_ns)
		return true;
	for (size_t i = 0; i < m->n_ns; i++)
		if (!strcmp(m->ns[i], ns->name))
			return true;
	return m->by_label && ns->obj &&
	       label_selector_match(&m->ns_sel, jv_get(object_meta(ns->obj), "labels"));
}

bool sched_match_class(const struct sched_match *m, const struct sched_class *cl)
{
	return in_namespace(m, cl->ns) && label_selector_match(&m->sel, cl->labels);
}

struct str sched_class_label(const struct sched_class *cl, struct str key)
{
	return jv_text(jv_getn(cl->labels, key));
}

/* The namespaces of an affinity term: its list, those its selector picks, else the pod's own. */
static void term_namespaces(const struct sched_class *cl, struct jv list, struct jv selector,
			    struct sched_match *m, struct buf *key)
{
	jv_for_each (n, list) {
		*ARRAY_PUSH(m->ns, m->n_ns, m->cap_ns) = str_dup(jv_text(n.value));
		buf_addf(key, "%.*s,", STR_ARG(jv_text(n.value)));
	}
	if (jv_exists(selector)) {
		m->by_label = label_selector_from_object(selector, &m->ns_sel, NULL) == 0;
		m->any_ns = m->by_label && label_selector_is_everything(&m->ns_sel);
		buf_addf(key, "\x1f%.*s", STR_ARG(jv_raw(selector)));
	} else if (!m->n_ns) {
		*ARRAY_PUSH(m->ns, m->n_ns, m->cap_ns) = xstrdup(cl->ns->name);
		buf_adds(key, cl->ns->name);
	}
	buf_addc(key, '\x1f');
}

/* Keys whose value is taken from the pod itself. */
static void add_keys(const struct sched_class *cl, struct jv keys, bool in,
		     struct label_selector *sel, struct buf *text)
{
	jv_for_each (k, keys) {
		struct str name = jv_text(k.value), value = sched_class_label(cl, name);

		if (str_is_null(value))
			continue;
		sched_selector_add(sel, name, value, in);
		buf_addf(text, "\x1f%c%.*s=%.*s", in ? '+' : '-', STR_ARG(name), STR_ARG(value));
	}
}

void sched_selector_match(const struct sched_class *cl, struct jv selector, struct jv keys,
			  struct jv not_keys, struct sched_match *m, struct buf *key)
{
	if (label_selector_from_object(selector, &m->sel, NULL) < 0)
		m->sel.nothing = true;
	buf_addstr(key, jv_raw(selector));
	if (m->sel.nothing)
		return;
	add_keys(cl, keys, true, &m->sel, key);
	add_keys(cl, not_keys, false, &m->sel, key);
}

void sched_affinity_match(const struct sched_class *cl, struct jv term, struct sched_match *ret,
			  struct buf *key)
{
	static const struct str names[] = {{"labelSelector", 13},
					   {"namespaces", 10},
					   {"namespaceSelector", 17},
					   {"matchLabelKeys", 14},
					   {"mismatchLabelKeys", 17}};
	struct jv v[ARRAY_SIZE(names)];

	*ret = (struct sched_match){0};
	jv_members(term, names, ARRAY_SIZE(names), v);
	term_namespaces(cl, v[1], v[2], ret, key);
	sched_selector_match(cl, v[0], v[3], v[4], ret, key);
}
