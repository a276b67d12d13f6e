/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SERVICE_URLS_H
#define KNARR_SERVICE_URLS_H
#include "master/apiserver/server.h"
/*
 * Where a Service of the cluster is reached by the master itself: the ready endpoints of one of
 * its ports, asked directly. Its certificate is expected to say NAME.NAMESPACE.svc.
 */
#define SERVICE_URLS_MAX 16

enum service_fault {
	SERVICE_FINE,
	SERVICE_NOT_FOUND,
	SERVICE_NO_PORT, /* it has not that port */
	SERVICE_NO_ENDPOINTS, /* nobody at all behind it */
	SERVICE_NOT_READY, /* nobody who is ready, with that port */
	SERVICE_EXTERNAL, /* ExternalName: urls[0] is the name, not a URL */
};
/* "https://10.0.0.1:8443" each; the caller frees the *ret_n texts. */
enum service_fault service_urls(const struct store_view *v, struct str ns, struct str name,
				uint16_t port, char *urls[SERVICE_URLS_MAX], size_t *ret_n,
				struct str *ret_port_name);
/*
 * The ready endpoints of the port that is called so, in all slices of the Service: `each` gets the
 * first address, the node (or nothing) and the port's number. Says whether there is anybody at all.
 */
bool service_endpoints(const struct store_view *v, struct str ns, struct str name,
		       struct str port_name,
		       void (*each)(void *user, struct str address, struct str node, uint16_t port),
		       void *user);
/* The name of the Service's port with this number; false: it has none. */
bool service_port_name(struct jv svc, int64_t port, struct str *ret_name);
/* "https://a:1" or "https://[::1]:1"; the caller frees it. */
char *service_url(const char *address, uint16_t port);
#endif
