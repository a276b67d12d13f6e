/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/service_urls.h"
#include "lib/base/cidr.h"

char *service_url(const char *address, uint16_t port)
{
	CLEANUP_FREE char *at = host_port_join(address, port);

	return xasprintf("https://%s", at);
}

bool service_port_name(struct jv svc, int64_t port, struct str *ret_name)
{
	jv_for_each (p, jv_path(svc, "spec.ports"))
		if (jv_i64(jv_get(p.value, "port"), 0) == port) {
			*ret_name = jv_text(jv_get(p.value, "name"));
			return true;
		}
	return false;
}

static int64_t port_of(struct jv slice, struct str name)
{
	int64_t port = 0;

	jv_for_each (p, jv_get(slice, "ports"))
		if (str_eq(jv_text(jv_get(p.value, "name")), name))
			port = jv_i64(jv_get(p.value, "port"), 0);
	return port > 0 && port < 65536 ? port : 0;
}

bool service_endpoints(const struct store_view *v, struct str ns, struct str name,
		       struct str port_name,
		       void (*each)(void *user, struct str address, struct str node, uint16_t port),
		       void *user)
{
	const struct store_obj *o = server_get(v, server_kind("", "v1", "services"), ns, name);
	struct jv family = o ? jv_path(jv_of(o->value), "spec.ipFamilies[0]") : JV_NONE;
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	struct store_iter it;
	bool any = false;

	request_key(server_kind("discovery.k8s.io", "v1", "endpointslices"), ns, STR_NULL, &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		struct jv slice = jv_of(o->value), labels = jv_path(slice, "metadata.labels");
		int64_t port;

		if (!str_eq(jv_text(jv_get(labels, "kubernetes.io/service-name")), name) ||
		    (jv_exists(family) &&
		     !str_eq(jv_text(jv_get(slice, "addressType")), jv_text(family))))
			continue;
		port = port_of(slice, port_name);
		jv_for_each (e, jv_get(slice, "endpoints")) {
			struct str address = jv_text(jv_path(e.value, "addresses[0]"));

			any = true;
			if (port && address.len &&
			    jv_bool(jv_path(e.value, "conditions.ready"), true))
				each(user, address, jv_text(jv_get(e.value, "nodeName")),
				     (uint16_t)port);
		}
	}
	return any;
}

struct urls {
	char **v;
	size_t *n;
};

static void add_url(void *user, struct str address, struct str node, uint16_t port)
{
	struct urls *u = user;
	CLEANUP_FREE char *a = str_dup(address);

	if (*u->n < SERVICE_URLS_MAX)
		u->v[(*u->n)++] = service_url(a, port);
}

enum service_fault service_urls(const struct store_view *v, struct str ns, struct str name,
				uint16_t port, char *urls[SERVICE_URLS_MAX], size_t *ret_n,
				struct str *ret_port_name)
{
	const struct store_obj *o = server_get(v, server_kind("", "v1", "services"), ns, name);
	struct jv svc = o ? jv_of(o->value) : JV_NONE;
	struct urls u = {urls, ret_n};
	bool any;

	*ret_n = 0;
	*ret_port_name = STR("");
	if (!o)
		return SERVICE_NOT_FOUND;
	if (jv_eqs(jv_path(svc, "spec.type"), "ExternalName")) {
		urls[0] = jv_strdup(jv_path(svc, "spec.externalName"));
		*ret_n = urls[0] ? 1 : 0;
		return SERVICE_EXTERNAL;
	}
	if (!service_port_name(svc, port, ret_port_name))
		return SERVICE_NO_PORT;
	any = service_endpoints(v, ns, name, *ret_port_name, add_url, &u);
	return *ret_n ? SERVICE_FINE : any ? SERVICE_NOT_READY : SERVICE_NO_ENDPOINTS;
}
