/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_KUBERNETES_H
#define KNARR_KUBERNETES_H
/*
 * The version of Kubernetes that all parts say they are: the server at /version and in its OpenAPI
 * documents, nodes as their kubelet's, probes as their user agent. kubectl warns when the server is
 * more than one minor version away from it, so this is what kubectls in use are near to; kinds of
 * later versions are served all the same. "+knarr" tells clients, and masters of nodes, whose it
 * is.
 */
#define KUBERNETES_MAJOR "1"
#define KUBERNETES_MINOR "34"
#define KUBERNETES_RELEASE "v" KUBERNETES_MAJOR "." KUBERNETES_MINOR ".0"
#define KUBERNETES_VERSION KUBERNETES_RELEASE "+knarr"
#define KUBE_PROBE_AGENT "kube-probe/" KUBERNETES_MAJOR "." KUBERNETES_MINOR
#endif
