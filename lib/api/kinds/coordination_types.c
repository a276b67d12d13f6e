/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field LeaseSpec_fields[] = {
	{"holderIdentity", API_STRING, .pb = 1, .flags = API_PTR, .help = "Who holds the lease."},
	{"leaseDurationSeconds", API_INT32, .pb = 2, .flags = API_PTR,
	 .help = "Seconds the lease lasts without renewal."},
	{"acquireTime", API_MICROTIME, .pb = 3, .flags = API_PTR,
	 .help = "When the holder took it."},
	{"renewTime", API_MICROTIME, .pb = 4, .flags = API_PTR,
	 .help = "When the lease was last renewed."},
	{"leaseTransitions", API_INT32, .pb = 5, .flags = API_PTR,
	 .help = "How often the holder changed."},
	{"strategy", API_STRING, .pb = 6, .flags = API_PTR,
	 .help = "How old pods are replaced by new ones."},
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
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_coordination_v1_LeaseSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_coordination_v1_Lease = {
	.name = "io.k8s.api.coordination.v1.Lease",
	.fields = Lease_fields,
	.n_fields = ARRAY_SIZE(Lease_fields),
	.help = "Lease.",
};
