/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/policy_rules.h"

#include <netinet/in.h>

#include "lib/api/labels.h"
#include "lib/base/hmap.h"
#include "lib/json/jw.h"

enum { IN, OUT };

/* What a tag means. */
struct pred {
	uint32_t tag;
	bool block;
	struct ip_prefix range;
	struct ip_prefix *except;
	size_t n_except;
	/* pods */
	char *ns; /* of this namespace only; NULL: as ns_sel says */
	struct label_selector ns_sel, pod_sel;
	char *port; /* that have a port of this name at this number; NULL: any */
	uint8_t proto;
	uint16_t number;
};

/* Which numbers a port of this name has, with all pods there are. */
struct numbers {
	char *name;
	uint8_t proto;
	uint16_t *v;
	size_t n, cap;
};

struct policy_rules {
	struct policy_rules_conf conf;
	struct pred **preds;
	size_t n, cap;
	struct hmap *by_text;
	struct numbers **numbers;
	size_t n_numbers, cap_numbers;
	bool need_pods;
};

static void pred_free(struct pred *p)
{
	free(p->except);
	free(p->ns);
	free(p->port);
	label_selector_done(&p->ns_sel);
	label_selector_done(&p->pod_sel);
	free(p);
}

struct policy_rules *policy_rules_new(const struct policy_rules_conf *conf)
{
	struct policy_rules *r = NEW(struct policy_rules);

	r->conf = *conf;
	r->by_text = hmap_new();
	return r;
}

void policy_rules_clear(struct policy_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		pred_free(r->preds[i]);
	for (size_t i = 0; i < r->n_numbers; i++) {
		free(r->numbers[i]->name);
		free(r->numbers[i]->v);
		free(r->numbers[i]);
	}
	r->n = r->n_numbers = 0;
	r->need_pods = false;
	hmap_free(r->by_text);
	r->by_text = hmap_new();
}

struct policy_rules *policy_rules_free(struct policy_rules *r)
{
	if (!r)
		return NULL;
	policy_rules_clear(r);
	hmap_free(r->by_text);
	free(r->preds);
	free(r->numbers);
	free(r);
	return NULL;
}

void policy_sides_done(struct policy_sides *s)
{
	for (int d = IN; d <= OUT; d++) {
		for (size_t i = 0; i < s->n[d]; i++) {
			free((void *)(uintptr_t)s->rules[d][i].tags);
			free((void *)(uintptr_t)s->rules[d][i].ports);
		}
		free(s->rules[d]);
	}
	*s = (struct policy_sides){0};
}

/* ---- ports ---- */

static uint8_t proto_of(struct jv v)
{
	if (jv_eqs(v, "UDP"))
		return IPPROTO_UDP;
	if (jv_eqs(v, "SCTP"))
		return IPPROTO_SCTP;
	return !jv_exists(v) || jv_eqs(v, "TCP") ? IPPROTO_TCP : 0;
}

/* Calls fn for each port a container of the pod declares; init containers only if they stay. */
static void each_port(struct jv pod, void (*fn)(void *arg, struct jv port), void *arg)
{
	jv_for_each (c, jv_path(pod, "spec.initContainers"))
		if (jv_eqs(jv_get(c.value, "restartPolicy"), "Always"))
			jv_for_each (p, jv_get(c.value, "ports"))
				fn(arg, p.value);
	jv_for_each (c, jv_path(pod, "spec.containers"))
		jv_for_each (p, jv_get(c.value, "ports"))
			fn(arg, p.value);
}

static void add_number(struct numbers *n, uint16_t number)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->v[i] == number)
			return;
	*ARRAY_PUSH(n->v, n->n, n->cap) = number;
}

static void match_port(void *arg, struct jv port)
{
	struct numbers *n = arg;
	int64_t number = jv_i64(jv_get(port, "containerPort"), 0);

	if (number > 0 && number <= UINT16_MAX && jv_eqs(jv_get(port, "name"), n->name) &&
	    proto_of(jv_get(port, "protocol")) == n->proto)
		add_number(n, (uint16_t)number);
}

static void numbers_in_pod(void *arg, struct jv pod)
{
	each_port(pod, match_port, arg);
}

/* The port's numbers with all peers; counted once. */
static const struct numbers *numbers_of(struct policy_rules *r, struct str name, uint8_t proto)
{
	struct numbers *n;

	for (size_t i = 0; i < r->n_numbers; i++)
		if (r->numbers[i]->proto == proto && str_eqs(name, r->numbers[i]->name))
			return r->numbers[i];
	n = NEW(struct numbers);
	n->name = str_dup(name);
	n->proto = proto;
	r->conf.each_pod(r->conf.user, numbers_in_pod, n);
	*ARRAY_PUSH(r->numbers, r->n_numbers, r->cap_numbers) = n;
	r->need_pods = true;
	return n;
}

bool policy_rules_know_ports(const struct policy_rules *r, struct jv pod)
{
	bool known = true;

	for (size_t i = 0; i < r->n_numbers && known; i++) {
		struct numbers here = {.name = r->numbers[i]->name, .proto = r->numbers[i]->proto};
		const struct numbers *all = r->numbers[i];

		each_port(pod, match_port, &here);
		for (size_t k = 0; k < here.n; k++) {
			bool found = false;

			for (size_t j = 0; j < all->n; j++)
				found |= all->v[j] == here.v[k];
			known &= found;
		}
		free(here.v);
	}
	return known;
}

/* ---- tags ---- */

/* "10.0.0.5/8" means its network. */
static bool read_cidr(struct jv v, struct ip_prefix *ret)
{
	return ip_prefix_parse_loose(jv_text(v), ret) == 0;
}

static struct pred *pred_new(struct policy_rules *r, struct str text)
{
	struct pred *p = NEW(struct pred);

	p->tag = (uint32_t)r->n;
	*ARRAY_PUSH(r->preds, r->n, r->cap) = p;
	hmap_put(r->by_text, text, p);
	return p;
}

static const struct pred *block_of(struct policy_rules *r, struct jv block)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct ip_prefix range, except;
	struct pred *p;
	size_t cap = 0;

	if (!read_cidr(jv_get(block, "cidr"), &range))
		return NULL;
	buf_adds(&text, "block ");
	buf_addstr(&text, jv_raw(block));
	p = hmap_get(r->by_text, buf_str(&text));
	if (p)
		return p;
	p = pred_new(r, buf_str(&text));
	p->block = true;
	p->range = range;
	jv_for_each (it, jv_get(block, "except"))
		if (read_cidr(it.value, &except))
			*ARRAY_PUSH(p->except, p->n_except, cap) = except;
	return p;
}

/* Both selectors absent: all pods. port absent: whatever ports they have. */
static const struct pred *pods_of(struct policy_rules *r, struct str ns, struct jv peer,
				  struct str port, uint8_t proto, uint16_t number)
{
	struct jv ns_sel = jv_get(peer, "namespaceSelector");
	struct jv pod_sel = jv_get(peer, "podSelector"), all = jv_of(STR("{}"));
	bool same_ns = jv_exists(pod_sel) && !jv_exists(ns_sel);
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct pred *p;

	if (!jv_exists(ns_sel))
		ns_sel = all;
	if (!jv_exists(pod_sel))
		pod_sel = all;
	buf_addf(&text, "pods %.*s %u %u ", STR_ARG(port), proto, number);
	if (same_ns)
		buf_addstr(&text, ns);
	else
		buf_addstr(&text, jv_raw(ns_sel));
	buf_addc(&text, ' ');
	buf_addstr(&text, jv_raw(pod_sel));
	p = hmap_get(r->by_text, buf_str(&text));
	if (p)
		return p;
	p = pred_new(r, buf_str(&text));
	r->need_pods = true;
	p->ns = same_ns ? str_dup(ns) : NULL;
	p->port = port.len ? str_dup(port) : NULL;
	p->proto = proto;
	p->number = number;
	/* What cannot be read selects nothing. */
	if (label_selector_from_object(ns_sel, &p->ns_sel, NULL) < 0)
		p->ns_sel.nothing = true;
	if (label_selector_from_object(pod_sel, &p->pod_sel, NULL) < 0)
		p->pod_sel.nothing = true;
	return p;
}

static bool pod_matches(const struct policy_rules *r, const struct pred *p, struct str ns,
			struct jv ns_labels, struct jv labels, struct jv pod)
{
	struct numbers here = {.name = p->port, .proto = p->proto};
	bool found = !p->port;

	if (p->ns ? !str_eqs(ns, p->ns) : !label_selector_match(&p->ns_sel, ns_labels))
		return false;
	if (!label_selector_match(&p->pod_sel, labels))
		return false;
	if (p->port)
		each_port(pod, match_port, &here);
	for (size_t i = 0; i < here.n; i++)
		found |= here.v[i] == p->number;
	free(here.v);
	return found;
}

size_t policy_rules_tags(const struct policy_rules *r, struct jv pod, uint32_t *ret)
{
	struct jv meta = jv_get(pod, "metadata"), labels = jv_get(meta, "labels");
	struct str ns = jv_text(jv_get(meta, "namespace"));
	struct jv ns_labels = r->conf.ns_labels(r->conf.user, ns);
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (!r->preds[i]->block && pod_matches(r, r->preds[i], ns, ns_labels, labels, pod))
			ret[n++] = r->preds[i]->tag;
	return n;
}

size_t policy_rules_count(const struct policy_rules *r)
{
	return r->n;
}

bool policy_rules_need_pods(const struct policy_rules *r)
{
	return r->need_pods;
}

size_t policy_rules_blocks(const struct policy_rules *r, struct policy_block **ret)
{
	struct policy_block *v = xcalloc(r->n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct pred *p = r->preds[i];

		if (p->block)
			v[n++] = (struct policy_block){
				.range = p->range,
				.except = p->except,
				.n_except = p->n_except,
				.tag = p->tag,
			};
	}
	*ret = v;
	return n;
}

/* ---- rules ---- */

struct tags {
	uint32_t *v;
	size_t n, cap;
};

static void add_rule(struct policy_sides *s, int dir, bool anyone, struct tags *tags,
		     const struct policy_range *ports, size_t n_ports)
{
	*ARRAY_PUSH(s->rules[dir], s->n[dir], s->cap[dir]) = (struct policy_rule){
		.anyone = anyone,
		.tags = tags->v,
		.n_tags = tags->n,
		.ports = n_ports ? xmemdup(ports, n_ports * sizeof(*ports)) : NULL,
		.n_ports = n_ports,
	};
	*tags = (struct tags){0};
}

/* The tags of a rule's peers; false: everybody. */
static bool peer_tags(struct policy_rules *r, struct str ns, struct jv peers, struct tags *ret)
{
	if (!jv_len(peers))
		return false;
	jv_for_each (it, peers) {
		struct jv block = jv_get(it.value, "ipBlock");
		const struct pred *p = jv_exists(block) ? block_of(r, block)
							: pods_of(r, ns, it.value, STR_NULL, 0, 0);

		if (p)
			*ARRAY_PUSH(ret->v, ret->n, ret->cap) = p->tag;
	}
	return true;
}

/*
 * A named port of an egress rule: a rule for each number it has somewhere. In an ipBlock nobody
 * knows of names.
 */
static void add_named(struct policy_rules *r, struct str ns, struct jv peers, struct str name,
		      uint8_t proto, struct policy_sides *s)
{
	const struct numbers *all = numbers_of(r, name, proto);

	for (size_t i = 0; i < all->n; i++) {
		struct policy_range at = {.min = all->v[i], .max = all->v[i], .proto = proto};
		struct tags tags = {0};

		if (!jv_len(peers))
			*ARRAY_PUSH(tags.v, tags.n, tags.cap) =
				pods_of(r, ns, JV_NONE, name, proto, at.min)->tag;
		jv_for_each (it, peers)
			if (!jv_exists(jv_get(it.value, "ipBlock")))
				*ARRAY_PUSH(tags.v, tags.n, tags.cap) =
					pods_of(r, ns, it.value, name, proto, at.min)->tag;
		if (tags.n)
			add_rule(s, OUT, false, &tags, &at, 1);
		free(tags.v);
	}
}

static void add_range(struct policy_range **v, size_t *n, size_t *cap, int64_t min, int64_t max,
		      uint8_t proto)
{
	if (min >= 0 && min <= max && max <= UINT16_MAX)
		*ARRAY_PUSH(*v, *n, *cap) = (struct policy_range){
			.min = (uint16_t)min, .max = (uint16_t)max, .proto = proto};
}

static void add_rules(struct policy_rules *r, struct str ns, struct jv rule, int dir, struct jv pod,
		      struct policy_sides *s)
{
	struct jv peers = jv_get(rule, dir == IN ? "from" : "to"), ports = jv_get(rule, "ports");
	CLEANUP_FREE struct policy_range *v = NULL;
	size_t n = 0, cap = 0;
	struct tags tags = {0};
	bool some;

	jv_for_each (it, ports) {
		struct jv port = jv_get(it.value, "port");
		uint8_t proto = proto_of(jv_get(it.value, "protocol"));
		struct numbers here = {.proto = proto};

		if (!proto)
			continue;
		if (!jv_exists(port)) {
			add_range(&v, &n, &cap, 0, UINT16_MAX, proto);
		} else if (jv_type(port) == JV_NUMBER) {
			int64_t min = jv_i64(port, -1);

			add_range(&v, &n, &cap, min, jv_i64(jv_get(it.value, "endPort"), min),
				  proto);
		} else if (dir == OUT) {
			add_named(r, ns, peers, jv_text(port), proto, s);
		} else {
			here.name = jv_strdup(port);
			each_port(pod, match_port, &here);
			for (size_t i = 0; i < here.n; i++)
				add_range(&v, &n, &cap, here.v[i], here.v[i], proto);
			free(here.name);
			free(here.v);
		}
	}
	if (jv_len(ports) && !n)
		return; /* none of them is a number here: nothing is allowed by it */
	some = peer_tags(r, ns, peers, &tags);
	add_rule(s, dir, !some, &tags, v, n);
}

/* policyTypes; without: Ingress, and Egress if there are egress rules. */
static bool is_about(struct jv spec, int dir)
{
	struct jv types = jv_get(spec, "policyTypes");

	jv_for_each (it, types)
		if (jv_eqs(it.value, dir == IN ? "Ingress" : "Egress"))
			return true;
	return !jv_len(types) && (dir == IN || jv_len(jv_get(spec, "egress")));
}

void policy_rules_add(struct policy_rules *r, struct jv policy, struct jv pod,
		      struct policy_sides *s)
{
	struct str ns = jv_text(jv_path(policy, "metadata.namespace"));
	struct jv spec = jv_get(policy, "spec"), sel = jv_get(spec, "podSelector");
	struct label_selector selector = {0};
	bool mine;

	/* Without a selector it is about all; one that cannot be read is, too, to be safe. */
	mine = !jv_exists(sel) || label_selector_from_object(sel, &selector, NULL) < 0 ||
	       label_selector_match(&selector, jv_path(pod, "metadata.labels"));
	label_selector_done(&selector);
	if (!mine || !str_eq(ns, jv_text(jv_path(pod, "metadata.namespace"))))
		return;
	for (int dir = IN; dir <= OUT; dir++) {
		struct policy_side *side = dir == IN ? &s->in : &s->out;

		if (!is_about(spec, dir))
			continue;
		side->isolated = true;
		jv_for_each (it, jv_get(spec, dir == IN ? "ingress" : "egress"))
			add_rules(r, ns, it.value, dir, pod, s);
		side->rules = s->rules[dir];
		side->n = s->n[dir];
	}
}

/* ---- pods ---- */

size_t policy_pod_addrs(struct jv pod, struct ip_addr ret[2])
{
	struct jv status = jv_get(pod, "status"), phase = jv_get(status, "phase");
	size_t n = 0;

	/* One with the host's network is the node, to everybody. */
	if (jv_bool(jv_path(pod, "spec.hostNetwork"), false) || jv_eqs(phase, "Succeeded") ||
	    jv_eqs(phase, "Failed"))
		return 0;
	jv_for_each (it, jv_get(status, "podIPs"))
		if (n < 2 && ip_addr_parse(jv_text(jv_get(it.value, "ip")), &ret[n]) == 0)
			n++;
	if (!n && ip_addr_parse(jv_text(jv_get(status, "podIP")), &ret[0]) == 0)
		n++;
	return n;
}

static void member(struct jw *w, const char *name, struct jv of)
{
	struct jv v = jv_get(of, name);

	if (jv_exists(v))
		jw_member_raw(w, name, jv_raw(v));
}

/* Those with names only: numbers alone say nothing to a policy. */
static void trim_containers(struct jw *w, const char *name, struct jv list)
{
	jw_key(w, name);
	jw_begin_array(w);
	jv_for_each (c, list) {
		if (!jv_len(jv_get(c.value, "ports")))
			continue;
		jw_begin_object(w);
		member(w, "restartPolicy", c.value);
		jw_key(w, "ports");
		jw_begin_array(w);
		jv_for_each (p, jv_get(c.value, "ports")) {
			if (!jv_exists(jv_get(p.value, "name")))
				continue;
			jw_begin_object(w);
			member(w, "name", p.value);
			member(w, "containerPort", p.value);
			member(w, "protocol", p.value);
			jw_end_object(w);
		}
		jw_end_array(w);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void policy_pod_trim(struct jv pod, struct buf *out)
{
	struct jv meta = jv_get(pod, "metadata"), spec = jv_get(pod, "spec");
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	member(&w, "name", meta);
	member(&w, "namespace", meta);
	member(&w, "uid", meta);
	member(&w, "resourceVersion", meta);
	member(&w, "labels", meta);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	member(&w, "hostNetwork", spec);
	if (jv_len(jv_get(spec, "initContainers")))
		trim_containers(&w, "initContainers", jv_get(spec, "initContainers"));
	trim_containers(&w, "containers", jv_get(spec, "containers"));
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	member(&w, "phase", jv_get(pod, "status"));
	member(&w, "podIP", jv_get(pod, "status"));
	if (jv_len(jv_path(pod, "status.podIPs")) > 1)
		member(&w, "podIPs", jv_get(pod, "status"));
	jw_end_object(&w);
	jw_end_object(&w);
}
