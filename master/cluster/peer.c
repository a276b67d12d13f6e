/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cluster/peer.h"
#include "lib/base/cidr.h"
#include "lib/base/log.h"
#include "master/auth/cert.h"
#include "master/cluster/peer_conn.h"
#include "master/store/le.h"
#include "master/store/peer_msg.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define HELLO_MAGIC "KnPeer01"
#define HELLO_HEAD 24u
#define ADDRESS_MAX 128u
#define QUEUE_BYTES (64u << 20)
#define USER_TIMEOUT_MS 2000u
#define ACCEPTED_MAX 64u
#define PEERS_MAX 64u
#define BACKOFF_MIN_MS 50u
#define BACKOFF_MAX_MS 2000u
#define COPY_NS (2 * NSEC_PER_SEC)
#define COPY_TELL_NS (10 * NSEC_PER_SEC)

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Another master, as one that is sent to. */
struct peer {
	struct peers *all;
	uint64_t id;

	/* Behind the lock. */
	char address[ADDRESS_MAX]; /* as configured */
	char told[ADDRESS_MAX]; /* as it says itself; empty: not heard yet */
	bool use_configured; /* the told one did not answer */
	struct buf queue; /* frames */
	bool moved; /* the address changed */
	bool away; /* backing off: what is sent now is dropped */

	_Atomic uint64_t heard_ns;

	/* Of the thread. */
	struct peer_conn *conn;
	uv_timer_t retry;
	bool retry_made;
	unsigned backoff_ms;
};

struct peers {
	struct store_transport transport;
	uint64_t id;
	char *bind, *given_address;
	char address[ADDRESS_MAX];
	uint16_t port;
	size_t queue_bytes;
	unsigned user_timeout_ms;
	int listen_fd;

	pthread_mutex_t lock;
	SSL_CTX *ctx;
	struct peer *peers[PEERS_MAX];
	size_t n_peers;
	bool stop;

	pthread_t thread;
	bool started, runs; /* by the store; the thread */
	void (*on_message)(void *arg, uint64_t from, struct str msg);
	void *arg;

	/* Of the thread. */
	uv_loop_t loop;
	uv_async_t async;
	uv_poll_t listen;
	struct list accepted; /* peer_conn.node */
	unsigned n_accepted;
	unsigned jitter;
	uint64_t copy_told_ns;

	_Atomic uint64_t sent, received, dials, accepts, refused, dropped;
};

void peer_common_name(uint64_t id, char ret[PEER_NAME_LEN])
{
	snprintf(ret, PEER_NAME_LEN, "knarr-master-%016" PRIx64, id);
}

/* ---- addresses and certificates ---- */

/* "10.0.0.1:2380", "[::1]:2380". */
static int parse_address(const char *s, union sockaddr_any *ret, socklen_t *ret_len)
{
	struct str host, port;
	uint64_t n;
	struct ip ip;

	if (!host_port_split(str_of(s), &host, &port) || str_to_u64(port, &n) < 0 ||
	    !ip_parse(host, &ip))
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	if (ip.v6) {
		ret->in6.sin6_family = AF_INET6;
		ret->in6.sin6_port = htons((uint16_t)n);
		ip_bytes(ip, ret->in6.sin6_addr.s6_addr);
		*ret_len = sizeof(ret->in6);
	} else {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons((uint16_t)n);
		ret->in.sin_addr.s_addr = htonl((uint32_t)ip.n);
		*ret_len = sizeof(ret->in);
	}
	return 0;
}

bool peers_address_valid(const char *address)
{
	union sockaddr_any a;
	socklen_t len;

	return strlen(address) < ADDRESS_MAX && parse_address(address, &a, &len) == 0;
}

/* There are several while the authority is being rotated. */
static bool trust_all(SSL_CTX *ctx, struct str ca_pem)
{
	BIO *bio = BIO_new_mem_buf(ca_pem.p, (int)ca_pem.len);
	unsigned n = 0;
	X509 *ca;

	while ((ca = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1;
		X509_free(ca);
	}
	BIO_free(bio);
	cert_err(NULL, ""); /* that no more came */
	return n > 0;
}

static SSL_CTX *make_ctx(struct str cert_pem, struct str key_pem, struct str ca_pem,
			 struct err *err)
{
	CLEANUP(cert_x509_freep) X509 *cert = cert_from_pem(cert_pem, err);
	CLEANUP(cert_pkey_freep) EVP_PKEY *key = cert ? cert_key_from_pem(key_pem, err) : NULL;
	SSL_CTX *ctx = key ? SSL_CTX_new(TLS_method()) : NULL;

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(ctx, 4);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1 || !trust_all(ctx, ca_pem)) {
		cert_err(err, "the certificate of this master for others cannot be used");
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* Whether the subject is that of a master; its id when it is. */
static bool is_master(X509 *cert, uint64_t id)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	CLEANUP_FREE char *cn = cert_name_cn(subject);
	CLEANUP_FREE char *org = cert_name_org(subject, 0);
	CLEANUP_FREE char *more = cert_name_org(subject, 1);
	char want[PEER_NAME_LEN];

	peer_common_name(id, want);
	return cn && org && !more && strcmp(cn, want) == 0 && strcmp(org, PEER_ORGANIZATION) == 0;
}

static bool is_any_master(X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	CLEANUP_FREE char *org = cert_name_org(subject, 0);
	CLEANUP_FREE char *more = cert_name_org(subject, 1);

	return org && !more && strcmp(org, PEER_ORGANIZATION) == 0;
}

static int set_options(const struct peers *p, int fd)
{
	int one = 1, idle = 10, gap = 2, tries = 3;
	unsigned ms = p->user_timeout_ms;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &gap, sizeof(gap)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries)) < 0)
		return -errno;
	return 0;
}

static SSL_CTX *borrow_ctx(struct peers *p)
{
	SSL_CTX *ctx;

	pthread_mutex_lock(&p->lock);
	ctx = p->ctx;
	SSL_CTX_up_ref(ctx);
	pthread_mutex_unlock(&p->lock);
	return ctx;
}

/* ---- what comes in ---- */

static int in_up(struct peer_conn *c, X509 *cert)
{
	/* Its id is what it says, if the certificate says the same. */
	if (!is_any_master(cert))
		return -EPERM;
	return 0;
}

static struct peer *find_peer(struct peers *p, uint64_t id);

static void told_address(struct peers *p, uint64_t id, struct str address)
{
	union sockaddr_any a;
	char text[ADDRESS_MAX];
	socklen_t len;
	struct peer *e;

	if (str_copy(text, sizeof(text), address) < 0 || parse_address(text, &a, &len) < 0)
		return;
	pthread_mutex_lock(&p->lock);
	e = find_peer(p, id);
	if (e && strcmp(e->told, text) != 0) {
		e->moved = *e->told || *e->address;
		memcpy(e->told, text, sizeof(text));
		e->use_configured = false;
	}
	pthread_mutex_unlock(&p->lock);
}

void peers_set_address(struct peers *p, uint64_t id, const char *address)
{
	told_address(p, id, str_of(address));
}

/*
 * Another connection of this id, from another address, that is alive: somebody runs a copy of a
 * master, with its keys and its data. Both would vote. The first one stays, and if it has just gone
 * the other one comes again. False: it is so.
 */
static bool is_only_one(struct peers *p, const struct peer_conn *c)
{
	uint64_t now = clock_mono_ns(&clock_system);

	list_for_each (it, &p->accepted) {
		const struct peer_conn *o = list_entry(it, struct peer_conn, node);

		if (o == c || !o->ready || o->id != c->id || o->told_hash == c->told_hash ||
		    now - o->heard_ns > COPY_NS)
			continue;
		if (now - p->copy_told_ns > COPY_TELL_NS || !p->copy_told_ns)
			log_err("two masters say they are %016" PRIx64
				": stop one of them, and let it join with an empty data directory",
				c->id);
		p->copy_told_ns = now;
		return false;
	}
	return true;
}

static int take_hello(struct peers *p, struct peer_conn *c, struct str f)
{
	CLEANUP(cert_x509_freep) X509 *cert = SSL_get1_peer_certificate(c->ssl);

	if (f.len < HELLO_HEAD || f.len > HELLO_HEAD + ADDRESS_MAX ||
	    memcmp(f.p, HELLO_MAGIC, 8) != 0 || le64_get(f.p + 16) != p->id)
		return -EPERM;
	c->id = le64_get(f.p + 8);
	if (!c->id || c->id == p->id || !is_master(cert, c->id))
		return -EPERM;
	c->told_hash = str_hash(str_skip(f, HELLO_HEAD));
	if (!is_only_one(p, c))
		return -EPERM;
	told_address(p, c->id, str_skip(f, HELLO_HEAD));
	peer_conn_ready(c, PEER_MSG_BYTES_MAX);
	return 0;
}

static void heard(struct peers *p, uint64_t id)
{
	struct peer *e;

	pthread_mutex_lock(&p->lock);
	e = find_peer(p, id);
	pthread_mutex_unlock(&p->lock);
	if (e)
		atomic_store(&e->heard_ns, clock_mono_ns(&clock_system));
}

uint64_t peers_heard_ns(struct peers *p, uint64_t id)
{
	struct peer *e;

	pthread_mutex_lock(&p->lock);
	e = find_peer(p, id);
	pthread_mutex_unlock(&p->lock);
	return e ? atomic_load(&e->heard_ns) : 0;
}

static int in_frame(struct peer_conn *c, struct str f)
{
	struct peers *p = c->user;

	if (!c->ready)
		return take_hello(p, c, f);
	atomic_fetch_add(&p->received, 1);
	c->heard_ns = clock_mono_ns(&clock_system);
	heard(p, c->id);
	p->on_message(p->arg, c->id, f);
	return 0;
}

static void in_drained(struct peer_conn *c)
{
	(void)c;
}

static void in_down(struct peer_conn *c, int error)
{
	struct peers *p = c->user;

	if (error == -EPERM)
		atomic_fetch_add(&p->refused, 1);
	list_remove(&c->node);
	p->n_accepted--;
}

static const struct peer_conn_ops in_ops = {in_up, in_frame, in_drained, in_down};

/* Room for one more: strangers who have not said who they are make place for it. */
static bool make_room(struct peers *p)
{
	if (p->n_accepted < ACCEPTED_MAX)
		return true;
	list_for_each (it, &p->accepted) {
		struct peer_conn *c = list_entry(it, struct peer_conn, node);

		if (c->ready)
			continue;
		list_remove(&c->node);
		p->n_accepted--;
		peer_conn_close(c);
		return true;
	}
	return false;
}

static void on_listen(uv_poll_t *h, int status, int events)
{
	struct peers *p = h->data;
	int fd;

	(void)status, (void)events;
	while ((fd = accept4(p->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer_conn *c;
		SSL_CTX *ctx;

		atomic_fetch_add(&p->accepts, 1);
		if (!make_room(p) || set_options(p, fd) < 0) {
			atomic_fetch_add(&p->refused, 1);
			close(fd);
			continue;
		}
		ctx = borrow_ctx(p);
		c = peer_conn_new(&p->loop, fd, ctx, true, &in_ops, p);
		SSL_CTX_free(ctx);
		list_append(&p->accepted, &c->node);
		p->n_accepted++;
	}
}

/* ---- what goes out ---- */

static void on_retry(uv_timer_t *t)
{
	struct peer *e = t->data;

	pthread_mutex_lock(&e->all->lock);
	e->away = false;
	pthread_mutex_unlock(&e->all->lock);
}

/* The peer can't be reached: forget what waits for it, and leave it alone for a while. */
static void back_off(struct peer *e)
{
	struct peers *p = e->all;
	unsigned ms = MAX(MIN(e->backoff_ms * 2, BACKOFF_MAX_MS), BACKOFF_MIN_MS);

	e->conn = NULL;
	e->backoff_ms = ms;
	pthread_mutex_lock(&p->lock);
	if (e->queue.len)
		atomic_fetch_add(&p->dropped, 1);
	buf_done(&e->queue);
	e->away = true;
	e->use_configured = !e->use_configured && *e->address;
	pthread_mutex_unlock(&p->lock);
	p->jitter = p->jitter * 1103515245u + 12345u;
	uv_timer_start(&e->retry, on_retry, ms / 2 + p->jitter / 65536u % (ms / 2 + 1), 0);
}

static void add_frame_head(struct buf *b, size_t len)
{
	char head[4];

	le32_put(head, (uint32_t)len);
	buf_add(b, head, sizeof(head));
}

static int out_up(struct peer_conn *c, X509 *cert)
{
	struct peer *e = c->user;
	struct peers *p = e->all;
	struct buf b = BUF_INIT;
	char ids[16];

	if (!is_master(cert, e->id))
		return -EPERM; /* nothing is sent to a stranger, not even a hello */
	add_frame_head(&b, HELLO_HEAD + strlen(p->address));
	le64_put(ids, p->id);
	le64_put(ids + 8, e->id);
	buf_add(&b, HELLO_MAGIC, 8);
	buf_add(&b, ids, sizeof(ids));
	buf_adds(&b, p->address);
	e->backoff_ms = 0;
	peer_conn_ready(c, 0);
	peer_conn_write(c, &b);
	return 0;
}

static int out_frame(struct peer_conn *c, struct str f)
{
	(void)c, (void)f;
	return -EPERM; /* one way only */
}

/* Move what has queued to the connection. */
static void flush(struct peer *e)
{
	struct buf b = BUF_INIT;

	if (!e->conn || !e->conn->ready || !peer_conn_is_drained(e->conn))
		return;
	pthread_mutex_lock(&e->all->lock);
	b = e->queue;
	buf_init(&e->queue);
	pthread_mutex_unlock(&e->all->lock);
	if (b.len)
		peer_conn_write(e->conn, &b);
	buf_done(&b);
}

static void out_drained(struct peer_conn *c)
{
	flush(c->user);
}

static void out_down(struct peer_conn *c, int error)
{
	struct peer *e = c->user;

	if (error == -EPERM)
		atomic_fetch_add(&e->all->refused, 1);
	back_off(e);
}

static const struct peer_conn_ops out_ops = {out_up, out_frame, out_drained, out_down};

static void dial(struct peer *e)
{
	struct peers *p = e->all;
	union sockaddr_any to;
	socklen_t len;
	SSL_CTX *ctx;
	char address[ADDRESS_MAX];
	int fd;

	pthread_mutex_lock(&p->lock);
	memcpy(address, *e->told && !e->use_configured ? e->told : e->address, sizeof(address));
	pthread_mutex_unlock(&p->lock);
	atomic_fetch_add(&p->dials, 1);
	if (parse_address(address, &to, &len) < 0) {
		back_off(e);
		return;
	}
	fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || set_options(p, fd) < 0 ||
	    (connect(fd, &to.sa, len) < 0 && errno != EINPROGRESS)) {
		if (fd >= 0)
			close(fd);
		back_off(e);
		return;
	}
	ctx = borrow_ctx(p);
	e->conn = peer_conn_new(&p->loop, fd, ctx, false, &out_ops, e);
	e->conn->id = e->id;
	SSL_CTX_free(ctx);
}

/* ---- the thread ---- */

static void serve_peer(struct peers *p, struct peer *e)
{
	bool work, moved;

	if (!e->retry_made) {
		uv_timer_init(&p->loop, &e->retry);
		e->retry.data = e;
		e->retry_made = true;
	}
	pthread_mutex_lock(&p->lock);
	work = e->queue.len && !e->away;
	moved = e->moved;
	e->moved = false;
	pthread_mutex_unlock(&p->lock);
	if (moved && e->conn) {
		peer_conn_close(e->conn);
		e->conn = NULL;
	}
	if (work && !e->conn)
		dial(e);
	else if (work)
		flush(e);
}

static void stop_all(struct peers *p)
{
	struct peer_conn *c;

	uv_close((uv_handle_t *)&p->async, NULL);
	uv_poll_stop(&p->listen);
	uv_close((uv_handle_t *)&p->listen, NULL);
	while ((c = list_first(&p->accepted, struct peer_conn, node))) {
		list_remove(&c->node);
		peer_conn_close(c);
	}
	p->n_accepted = 0;
	for (size_t i = 0; i < p->n_peers; i++) {
		struct peer *e = p->peers[i];

		if (e->conn)
			peer_conn_close(e->conn);
		e->conn = NULL;
		if (e->retry_made)
			uv_close((uv_handle_t *)&e->retry, NULL);
		e->retry_made = false;
	}
}

static void on_async(uv_async_t *a)
{
	struct peers *p = a->data;
	size_t n;
	bool stop;

	pthread_mutex_lock(&p->lock);
	n = p->n_peers; /* only ever grows */
	stop = p->stop;
	pthread_mutex_unlock(&p->lock);
	if (stop) {
		stop_all(p);
		return;
	}
	for (size_t i = 0; i < n; i++)
		serve_peer(p, p->peers[i]);
}

static void *peers_main(void *arg)
{
	struct peers *p = arg;
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	pthread_setname_np(pthread_self(), "peers");
	uv_run(&p->loop, UV_RUN_DEFAULT); /* until stop_all has closed every handle */
	return NULL;
}

/* ---- the transport's functions ---- */

/* The thread, once there is somebody who listens to it and a socket. */
static int run(struct peers *p)
{
	int r;

	pthread_mutex_lock(&p->lock);
	p->stop = false;
	p->runs = true;
	pthread_mutex_unlock(&p->lock);
	uv_loop_init(&p->loop);
	uv_async_init(&p->loop, &p->async, on_async);
	uv_poll_init(&p->loop, &p->listen, p->listen_fd);
	p->async.data = p->listen.data = p;
	uv_poll_start(&p->listen, UV_READABLE, on_listen);
	r = pthread_create(&p->thread, NULL, peers_main, p);
	if (r) {
		stop_all(p);
		uv_run(&p->loop, UV_RUN_DEFAULT);
		uv_loop_close(&p->loop);
		p->runs = false;
		return -r;
	}
	return 0;
}

static int on_start(void *user, void (*on_message)(void *arg, uint64_t from, struct str msg),
		    void *arg)
{
	struct peers *p = user;

	p->on_message = on_message;
	p->arg = arg;
	p->started = true;
	return p->listen_fd < 0 ? 0 : run(p);
}

static void on_stop(void *user)
{
	struct peers *p = user;

	p->started = false;
	if (!p->runs)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	uv_async_send(&p->async);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	uv_loop_close(&p->loop);
	p->runs = false;
}

/* With the lock held. */
static struct peer *find_peer(struct peers *p, uint64_t id)
{
	struct peer *e;

	for (size_t i = 0; i < p->n_peers; i++)
		if (p->peers[i]->id == id)
			return p->peers[i];
	if (p->n_peers == PEERS_MAX)
		return NULL;
	e = NEW(struct peer);
	e->all = p;
	e->id = id;
	buf_init(&e->queue);
	p->peers[p->n_peers++] = e;
	return e;
}

static int enqueue(struct peers *p, struct peer *e, const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (len > PEER_MSG_BYTES_MAX)
		return -EMSGSIZE;
	if ((!*e->address && !*e->told) || e->away)
		return -ENOTCONN;
	if (e->queue.len && e->queue.len + len > p->queue_bytes)
		return -ENOBUFS;
	add_frame_head(&e->queue, len);
	for (int i = 0; i < n; i++)
		buf_add(&e->queue, iov[i].iov_base, iov[i].iov_len);
	return 0;
}

static int on_send(void *user, uint64_t to, const char *address, const struct iovec *iov, int n)
{
	struct peers *p = user;
	struct peer *e;
	int r;

	pthread_mutex_lock(&p->lock);
	e = p->stop || !p->runs ? NULL : find_peer(p, to);
	if (e && *address && strlen(address) < ADDRESS_MAX && strcmp(address, e->address) != 0) {
		e->moved = *e->address && (!*e->told || e->use_configured);
		memcpy(e->address, address, strlen(address) + 1);
	}
	r = e ? enqueue(p, e, iov, n) : -ENOTCONN;
	if (r == 0)
		uv_async_send(&p->async);
	pthread_mutex_unlock(&p->lock);
	atomic_fetch_add(r == 0 ? &p->sent : &p->dropped, 1);
	return r;
}

/* ---- life ---- */

static void set_own_address(struct peers *p)
{
	CLEANUP_FREE char *own =
		p->given_address ? xstrdup(p->given_address) : host_port_join(p->bind, p->port);

	snprintf(p->address, sizeof(p->address), "%s", own);
}

static int listen_on(struct peers *p, struct err *err)
{
	CLEANUP_FREE char *text = host_port_join(p->bind, p->port);
	CLEANUP_FD int fd = -1;
	union sockaddr_any a;
	socklen_t len;
	int one = 1;

	if (parse_address(text, &a, &len) < 0)
		return err_sys(err, EINVAL, "\"%s\" is no address to listen on", p->bind);
	fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, &a.sa, len) < 0 || listen(fd, 64) < 0 || getsockname(fd, &a.sa, &len) < 0)
		return err_sys(err, errno, "cannot listen for other masters at %s: %s", text,
			       strerror(errno));
	p->port = ntohs(a.sa.sa_family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
	set_own_address(p);
	p->listen_fd = fd;
	fd = -1;
	return 0;
}

int peers_listen(struct peers *p, struct err *err)
{
	int r = p->listen_fd < 0 ? listen_on(p, err) : 0;

	if (r < 0 || p->runs || !p->started)
		return r;
	r = run(p);
	return r < 0 ? err_sys(err, -r, "cannot start the thread for other masters: %s",
			       strerror(-r))
		     : 0;
}

int peers_new(const struct peers_conf *conf, struct peers **ret, struct err *err)
{
	struct peers *p = NEW(struct peers);
	int r;

	p->transport = (struct store_transport){on_start, on_stop, on_send, p};
	p->id = conf->id;
	p->bind = xstrdup(conf->bind);
	p->given_address = conf->address ? xstrdup(conf->address) : NULL;
	p->port = conf->port;
	p->queue_bytes = conf->queue_bytes ? conf->queue_bytes : QUEUE_BYTES;
	p->user_timeout_ms = conf->user_timeout_ms ? conf->user_timeout_ms : USER_TIMEOUT_MS;
	p->listen_fd = -1;
	p->jitter = (unsigned)conf->id;
	pthread_mutex_init(&p->lock, NULL);
	list_init(&p->accepted);
	set_own_address(p);
	p->ctx = make_ctx(conf->cert_pem, conf->key_pem, conf->ca_pem, err);
	r = p->ctx ? 0 : -EINVAL;
	if (r == 0 && !conf->later)
		r = listen_on(p, err);
	if (r < 0) {
		peers_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

const char *peers_address(const struct peers *p)
{
	return p->address;
}

struct peers *peers_free(struct peers *p)
{
	if (!p)
		return NULL;
	on_stop(p);
	for (size_t i = 0; i < p->n_peers; i++) {
		buf_done(&p->peers[i]->queue);
		free(p->peers[i]);
	}
	SSL_CTX_free(p->ctx);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	pthread_mutex_destroy(&p->lock);
	free(p->bind);
	free(p->given_address);
	free(p);
	return NULL;
}

uint16_t peers_port(const struct peers *p)
{
	return p->port;
}

const struct store_transport *peers_transport(struct peers *p)
{
	return &p->transport;
}

int peers_set_certs(struct peers *p, struct str cert_pem, struct str key_pem, struct str ca_pem,
		    struct err *err)
{
	SSL_CTX *ctx = make_ctx(cert_pem, key_pem, ca_pem, err), *old;

	if (!ctx)
		return -EINVAL;
	pthread_mutex_lock(&p->lock);
	old = p->ctx;
	p->ctx = ctx;
	pthread_mutex_unlock(&p->lock);
	SSL_CTX_free(old);
	return 0;
}

void peers_stats(const struct peers *cp, struct peers_stats *ret)
{
	struct peers *p = (struct peers *)(uintptr_t)cp;

	*ret = (struct peers_stats){.sent = atomic_load(&p->sent),
				    .received = atomic_load(&p->received),
				    .dials = atomic_load(&p->dials),
				    .accepted = atomic_load(&p->accepts),
				    .refused = atomic_load(&p->refused),
				    .dropped = atomic_load(&p->dropped)};
}
