/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_PROXY_HTML_H
#define KNARR_APISERVER_PROXY_HTML_H
#include "lib/base/buf.h"
/*
 * Links of a page that came through .../proxy/: absolute paths get the proxy's own path in front,
 * so that a browser stays behind it (k8s.io/apimachinery util/proxy Transport).
 */
/*
 * `url` as it must read for the client: `prefix` (no slash at its end) before an absolute path, and
 * no host where that was `host`. Other hosts and relative paths stay. Appended to out; false when
 * nothing changes (and nothing was appended).
 */
bool proxy_rewrite_url(struct str url, struct str prefix, struct str host, struct buf *out);
/* The same for all links of an HTML text. */
void proxy_rewrite_html(struct str html, struct str prefix, struct str host, struct buf *out);
#endif
