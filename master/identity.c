/* SPDX-License-Identifier: Apache-2.0 */
#include "master/identity.h"
#include "lib/base/cidr.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"
#include "master/cluster/peer.h"
#include "master/signer.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>

#define YEAR_NS (365ull * 86400 * NSEC_PER_SEC)
#define DAY_NS (86400ull * NSEC_PER_SEC)
#define SANS_MAX 64

struct identity {
	struct identity_conf conf;
	char *address;
	char *sans[SANS_MAX + 1]; /* NULL-terminated */
	size_t n_sans;
	struct tls_ctx *server, *kubelet, *peer;
	struct buf peer_cert, peer_key;
	struct peers *peers;
	const char **servers; /* of other masters; ends with NULL */
	struct timer daily;
	uint16_t port; /* once known: of admin.conf */
	struct signer *signer;
};

/* ---- names and addresses ---- */

static void add_san(struct identity *i, const char *san)
{
	for (size_t k = 0; k < i->n_sans; k++)
		if (!strcmp(i->sans[k], san))
			return;
	if (i->n_sans < SANS_MAX)
		i->sans[i->n_sans++] = xstrdup(san);
}

/* Connecting a datagram socket sends nothing: it only asks the routing table. */
static bool default_address(int family, char out[INET6_ADDRSTRLEN])
{
	CLEANUP_FD int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool v6 = family == AF_INET6;
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	struct sockaddr *a = v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t len = v6 ? sizeof(six) : sizeof(four);
	void *at = v6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr;

	inet_pton(family, v6 ? "2001:db8::1" : "192.0.2.1", at);
	return fd >= 0 && connect(fd, a, len) == 0 && getsockname(fd, a, &len) == 0 &&
	       inet_ntop(family, at, out, INET6_ADDRSTRLEN);
}

/* Bound to all addresses of IPv6 it is one of those, if there is one. */
char *identity_find_address(const char *bind, const char *advertise)
{
	bool v6 = strcmp(bind, "::") == 0;
	char found[INET6_ADDRSTRLEN];

	if (advertise)
		return xstrdup(advertise);
	if (strcmp(bind, "0.0.0.0") != 0 && !v6)
		return xstrdup(bind);
	if ((v6 && default_address(AF_INET6, found)) || default_address(AF_INET, found))
		return xstrdup(found);
	return xstrdup(v6 ? "::1" : "127.0.0.1");
}

static void add_local_addresses(struct identity *i)
{
	struct ifaddrs *all, *it;
	char text[INET6_ADDRSTRLEN];

	if (getifaddrs(&all) < 0)
		return;
	for (it = all; it; it = it->ifa_next) {
		const struct sockaddr_in *four = (struct sockaddr_in *)it->ifa_addr;
		const struct sockaddr_in6 *six = (struct sockaddr_in6 *)it->ifa_addr;

		if (!it->ifa_addr || !(it->ifa_flags & IFF_UP))
			continue;
		if (four->sin_family == AF_INET &&
		    inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text)))
			add_san(i, text);
		if (six->sin6_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) &&
		    inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text)))
			add_san(i, text);
	}
	freeifaddrs(all);
}

/* Of the Service `kubernetes`: the first of a range. It has one family, clients may try both. */
static void add_service_addresses(struct identity *i)
{
	char text[IP_TEXT];
	struct cidr_pair p;

	if (cidr_pair_parse("service-cidr", i->conf.service_cidr, &p, NULL) < 0)
		return;
	for (size_t k = 0; k < p.n; k++) {
		p.v[k].base.n++;
		add_san(i, ip_text(p.v[k].base, text));
	}
}

static void collect_sans(struct identity *i)
{
	static const char *const names[] = {
		"kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"localhost",  "127.0.0.1",          "::1"};
	CLEANUP_FREE char *full = xasprintf("kubernetes.default.svc.%s", i->conf.domain);
	char host[256];

	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		add_san(i, names[k]);
	add_san(i, full);
	if (gethostname(host, sizeof(host) - 1) == 0) {
		host[sizeof(host) - 1] = 0;
		add_san(i, host);
	}
	add_service_addresses(i);
	add_san(i, i->address);
	for (size_t k = 0; k < i->conf.n_sans; k++)
		add_san(i, i->conf.sans[k]);
	add_local_addresses(i);
}

/* ---- certificates ---- */

/* Whoever joins with only the hash of the authority gets it with the handshake: leaf, then CA. */
static int server_conf(struct identity *i, struct buf *chain, struct buf *key, struct err *err)
{
	struct cert_spec spec = {.common_name = "kube-apiserver",
				 .sans = (const char *const *)i->sans,
				 .server = true,
				 .valid_ns = YEAR_NS};
	int r = pki_ensure(i->conf.pki, "apiserver", &spec, chain, key, err);

	if (r >= 0)
		buf_addstr(chain, pki_ca_pem(i->conf.pki));
	return r;
}

static int kubelet_conf(struct identity *i, struct buf *cert, struct buf *key, struct err *err)
{
	static const char *const orgs[] = {"system:masters", NULL};
	struct cert_spec spec = {.common_name = "kube-apiserver-kubelet-client",
				 .organizations = orgs,
				 .client = true,
				 .valid_ns = YEAR_NS};

	return pki_ensure(i->conf.pki, "apiserver-kubelet-client", &spec, cert, key, err);
}

/* For the peers' port, and for what is passed on to the leader's API. */
static int load_peer(struct identity *i, struct err *err)
{
	static const char *const orgs[] = {PEER_ORGANIZATION, NULL};
	char name[PEER_NAME_LEN];
	struct cert_spec spec = {.common_name = name,
				 .organizations = orgs,
				 .server = true,
				 .client = true,
				 .valid_ns = YEAR_NS};
	struct tls_conf conf = {.ca_pem = pki_trust_pem(i->conf.pki)};
	int r;

	peer_common_name(i->conf.member_id, name);
	r = pki_ensure(i->conf.pki, "peer", &spec, &i->peer_cert, &i->peer_key, err);
	if (r < 0)
		return r;
	conf.cert_pem = buf_str(&i->peer_cert);
	conf.key_pem = buf_str(&i->peer_key);
	if (i->peers && r)
		r = peers_set_certs(i->peers, conf.cert_pem, conf.key_pem, conf.ca_pem, err);
	if (r < 0)
		return r;
	return i->peer ? tls_ctx_reload(i->peer, &conf, err) : tls_client_new(&conf, &i->peer, err);
}

/* Make or reload the TLS contexts. */
static int load_tls(struct identity *i, struct err *err)
{
	CLEANUP(buf_done) struct buf cert = BUF_INIT;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct tls_conf server = {.ca_pem = pki_trust_pem(i->conf.pki)};
	struct tls_conf kubelet = {.insecure = true}; /* an agent's certificate may be its own */
	int r = load_peer(i, err);

	if (r >= 0)
		r = server_conf(i, &cert, &key, err);
	if (r < 0)
		return r;
	server.cert_pem = buf_str(&cert);
	server.key_pem = buf_str(&key);
	r = i->server ? tls_ctx_reload(i->server, &server, err)
		      : tls_server_new(&server, &i->server, err);
	if (r < 0)
		return r;
	r = kubelet_conf(i, &cert, &key, err);
	if (r < 0)
		return r;
	kubelet.cert_pem = buf_str(&cert);
	kubelet.key_pem = buf_str(&key);
	return i->kubelet ? tls_ctx_reload(i->kubelet, &kubelet, err)
			  : tls_client_new(&kubelet, &i->kubelet, err);
}

int identity_write_admin(struct identity *i, uint16_t port, struct err *err)
{
	static const char *const orgs[] = {"system:masters", NULL};
	struct cert_spec spec = {.common_name = "kubernetes-admin",
				 .organizations = orgs,
				 .client = true,
				 .valid_ns = YEAR_NS};
	CLEANUP(buf_done) struct buf cert = BUF_INIT;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/admin.conf", i->conf.config_dir);
	CLEANUP_FREE char *at = host_port_join(i->address, port);
	CLEANUP_FREE char *url = xasprintf("https://%s", at);
	int r;

	i->port = port;
	r = pki_ensure(i->conf.pki, "admin", &spec, &cert, &key, err);
	if (r < 0)
		return r;
	r = dir_make(i->conf.config_dir, 0755);
	if (r < 0)
		return err_sys(err, -r, "--config-dir: cannot make %s: %s", i->conf.config_dir,
			       strerror(-r));
	return pki_write_kubeconfig(i->conf.pki, path, url, i->servers, "kubernetes-admin",
				    buf_str(&cert), buf_str(&key), err);
}

/* Once a day: what is in the last third of its life is replaced, and the servers told. */
static void daily_fire(struct timer *t)
{
	struct identity *i = container_of(t, struct identity, daily);
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (pki_renew_ca(i->conf.pki, &e) < 0 || load_tls(i, &e) < 0 ||
	    (i->port && identity_write_admin(i, i->port, &e) < 0))
		log_err("cannot renew certificates: %s", err_text(&e));
	timers_arm_in(i->conf.timers, t, DAY_NS);
}

int identity_open(const struct identity_conf *conf, struct identity **ret, struct err *err)
{
	struct identity *i = NEW(struct identity);
	int r;

	i->conf = *conf;
	buf_init(&i->peer_cert);
	buf_init(&i->peer_key);
	i->address = identity_find_address(conf->bind, conf->advertise);
	collect_sans(i);
	r = load_tls(i, err);
	if (r < 0) {
		identity_free(i);
		return r;
	}
	i->daily.fire = daily_fire;
	timers_arm_in(conf->timers, &i->daily, DAY_NS);
	*ret = i;
	return 0;
}

static void forget_servers(struct identity *i)
{
	for (size_t k = 0; i->servers && i->servers[k]; k++)
		free((char *)i->servers[k]);
	free(i->servers);
	i->servers = NULL;
}

static bool same_servers(const struct identity *i, const char *const *urls, size_t n)
{
	size_t k = 0;

	while (i->servers && i->servers[k] && k < n && !strcmp(i->servers[k], urls[k]))
		k++;
	return k == n && !(i->servers && i->servers[k]);
}

void identity_set_servers(struct identity *i, const char *const *urls, size_t n)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (same_servers(i, urls, n))
		return;
	forget_servers(i);
	i->servers = xcalloc(n + 1, sizeof(*i->servers));
	for (size_t k = 0; k < n; k++)
		i->servers[k] = xstrdup(urls[k]);
	if (i->port && identity_write_admin(i, i->port, &e) < 0)
		log_warn("%s", err_text(&e));
}

void identity_set_peers(struct identity *i, struct peers *peers)
{
	i->peers = peers;
}

struct tls_ctx *identity_peer_tls(struct identity *i)
{
	return i->peer;
}

struct str identity_peer_cert(const struct identity *i)
{
	return buf_str(&i->peer_cert);
}

struct str identity_peer_key(const struct identity *i)
{
	return buf_str(&i->peer_key);
}

struct identity *identity_free(struct identity *i)
{
	if (!i)
		return NULL;
	signer_stop(i->signer);
	timers_disarm(i->conf.timers, &i->daily);
	tls_ctx_unref(i->server);
	tls_ctx_unref(i->kubelet);
	tls_ctx_unref(i->peer);
	buf_done(&i->peer_cert);
	OPENSSL_cleanse(i->peer_key.p, i->peer_key.len);
	buf_done(&i->peer_key);
	forget_servers(i);
	for (size_t k = 0; k < i->n_sans; k++)
		free(i->sans[k]);
	free(i->address);
	free(i);
	return NULL;
}

struct tls_ctx *identity_server_tls(struct identity *i)
{
	return i->server;
}

struct tls_ctx *identity_kubelet_tls(struct identity *i)
{
	return i->kubelet;
}

const char *identity_address(const struct identity *i)
{
	return i->address;
}

void identity_start_signer(struct identity *i, struct transport *t, struct timers *timers)
{
	i->signer = signer_start(i->conf.pki, t, timers, i->conf.sign_ns);
}

void identity_stop_signer(struct identity *i)
{
	if (i)
		i->signer = signer_stop(i->signer);
}
