/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STATIC_SOURCE_H
#define KNARR_STATIC_SOURCE_H
/*
 * Static pods: a directory of manifests (JSON or YAML, one Pod a file), watched by inotify. A
 * file's pod has the UID that is the hash of its content and the node's name, so an edited file is
 * another pod; its name gets "-NODE" appended (pkg/kubelet/config/common.go applyDefaults).
 */
struct static_source;
struct pods;
struct uv_loop_s;
/* Reads the directory at once. One that is missing is made. Never NULL; errors are logged. */
struct static_source *static_source_new(struct pods *ps, struct uv_loop_s *loop, const char *dir);
struct static_source *static_source_free(struct static_source *s);
#endif
