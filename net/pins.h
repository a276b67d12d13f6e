/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_PINS_H
#define KNARR_NET_PINS_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * Where BPF objects are pinned, and the few things every loader of a skeleton needs.
 *
 *	<bpffs>/knarr/<node>/counters
 *	<bpffs>/knarr/<node>/lb-v1/{services,backends,...,link_connect4,...}
 *	<bpffs>/knarr/<node>/pod-v1/{pods,...}
 *
 * <bpffs> is /sys/fs/bpf if a bpffs is mounted there, else <run_dir>/bpf, mounted by us. In the
 * former, an agent whose run directory is not /run/knarr/agent has <node>@<hash of it>.
 */
struct bpf_map;
struct bpf_object_skeleton;
struct bpf_program;

/* Make (`create`) or find the node's directory: appended to ret_dir. -ENOENT if not there. */
int pins_dir(const char *node, const char *run_dir, bool create, struct buf *ret_dir,
	     struct err *err);
/* Remove <node>/<part>*, e.g. "lb-v", and the directory above when it is empty then. */
int pins_remove(const char *node, const char *run_dir, const char *part, struct err *err);
/* Remove the versions of a part other than `keep`: "lb-v", "lb-v2". After an upgrade. */
void pins_remove_other(const char *dir, const char *part, const char *keep);
/* Unmount an own bpffs, if nothing is pinned there any more. */
void pins_unmount(const char *run_dir);

/* Before loading: have libbpf reuse the map pinned at dir/name, or pin a new one there. A pinned
 * map keeps its size. */
int pins_use_map(struct bpf_map *map, const char *dir, const char *name);
/* bpf_object__load_skeleton (of skel->skeleton), with the last thing the kernel or libbpf said in
 * the message. */
int bpf_load(struct bpf_object_skeleton *skel, const char *what, struct err *err);
/* Say -EPERM / -EOPNOTSUPP before libbpf does it less clearly: root, BTF. */
int bpf_usable(struct err *err);
#endif
