/* SPDX-License-Identifier: Apache-2.0 */
#include "master/membership.h"
#include "lib/base/cidr.h"
#include "lib/base/log.h"
#include "master/apiserver/service_urls.h"
#include "master/auth/user.h"

#define LEAVE_NS (2 * NSEC_PER_SEC)
#define LEAVE_LOOK_NS (5 * NSEC_PER_MSEC)

struct membership {
	struct membership_conf conf;
	struct members_settings settings;
	struct member_file file;
	char *host, *address, *peer_address, *url;
	struct identity *identity;
	struct pki *pki;
	struct peers *peers;
	struct store *store;
	struct apiserver *api;
	struct transport *transport;
	struct members *members;
	struct apiserver_cluster cluster;
	bool leads; /* and may decide */
	bool told; /* on_lead came, on_follow not yet */
	bool asking;
	struct timer changed;

	/* Leaving. */
	void (*left)(void *user);
	void *left_user;
	bool transferring, unserved;
	uint64_t leave_until_ns;
	struct timer leave;
};

static void changed(struct timer *t);

/* ---- who am I ---- */

/* A value of the cluster counts; the same on the command line does no harm, another is an error. */
static int settle(const char *option, const char **given, const char *file, const char *fallback,
		  struct err *err)
{
	if (file && *given && strcmp(file, *given) != 0)
		return err_sys(err, EINVAL, "--%s: this cluster has %s, not %s", option, file,
			       *given);
	if (file)
		*given = file;
	else if (!*given)
		*given = fallback;
	return 0;
}

static int settle_all(struct membership *m, struct members_settings *s, struct err *err)
{
	const struct member_file *f = &m->file;
	int r = settle("service-cidr", &s->service_cidr, f->service_cidr, "10.96.0.0/16", err);

	if (r == 0)
		r = settle("cluster-cidr", &s->cluster_cidr, f->cluster_cidr, "10.244.0.0/16", err);
	if (r == 0)
		r = settle("cluster-domain", &s->domain, f->domain, "cluster.local", err);
	if (r == 0)
		r = settle("service-node-port-range", &s->node_ports, f->node_ports, "30000-32767",
			   err);
	m->settings = *s;
	return r;
}

static void find_name(struct membership *m)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	m->host = xstrdup(*host ? host : "master");
	for (char *c = m->host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

static int first_start(struct membership *m, struct err *err)
{
	const struct membership_conf *c = &m->conf;
	const char *name = c->name ? c->name : m->host;
	struct master_join_conf jc = {.server = c->join,
				      .token = c->token,
				      .ca_hash = c->ca_hash,
				      .data_dir = c->data_dir,
				      .name = name,
				      .peer = m->peer_address,
				      .url = m->url,
				      .replaces = c->replaces,
				      .standby = c->standby};

	if (c->join)
		return master_join(&jc, &m->file, err);
	m->file.id = 1;
	m->file.name = xstrdup(name);
	return member_file_write(c->data_dir, &m->file, err);
}

static int who_am_i(struct membership *m, struct err *err)
{
	const struct membership_conf *c = &m->conf;
	int r = member_file_read(c->data_dir, &m->file, err);

	if (r == 0)
		return first_start(m, err);
	if (r < 0)
		return r;
	if (m->file.removed)
		return err_sys(err, EPERM,
			       "this master was removed from its cluster: take %s away (knarrctl "
			       "reset) before it joins again",
			       c->data_dir);
	if (c->name && strcmp(c->name, m->file.name) != 0)
		return err_sys(err, EINVAL, "--name: this master is \"%s\" and remains so",
			       m->file.name);
	return c->join ? master_join_check(c->data_dir, c->ca_hash, err) : 0;
}

int membership_open(const struct membership_conf *conf, struct members_settings *settings,
		    struct membership **ret, struct err *err)
{
	struct membership *m = NEW(struct membership);
	int r;

	m->conf = *conf;
	m->changed.fire = changed;
	m->conf.address = m->address = xstrdup(conf->address);
	m->url = service_url(conf->address, conf->port);
	m->peer_address = conf->peer_address ? xstrdup(conf->peer_address)
					     : host_port_join(conf->address, conf->peer_port);
	find_name(m);
	r = who_am_i(m, err);
	if (r >= 0)
		r = settle_all(m, settings, err);
	if (r < 0) {
		membership_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

uint64_t membership_id(const struct membership *m)
{
	return m->file.id;
}

/* ---- the port for others ---- */

/* Whom we knew when we joined: enough to be found by the leader. */
static void known_peers(struct membership *m)
{
	struct str rest = str_of(m->file.peers), id, address;

	while (rest.len && str_split(&rest, ' ', &id) && str_split(&rest, ' ', &address)) {
		CLEANUP_FREE char *id_text = str_dup(id), *text = str_dup(address);

		peers_set_address(m->peers, strtoull(id_text, NULL, 16), text);
	}
}

int membership_peers(struct membership *m, struct identity *identity, struct pki *pki,
		     struct err *err)
{
	struct peers_conf conf = {
		.id = m->file.id,
		.bind = m->conf.bind,
		.port = m->conf.peer_port,
		.address = m->conf.peer_port || m->conf.peer_address ? m->peer_address : NULL,
		.cert_pem = identity_peer_cert(identity),
		.key_pem = identity_peer_key(identity),
		.ca_pem = pki_trust_pem(pki),
		.later = !m->file.joined};
	int r = peers_new(&conf, &m->peers, err);

	if (r < 0)
		return r;
	m->identity = identity;
	m->pki = pki;
	identity_set_peers(identity, m->peers);
	if (m->file.peers)
		known_peers(m);
	return 0;
}

void membership_store(struct membership *m, struct store_conf *conf)
{
	conf->id = m->file.id;
	conf->address = peers_address(m->peers);
	conf->transport = peers_transport(m->peers);
	conf->join = m->file.joined;
	conf->cluster = m->file.cluster;
	conf->election_ms = (unsigned)m->conf.election_ms;
	conf->heartbeat_ms = (unsigned)m->conf.heartbeat_ms;
}

/* ---- does it lead ---- */

static void look_again(struct membership *m)
{
	timers_soon(m->conf.timers, &m->changed);
}

/* Confirmed by a majority, and all that was ever acknowledged is applied here. */
static void confirmed(void *user, int err)
{
	struct membership *m = user;

	m->asking = false;
	if (!m->members || err == -ECANCELED)
		return;
	if (store_role(m->store) != STORE_LEADER || err) {
		look_again(m);
		return;
	}
	if (m->told)
		return;
	members_lead(m->members);
	m->leads = m->told = true;
	if (!membership_alone(m))
		log_notice("this master leads");
	m->conf.on_lead(m->conf.user);
}

static void changed(struct timer *t)
{
	struct membership *m = container_of(t, struct membership, changed);

	if (!m->members)
		return;
	if (store_role(m->store) == STORE_LEADER) {
		if (m->told && !m->leads) { /* deposed and elected again between two looks */
			m->told = false;
			m->conf.on_follow(m->conf.user);
		}
		if (!m->told && !m->asking) {
			m->asking = true;
			store_read_barrier(m->store, confirmed, m);
		}
		return;
	}
	if (m->told) {
		log_notice("this master leads no more");
		m->told = false;
		m->conf.on_follow(m->conf.user);
	}
	members_follow(m->members);
}

void membership_role(struct membership *m, enum store_role role)
{
	if (role != STORE_LEADER)
		m->leads = false; /* at once: no write begins here any more */
	look_again(m);
}

void membership_leader(struct membership *m)
{
	if (m->members)
		members_look(m->members);
}

bool membership_leads(const struct membership *m)
{
	return m->leads;
}

bool membership_alone(const struct membership *m)
{
	return members_other_voters(m->members) == 0;
}

/* ---- for the API server ---- */

static bool cluster_leads(void *user)
{
	return ((struct membership *)user)->leads;
}

static const char *cluster_leader_url(void *user)
{
	struct membership *m = user;

	return m->members ? members_leader_url(m->members) : NULL;
}

static void call_answer(void *user, int status, struct buf *json)
{
	api_call_reply(user, status, json);
}

static void call_fail(void *user, const struct err *e)
{
	api_call_fail(user, e);
}

static void call_again(void *user)
{
	api_call_again(user);
}

static void cluster_call(void *user, struct api_call *c)
{
	struct membership *m = user;
	struct members_req req = {c->method, c->path, c->body,
				  user_in_group(c->who, GROUP_MASTER_JOINERS)};
	struct members_reply re = {call_answer, call_fail, call_again, c};

	members_call(m->members, &req, &re);
}

const struct apiserver_cluster *membership_cluster(struct membership *m)
{
	m->cluster = (struct apiserver_cluster){.leads = cluster_leads,
						.leader_url = cluster_leader_url,
						.call = cluster_call,
						.tls = identity_peer_tls(m->identity),
						.user = m};
	return &m->cluster;
}

/* ---- what the members tell ---- */

/* "https://10.0.0.1:6443" */
static bool split_url(const char *url, char address[64], uint16_t *port)
{
	struct str host, number;
	uint64_t n;

	if (!host_port_split(str_skip(str_of(url), strlen("https://")), &host, &number) ||
	    str_to_u64(number, &n) < 0)
		return false;
	*port = (uint16_t)n;
	return str_copy(address, 64, host) >= 0;
}

static void on_serving(void *user, const struct member_info *v, size_t n)
{
	struct membership *m = user;
	struct apiserver_master out[MEMBERS_MAX];
	char addresses[MEMBERS_MAX][64];
	size_t n_out = 0;

	for (size_t i = 0; i < n; i++) {
		out[n_out].address = addresses[n_out];
		if (split_url(v[i].url, addresses[n_out], &out[n_out].port))
			n_out++;
	}
	if (n_out)
		apiserver_set_masters(m->api, out, n_out);
}

static void on_records(void *user)
{
	struct membership *m = user;
	struct member_info v[MEMBERS_MAX];
	const char *urls[MEMBERS_MAX];
	size_t n = members_list(m->members, v, MEMBERS_MAX), n_urls = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].id != m->file.id)
			urls[n_urls++] = v[i].url;
	identity_set_servers(m->identity, urls, n_urls);
}

static void on_caught_up(void *user)
{
	struct membership *m = user;

	m->conf.on_caught_up(m->conf.user);
}

static void on_lost(void *user, bool lost)
{
	struct membership *m = user;

	if (lost)
		log_warn("no master leads, as far as this one is told");
	apiserver_lost(m->api, lost);
}

static void on_leader(void *user)
{
	struct membership *m = user;

	apiserver_leader_changed(m->api);
}

static void on_removed(void *user, const char *why)
{
	struct membership *m = user;
	CLEANUP(err_done) struct err e = ERR_INIT;

	m->file.removed = true;
	if (member_file_write(m->conf.data_dir, &m->file, &e) < 0)
		log_warn("%s", err_text(&e));
	m->conf.on_removed(m->conf.user, why);
}

/* ---- life ---- */

int membership_start(struct membership *m, struct store *store, struct apiserver *api,
		     uint16_t port, struct err *err)
{
	struct members_conf conf = {.store = store,
				    .timers = m->conf.timers,
				    .peers = m->peers,
				    .pki = m->pki,
				    .id = m->file.id,
				    .name = m->file.name,
				    .settings = m->settings,
				    .on_serving = on_serving,
				    .on_records = on_records,
				    .on_caught_up = on_caught_up,
				    .on_lost = on_lost,
				    .on_leader = on_leader,
				    .on_removed = on_removed,
				    .user = m};
	struct store_member v[2];
	int r = 0;

	m->store = store;
	m->api = api;
	if (port != m->conf.port) {
		free(m->url);
		m->url = service_url(m->conf.address, port);
	}
	conf.url = m->url;
	m->transport = apiserver_local_transport(api, "system:knarr-master");
	conf.transport = m->transport;
	m->members = members_new(&conf);
	on_records(m);
	/* Who is alone leads from the first moment; others first have to be heard. */
	if (store_role(store) != STORE_LEADER || store_members(store, v, 2) != 1)
		r = peers_listen(m->peers, err);
	if (r == 0)
		look_again(m);
	return r;
}

void membership_stop(struct membership *m)
{
	if (!m)
		return;
	timers_disarm(m->conf.timers, &m->changed);
	timers_disarm(m->conf.timers, &m->leave);
	m->members = members_free(m->members);
	m->transport = transport_free(m->transport);
	m->leads = false;
}

struct membership *membership_free(struct membership *m)
{
	if (!m)
		return NULL;
	if (m->identity)
		identity_set_peers(m->identity, NULL);
	peers_free(m->peers);
	member_file_done(&m->file);
	free(m->host);
	free(m->address);
	free(m->peer_address);
	free(m->url);
	free(m);
	return NULL;
}

/* ---- serving, and leaving ---- */

void membership_serve(struct membership *m)
{
	members_serve(m->members, true, NULL, NULL);
}

static void leave_end(struct membership *m)
{
	void (*left)(void *) = m->left;

	timers_disarm(m->conf.timers, &m->leave);
	m->left = NULL;
	if (left)
		left(m->left_user);
}

static void transferred(void *user, int err)
{
	struct membership *m = user;

	if (err && m->left)
		m->leave_until_ns = 0;
}

static void leave_look(struct timer *t)
{
	struct membership *m = container_of(t, struct membership, leave);

	if (timers_now_ns(m->conf.timers) > m->leave_until_ns) {
		leave_end(m);
		return;
	}
	if (m->unserved && store_role(m->store) != STORE_LEADER) {
		leave_end(m);
		return;
	}
	if (m->unserved && !m->transferring) {
		m->transferring = true;
		store_transfer(m->store, 0, transferred, m);
	}
	timers_arm_in(m->conf.timers, t, LEAVE_LOOK_NS);
}

static void unserved(void *user)
{
	((struct membership *)user)->unserved = true;
}

void membership_leave(struct membership *m, void (*done)(void *user), void *user)
{
	m->left = done;
	m->left_user = user;
	if (membership_alone(m)) {
		leave_end(m);
		return;
	}
	m->leave_until_ns = timers_now_ns(m->conf.timers) + LEAVE_NS;
	m->leave.fire = leave_look;
	members_serve(m->members, false, unserved, m);
	timers_soon(m->conf.timers, &m->leave);
}
