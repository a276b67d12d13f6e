/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_REMOTECOMMAND_H
#define KNARR_HTTP_REMOTECOMMAND_H
#include "lib/http/server.h"
/*
 * The server's end of exec, attach and port-forward, whatever the client speaks:
 *	WebSocket  v5.channel.k8s.io, v4.channel.k8s.io (KEP-4006)
 *	SPDY/3.1   v4.channel.k8s.io ... v1 ("channel.k8s.io")
 *	port-forward: SPDY/3.1 portforward.k8s.io, plain or through WebSocket messages
 *	(subprotocol SPDY/3.1+portforward.k8s.io)
 * The master need not know any of this: it passes the upgraded bytes on with http_splice.
 */

/* ---- exec and attach ---- */
struct rc;

enum rc_channel { RC_STDIN, RC_STDOUT, RC_STDERR, RC_ERROR, RC_RESIZE, RC_CHANNEL_MAX };

struct rc_conf {
	bool want_stdin, want_stdout, want_stderr, tty; /* as the request's query says */
};

struct rc_ops {
	/* All streams the client will use are there: start the process. */
	void (*on_open)(struct rc *rc, void *user);
	void (*on_stdin)(struct rc *rc, struct str data, void *user);
	void (*on_stdin_eof)(struct rc *rc, void *user);
	void (*on_resize)(struct rc *rc, uint16_t cols, uint16_t rows, void *user);
	void (*on_drain)(struct rc *rc, void *user); /* output is out; may be NULL */
	/* The end, once, from the loop, also after rc_exit; rc is dead afterwards. */
	void (*on_close)(struct rc *rc, int err, void *user);
};

/*
 * Upgrades the request. -EOPNOTSUPP with a message when it asks for no protocol known here: answer
 * 400. Callbacks come from the loop later.
 */
int rc_accept(struct http_req *r, const struct rc_conf *conf, const struct rc_ops *ops, void *user,
	      struct rc **ret, struct err *err);
/* Output (RC_STDOUT or RC_STDERR). -EPIPE when the client is gone; dropped if not wanted. */
int rc_write(struct rc *rc, enum rc_channel ch, struct str data);
size_t rc_queued(const struct rc *rc); /* stop reading the process's output above a limit */
void rc_pause_stdin(struct rc *rc, bool pause);
/* The process ended: send its Status and close. */
void rc_exit(struct rc *rc, int exit_code);
/* It could not be started or was lost: Status InternalError with this message, then close. */
void rc_fail(struct rc *rc, const char *message);
void rc_abort(struct rc *rc);

/* ---- port-forward ---- */
struct pf; /* one client */
struct pf_conn; /* one forwarded connection of it */

struct pf_ops {
	/* Connect to this port of the pod; data may arrive before that is done (queue it). */
	void (*on_conn)(struct pf *pf, struct pf_conn *pc, uint16_t port, void *user);
	void (*on_data)(struct pf_conn *pc, struct str data, void *conn_user);
	void (*on_eof)(struct pf_conn *pc, void *conn_user); /* the client half-closed */
	/* The client gave the connection up or is gone: pc is dead. */
	void (*on_conn_close)(struct pf_conn *pc, void *conn_user);
	void (*on_drain)(struct pf *pf, void *user); /* may be NULL */
	void (*on_close)(struct pf *pf, int err, void *user); /* after all on_conn_close */
};

int pf_accept(struct http_req *r, const struct pf_ops *ops, void *user, struct pf **ret,
	      struct err *err);
void pf_conn_set_user(struct pf_conn *pc, void *conn_user);
struct pf *pf_conn_pf(const struct pf_conn *pc);
int pf_conn_write(struct pf_conn *pc, struct str data);
/* Our side is done: eof to the client. `error` (may be NULL) goes to its error stream. pc is dead.
 */
void pf_conn_end(struct pf_conn *pc, const char *error);
size_t pf_queued(const struct pf *pf);
void pf_pause(struct pf *pf, bool pause); /* all its connections: they share one */
void pf_close(struct pf *pf);
#endif
