/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_FILES_H
#define KNARR_POD_FILES_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * The files the agent puts into every container: /etc/hosts, /etc/hostname, /etc/resolv.conf and
 * the termination message.
 */
struct pod;
struct container;
/* Write POD_DIR/etc-hosts, etc-hostname and resolv.conf. */
int files_write(struct pod *p, struct err *err);
/* Make an empty, world-writable termination log for the next instance; its path, to be freed. */
char *files_termination_log(struct container *c, struct err *err);
/* What the ended instance left there, or the log's tail by its policy; NULL if nothing. */
char *files_termination_message(struct container *c);

/* ---- pure parts, for tests ---- */
struct pod_view;
/* pod_ip6 "": none */
void files_hosts(const struct pod_view *v, const char *pod_ip, const char *pod_ip6,
		 const char *domain, struct buf *out);
/* resolv.conf by dnsPolicy and dnsConfig; host: text of the node's own file. */
void files_resolv_conf(const struct pod_view *v, struct str host, const char *cluster_dns,
		       const char *domain, struct buf *out);
#endif
