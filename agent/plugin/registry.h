/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PLUGIN_REGISTRY_H
#define KNARR_PLUGIN_REGISTRY_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/timers.h"
/*
 * Plugins of the node announce themselves by a socket in a directory, at which they speak
 * pluginregistration.Registration (pkg/kubelet/pluginmanager):
 *
 *	socket appears --> GetInfo --> handler of the type --> NotifyRegistrationStatus
 *	socket goes, or is replaced by another --> handler.gone
 *
 * What fails is tried again, with growing pauses (0.1 s to 2 min), as long as the socket is there.
 * Sockets in folders of the directory count; names that begin with '.' don't.
 */
struct plugin_registry;
struct plugin;
struct uv_loop_s;

struct plugin_info {
	const char *type; /* "CSIPlugin", "DRAPlugin", "DevicePlugin" */
	const char *name;
	const char *endpoint; /* socket of the plugin's own service */
	const char *const *versions; /* as it gave them; NULL-terminated */
};

/* What takes plugins of one type. `info` and its texts live as long as the plugin does. */
struct plugin_handler {
	const char *type;
	/* May it be registered? Errors are told the plugin. */
	int (*check)(void *user, const struct plugin_info *info, struct err *err);
	/*
	 * Begin to use it. plugin_answer has to be called, from here or later, once, unless the
	 * plugin is gone before. After an answer that was an error it is as if it had never been
	 * added: `gone` is not called, and `add` may be called again.
	 */
	void (*add)(void *user, const struct plugin_info *info, struct plugin *p);
	/* It is not there any more. */
	void (*gone)(void *user, const struct plugin_info *info);
};
/* err NULL or without errnum: registered. */
void plugin_answer(struct plugin *p, const struct err *err);

struct plugin_handler_row {
	const struct plugin_handler *handler;
	void *user;
};
struct plugin_registry_conf {
	struct uv_loop_s *loop;
	struct timers *timers;
	const char *dir; /* made if it is not there */
	const struct plugin_handler_row *rows; /* copied */
	size_t n_rows;
};
int plugin_registry_start(const struct plugin_registry_conf *conf, struct plugin_registry **ret,
			  struct err *err);
/* Calls `gone` for none: the plugins go on, it is the agent that ends. NULL is fine. */
struct plugin_registry *plugin_registry_stop(struct plugin_registry *r);
/*
 * The highest of a plugin's versions whose major number is `major`, "1.2.0" or "v1.2.0"; NULL if
 * there is none.
 */
const char *plugin_version(const struct plugin_info *info, unsigned major);
#endif
