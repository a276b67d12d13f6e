/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knarr-master: the control plane in one process, on one loop. Here the parts are put together;
 * what they do stands in their own folders.
 *
 *	options -> membership -> pki -> store -> apiserver -> HTTP -> READY
 *	leading: scheduler, controllers, signer
 *	SIGTERM -> out of the endpoints, leadership to another -> /readyz fails, watches end ->
 *	close HTTP -> close store
 */
#include "lib/base/base.h"
#include "lib/base/cidr.h"
#include "lib/base/log.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/sys/file.h"
#include "lib/sys/memory.h"
#include "lib/sys/options.h"
#include "lib/sys/timers_uv.h"
#include "master/apiserver/admission_plugins.h"
#include "master/apiserver/apiserver.h"
#include "master/apiserver/audit.h"
#include "master/authn_setup.h"
#include "master/authz_setup.h"
#include "master/cloud/cloud.h"
#include "master/controllers/controllers.h"
#include "master/identity.h"
#include "master/index.h"
#include "master/autosave.h"
#include "master/membership.h"
#include "master/seal_setup.h"
#include "master/scheduler/config.h"
#include "master/scheduler/scheduler.h"

#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#define STOP_GRACE_NS (5 * NSEC_PER_SEC)
#define POLL_QUICK_NS (NSEC_PER_SEC) /* how long being ready is looked for often */
/* A master whose others are away has started, although it is of no use yet. */
#define WAIT_OTHERS_NS (20 * NSEC_PER_SEC)
#define SCHEDULER_CONFIG_MAX (1u << 20)
#define NICE (-10)
#define TRIM_NS (60 * NSEC_PER_SEC)
#define TRIM_BYTES (8u << 20)
#define EXIT_CONFIG 78 /* sysexits(3) EX_CONFIG: a restart will not help */
#define EXIT_IO 74 /* EX_IOERR: the disk */

struct options {
	const char *data_dir, *config_dir, *bind, *advertise, *service_cidr, *cluster_cidr, *domain;
	const char *node_ports, *log_level, *only_controllers;
	const char *audit_policy, *audit_log, *scheduler_config, *encryption;
	struct authn_options authn;
	struct authz_options authz;
	struct option_list proxy_names, enable_plugins, disable_plugins;
	const char *name, *join, *token, *ca_hash, *replaces, *peer_address, *snapshot_dir;
	struct option_list sans;
	uint64_t port, peer_port, election_ns, heartbeat_ns, grace_ns, settle_ns, evict_every_ns,
		not_ready_ns, unreachable_ns, snapshot_every_ns, snapshot_keep, audit_size,
		audit_backups, audit_age, sign_ns;
	uint64_t unhealthy_percent, large_zone, node_bits_v4, node_bits_v6;
	const char *cloud, *cloud_config;
	bool no_scheduler, no_controllers, standby;
};

#define ROW(name, letter, type, field, value, help)                              \
	{                                                                        \
		name, letter, type, offsetof(struct options, field), value, help \
	}
static const struct option_row rows[] = {
	ROW("data-dir", 'd', OPTION_STRING, data_dir, "DIR",
	    "store and keys (default /var/lib/knarr/master)"),
	ROW("config-dir", 'c', OPTION_STRING, config_dir, "DIR",
	    "where admin.conf is written (default /etc/knarr)"),
	ROW("bind", 'b', OPTION_STRING, bind, "ADDRESS",
	    "address to listen on (default 0.0.0.0, or :: where IPv6 is primary)"),
	ROW("port", 'p', OPTION_U64, port, "PORT",
	    "port of the API, 0 for a free one (default 6443)"),
	ROW("advertise-address", 0, OPTION_STRING, advertise, "ADDRESS",
	    "address at which nodes reach this master (default: of the default route)"),
	ROW("san", 0, OPTION_LIST, sans, "NAME",
	    "a further DNS name or address for the serving certificate"),
	ROW("service-cidr", 0, OPTION_STRING, service_cidr, "CIDR",
	    "range of Service addresses, or one of each family (default 10.96.0.0/16)"),
	ROW("cluster-cidr", 0, OPTION_STRING, cluster_cidr, "CIDR",
	    "range of pod addresses, or one of each family (default 10.244.0.0/16)"),
	ROW("node-cidr-mask-size-ipv4", 0, OPTION_U64, node_bits_v4, "BITS",
	    "prefix of one node's piece of it (default 24)"),
	ROW("node-cidr-mask-size-ipv6", 0, OPTION_U64, node_bits_v6, "BITS",
	    "the same of IPv6 (default 64)"),
	ROW("service-node-port-range", 0, OPTION_STRING, node_ports, "FIRST-LAST",
	    "ports of NodePort Services (default 30000-32767)"),
	ROW("cluster-domain", 0, OPTION_STRING, domain, "NAME",
	    "DNS domain of the cluster (default cluster.local)"),
	ROW("node-grace", 0, OPTION_DURATION, grace_ns, "TIME",
	    "a node silent for so long is Unknown, its pods serve no more (default 5s)"),
	ROW("node-settle", 0, OPTION_DURATION, settle_ns, "TIME",
	    "from there to the eviction of its pods (default 1500ms)"),
	ROW("node-eviction-interval", 0, OPTION_DURATION, evict_every_ns, "TIME",
	    "between evictions of two nodes of one zone (default 1s)"),
	ROW("unhealthy-zone", 0, OPTION_U64, unhealthy_percent, "PERCENT",
	    "a zone so much of which is not ready is given up slowly, or not (default 55)"),
	ROW("large-zone", 0, OPTION_U64, large_zone, "NODES",
	    "with more nodes slowly, with fewer not at all (default 50)"),
	ROW("unreachable-toleration", 0, OPTION_DURATION, unreachable_ns, "TIME",
	    "how long pods that say nothing stay on a silent node after that (default 0s)"),
	ROW("not-ready-toleration", 0, OPTION_DURATION, not_ready_ns, "TIME",
	    "the same for a node that says it is not ready (default 5m)"),
	ROW("name", 0, OPTION_STRING, name, "NAME",
	    "of this master among the others (default: the host's; fixed at the first start)"),
	ROW("join", 0, OPTION_STRING, join, "URL",
	    "first start: become one more master of the cluster of that master, "
	    "https://ADDRESS:PORT"),
	ROW("token", 0, OPTION_STRING, token, "TOKEN",
	    "for --join: of knarrctl token create --master"),
	ROW("ca-hash", 0, OPTION_STRING, ca_hash, "sha256:HEX",
	    "for --join: of the cluster's authority, proof that this is the right cluster"),
	ROW("replace", 0, OPTION_STRING, replaces, "NAME",
	    "for --join: take the place of a master that is gone for good"),
	ROW("standby", 0, OPTION_FLAG, standby, NULL,
	    "for --join: get all data but no vote, until promoted by hand"),
	ROW("peer-port", 0, OPTION_U64, peer_port, "PORT",
	    "port for other masters, used only when there are some (default 6380)"),
	ROW("peer-address", 0, OPTION_STRING, peer_address, "ADDRESS:PORT",
	    "at which other masters reach it (default: advertised address, peer port)"),
	ROW("election-timeout", 0, OPTION_DURATION, election_ns, "TIME",
	    "a leader silent for so long is replaced (default 200ms)"),
	ROW("heartbeat-interval", 0, OPTION_DURATION, heartbeat_ns, "TIME",
	    "of the leader to the others (default: a third of that)"),
	ROW("snapshot-every", 0, OPTION_DURATION, snapshot_every_ns, "TIME",
	    "save a backup of the store so often (default: never)"),
	ROW("snapshot-keep", 0, OPTION_U64, snapshot_keep, "N",
	    "so many of them, the newest (default 5)"),
	ROW("snapshot-dir", 0, OPTION_STRING, snapshot_dir, "DIR",
	    "where they are (default: snapshots below the data directory)"),
	ROW("cloud", 0, OPTION_STRING, cloud, "NAME",
	    "where the machines stand: metal (an inventory) or exec (a program); default none"),
	ROW("cloud-config", 0, OPTION_STRING, cloud_config, "FILE", "what --cloud works by"),
	ROW("cluster-signing-duration", 0, OPTION_DURATION, sign_ns, "TIME",
	    "the longest time a certificate that was asked for is good for (default 8760h)"),
	ROW("controllers", 0, OPTION_STRING, only_controllers, "NAMES",
	    "run only these controllers, comma-separated (default all)"),
	ROW("scheduler-config", 0, OPTION_STRING, scheduler_config, "FILE",
	    "KubeSchedulerConfiguration: profiles, plugins and weights"),
	ROW("no-scheduler", 0, OPTION_FLAG, no_scheduler, NULL, "do not place pods"),
	ROW("no-controllers", 0, OPTION_FLAG, no_controllers, NULL, "run no controller"),
	ROW("oidc-issuer-url", 0, OPTION_STRING, authn.issuer, "URL",
	    "believe ID tokens of this OpenID Connect issuer (default none)"),
	ROW("oidc-client-id", 0, OPTION_STRING, authn.client_id, "ID",
	    "which are meant for this client"),
	ROW("oidc-username-claim", 0, OPTION_STRING, authn.username_claim, "CLAIM",
	    "the claim that names the user (default sub)"),
	ROW("oidc-username-prefix", 0, OPTION_STRING, authn.username_prefix, "TEXT",
	    "put in front of it, - for nothing (default the issuer and #)"),
	ROW("oidc-groups-claim", 0, OPTION_STRING, authn.groups_claim, "CLAIM",
	    "the claim with the user's groups (default none)"),
	ROW("oidc-groups-prefix", 0, OPTION_STRING, authn.groups_prefix, "TEXT",
	    "put in front of each"),
	ROW("oidc-required-claim", 0, OPTION_LIST, authn.required, "CLAIM=VALUE",
	    "a claim that the token must have"),
	ROW("oidc-ca-file", 0, OPTION_STRING, authn.ca_file, "FILE",
	    "who signs the issuer's certificate (default the system's roots)"),
	ROW("authentication-token-webhook-config-file", 0, OPTION_STRING, authn.webhook_file,
	    "FILE", "kubeconfig of a server that is asked about unknown tokens"),
	ROW("authentication-token-webhook-cache-ttl", 0, OPTION_DURATION, authn.cache_ns, "TIME",
	    "for how long its answers are kept (default 2m)"),
	ROW("authorization-config", 0, OPTION_STRING, authz.config_file, "FILE",
	    "AuthorizationConfiguration: who is asked, in which order (default Node, RBAC)"),
	ROW("authorization-webhook-config-file", 0, OPTION_STRING, authz.webhook_file, "FILE",
	    "kubeconfig of a server that is asked when Node and RBAC have no opinion"),
	ROW("authorization-webhook-version", 0, OPTION_STRING, authz.version, "VERSION",
	    "of the SubjectAccessReview it is sent: v1"),
	ROW("authorization-webhook-cache-authorized-ttl", 0, OPTION_DURATION, authz.allowed_ns,
	    "TIME", "for how long its consent is kept (default 5m)"),
	ROW("authorization-webhook-cache-unauthorized-ttl", 0, OPTION_DURATION, authz.denied_ns,
	    "TIME", "for how long other answers are kept (default 30s)"),
	ROW("requestheader-allowed-names", 0, OPTION_LIST, proxy_names, "NAME",
	    "common name of a proxy whose X-Remote-User is believed"),
	ROW("enable-admission-plugins", 0, OPTION_LIST, enable_plugins, "NAMES",
	    "admission plugins to run besides the usual ones"),
	ROW("disable-admission-plugins", 0, OPTION_LIST, disable_plugins, "NAMES",
	    "admission plugins not to run"),
	ROW("encryption-provider-config", 0, OPTION_STRING, encryption, "FILE",
	    "EncryptionConfiguration: what is encrypted on disk, and by which keys"),
	ROW("audit-log-path", 0, OPTION_STRING, audit_log, "FILE",
	    "write an audit log to FILE, - for standard output (default none)"),
	ROW("audit-policy-file", 0, OPTION_STRING, audit_policy, "FILE",
	    "audit.k8s.io/v1 Policy (default: everything at level Metadata)"),
	ROW("audit-log-maxsize", 0, OPTION_U64, audit_size, "MIB",
	    "put the audit log aside when it is so large (default 100)"),
	ROW("audit-log-maxbackup", 0, OPTION_U64, audit_backups, "N",
	    "keep so many old audit logs (default all)"),
	ROW("audit-log-maxage", 0, OPTION_U64, audit_age, "DAYS",
	    "keep old audit logs for so long (default for ever)"),
	ROW("log-level", 'l', OPTION_STRING, log_level, "LEVEL",
	    "err, warning, notice, info or debug (default info)"),
};
static const struct options_spec spec = {
	.program = "knarr-master",
	.args = "",
	.summary =
		"Control plane of a Knarr cluster: API server, store, scheduler and controllers.",
	.rows = rows,
	.n_rows = ARRAY_SIZE(rows),
};

struct master {
	struct options o;
	uint16_t port_first, port_last;
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *driver;
	struct pki *pki;
	struct membership *membership;
	struct autosave *autosave;
	struct identity *identity;
	struct store *store;
	struct seal_setup *seal;
	struct audit *audit;
	struct authn_setup authn;
	struct authz_remote_conf authz;
	struct apiserver *api;
	struct http_server *http;
	struct transport *scheduler_t, *controllers_t, *signer_t;
	struct client *scheduler_c, *controllers_c;
	struct informers *scheduler_i, *controllers_i;
	struct scheduler *scheduler;
	struct sched_config scheduler_config;
	struct controllers *controllers;
	struct cloud *cloud;
	uv_signal_t on_term, on_int;
	struct timer ready_poll, watchdog, trim;
	uint64_t watchdog_ns, began_ns;
	bool announced, waits_told, stopping;
	int exit_code;
};

/* ---- options ---- */

static int parse_ports(struct master *m, struct err *err)
{
	struct str rest = str_of(m->o.node_ports), first;
	uint64_t a, b;

	if (!str_split(&rest, '-', &first) || str_to_u64(first, &a) < 0 || !rest.p ||
	    str_to_u64(rest, &b) < 0 || !a || a > b || b > 65535)
		return err_sys(err, EINVAL,
			       "--service-node-port-range: \"%s\" is no range of ports such as "
			       "30000-32767",
			       m->o.node_ports);
	m->port_first = (uint16_t)a;
	m->port_last = (uint16_t)b;
	return 0;
}

/* Bounds of a prefix: of IPv4, then of IPv6. */
static int check_range(const char *option, const char *text, const unsigned min[2],
		       const unsigned max[2], struct err *err)
{
	struct cidr_pair p;
	int r = text ? cidr_pair_parse(option, text, &p, err) : 0;

	for (size_t i = 0; text && r == 0 && i < p.n; i++) {
		bool v6 = p.v[i].base.v6;

		if (p.v[i].bits < min[v6] || p.v[i].bits > max[v6])
			r = err_sys(err, EINVAL,
				    "--%s: \"%s\": an %s range here has a prefix of %u to %u bits",
				    option, text, ip_family(v6), min[v6], max[v6]);
	}
	return r;
}

static int check_mask(const char *option, uint64_t bits, unsigned max, struct err *err)
{
	return bits && bits <= max ? 0 : err_sys(err, EINVAL, "--%s: from 1 to %u", option, max);
}

static int check_address(const char *option, const char *text, struct err *err)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (!text || uv_ip4_addr(text, 0, &v4) == 0 || uv_ip6_addr(text, 0, &v6) == 0)
		return 0;
	return err_sys(err, EINVAL, "--%s: \"%s\" is no address such as 10.0.0.1 or fd00::1",
		       option, text);
}

static int check_ranges(struct options *o, struct err *err)
{
	const unsigned cluster_max[2] = {(unsigned)o->node_bits_v4, (unsigned)o->node_bits_v6};
	int r = check_mask("node-cidr-mask-size-ipv4", o->node_bits_v4, 30, err);

	if (r == 0)
		r = check_mask("node-cidr-mask-size-ipv6", o->node_bits_v6, 126, err);
	if (r == 0)
		r = check_range("service-cidr", o->service_cidr, (const unsigned[]){8, 64},
				(const unsigned[]){29, 125}, err);
	if (r == 0)
		r = check_range("cluster-cidr", o->cluster_cidr, (const unsigned[]){0, 0},
				cluster_max, err);
	if (r == 0)
		r = check_address("bind", o->bind, err);
	if (r == 0)
		r = check_address("advertise-address", o->advertise, err);
	return r;
}

static bool primary_is_v6(const struct options *o)
{
	struct cidr_pair p;

	return o->service_cidr && cidr_pair_parse("service-cidr", o->service_cidr, &p, NULL) == 0 &&
	       p.v[0].base.v6;
}

/* The Service `kubernetes` leads to the masters, and has one family. */
static int check_family(const struct options *o, const char *address, struct err *err)
{
	bool v6 = strchr(address, ':');

	if (v6 == primary_is_v6(o))
		return 0;
	return err_sys(err, EINVAL,
		       "--advertise-address: %s is of %s, but the first range of --service-cidr is "
		       "of %s",
		       address, ip_family(v6), ip_family(!v6));
}

static int parse(struct master *m, int argc, char **argv, struct err *err)
{
	CLEANUP_FREE const char **args = NULL;
	struct options *o = &m->o;
	size_t n = 0;
	int r, level;

	*o = (struct options){.data_dir = "/var/lib/knarr/master",
			      .config_dir = "/etc/knarr",
			      .port = 6443,
			      .peer_port = 6380,
			      .election_ns = 200 * NSEC_PER_MSEC,
			      .grace_ns = 5 * NSEC_PER_SEC,
			      .settle_ns = 1500 * NSEC_PER_MSEC,
			      .evict_every_ns = NSEC_PER_SEC,
			      .not_ready_ns = 300 * NSEC_PER_SEC,
			      .snapshot_keep = 5,
			      .node_bits_v4 = 24,
			      .node_bits_v6 = 64,
			      .log_level = "info"};
	r = options_parse(&spec, argc, argv, o, &args, &n, err);
	if (r)
		return r;
	if (n)
		return err_sys(err, EINVAL, "unexpected argument \"%s\" (see knarr-master --help)",
			       args[0]);
	if (o->port > 65535)
		return err_sys(err, EINVAL, "--port: %" PRIu64 " is no port", o->port);
	if (o->unhealthy_percent > 100)
		return err_sys(err, EINVAL, "--unhealthy-zone: from 1 to 100");
	if (!o->peer_port || o->peer_port > 65535)
		return err_sys(err, EINVAL, "--peer-port: %" PRIu64 " is no port", o->peer_port);
	if (o->election_ns < 20 * NSEC_PER_MSEC || o->election_ns > 60 * NSEC_PER_SEC ||
	    o->heartbeat_ns * 2 > o->election_ns)
		return err_sys(err, EINVAL,
			       "--election-timeout: from 20ms to 1m, and at least twice "
			       "--heartbeat-interval");
	if (o->peer_address && !peers_address_valid(o->peer_address))
		return err_sys(err, EINVAL,
			       "--peer-address: \"%s\" is no address and port such as "
			       "10.0.0.1:6380",
			       o->peer_address);
	if (o->snapshot_every_ns && o->snapshot_every_ns < NSEC_PER_SEC)
		return err_sys(err, EINVAL, "--snapshot-every: at least 1s");
	if (o->sign_ns && o->sign_ns < 30 * NSEC_PER_SEC)
		return err_sys(err, EINVAL, "--cluster-signing-duration: at least 30s");
	if (!o->snapshot_keep)
		return err_sys(err, EINVAL, "--snapshot-keep: at least 1");
	if (!o->join && (o->token || o->ca_hash || o->replaces || o->standby))
		return err_sys(err, EINVAL,
			       "--token, --ca-hash, --replace and --standby go with --join");
	level = log_level_parse(o->log_level);
	if (level < 0)
		return err_sys(err, EINVAL,
			       "--log-level: \"%s\" is none of err, warning, notice, info, debug",
			       o->log_level);
	log_max = (enum log_level)level;
	r = check_ranges(o, err);
	if (!o->bind)
		o->bind = primary_is_v6(o) ? "::" : "0.0.0.0";
	return r == 0 && o->node_ports ? parse_ports(m, err) : r;
}

/* ---- starting ---- */

static void on_role(void *user, enum store_role role)
{
	membership_role(((struct master *)user)->membership, role);
}

static void on_leader(void *user)
{
	membership_leader(((struct master *)user)->membership);
}

/* On one of the store's threads. The others go on; here nothing can be acknowledged any more. */
static void on_fatal(void *user, int error, const char *msg)
{
	(void)user, (void)error;
	log_err("store: %s", msg);
	sd_notifyf(0, "STATUS=%s", msg);
	_exit(EXIT_IO);
}

/* While nothing is served yet a later entry of the log may mend it; see check_keys. */
static void on_locked(void *user)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct master *m = user;

	if (!m->announced || seal_setup_check(m->store, m->o.encryption, &err) == 0)
		return;
	log_err("%s", err_text(&err));
	sd_notifyf(0, "STATUS=%s", err_text(&err));
	_exit(EXIT_CONFIG);
}

/* New keys: a snapshot by them, then nothing here is sealed by the old ones any more. */
static void on_keys_settled(void *user)
{
	struct master *m = user;

	store_snapshot_now(m->store);
}

static int open_seal(struct master *m, struct err *err)
{
	struct seal_setup_conf conf = {.file = m->o.encryption,
				       .loop = &m->loop,
				       .timers = &m->timers,
				       .on_settled = on_keys_settled,
				       .user = m};
	int r = conf.file ? seal_setup_open(&conf, &m->seal, err) : 0;

	if (r < 0)
		m->exit_code = EXIT_CONFIG;
	return r;
}

static int check_keys(struct master *m, struct err *err)
{
	int r = seal_setup_check(m->store, m->o.encryption, err);

	if (r < 0)
		m->exit_code = EXIT_CONFIG;
	return r;
}

static int open_store(struct master *m, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/store", m->o.data_dir);
	struct store_conf conf = {.dir = dir,
				  .loop = &m->loop,
				  .index_value = index_value,
				  .on_role = on_role,
				  .on_leader = on_leader,
				  .on_fatal = on_fatal,
				  .on_locked = on_locked,
				  .user = m};
	int r = open_seal(m, err);

	if (r < 0)
		return r;
	conf.seal = seal_setup_store(m->seal);
	membership_store(m->membership, &conf);
	r = store_open(&conf, &m->store, err);
	/* The only master has all there is now; with others it may be behind. */
	return r == 0 && store_role(m->store) == STORE_LEADER ? check_keys(m, err) : r;
}

static void start_snapshots(struct master *m)
{
	CLEANUP_FREE char *dir = xasprintf("%s/snapshots", m->o.data_dir);
	struct autosave_conf conf = {.store = m->store,
				     .timers = &m->timers,
				     .dir = m->o.snapshot_dir ? m->o.snapshot_dir : dir,
				     .every_ns = m->o.snapshot_every_ns,
				     .keep = m->o.snapshot_keep};

	if (conf.every_ns)
		m->autosave = autosave_new(&conf);
}

static int start_http(struct master *m, struct err *err)
{
	struct http_server_conf conf = {.loop = &m->loop,
					.tls = identity_server_tls(m->identity),
					.on_request = apiserver_http_request,
					.user = m->api};

	m->http = http_server_new(&conf);
	return http_server_listen(m->http, m->o.bind, (uint16_t)m->o.port, err);
}

static int open_audit(struct master *m, struct err *err)
{
	struct audit_conf conf = {.policy_file = m->o.audit_policy,
				  .log_path = m->o.audit_log,
				  .max_size = m->o.audit_size << 20,
				  .max_backups = m->o.audit_backups,
				  .max_age_ns = m->o.audit_age * 24 * 3600 * NSEC_PER_SEC,
				  .timers = &m->timers};

	if (m->o.audit_policy && !m->o.audit_log)
		return err_sys(err, EINVAL, "--audit-policy-file needs --audit-log-path");
	return m->o.audit_log ? audit_open(&conf, &m->audit, err) : 0;
}

static int start_api(struct master *m, struct err *err)
{
	struct apiserver_conf conf = {
		.loop = &m->loop,
		.store = m->store,
		.timers = &m->timers,
		.pki = m->pki,
		.service_cidr = m->o.service_cidr,
		.node_port_first = m->port_first,
		.node_port_last = m->port_last,
		.advertise_address = identity_address(m->identity),
		.port = (uint16_t)m->o.port,
		.cluster_domain = m->o.domain,
		.not_ready_toleration_s = (uint32_t)(m->o.not_ready_ns / NSEC_PER_SEC),
		.unreachable_toleration_s = (uint32_t)(m->o.unreachable_ns / NSEC_PER_SEC),
		.kubelet_tls = identity_kubelet_tls(m->identity),
		.cluster = membership_cluster(m->membership)};
	int r = open_audit(m, err);

	conf.audit = m->audit;
	conf.proxy_names = option_list_end(&m->o.proxy_names);
	conf.enable_plugins = option_list_end(&m->o.enable_plugins);
	conf.disable_plugins = option_list_end(&m->o.disable_plugins);
	if (r == 0)
		r = authn_setup_read(&m->o.authn, m->timers.clock, &m->authn, &conf.authn_remote,
				     err);
	conf.authz_remote = m->authz.n_steps ? &m->authz : NULL;
	if (r == 0)
		r = apiserver_new(&conf, &m->api, err);
	if (r == -EINVAL) /* what files and options say; a missing folder may come to be */
		m->exit_code = EXIT_CONFIG;
	return r;
}

static struct client *new_client(struct master *m, struct transport *t, const char *agent)
{
	struct client_conf conf = {.transport = t, .timers = &m->timers, .user_agent = agent};

	return client_new(&conf);
}

/* The parts that work where the process leads; some time after a start, or at once. */
static void start_leading(struct master *m)
{
	struct controllers_conf cc = {.ca_pem = pki_trust_pem(m->pki),
				      .only = m->o.only_controllers,
				      .node_grace_ns = m->o.grace_ns,
				      .node_settle_ns = m->o.settle_ns,
				      .node_evict_every_ns = m->o.evict_every_ns,
				      .node_unhealthy_percent = m->o.unhealthy_percent,
				      .node_large_zone = m->o.large_zone,
				      .cluster_cidr = m->o.cluster_cidr,
				      .node_bits_v4 = (unsigned)m->o.node_bits_v4,
				      .node_bits_v6 = (unsigned)m->o.node_bits_v6,
				      .cloud = m->cloud};
	struct scheduler_conf sc = {.config = m->o.scheduler_config ? &m->scheduler_config : NULL};

	m->signer_t = apiserver_local_transport(m->api, "system:certificate-controller");
	identity_start_signer(m->identity, m->signer_t, &m->timers);
	if (!m->o.no_scheduler) {
		m->scheduler_t = apiserver_local_transport(m->api, "system:kube-scheduler");
		m->scheduler_c = new_client(m, m->scheduler_t, "kube-scheduler");
		m->scheduler_i = informers_new(m->scheduler_c);
		m->scheduler = scheduler_start(m->scheduler_i, &sc);
		informers_start(m->scheduler_i);
	}
	if (!m->o.no_controllers) {
		m->controllers_t =
			apiserver_local_transport(m->api, "system:kube-controller-manager");
		m->controllers_c = new_client(m, m->controllers_t, "kube-controller-manager");
		m->controllers_i = informers_new(m->controllers_c);
		m->controllers = controllers_start(m->controllers_i, &cc);
		informers_start(m->controllers_i);
	}
}

static void stop_leading(struct master *m)
{
	m->scheduler = scheduler_stop(m->scheduler);
	m->controllers = controllers_stop(m->controllers);
	m->scheduler_i = informers_free(m->scheduler_i);
	m->controllers_i = informers_free(m->controllers_i);
	m->scheduler_c = client_free(m->scheduler_c);
	m->controllers_c = client_free(m->controllers_c);
	identity_stop_signer(m->identity);
	m->scheduler_t = transport_free(m->scheduler_t);
	m->controllers_t = transport_free(m->controllers_t);
	m->signer_t = transport_free(m->signer_t);
}

static void begin_stop(struct master *m);

/* ---- while running ---- */

static void watchdog_fire(struct timer *t)
{
	struct master *m = container_of(t, struct master, watchdog);

	sd_notify(0, "WATCHDOG=1");
	timers_arm_in(&m->timers, t, m->watchdog_ns / 2);
}

static void start_watchdog(struct master *m)
{
	uint64_t usec;

	if (m->watchdog_ns || sd_watchdog_enabled(0, &usec) <= 0)
		return;
	m->watchdog_ns = usec * NSEC_PER_USEC;
	m->watchdog.fire = watchdog_fire;
	timers_soon(&m->timers, &m->watchdog);
}

/* Much was stored for a while, or many came at once, and it is over: memory for others. */
static void trim_fire(struct timer *t)
{
	struct master *m = container_of(t, struct master, trim);

	memory_trim_loose(TRIM_BYTES);
	timers_arm_in(&m->timers, t, TRIM_NS);
}

static void not_ready_yet(struct master *m)
{
	uint64_t age = timers_now_ns(&m->timers) - m->began_ns;

	timers_arm_in(&m->timers, &m->ready_poll,
		      age < POLL_QUICK_NS ? 2 * NSEC_PER_MSEC : 20 * NSEC_PER_MSEC);
	if (age < WAIT_OTHERS_NS || m->waits_told)
		return;
	m->waits_told = true;
	log_warn("no master leads: waiting for the others");
	sd_notify(0, "READY=1\nSTATUS=Waiting for the other masters");
	start_watchdog(m);
}

static void ready_fire(struct timer *t)
{
	struct master *m = container_of(t, struct master, ready_poll);
	CLEANUP(err_done) struct err err = ERR_INIT;

	if (m->stopping || m->announced)
		return;
	if (!apiserver_is_ready(m->api)) {
		not_ready_yet(m);
		return;
	}
	if (check_keys(m, &err) < 0) {
		log_err("%s", err_text(&err));
		begin_stop(m);
		return;
	}
	m->announced = true;
	membership_serve(m->membership);
	if (membership_leads(m->membership))
		start_leading(m);
	log_notice("ready after %llu ms: https://%s:%" PRIu64 ", kubeconfig %s/admin.conf",
		   (timers_now_ns(&m->timers) - m->began_ns) / NSEC_PER_MSEC,
		   identity_address(m->identity), m->o.port, m->o.config_dir);
	sd_notifyf(0, "READY=1\nSTATUS=Serving the API at port %" PRIu64, m->o.port);
	start_watchdog(m);
}

/* ---- leading ---- */

static void on_lead(void *user)
{
	struct master *m = user;

	apiserver_lead(m->api);
	if (m->announced && !m->stopping)
		start_leading(m);
}

static void on_follow(void *user)
{
	struct master *m = user;

	stop_leading(m);
	apiserver_follow(m->api);
}

static void on_caught_up(void *user)
{
	struct master *m = user;

	apiserver_caught_up(m->api);
}

static void on_removed(void *user, const char *why)
{
	struct master *m = user;

	log_err("%s; its data is in %s until knarrctl reset", why, m->o.data_dir);
	m->exit_code = EXIT_CONFIG;
	begin_stop(m);
}

static void http_stopped(void *user)
{
	struct master *m = user;

	uv_stop(&m->loop);
}

static void left(void *user)
{
	struct master *m = user;

	stop_leading(m);
	apiserver_stop(m->api);
	http_server_shutdown(m->http, STOP_GRACE_NS, http_stopped, m);
}

static void begin_stop(struct master *m)
{
	m->stopping = true;
	sd_notify(0, "STOPPING=1");
	if (m->exit_code)
		left(m);
	else
		membership_leave(m->membership, left, m);
}

static void on_signal(uv_signal_t *sig, int number)
{
	struct master *m = sig->data;

	if (m->stopping) { /* a second one does not wait */
		uv_stop(&m->loop);
		return;
	}
	log_notice("stopping");
	begin_stop(m);
}

static void start_signals(struct master *m)
{
	signal(SIGPIPE, SIG_IGN);
	uv_signal_init(&m->loop, &m->on_term);
	uv_signal_init(&m->loop, &m->on_int);
	m->on_term.data = m->on_int.data = m;
	uv_signal_start(&m->on_term, on_signal, SIGTERM);
	uv_signal_start(&m->on_int, on_signal, SIGINT);
}

/*
 * Heartbeats between masters are counted in tens of milliseconds: this process goes before what
 * else runs here, before it has threads. Its children (programs of a cloud provider,
 * master/cloud/exec.c) do not. Where it may not do so, the unit does.
 */
static void go_first(void)
{
	(void)!setpriority(PRIO_PROCESS, 0, NICE);
}

/* Watches are descriptors: take as many as the system lets us. */
static void raise_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static int open_membership(struct master *m, struct err *err)
{
	CLEANUP_FREE char *address = identity_find_address(m->o.bind, m->o.advertise);
	struct options *o = &m->o;
	struct members_settings settings = {o->service_cidr, o->cluster_cidr, o->domain,
					    o->node_ports};
	struct membership_conf conf = {.data_dir = o->data_dir,
				       .config_dir = o->config_dir,
				       .name = o->name,
				       .join = o->join,
				       .token = o->token,
				       .ca_hash = o->ca_hash,
				       .replaces = o->replaces,
				       .standby = o->standby,
				       .bind = o->bind,
				       .peer_address = o->peer_address,
				       .peer_port = (uint16_t)o->peer_port,
				       .port = (uint16_t)o->port,
				       .address = address,
				       .election_ms = o->election_ns / NSEC_PER_MSEC,
				       .heartbeat_ms = o->heartbeat_ns / NSEC_PER_MSEC,
				       .timers = &m->timers,
				       .on_lead = on_lead,
				       .on_follow = on_follow,
				       .on_caught_up = on_caught_up,
				       .on_removed = on_removed,
				       .user = m};
	int r = dir_make(o->data_dir, 0700);

	if (r < 0)
		return err_sys(err, -r, "--data-dir: cannot make %s: %s", o->data_dir,
			       strerror(-r));
	r = membership_open(&conf, &settings, &m->membership, err);
	if (r == -EPERM) /* was removed */
		m->exit_code = EXIT_CONFIG;
	if (r < 0)
		return r;
	o->service_cidr = settings.service_cidr;
	o->cluster_cidr = settings.cluster_cidr;
	o->domain = settings.domain;
	o->node_ports = settings.node_ports;
	r = check_family(o, address, err);
	if (r < 0)
		m->exit_code = EXIT_CONFIG;
	return r < 0 ? r : parse_ports(m, err);
}

static int open_identity(struct master *m, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/pki", m->o.data_dir);
	struct identity_conf conf = {.timers = &m->timers,
				     .config_dir = m->o.config_dir,
				     .bind = m->o.bind,
				     .advertise = m->o.advertise,
				     .service_cidr = m->o.service_cidr,
				     .domain = m->o.domain,
				     .sans = m->o.sans.v,
				     .n_sans = m->o.sans.n,
				     .member_id = membership_id(m->membership),
				     .sign_ns = m->o.sign_ns};
	int r = pki_open(dir, &clock_system, &m->pki, err);

	if (r < 0)
		return r;
	conf.pki = m->pki;
	r = identity_open(&conf, &m->identity, err);
	return r < 0 ? r : membership_peers(m->membership, m->identity, m->pki, err);
}

/* Asked by the controllers where this process leads; its configuration is checked at once. */
static int open_cloud(struct master *m, struct err *err)
{
	struct cloud_conf conf = {
		.file = m->o.cloud_config, .timers = &m->timers, .loop = &m->loop};
	int r;

	if (!m->o.cloud && m->o.cloud_config)
		r = err_sys(err, EINVAL, "--cloud-config goes with --cloud");
	else
		r = m->o.cloud ? cloud_open(m->o.cloud, &conf, &m->cloud, err) : 0;
	if (r < 0)
		m->exit_code = EXIT_CONFIG;
	return r;
}

static int read_scheduler_config(struct master *m, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	int r;

	if (!m->o.scheduler_config)
		return 0;
	r = file_read(AT_FDCWD, m->o.scheduler_config, SCHEDULER_CONFIG_MAX, &text);
	if (r < 0)
		return err_sys(err, -r, "--scheduler-config: cannot read %s: %s",
			       m->o.scheduler_config, strerror(-r));
	r = sched_config_parse(buf_str(&text), &m->scheduler_config, err);
	if (r < 0) {
		m->exit_code = EXIT_CONFIG;
		err_prefix(err, "--scheduler-config %s: ", m->o.scheduler_config);
	}
	return r;
}

static int start(struct master *m, struct err *err)
{
	uint64_t plugins; /* checked here, as long as nothing has begun */
	int r = read_scheduler_config(m, err);

	if (r == 0)
		r = authz_setup_read(&m->o.authz, &m->authz, err);
	if (r == 0)
		r = admission_plugins_parse(option_list_end(&m->o.enable_plugins),
					    option_list_end(&m->o.disable_plugins), &plugins, err);
	if (r < 0)
		m->exit_code = EXIT_CONFIG;
	if (r == 0)
		r = open_cloud(m, err);
	if (r == 0)
		r = open_membership(m, err);
	if (r == 0)
		r = open_identity(m, err);
	if (r == 0)
		r = open_store(m, err);
	if (r == 0)
		r = start_api(m, err);
	if (r == 0)
		r = start_http(m, err);
	if (r < 0)
		return r;
	if (!m->o.port) {
		m->o.port = http_server_port(m->http);
		apiserver_set_port(m->api, (uint16_t)m->o.port);
	}
	r = identity_write_admin(m->identity, (uint16_t)m->o.port, err);
	if (r < 0)
		return r;
	r = membership_start(m->membership, m->store, m->api, (uint16_t)m->o.port, err);
	if (r < 0)
		return r;
	start_snapshots(m);
	m->trim.fire = trim_fire;
	timers_arm_in(&m->timers, &m->trim, TRIM_NS);
	m->ready_poll.fire = ready_fire;
	timers_soon(&m->timers, &m->ready_poll);
	start_signals(m);
	return 0;
}

static void stop(struct master *m)
{
	stop_leading(m);
	m->cloud = cloud_close(m->cloud);
	m->http = http_server_free(m->http);
	uv_run(&m->loop, UV_RUN_NOWAIT);
	membership_stop(m->membership);
	m->autosave = autosave_free(m->autosave);
	m->store = store_close(m->store); /* tells writes under way, which are the API server's */
	m->seal = seal_setup_free(m->seal);
	m->api = apiserver_free(m->api);
	m->audit = audit_close(m->audit);
	authn_setup_done(&m->authn);
	authz_remote_conf_done(&m->authz);
	m->membership = membership_free(m->membership);
	m->identity = identity_free(m->identity);
	m->pki = pki_free(m->pki);
	option_list_done(&m->o.sans);
	option_list_done(&m->o.authn.required);
	option_list_done(&m->o.proxy_names);
	option_list_done(&m->o.enable_plugins);
	option_list_done(&m->o.disable_plugins);
	sched_config_done(&m->scheduler_config);
	if (m->on_term.data) {
		uv_close((uv_handle_t *)&m->on_term, NULL);
		uv_close((uv_handle_t *)&m->on_int, NULL);
	}
	m->driver = timers_uv_detach(m->driver);
	timers_done(&m->timers);
	uv_run(&m->loop, UV_RUN_DEFAULT); /* what is being closed: nothing else is left */
	uv_loop_close(&m->loop);
}

int main(int argc, char **argv)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct master m = {.began_ns = clock_mono_ns(&clock_system)};
	int r = parse(&m, argc, argv, &e);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0) {
		log_err("%s", err_text(&e));
		return EXIT_CONFIG;
	}
	raise_files();
	go_first();
	uv_loop_init(&m.loop);
	timers_init(&m.timers, &clock_system);
	m.driver = timers_uv_attach(&m.timers, &m.loop);
	r = start(&m, &e);
	if (r < 0)
		log_err("%s", err_text(&e));
	else
		uv_run(&m.loop, UV_RUN_DEFAULT);
	stop(&m);
	return r < 0 && !m.exit_code ? EXIT_FAILURE : m.exit_code;
}
