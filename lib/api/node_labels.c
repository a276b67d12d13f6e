/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/node_labels.h"

static const char *const own_labels[] = {
	"kubernetes.io/hostname",
	"kubernetes.io/os",
	"kubernetes.io/arch",
	"beta.kubernetes.io/os",
	"beta.kubernetes.io/arch",
	"beta.kubernetes.io/instance-type",
	"topology.kubernetes.io/zone",
	"topology.kubernetes.io/region",
	"failure-domain.beta.kubernetes.io/zone",
	"failure-domain.beta.kubernetes.io/region",
};

/* "example.com", and what is below it: "a.example.com". */
static bool is_within(struct str domain, const char *of)
{
	struct str top = str_of(of);

	return str_ends(domain, top) &&
	       (domain.len == top.len || domain.p[domain.len - top.len - 1] == '.');
}

bool node_label_own(struct str key)
{
	ssize_t slash = str_chr(key, '/');
	struct str domain = str_n(key.p, slash < 0 ? 0 : (size_t)slash);

	if (is_within(domain, "node-restriction.kubernetes.io"))
		return false;
	if (!is_within(domain, "kubernetes.io") && !is_within(domain, "k8s.io"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(own_labels); i++)
		if (str_eqs(key, own_labels[i]))
			return true;
	return is_within(domain, "node.kubernetes.io") ||
	       is_within(domain, "kubelet.kubernetes.io");
}
