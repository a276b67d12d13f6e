/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_NAMES_H
#define KNARR_API_NAMES_H
#include "lib/base/str.h"
/*
 * Rules of names (k8s.io/apimachinery util/validation and api/validate/content). A text can break
 * several at once; name_errors gives every sentence, in Kubernetes' order, the name_check_*
 * shorthands the first (NULL when the text is right). Every sentence is static.
 */
enum name_rule {
	NAME_DNS_LABEL, /* RFC 1123 label, 63 */
	NAME_DNS_LABEL_1035, /* begins with a letter */
	NAME_SUBDOMAIN, /* RFC 1123 subdomain, 253 */
	NAME_SUBDOMAIN_RELAXED, /* with '_': DNS search paths */
	NAME_PATH_SEGMENT, /* no "/", "%", ".", ".." */
	NAME_QUALIFIED, /* [prefix/]name of labels and annotations */
	NAME_LABEL_VALUE,
	NAME_PORT, /* IANA_SVC_NAME */
	NAME_CONFIG_KEY, /* keys of ConfigMap and Secret */
	NAME_ENV, /* printable ASCII without "=" */
	NAME_C_IDENTIFIER,
	NAME_HTTP_HEADER,
	NAME_RULE_MAX,
};

struct name_errors {
	const char *v[6];
	size_t n;
};

void name_errors(enum name_rule rule, struct str s, struct name_errors *ret);

const char *name_check_dns_label(struct str s);
const char *name_check_dns_label_1035(struct str s);
const char *name_check_dns_subdomain(struct str s);
const char *name_check_path_segment(struct str s);
const char *name_check_qualified(struct str s);
const char *name_check_label_value(struct str s);
const char *name_check_port_name(struct str s);
const char *name_check_config_key(struct str s);
const char *name_check_env(struct str s);
const char *name_check_c_identifier(struct str s);
#endif
