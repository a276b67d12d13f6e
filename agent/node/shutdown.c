/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/shutdown.h"

#include <poll.h>
#include <signal.h>
#include <systemd/sd-bus.h>
#include <uv.h>

#include "agent/node/node.h"
#include "agent/pod/shutdown.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"

#define LOGIN1 "org.freedesktop.login1"
#define LOGIN1_PATH "/org/freedesktop/login1"
#define LOGIN1_MANAGER "org.freedesktop.login1.Manager"
#define CONF_DIR "/run/systemd/logind.conf.d"
#define CONF_FILE CONF_DIR "/99-knarr.conf"

struct node_shutdown {
	struct node_shutdown_conf conf;
	uv_signal_t sigpwr;
	sd_bus *bus; /* NULL: no system bus */
	uv_poll_t poll;
	bool polling;
	struct timer timer; /* the bus wants to be looked at */
	int lock_fd; /* -1: none */
	bool going_down, by_signal;
};

static void bus_look(struct node_shutdown *s);
static void on_poll(uv_poll_t *h, int status, int events);
static void take_lock(struct node_shutdown *s);

static void let_go(struct node_shutdown *s)
{
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	s->lock_fd = -1;
}

static void on_pods_ended(void *user)
{
	struct node_shutdown *s = user;

	log_notice("all pods have ended");
	let_go(s);
	if (s->by_signal)
		s->conf.ended(s->conf.user);
}

static void begin(struct node_shutdown *s)
{
	if (s->going_down)
		return;
	s->going_down = true;
	log_notice("the machine goes down: ending pods within %" PRIu64 " s",
		   (uint64_t)(s->conf.grace_ns / NSEC_PER_SEC));
	if (s->conf.node)
		node_set_ready(s->conf.node, false, "KubeletNotReady", "node is shutting down");
	pods_shutdown_begin(s->conf.pods, &(struct pods_shutdown_conf){
						  .grace_ns = s->conf.grace_ns,
						  .critical_ns = s->conf.critical_ns,
						  .done = on_pods_ended,
						  .user = s,
					  });
}

static void cancel(struct node_shutdown *s)
{
	if (!s->going_down || s->by_signal)
		return;
	log_notice("the machine does not go down after all");
	s->going_down = false;
	pods_shutdown_cancel(s->conf.pods);
	if (s->conf.node)
		node_set_ready(s->conf.node, true, "KubeletReady",
			       "kubelet is posting ready status");
	let_go(s);
	take_lock(s);
}

static void on_sigpwr(uv_signal_t *h, int sig)
{
	struct node_shutdown *s = h->data;

	s->by_signal = true;
	begin(s);
}

/* ---- logind ---- */

static int on_prepare(sd_bus_message *m, void *user, sd_bus_error *e)
{
	struct node_shutdown *s = user;
	int down = 0;

	if (sd_bus_message_read(m, "b", &down) < 0)
		return 0;
	if (down)
		begin(s);
	else
		cancel(s);
	return 0;
}

static int on_locked(sd_bus_message *m, void *user, sd_bus_error *e)
{
	struct node_shutdown *s = user;
	int fd = -1;

	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "h", &fd) < 0) {
		log_warn("no inhibitor lock of systemd-logind: %s",
			 sd_bus_message_is_method_error(m, NULL)
				 ? sd_bus_message_get_error(m)->message
				 : "bad answer");
		return 0;
	}
	let_go(s);
	s->lock_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static void take_lock(struct node_shutdown *s)
{
	int r = s->bus ? sd_bus_call_method_async(s->bus, NULL, LOGIN1, LOGIN1_PATH, LOGIN1_MANAGER,
						  "Inhibit", on_locked, s, "ssss", "shutdown",
						  "knarr-agent", "Pods are ended first", "delay")
		       : 0;

	if (r < 0)
		log_warn("cannot ask systemd-logind for a lock: %s", strerror(-r));
	if (s->bus)
		bus_look(s);
}

/* logind reads its files anew by SIGHUP, as upstream's kubelet has it do. */
static void raise_delay(struct node_shutdown *s)
{
	CLEANUP_FREE char *text = xasprintf("[Login]\nInhibitDelayMaxSec=%" PRIu64 "\n",
					    (uint64_t)(s->conf.grace_ns / NSEC_PER_SEC));
	int r = dir_make(CONF_DIR, 0755);

	if (r == 0)
		r = file_write_atomic(AT_FDCWD, CONF_FILE, str_of(text), 0644);
	if (r == 0)
		r = sd_bus_call_method_async(s->bus, NULL, "org.freedesktop.systemd1",
					     "/org/freedesktop/systemd1",
					     "org.freedesktop.systemd1.Manager", "KillUnit", NULL,
					     NULL, "ssi", "systemd-logind.service", "main", SIGHUP);
	if (r < 0)
		log_warn("cannot have systemd-logind wait for longer: %s", strerror(-r));
}

static int on_delay(sd_bus_message *m, void *user, sd_bus_error *e)
{
	struct node_shutdown *s = user;
	uint64_t us = 0;

	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "v", "t", &us) < 0)
		return 0;
	if (us * NSEC_PER_USEC >= s->conf.grace_ns)
		return 0;
	if (s->conf.set_delay)
		raise_delay(s);
	else
		log_warn("systemd-logind waits for %" PRIu64
			 " s only: see InhibitDelayMaxSec in logind.conf(5)",
			 us / 1000000);
	return 0;
}

static void bus_lost(struct node_shutdown *s, int r)
{
	log_warn("lost the system bus: %s; SIGPWR still works", strerror(-r));
	if (s->polling)
		uv_poll_stop(&s->poll);
	timers_disarm(s->conf.timers, &s->timer);
	s->bus = sd_bus_close_unref(s->bus);
}

/* Everything that is there to do, then wait for what the bus waits for. */
static void bus_look(struct node_shutdown *s)
{
	uint64_t until_us = UINT64_MAX;
	int events = 0, r;

	while ((r = sd_bus_process(s->bus, NULL)) > 0)
		;
	if (r == 0)
		r = events = sd_bus_get_events(s->bus);
	if (r >= 0)
		r = sd_bus_get_timeout(s->bus, &until_us);
	if (r < 0) {
		bus_lost(s, r);
		return;
	}
	timers_disarm(s->conf.timers, &s->timer);
	if (until_us != UINT64_MAX)
		timers_arm(s->conf.timers, &s->timer, until_us * NSEC_PER_USEC);
	if (s->polling)
		uv_poll_start(&s->poll,
			      (events & POLLIN ? UV_READABLE : 0) |
				      (events & POLLOUT ? UV_WRITABLE : 0),
			      on_poll);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	bus_look(h->data);
}

static void on_bus_timer(struct timer *t)
{
	bus_look(container_of(t, struct node_shutdown, timer));
}

static void open_bus(struct node_shutdown *s)
{
	/* Where there is no systemd there is no logind: don't wait for a bus that never comes. */
	if (access("/run/systemd/system", F_OK) < 0 && !getenv("DBUS_SYSTEM_BUS_ADDRESS"))
		return;
	if (sd_bus_open_system(&s->bus) < 0) {
		log_notice("no system bus: a shutdown of the machine is told by SIGPWR only");
		return;
	}
	uv_poll_init(s->conf.loop, &s->poll, sd_bus_get_fd(s->bus));
	s->poll.data = s;
	s->polling = true;
	s->timer.fire = on_bus_timer;
	sd_bus_match_signal_async(s->bus, NULL, LOGIN1, LOGIN1_PATH, LOGIN1_MANAGER,
				  "PrepareForShutdown", on_prepare, NULL, s);
	sd_bus_call_method_async(s->bus, NULL, LOGIN1, LOGIN1_PATH,
				 "org.freedesktop.DBus.Properties", "Get", on_delay, s, "ss",
				 LOGIN1_MANAGER, "InhibitDelayMaxUSec");
	take_lock(s);
}

struct node_shutdown *node_shutdown_start(const struct node_shutdown_conf *conf)
{
	struct node_shutdown *s;

	if (!conf->grace_ns)
		return NULL;
	s = NEW(struct node_shutdown);
	s->conf = *conf;
	s->lock_fd = -1;
	uv_signal_init(conf->loop, &s->sigpwr);
	s->sigpwr.data = s;
	uv_signal_start(&s->sigpwr, on_sigpwr, SIGPWR);
	open_bus(s);
	return s;
}

void node_shutdown_stop(struct node_shutdown *s)
{
	if (!s)
		return;
	let_go(s);
	timers_disarm(s->conf.timers, &s->timer);
	if (s->polling) {
		uv_poll_stop(&s->poll);
		uv_close((uv_handle_t *)&s->poll, NULL);
	}
	s->bus = sd_bus_close_unref(s->bus);
	uv_close((uv_handle_t *)&s->sigpwr, NULL);
}

struct node_shutdown *node_shutdown_free(struct node_shutdown *s)
{
	free(s);
	return NULL;
}
