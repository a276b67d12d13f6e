/* SPDX-License-Identifier: Apache-2.0 */
/* Ingress, IngressClass, NetworkPolicy, and the addresses of Services as objects. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/labels.h"
#include "lib/api/validate/rules.h"

#define NETWORKING "networking.k8s.io"

/* ---- Ingress ---- */

static void cell_ingress_class(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct jv old = jv_get(jv_path(obj, "metadata.annotations"), "kubernetes.io/ingress.class");
	struct jv name = jv_path(obj, "spec.ingressClassName");

	cell_text(w, jv_exists(name) ? name : old, "<none>");
}

/* At most three hosts, "*" where none is named. */
static void cell_hosts(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	size_t n = 0, more = 0;

	jv_for_each (it, jv_path(obj, "spec.rules")) {
		struct str host = jv_text(jv_get(it.value, "host"));

		if (!host.len)
			continue;
		if (n++ < 3)
			buf_addf(&b, "%s%.*s", b.len ? "," : "", STR_ARG(host));
		else
			more++;
	}
	if (more)
		buf_addf(&b, " + %zu more...", more);
	jw_str(w, b.len ? buf_str(&b) : STR("*"));
}

static void cell_addresses(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (it, jv_path(obj, "status.loadBalancer.ingress")) {
		struct str ip = jv_text(jv_get(it.value, "ip"));
		struct str host = jv_text(jv_get(it.value, "hostname"));

		buf_addf(&b, "%s%.*s", b.len ? "," : "", STR_ARG(ip.len ? ip : host));
	}
	jw_str(w, buf_str(&b));
}

static void cell_ports(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_str(w, jv_len(jv_path(obj, "spec.tls")) ? STR("80, 443") : STR("80"));
}

static const struct api_column ingress_columns[] = {
	COLUMN_NAME,
	{"Class", "string", NULL, 0, NULL, cell_ingress_class, "Who serves it"},
	{"Hosts", "string", NULL, 0, NULL, cell_hosts, "Names it answers to"},
	{"Address", "string", NULL, 0, NULL, cell_addresses, "Where it is reached"},
	{"Ports", "string", NULL, 0, NULL, cell_ports, "Ports it listens on"},
	COLUMN_AGE,
};
static const struct api_subresource ingress_subs[] = {SUB_STATUS};

const struct api_kind api_kind_ingress = {
	KIND_NAMES(NETWORKING, "v1", "Ingress", "ingresses", "ingress"),
	.short_names = KIND_TEXTS("ing"),
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_networking_v1_Ingress,
	KIND_SUBS(ingress_subs),
	KIND_COLUMNS(ingress_columns),
	.strategy = &ingress_strategy,
	.short_help = "HTTP routes from outside to Services.",
};

static void cell_parameters(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv p = jv_path(obj, "spec.parameters");
	struct str group = jv_text(jv_get(p, "apiGroup"));

	if (!jv_exists(p)) {
		jw_str(w, STR("<none>"));
		return;
	}
	buf_addstr(&b, jv_text(jv_get(p, "kind")));
	if (group.len)
		buf_addf(&b, ".%.*s", STR_ARG(group));
	buf_addf(&b, "/%.*s", STR_ARG(jv_text(jv_get(p, "name"))));
	jw_str(w, buf_str(&b));
}

static const struct api_column ingressclass_columns[] = {
	COLUMN_NAME,
	{"Controller", "string", NULL, 0, "spec.controller", NULL, "Who serves the class"},
	{"Parameters", "string", NULL, 0, NULL, cell_parameters, "More settings"},
	COLUMN_AGE,
};

const struct api_kind api_kind_ingressclass = {
	KIND_NAMES(NETWORKING, "v1", "IngressClass", "ingressclasses", "ingressclass"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_networking_v1_IngressClass,
	KIND_COLUMNS(ingressclass_columns),
	.strategy = &ingressclass_strategy,
	.short_help = "Who serves Ingresses of a class.",
};

/* ---- NetworkPolicy ---- */

static void cell_pod_selector(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct label_selector s = {0};

	if (label_selector_from_object(jv_path(obj, "spec.podSelector"), &s, NULL) == 0)
		label_selector_format(&s, &b);
	label_selector_done(&s);
	jw_str(w, b.len ? buf_str(&b) : STR("<none>"));
}

static const struct api_column networkpolicy_columns[] = {
	COLUMN_NAME,
	{"Pod-Selector", "string", NULL, 0, NULL, cell_pod_selector, "Pods it is about"},
	COLUMN_AGE,
};

const struct api_kind api_kind_networkpolicy = {
	KIND_NAMES(NETWORKING, "v1", "NetworkPolicy", "networkpolicies", "networkpolicy"),
	.short_names = KIND_TEXTS("netpol"),
	.flags = API_K_NAMESPACED | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_networking_v1_NetworkPolicy,
	KIND_COLUMNS(networkpolicy_columns),
	.strategy = &networkpolicy_strategy,
	.short_help = "What may reach pods, and what they may reach.",
};

/* ---- IPAddress, ServiceCIDR ---- */

static void cell_parent(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	static const char *const parts[] = {"group", "resource", "namespace", "name"};
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv p = jv_path(obj, "spec.parentRef");

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct str s = jv_text(jv_get(p, parts[i]));

		if (i == 0 && s.len)
			continue;
		if (s.len)
			buf_addf(&b, "%s%.*s", b.len ? "/" : "", STR_ARG(s));
		if (i == 1 && jv_text(jv_get(p, "group")).len)
			buf_addf(&b, ".%.*s", STR_ARG(jv_text(jv_get(p, "group"))));
	}
	jw_str(w, b.len ? buf_str(&b) : STR("<none>"));
}

static const struct api_column ipaddress_columns[] = {
	COLUMN_NAME,
	{"ParentRef", "string", NULL, 0, NULL, cell_parent, "Who has the address"},
	COLUMN_AGE,
};

const struct api_kind api_kind_ipaddress = {
	KIND_NAMES(NETWORKING, "v1", "IPAddress", "ipaddresses", "ipaddress"),
	.short_names = KIND_TEXTS("ip"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_networking_v1_IPAddress,
	KIND_COLUMNS(ipaddress_columns),
	.strategy = &ipaddress_strategy,
	.selectable = KIND_TEXTS("spec.parentRef.name", "spec.parentRef.namespace",
				 "spec.parentRef.resource"),
	.name_rule = "path",
	.short_help = "An address that is in use.",
};

static void cell_cidrs(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (it, jv_path(obj, "spec.cidrs"))
		buf_addf(&b, "%s%.*s", b.len ? "," : "", STR_ARG(jv_text(it.value)));
	jw_str(w, buf_str(&b));
}

static const struct api_column servicecidr_columns[] = {
	COLUMN_NAME,
	{"CIDRs", "string", NULL, 0, NULL, cell_cidrs, "The ranges"},
	COLUMN_AGE,
};
static const struct api_subresource servicecidr_subs[] = {SUB_STATUS};

const struct api_kind api_kind_servicecidr = {
	KIND_NAMES(NETWORKING, "v1", "ServiceCIDR", "servicecidrs", "servicecidr"),
	.flags = API_K_STATUS | API_K_STATUS_ON_CREATE | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_networking_v1_ServiceCIDR,
	KIND_SUBS(servicecidr_subs),
	KIND_COLUMNS(servicecidr_columns),
	.strategy = &servicecidr_strategy,
	.short_help = "A range that addresses of Services come from.",
};
