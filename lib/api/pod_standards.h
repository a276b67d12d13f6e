/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_POD_STANDARDS_H
#define KNARR_API_POD_STANDARDS_H
#include "lib/base/err.h"
#include "lib/json/jsonc.h"
/*
 * The Pod Security Standards (k8s.io/pod-security-admission, KEP-2579): what a pod may ask for at
 * the levels privileged, baseline and restricted, as each minor version of Kubernetes defined
 * them. Reasons and details are those which users know from there.
 */
enum pod_security_level { POD_SECURITY_PRIVILEGED, POD_SECURITY_BASELINE, POD_SECURITY_RESTRICTED };

#define POD_SECURITY_LATEST UINT_MAX

struct pod_security {
	enum pod_security_level level;
	unsigned minor; /* of v1.MINOR, or POD_SECURITY_LATEST */
};

/* The policy of a namespace: what is refused, and what is only noted or warned about. */
struct pod_security_policy {
	struct pod_security enforce, audit, warn;
};

/*
 * From a namespace's labels pod-security.kubernetes.io/{enforce,audit,warn}[-version]; `labels` may
 * be NULL. What can't be read is restricted for enforce and privileged for the others, and adds a
 * cause to err (which may be NULL); returns how many there were.
 */
size_t pod_security_policy_parse(struct json_object *labels, struct pod_security_policy *ret,
				 struct err *err);
static inline bool pod_security_eq(struct pod_security a, struct pod_security b)
{
	return a.level == b.level && a.minor == b.minor;
}
/* "restricted:latest", "baseline:v1.25" */
void pod_security_format(struct pod_security s, struct buf *out);

/*
 * True when the pod (metadata, spec: of a pod or of a template; both may be NULL) keeps to it. If
 * not, the reasons are appended: to `reasons` alone ("host namespaces, hostPort"), to `details`
 * with what breaks them ("host namespaces (hostNetwork=true), ..."). Either may be NULL.
 */
bool pod_security_check(struct pod_security s, struct json_object *metadata,
			struct json_object *spec, struct buf *reasons, struct buf *details);
#endif
