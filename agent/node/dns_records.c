/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/dns_records.h"

#include "agent/node/service_sync.h"
#include "lib/client/informer.h"
#include "lib/json/jv.h"
#include "net/dns.h"

#define TTL_S 5
#define DNS_VERSION "1.1.0"

struct dns_records {
	struct dns_records_conf conf;
	struct dns_server *server;
	struct informer_index *by_service, *by_ip, *by_ip2;
};

static struct str service_of(const struct object *o)
{
	return jv_text(
		jv_get(jv_path(jv_of(o->bytes), "metadata.labels"), "kubernetes.io/service-name"));
}

static struct str cluster_ip_of(const struct object *o)
{
	return jv_text(jv_path(jv_of(o->bytes), "spec.clusterIP"));
}

static struct str cluster_ip2_of(const struct object *o)
{
	return jv_text(jv_path(jv_of(o->bytes), "spec.clusterIPs[1]"));
}

/* Cut the last label off: "a.b.c" gives "c" and leaves "a.b"; false when nothing is left. */
static bool pop(struct str *name, struct str *ret)
{
	ssize_t dot = str_rchr(*name, '.');

	if (!name->len)
		return false;
	*ret = str_skip(*name, (size_t)(dot + 1));
	*name = str_n(name->p, dot < 0 ? 0 : (size_t)dot);
	return true;
}

static bool headless(struct jv svc)
{
	return jv_eqs(jv_path(svc, "spec.clusterIP"), "None");
}

static struct str proto_label(struct jv port)
{
	if (jv_eqs(jv_get(port, "protocol"), "UDP"))
		return STR("_udp");
	return jv_eqs(jv_get(port, "protocol"), "SCTP") ? STR("_sctp") : STR("_tcp");
}

/* An endpoint's name: its hostname, else its address with dashes. */
static void endpoint_name(struct jv ep, struct buf *out)
{
	struct str host = jv_text(jv_get(ep, "hostname")),
		   ip = jv_text(jv_path(ep, "addresses[0]"));

	if (host.len) {
		buf_addstr(out, host);
		return;
	}
	for (size_t i = 0; i < ip.len; i++)
		buf_addc(out, ip.p[i] == '.' || ip.p[i] == ':' ? '-' : ip.p[i]);
}

/* What is looked for among the endpoints of a headless Service. */
struct query {
	struct dns_records *d;
	struct object *svc;
	struct str host; /* absent: all */
	struct str port, proto; /* "_http", "_tcp"; absent: address records */
	enum dns_type type;
	struct dns_answer *a;
	size_t found;
};

static void answer_endpoint(struct query *q, struct jv slice, struct jv ep)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;
	struct ip_addr addr;

	if (ip_addr_parse(jv_text(jv_path(ep, "addresses[0]")), &addr) < 0)
		return;
	endpoint_name(ep, &name);
	if (!str_is_null(q->host) && !str_eq(q->host, buf_str(&name)))
		return;
	if (str_is_null(q->port)) {
		q->found++;
		dns_add_addr(q->a, addr, TTL_S);
		return;
	}
	buf_addf(&name, ".%.*s.%.*s.svc.%s", STR_ARG(q->svc->name), STR_ARG(q->svc->ns),
		 q->d->conf.domain);
	jv_for_each (p, jv_get(slice, "ports")) {
		struct str pname = jv_text(jv_get(p.value, "name"));

		if (!str_eq(str_skip(q->port, 1), pname) || !str_eq(q->proto, proto_label(p.value)))
			continue;
		q->found++;
		if (q->type == DNS_SRV || q->type == DNS_ANY)
			dns_add_srv(q->a, 0, 100, (uint16_t)jv_i64(jv_get(p.value, "port"), 0),
				    buf_str(&name), addr, TTL_S);
	}
}

static void answer_slices(struct query *q)
{
	struct object_set slices = informer_lookup(q->d->by_service, q->svc->name);
	bool all = jv_bool(jv_path(jv_of(q->svc->bytes), "spec.publishNotReadyAddresses"), false);

	for (size_t i = 0; i < slices.n; i++) {
		struct jv slice = jv_of(slices.v[i]->bytes);

		if (!str_eq(slices.v[i]->ns, q->svc->ns))
			continue;
		jv_for_each (ep, jv_get(slice, "endpoints"))
			if (all || jv_bool(jv_path(ep.value, "conditions.ready"), true))
				answer_endpoint(q, slice, ep.value);
	}
}

static enum dns_found of_headless(struct query *q)
{
	answer_slices(q);
	if (q->found)
		return DNS_FOUND;
	/* The name of a Service without ready endpoints exists all the same. */
	return str_is_null(q->host) && str_is_null(q->port) ? DNS_NODATA : DNS_NXDOMAIN;
}

static size_t cluster_ips(struct jv svc, struct ip_addr ret[2])
{
	size_t n = 0;

	jv_for_each (it, jv_path(svc, "spec.clusterIPs"))
		if (n < 2 && ip_addr_parse(jv_text(it.value), &ret[n]) == 0)
			n++;
	if (!n && ip_addr_parse(jv_text(jv_path(svc, "spec.clusterIP")), &ret[0]) == 0)
		n++;
	return n;
}

static enum dns_found of_cluster_ip(struct query *q)
{
	CLEANUP(buf_done) struct buf target = BUF_INIT;
	struct jv svc = jv_of(q->svc->bytes);
	struct ip_addr addr[2];
	size_t n = cluster_ips(svc, addr);

	if (!str_is_null(q->host) || !n)
		return DNS_NXDOMAIN;
	if (str_is_null(q->port)) {
		for (size_t i = 0; i < n; i++)
			dns_add_addr(q->a, addr[i], TTL_S);
		return DNS_FOUND;
	}
	buf_addf(&target, "%.*s.%.*s.svc.%s", STR_ARG(q->svc->name), STR_ARG(q->svc->ns),
		 q->d->conf.domain);
	jv_for_each (p, jv_path(svc, "spec.ports")) {
		if (!str_eq(str_skip(q->port, 1), jv_text(jv_get(p.value, "name"))) ||
		    !str_eq(q->proto, proto_label(p.value)))
			continue;
		for (size_t i = 0; i < n && (q->type == DNS_SRV || q->type == DNS_ANY); i++)
			dns_add_srv(q->a, 0, 100, (uint16_t)jv_i64(jv_get(p.value, "port"), 0),
				    buf_str(&target), addr[i], TTL_S);
		return DNS_FOUND;
	}
	return DNS_NXDOMAIN;
}

static bool namespace_known(struct dns_records *d, struct str ns)
{
	informer_for_each(o, d->conf.services)
	{
		if (str_eq(o->ns, ns))
			return true;
	}
	return false;
}

/* [host.|_port._proto.]service.namespace, with "svc" taken off. */
static enum dns_found find_service(struct dns_records *d, struct str name, enum dns_type type,
				   struct dns_answer *a)
{
	struct query q = {.d = d, .type = type, .a = a};
	struct str ns, service, first = STR_NULL, second = STR_NULL, more;
	struct jv svc;

	if (!pop(&name, &ns))
		return DNS_NODATA; /* "svc" itself */
	if (!pop(&name, &service))
		return namespace_known(d, ns) ? DNS_NODATA : DNS_NXDOMAIN;
	if (pop(&name, &first))
		pop(&name, &second);
	if (pop(&name, &more))
		return DNS_NXDOMAIN;
	q.svc = informer_get_in(d->conf.services, ns, service);
	if (!q.svc)
		return DNS_NXDOMAIN;
	svc = jv_of(q.svc->bytes);
	if (jv_eqs(jv_path(svc, "spec.type"), "ExternalName")) {
		if (!str_is_null(first))
			return DNS_NXDOMAIN;
		dns_add_cname(a, jv_text(jv_path(svc, "spec.externalName")), TTL_S);
		return DNS_FOUND;
	}
	if (first.len && first.p[0] == '_') {
		q.proto = first;
		if (!second.len)
			return DNS_NODATA;
		if (second.p[0] != '_')
			return DNS_NXDOMAIN;
		q.port = second;
	} else if (!str_is_null(second)) {
		return DNS_NXDOMAIN;
	} else {
		q.host = first;
	}
	return headless(svc) ? of_headless(&q) : of_cluster_ip(&q);
}

/* a-b-c-d.namespace, fd00--1.namespace: the address itself (CoreDNS "pods insecure"). */
static enum dns_found find_pod(struct str name, enum dns_type type, struct dns_answer *a)
{
	struct str ns, ip;
	char text[IP_TEXT];
	struct ip_addr addr;
	size_t dashes = 0;
	char sep;

	if (!pop(&name, &ns) || !pop(&name, &ip))
		return DNS_NODATA;
	if (name.len || str_copy(text, sizeof(text), ip) < 0)
		return DNS_NXDOMAIN;
	for (const char *s = text; *s; s++)
		dashes += *s == '-';
	sep = dashes == 3 && !strstr(text, "--") ? '.' : ':';
	for (char *s = text; *s; s++)
		if (*s == '-')
			*s = sep;
	if (ip_addr_parse(str_of(text), &addr) < 0)
		return DNS_NXDOMAIN;
	dns_add_addr(a, addr, TTL_S);
	return DNS_FOUND;
}

static enum dns_found on_name(struct str name, enum dns_type type, struct dns_answer *a, void *user)
{
	struct str zone;

	if (str_eqs(name, "dns-version")) {
		if (type == DNS_TXT || type == DNS_ANY)
			dns_add_txt(a, STR(DNS_VERSION), TTL_S);
		return DNS_FOUND;
	}
	if (!pop(&name, &zone))
		return DNS_NODATA;
	if (str_eqs(zone, "svc"))
		return find_service(user, name, type, a);
	if (str_eqs(zone, "pod"))
		return find_pod(name, type, a);
	return DNS_NXDOMAIN;
}

/* Reverse: a ClusterIP, or an endpoint of a headless Service that has a hostname or not. */
static enum dns_found on_addr(struct ip_addr addr, struct dns_answer *a, void *user)
{
	struct dns_records *d = user;
	CLEANUP(buf_done) struct buf name = BUF_INIT;
	char text[IP_TEXT];
	struct object_set by_ip;

	ip_addr_format(addr, text);
	by_ip = informer_lookup(d->by_ip, str_of(text));
	if (!by_ip.n)
		by_ip = informer_lookup(d->by_ip2, str_of(text));
	if (by_ip.n) {
		buf_addf(&name, "%.*s.%.*s.svc.%s", STR_ARG(by_ip.v[0]->name),
			 STR_ARG(by_ip.v[0]->ns), d->conf.domain);
		dns_add_ptr(a, buf_str(&name), TTL_S);
		return DNS_FOUND;
	}
	informer_for_each(o, d->conf.slices)
	{
		struct str service = service_of(o);
		struct object *svc =
			service.len ? informer_get_in(d->conf.services, o->ns, service) : NULL;

		if (!svc || !headless(jv_of(svc->bytes)))
			continue;
		jv_for_each (ep, jv_get(jv_of(o->bytes), "endpoints")) {
			if (!str_eqs(jv_text(jv_path(ep.value, "addresses[0]")), text))
				continue;
			endpoint_name(ep.value, &name);
			buf_addf(&name, ".%.*s.%.*s.svc.%s", STR_ARG(service), STR_ARG(o->ns),
				 d->conf.domain);
			dns_add_ptr(a, buf_str(&name), TTL_S);
			return DNS_FOUND;
		}
	}
	return DNS_FORWARD;
}

int dns_records_start(const struct dns_records_conf *conf, struct dns_records **ret,
		      struct err *err)
{
	struct dns_records *d = NEW(struct dns_records);
	struct dns_conf dc = {
		.loop = conf->loop,
		.port = 53,
		.domain = conf->domain,
		.lookup = {.name = on_name, .addr = on_addr, .user = d},
	};
	uint32_t vip;
	int r;

	d->conf = *conf;
	d->by_service = informer_index(conf->slices, service_of);
	d->by_ip = informer_index(conf->services, cluster_ip_of);
	d->by_ip2 = informer_index(conf->services, cluster_ip2_of);
	r = ip4_parse(str_of(conf->addr), &dc.addr);
	r = r < 0 ? err_sys(err, EINVAL, "no address to listen on")
		  : dns_server_new(&dc, &d->server, err);
	if (r < 0) {
		free(d);
		return r;
	}
	if (conf->vip && conf->sync && ip4_parse(str_of(conf->vip), &vip) == 0)
		service_sync_dns(conf->sync, ip_of4(vip), ip_of4(dc.addr));
	*ret = d;
	return 0;
}

static void on_freed(void *user)
{
	free(user);
}

struct dns_records *dns_records_stop(struct dns_records *d)
{
	if (d)
		dns_server_free(d->server, on_freed, d);
	return NULL;
}
