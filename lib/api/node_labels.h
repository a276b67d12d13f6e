/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_NODE_LABELS_H
#define KNARR_API_NODE_LABELS_H
#include "lib/base/str.h"
/*
 * Which labels a node may give itself: all but those that draw pods to it. Of kubernetes.io and
 * k8s.io these are a few (k8s.io/kubelet pkg/apis well_known_labels.go, and the admission plugin
 * NodeRestriction); node-restriction.kubernetes.io is for others to write, always.
 */
bool node_label_own(struct str key);
#endif
