/* SPDX-License-Identifier: Apache-2.0 */
/* Service, Endpoints, EndpointSlice. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

static void cell_external_ip(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv spec = jv_get(obj, "spec"), type = jv_get(spec, "type");
	bool lb = jv_eqs(type, "LoadBalancer");

	if (jv_eqs(type, "ExternalName")) {
		jw_str(w, jv_text(jv_get(spec, "externalName")));
		return;
	}
	if (lb)
		jv_for_each (it, jv_path(obj, "status.loadBalancer.ingress")) {
			struct str a = jv_text(jv_get(it.value, "ip"));

			if (!a.len)
				a = jv_text(jv_get(it.value, "hostname"));
			if (b.len)
				buf_addc(&b, ',');
			buf_addstr(&b, a);
		}
	jv_for_each (it, jv_get(spec, "externalIPs")) {
		if (b.len)
			buf_addc(&b, ',');
		buf_addstr(&b, jv_text(it.value));
	}
	jw_str(w, b.len ? buf_str(&b) : lb ? STR("<pending>") : STR("<none>"));
}

static void cell_cluster_ip(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct str ip = jv_text(jv_path(obj, "spec.clusterIP"));

	jw_str(w, ip.len ? ip : STR("<none>"));
}

static void cell_ports(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (it, jv_path(obj, "spec.ports")) {
		int64_t node = jv_i64(jv_get(it.value, "nodePort"), 0);

		if (b.len)
			buf_addc(&b, ',');
		buf_addf(&b, "%" PRId64, jv_i64(jv_get(it.value, "port"), 0));
		if (node)
			buf_addf(&b, ":%" PRId64, node);
		buf_addf(&b, "/%.*s", STR_ARG(jv_text(jv_get(it.value, "protocol"))));
	}
	jw_str(w, b.len ? buf_str(&b) : STR("<none>"));
}

static void cell_service_selector(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	column_map(jv_path(obj, "spec.selector"), &b);
	jw_str(w, buf_str(&b));
}

static const struct api_column service_columns[] = {
	COLUMN_NAME,
	{"Type", "string", NULL, 0, "spec.type", NULL, "How the service is reached"},
	{"Cluster-IP", "string", NULL, 0, NULL, cell_cluster_ip, "Address inside the cluster"},
	{"External-IP", "string", NULL, 0, NULL, cell_external_ip, "Addresses from outside"},
	{"Port(s)", "string", NULL, 0, NULL, cell_ports, "Ports, node ports, protocols"},
	COLUMN_AGE,
	{"Selector", "string", NULL, 1, NULL, cell_service_selector, "Labels of its pods"},
};

static const struct api_subresource service_subs[] = {
	SUB_PROXY("ServiceProxyOptions"),
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = validate_service_status},
};

const struct api_kind api_kind_service = {
	.group = "",
	.version = "v1",
	.kind = "Service",
	.plural = "services",
	.singular = "service",
	.short_names = (const char *const[]){"svc", NULL},
	.categories = (const char *const[]){"all", NULL},
	.list_kind = "ServiceList",
	.verbs = API_VERB_ALL,
	.flags = API_K_RETURN_DELETED | API_K_NAMESPACED | API_K_STATUS | API_K_UNCONDITIONAL,
	.type = &api_t_core_v1_Service,
	.subresources = service_subs,
	.n_subresources = ARRAY_SIZE(service_subs),
	.strategy = &service_strategy,
	.columns = service_columns,
	.n_columns = ARRAY_SIZE(service_columns),
	.selectable = (const char *const[]){"spec.clusterIP", "spec.type", NULL},
	.name_rule = "label1035",
	.short_help = "One address for a set of pods.",
};

/* "10.0.0.1:80,10.0.0.2:80 + 3 more...": at most three. */
struct address_list {
	struct buf b;
	size_t n;
};

static void add_address(struct address_list *l, struct str ip, int64_t port)
{
	if (l->n++ >= 3)
		return;
	buf_addf(&l->b, "%s%.*s", l->b.len ? "," : "", STR_ARG(ip));
	if (port >= 0)
		buf_addf(&l->b, ":%" PRId64, port);
}

static void finish_addresses(struct address_list *l, const char *more, struct jw *w)
{
	if (l->n > 3)
		buf_addf(&l->b, " + %zu more%s", l->n - 3, more);
	jw_str(w, l->b.len ? buf_str(&l->b) : STR("<none>"));
	buf_done(&l->b);
}

static void cell_endpoints(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct address_list l = {BUF_INIT, 0};

	jv_for_each (subset, jv_get(obj, "subsets")) {
		struct jv ports = jv_get(subset.value, "ports");

		jv_for_each (a, jv_get(subset.value, "addresses")) {
			struct str ip = jv_text(jv_get(a.value, "ip"));

			if (!jv_len(ports))
				add_address(&l, ip, -1);
			jv_for_each (p, ports)
				add_address(&l, ip, jv_i64(jv_get(p.value, "port"), 0));
		}
	}
	finish_addresses(&l, "...", w);
}

static const struct api_column endpoints_columns[] = {
	COLUMN_NAME,
	{"Endpoints", "string", NULL, 0, NULL, cell_endpoints, "Addresses and ports"},
	COLUMN_AGE,
};

const struct api_kind api_kind_endpoints = {
	.group = "",
	.version = "v1",
	.kind = "Endpoints",
	.plural = "endpoints",
	.singular = "endpoints",
	.short_names = (const char *const[]){"ep", NULL},
	.list_kind = "EndpointsList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL | API_K_CREATE_ON_UPDATE,
	.type = &api_t_core_v1_Endpoints,
	.strategy = &endpoints_strategy,
	.columns = endpoints_columns,
	.n_columns = ARRAY_SIZE(endpoints_columns),
	.short_help = "Addresses behind a service, the older form.",
};

static void cell_slice_ports(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv ports = jv_get(obj, "ports");
	size_t n = 0, total = jv_len(ports);

	jv_for_each (it, ports) {
		struct jv port = jv_get(it.value, "port");

		if (n++ == 3)
			break;
		if (b.len)
			buf_addc(&b, ',');
		if (jv_exists(port))
			buf_addf(&b, "%" PRId64, jv_i64(port, 0));
		else
			buf_addc(&b, '*');
	}
	if (total > 3)
		buf_addf(&b, " + %zu more...", total - 3);
	jw_str(w, b.len ? buf_str(&b) : STR("<unset>"));
}

static void cell_slice_endpoints(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct address_list l = {BUF_INIT, 0};

	jv_for_each (e, jv_get(obj, "endpoints")) {
		jv_for_each (a, jv_get(e.value, "addresses"))
			add_address(&l, jv_text(a.value), -1);
	}
	if (!l.n)
		buf_adds(&l.b, "<unset>");
	finish_addresses(&l, "...", w);
}

static const struct api_column endpointslice_columns[] = {
	COLUMN_NAME,
	{"AddressType", "string", NULL, 0, "addressType", NULL, "IPv4, IPv6 or FQDN"},
	{"Ports", "string", NULL, 0, NULL, cell_slice_ports, "Ports of every endpoint"},
	{"Endpoints", "string", NULL, 0, NULL, cell_slice_endpoints, "Addresses"},
	COLUMN_AGE,
};

const struct api_kind api_kind_endpointslice = {
	.group = "discovery.k8s.io",
	.version = "v1",
	.kind = "EndpointSlice",
	.plural = "endpointslices",
	.singular = "endpointslice",
	.list_kind = "EndpointSliceList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_discovery_v1_EndpointSlice,
	.strategy = &endpointslice_strategy,
	.columns = endpointslice_columns,
	.n_columns = ARRAY_SIZE(endpointslice_columns),
	.short_help = "A part of the addresses behind a service.",
};
