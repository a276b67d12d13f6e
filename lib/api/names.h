/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_NAMES_H
#define KNARR_API_NAMES_H
#include "lib/base/str.h"
/*
 * Rules of names (k8s.io/apimachinery util/validation). Each returns NULL when the text is right,
 * else Kubernetes' sentence about what is wrong (static, or in a buffer of the thread that the
 * next call reuses).
 */
const char *name_check_dns_label(struct str s); /* RFC 1123 label, 63 */
const char *name_check_dns_label_1035(struct str s); /* begins with a letter: Services */
const char *name_check_dns_subdomain(struct str s); /* RFC 1123 subdomain, 253 */
const char *name_check_path_segment(struct str s); /* no "/", "%", ".", ".." */
const char *name_check_qualified(struct str s); /* [prefix/]name of labels and annotations */
const char *name_check_label_value(struct str s);
const char *name_check_port_name(struct str s); /* IANA_SVC_NAME */
const char *name_check_config_key(struct str s); /* keys of ConfigMap and Secret */
const char *name_check_env(struct str s); /* printable ASCII without "=" */
const char *name_check_c_identifier(struct str s);
#endif
