/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_ADMISSION_PLUGINS_H
#define KNARR_APISERVER_ADMISSION_PLUGINS_H
#include "lib/base/err.h"
/*
 * Which admission plugins run (--enable-admission-plugins, --disable-admission-plugins), by
 * Kubernetes' names. A set is one bit for each plugin that does not.
 */
enum admission_plugin {
	/* Those that are no row of admission.c's table. */
	PLUGIN_RESOURCE_QUOTA,
	PLUGIN_MUTATING_WEBHOOK,
	PLUGIN_VALIDATING_WEBHOOK,
	PLUGIN_MUTATING_POLICY,
	PLUGIN_VALIDATING_POLICY,
	PLUGIN_OTHERS,
};
/*
 * Lists end with NULL and may be NULL; each entry is a name or several with commas between.
 * -EINVAL: a name that Kubernetes does not know, one that is to be on but is not here, or one in
 * both.
 */
int admission_plugins_parse(const char *const *enable, const char *const *disable,
			    uint64_t *ret_off, struct err *err);
static inline bool admission_plugin_off(uint64_t off, unsigned plugin)
{
	return off >> plugin & 1;
}
/* The plugin of that name; -ENOENT: it has none that Kubernetes knows, and can't be switched. */
int admission_plugin_find(const char *name);
#endif
