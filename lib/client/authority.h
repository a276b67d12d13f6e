/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_AUTHORITY_H
#define KNARR_CLIENT_AUTHORITY_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * Who a master is, for somebody who knows nothing of the cluster but the hash of its authority's
 * public key (what kubeadm calls discovery-token-ca-cert-hash): the self-signed certificate in the
 * chain which the master shows, if it has that hash.
 *
 * `url` is "https://HOST:PORT" (6443 when there is none); `ca_hash` "sha256:<hex>", NULL trusts
 * what answers, with a warning. Nothing secret is sent. Blocks, 10 s at most a step. Appends PEM.
 */
int authority_fetch(const char *url, const char *ca_hash, struct buf *pem, struct err *err);
#endif
