/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLI_DAEMON_H
#define KNARR_CLI_DAEMON_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * Starting and stopping Knarr's daemons: by systemd where it runs this machine, else directly with
 * a pid file and a log file each (containers, rescue systems).
 *
 *	/run/knarr/NAME.pid	pid and start time, so that a reused pid is never signalled
 *	/var/log/knarr/NAME.log	output, when systemd isn't there
 *	/etc/knarr/NAME.env	KNARR_MASTER_OPTIONS / KNARR_AGENT_OPTIONS, read by the units
 */
#define DAEMON_MASTER "knarr-master"
#define DAEMON_AGENT "knarr-agent"

/* True when systemd runs this machine (sd_booted(3)). */
bool daemon_by_systemd(void);
/*
 * Write `options` (words) as the daemon's environment file and start it (restart if it runs).
 * Waits until the process says that it is ready, or has ended: then err has its last lines.
 */
int daemon_start(const char *name, const char *const *options, size_t n, struct err *err);
/* Only the environment file, for the next start. */
int daemon_write_options(const char *name, const char *const *options, size_t n, struct err *err);
/* SIGTERM, then SIGKILL after ten seconds; 0 when it did not run. */
int daemon_stop(const char *name, struct err *err);
bool daemon_running(const char *name);

/* The parts of it, for daemons that are not this machine's: knarrctl local. */
struct daemon_conf {
	const char *program; /* DAEMON_AGENT */
	const char *pid_file, *log; /* in folders that are there */
	int netns; /* namespace to run in, or -1 */
};
int daemon_spawn(const struct daemon_conf *conf, const char *const *options, size_t n,
		 struct err *err);
int daemon_end(const char *pid_file, const char *name, struct err *err);
/* Path of a program beside knarrctl, if it runs out of a build folder; else for $PATH. To free. */
char *daemon_program(const char *name);
/* Run a command to its end: exit code, or a negative errno. */
int daemon_run(const char *const *argv);
#endif
