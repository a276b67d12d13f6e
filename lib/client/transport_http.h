/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_TRANSPORT_HTTP_H
#define KNARR_CLIENT_TRANSPORT_HTTP_H
#include "lib/base/err.h"
#include "lib/client/transport.h"
/*
 * The transport over lib/http's client: one HTTP/2 connection to a master for all requests and
 * watches, the next server of the list when one does not answer.
 */
struct http_client;
/* Takes `hc` (made by the caller with servers, certificates or token): freed with the transport. */
struct transport *transport_http_new(struct http_client *hc);
#endif
