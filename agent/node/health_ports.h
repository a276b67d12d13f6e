/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HEALTH_PORTS_H
#define KNARR_HEALTH_PORTS_H
#include "lib/base/str.h"
/*
 * spec.healthCheckNodePort: with externalTrafficPolicy Local a load balancer outside asks each node
 * whether it has ready endpoints of the Service (pkg/proxy/healthcheck/service_health.go): 200 when
 * it has, 503 when not, with the numbers as JSON and in X-Load-Balancing-Endpoint-Weight.
 */
struct health_ports;
struct uv_loop_s;

struct health_ports *health_ports_new(struct uv_loop_s *loop);
/* The Service "ns/name" wants port `port` (0: none), and has so many ready endpoints here. */
void health_ports_set(struct health_ports *h, struct str key, uint16_t port, size_t n_local);
/* Ends all; memory goes when the loop has run. NULL is fine. */
struct health_ports *health_ports_free(struct health_ports *h);
#endif
