/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

const char *const api_key_usages[] = {"any",
				      "cert sign",
				      "client auth",
				      "code signing",
				      "content commitment",
				      "crl sign",
				      "data encipherment",
				      "decipher only",
				      "digital signature",
				      "email protection",
				      "encipher only",
				      "ipsec end system",
				      "ipsec tunnel",
				      "ipsec user",
				      "key agreement",
				      "key encipherment",
				      "microsoft sgc",
				      "netscape sgc",
				      "ocsp signing",
				      "s/mime",
				      "server auth",
				      "signing",
				      "timestamping",
				      NULL};

static const struct api_field CertificateSigningRequestSpec_fields[] = {
	{"request", API_BYTES, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The request, PEM in base64."},
	{"signerName", API_STRING, .pb = 7, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Who is to sign."},
	{"expirationSeconds", API_INT32, .pb = 8, .flags = API_PTR, .help = "Seconds it is valid."},
	{"usages", API_STRING, API_LIST, .pb = 5, .enums = api_key_usages,
	 .help = "What the key is to be used for."},
	{"username", API_STRING, .pb = 2,
	 .help = "Username of this certificate signing request spec."},
	{"uid", API_STRING, .pb = 3,
	 .help = "Unique identity in time and space, given by the server."},
	{"groups", API_STRING, API_LIST, .pb = 4,
	 .help = "The groups of this certificate signing request spec."},
	{"extra", API_STRING, API_MAP, .pb = 6, .flags = API_PB_WRAPPED | API_MAP_OF_LISTS,
	 .help = "Extra of this certificate signing request spec."},
};

const struct api_type api_t_certificates_v1_CertificateSigningRequestSpec = {
	.name = "io.k8s.api.certificates.v1.CertificateSigningRequestSpec",
	.fields = CertificateSigningRequestSpec_fields,
	.n_fields = ARRAY_SIZE(CertificateSigningRequestSpec_fields),
	.help = "Certificate signing request spec.",
};

static const struct api_field CertificateSigningRequestCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 6, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"reason", API_STRING, .pb = 2, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 3, .help = "Why, for people."},
	{"lastUpdateTime", API_TIME, .pb = 4, .help = "When it was last written."},
	{"lastTransitionTime", API_TIME, .pb = 5, .help = "When the status last changed."},
};

const struct api_type api_t_certificates_v1_CertificateSigningRequestCondition = {
	.name = "io.k8s.api.certificates.v1.CertificateSigningRequestCondition",
	.fields = CertificateSigningRequestCondition_fields,
	.n_fields = ARRAY_SIZE(CertificateSigningRequestCondition_fields),
	.help = "Certificate signing request condition.",
};

static const struct api_field CertificateSigningRequestStatus_fields[] = {
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1,
	 .ref = &api_t_certificates_v1_CertificateSigningRequestCondition, .keys = "type",
	 .help = "What is known about the object, one entry a type."},
	{"certificate", API_BYTES, .pb = 2,
	 .help = "Certificate of this certificate signing request status."},
};

const struct api_type api_t_certificates_v1_CertificateSigningRequestStatus = {
	.name = "io.k8s.api.certificates.v1.CertificateSigningRequestStatus",
	.fields = CertificateSigningRequestStatus_fields,
	.n_fields = ARRAY_SIZE(CertificateSigningRequestStatus_fields),
	.help = "Certificate signing request status.",
};

static const struct api_field CertificateSigningRequest_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_certificates_v1_CertificateSigningRequestSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3,
	 .ref = &api_t_certificates_v1_CertificateSigningRequestStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_certificates_v1_CertificateSigningRequest = {
	.name = "io.k8s.api.certificates.v1.CertificateSigningRequest",
	.fields = CertificateSigningRequest_fields,
	.n_fields = ARRAY_SIZE(CertificateSigningRequest_fields),
	.help = "Certificate signing request.",
};
