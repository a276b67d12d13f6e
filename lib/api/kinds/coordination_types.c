/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field LeaseSpec_fields[] = {
	{"holderIdentity", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Holder identity of this lease spec."},
	{"leaseDurationSeconds", API_INT32, .pb = 2, .flags = API_PTR,
	 .help = "Lease duration seconds of this lease spec."},
	{"acquireTime", API_MICROTIME, .pb = 3, .flags = API_PTR,
	 .help = "Acquire time of this lease spec."},
	{"renewTime", API_MICROTIME, .pb = 4, .flags = API_PTR,
	 .help = "Renew time of this lease spec."},
	{"leaseTransitions", API_INT32, .pb = 5, .flags = API_PTR,
	 .help = "Lease transitions of this lease spec."},
	{"strategy", API_STRING, .pb = 6, .flags = API_PTR, .help = "Strategy of this lease spec."},
	{"preferredHolder", API_STRING, .pb = 7, .flags = API_PTR,
	 .help = "Preferred holder of this lease spec."},
};

const struct api_type api_t_coordination_v1_LeaseSpec = {
	.name = "io.k8s.api.coordination.v1.LeaseSpec",
	.fields = LeaseSpec_fields,
	.n_fields = ARRAY_SIZE(LeaseSpec_fields),
	.help = "Lease spec.",
};

static const struct api_field Lease_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Metadata of this lease."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_coordination_v1_LeaseSpec,
	 .help = "Spec of this lease."},
};

const struct api_type api_t_coordination_v1_Lease = {
	.name = "io.k8s.api.coordination.v1.Lease",
	.fields = Lease_fields,
	.n_fields = ARRAY_SIZE(Lease_fields),
	.help = "Lease.",
};
