/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/service_urls.h"

char *service_url(const char *address, uint16_t port)
{
	return strchr(address, ':') ? xasprintf("https://[%s]:%u", address, port)
				    : xasprintf("https://%s:%u", address, port);
}

/* Name of the service's port, which the endpoints know it by. */
static bool find_port(struct jv svc, uint16_t port, struct str *ret_name)
{
	jv_for_each (p, jv_path(svc, "spec.ports"))
		if (jv_i64(jv_get(p.value, "port"), 0) == port) {
			*ret_name = jv_text(jv_get(p.value, "name"));
			return true;
		}
	return false;
}

static void add_slice(struct jv slice, struct str port_name, char **urls, size_t *n, bool *any)
{
	int64_t port = 0;

	jv_for_each (p, jv_get(slice, "ports"))
		if (str_eq(jv_text(jv_get(p.value, "name")), port_name))
			port = jv_i64(jv_get(p.value, "port"), 0);
	jv_for_each (e, jv_get(slice, "endpoints")) {
		CLEANUP_FREE char *address = jv_strdup(jv_path(e.value, "addresses[0]"));

		*any = true;
		if (port > 0 && port < 65536 && address && *n < SERVICE_URLS_MAX &&
		    jv_bool(jv_path(e.value, "conditions.ready"), true))
			urls[(*n)++] = service_url(address, (uint16_t)port);
	}
}

enum service_fault service_urls(const struct store_view *v, struct str ns, struct str name,
				uint16_t port, char *urls[SERVICE_URLS_MAX], size_t *ret_n,
				struct str *ret_port_name)
{
	const struct store_obj *o = server_get(v, server_kind("", "v1", "services"), ns, name);
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	struct jv svc = o ? jv_of(o->value) : JV_NONE;
	struct store_iter it;
	bool any = false;

	*ret_n = 0;
	*ret_port_name = STR("");
	if (!o)
		return SERVICE_NOT_FOUND;
	if (jv_eqs(jv_path(svc, "spec.type"), "ExternalName")) {
		urls[0] = jv_strdup(jv_path(svc, "spec.externalName"));
		*ret_n = urls[0] ? 1 : 0;
		return SERVICE_EXTERNAL;
	}
	if (!find_port(svc, port, ret_port_name))
		return SERVICE_NO_PORT;
	request_key(server_kind("discovery.k8s.io", "v1", "endpointslices"), ns, STR_NULL, &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		struct jv labels = jv_path(jv_of(o->value), "metadata.labels");

		if (str_eq(jv_text(jv_get(labels, "kubernetes.io/service-name")), name))
			add_slice(jv_of(o->value), *ret_port_name, urls, ret_n, &any);
	}
	return *ret_n ? SERVICE_FINE : any ? SERVICE_NOT_READY : SERVICE_NO_ENDPOINTS;
}
