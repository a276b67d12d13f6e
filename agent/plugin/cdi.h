/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PLUGIN_CDI_H
#define KNARR_PLUGIN_CDI_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hmap.h"
/*
 * The Container Device Interface (github.com/cncf-tags/container-device-interface, SPEC.md): files
 * in /etc/cdi and /var/run/cdi say what a container needs of a device "vendor.com/class=name":
 * variables, device nodes, mounts, groups. The later directory wins; a name that is there twice in
 * one is a mistake. Hooks are programs to run inside the making of a container: devices that want
 * some are refused, and so are those with network interfaces or cache classes.
 */
struct cdi_node {
	char *path, *host_path; /* in the container; on the host */
	char *access; /* some of "rwm" */
};
struct cdi_mount {
	char *host_path, *path;
	bool read_only, nosuid, nodev, noexec;
	char propagation; /* 0 private, 's' shared, 'l' slave */
};
struct cdi_edits {
	char **env; /* "NAME=value" */
	struct cdi_node *nodes;
	struct cdi_mount *mounts;
	uint32_t *groups;
	size_t n_env, cap_env, n_nodes, cap_nodes, n_mounts, cap_mounts, n_groups, cap_groups;
	struct hmap *files; /* whose own edits are in */
};
void cdi_edits_done(struct cdi_edits *e);
#define CDI_DIRS_DEFAULT ((const char *const[]){"/etc/cdi", "/var/run/cdi", NULL})
/*
 * Adds what a device needs. dirs: NULL-terminated. -ENOENT: no file has it; -EINVAL: what the file
 * says cannot be done, or is no CDI.
 */
int cdi_add(const char *const *dirs, struct str device, struct cdi_edits *e, struct err *err);
/*
 * The same of one file's bytes (JSON, or YAML if `yaml`): 1 if the device is in there, else 0. For
 * cdi_add, and tests.
 */
int cdi_add_from(struct str bytes, bool yaml, const char *file, struct str device,
		 struct cdi_edits *e, struct err *err);
#endif
