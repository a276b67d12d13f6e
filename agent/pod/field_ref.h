/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_FIELD_REF_H
#define KNARR_FIELD_REF_H
#include "agent/pod/pod_view.h"
/*
 * The downward API's fieldRef paths (pkg/fieldpath, pkg/kubelet/kubelet_pods.go): metadata.name,
 * .namespace, .uid, .labels, .annotations, .labels['k'], .annotations['k'], spec.nodeName,
 * spec.serviceAccountName, status.hostIP(s), status.podIP(s).
 */
struct field_facts {
	struct str node_name;
	struct str host_ip; /* empty: unknown yet */
	struct str pod_ip; /* empty: unknown yet */
	struct str host_ip6, pod_ip6; /* the second of ...IPs; empty: there is none */
};

/* Appends the value. -EAGAIN for an address not known yet; -EINVAL for a path that is none. */
int field_ref(const struct pod_view *v, const struct field_facts *f, struct str path,
	      struct buf *out, struct err *err);
/* A labels or annotations object as the downward API shows it: key="value" lines, sorted, with
 * Go's %q quoting. */
void field_map_format(const struct pod_view *v, struct jv map, struct buf *out);
#endif
