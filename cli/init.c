/* SPDX-License-Identifier: Apache-2.0 */
/* init and join: write the daemons' options and start them. */
#include "cli/daemon.h"
#include "cli/session.h"
#include "lib/base/cidr.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"

#include <sys/utsname.h>

#define ADMIN_CONF "/etc/knarr/admin.conf"
#define DNS_AT 10
#define AGENT_CONF "/etc/knarr/agent.conf"

struct init_options {
	const char *bind, *port, *service_cidr, *cluster_cidr, *cluster_dns, *node_name, *node_ip;
	const char *token, *ca_hash, *master_name, *replaces;
	struct option_list master_options, agent_options;
	bool no_agent, master, standby;
};

#define NODE_ROWS                                                                             \
	{"node-name",   0,                                                                    \
	 OPTION_STRING, offsetof(struct init_options, node_name),                             \
	 "NAME",        "the node's name (default: the host name)"},                          \
		{"node-ip",     0,                                                            \
		 OPTION_STRING, offsetof(struct init_options, node_ip),                       \
		 "ADDRESS",     "the node's address (default: that of the default route)"},   \
		{"cluster-dns",                                                               \
		 0,                                                                           \
		 OPTION_STRING,                                                               \
		 offsetof(struct init_options, cluster_dns),                                  \
		 "ADDRESS",                                                                   \
		 "service address of the cluster DNS (default: the tenth, 10.96.0.10)"},      \
	{                                                                                     \
		"agent-option", 0, OPTION_LIST, offsetof(struct init_options, agent_options), \
			"WORD",                                                               \
			"a further option of knarr-agent(8), e.g. "                           \
			"--agent-option=--log-level=debug"                                    \
	}

static const struct option_row init_rows[] = {
	{"bind", 0, OPTION_STRING, offsetof(struct init_options, bind), "ADDRESS",
	 "where the master listens (default 0.0.0.0)"},
	{"port", 0, OPTION_STRING, offsetof(struct init_options, port), "PORT",
	 "the master's port (default 6443)"},
	{"service-cidr", 0, OPTION_STRING, offsetof(struct init_options, service_cidr), "RANGE",
	 "addresses of services, of one or both families (default 10.96.0.0/16)"},
	{"cluster-cidr", 0, OPTION_STRING, offsetof(struct init_options, cluster_cidr), "RANGE",
	 "addresses of pods, likewise (default 10.244.0.0/16)"},
	{"master-option", 0, OPTION_LIST, offsetof(struct init_options, master_options), "WORD",
	 "a further option of knarr-master(8)"},
	{"no-agent", 0, OPTION_FLAG, offsetof(struct init_options, no_agent), NULL,
	 "only a master: this machine runs no pods"},
	NODE_ROWS,
};
static const struct options_spec init_spec = {
	"knarrctl init",
	"",
	"Starts a cluster on this machine: a master, and a node beside it.",
	init_rows,
	ARRAY_SIZE(init_rows),
	"The administrator's kubeconfig is /etc/knarr/admin.conf afterwards."};

static const struct option_row join_rows[] = {
	{"token", 0, OPTION_STRING, offsetof(struct init_options, token), "TOKEN",
	 "of knarrctl token create, on a master"},
	{"ca-hash", 0, OPTION_STRING, offsetof(struct init_options, ca_hash), "sha256:HEX",
	 "of the cluster's authority: proof that this is the right master"},
	{"master", 0, OPTION_FLAG, offsetof(struct init_options, master), NULL,
	 "make it one more master, and a node beside it"},
	{"master-name", 0, OPTION_STRING, offsetof(struct init_options, master_name), "NAME",
	 "with --master: its name among the masters (default: the host name)"},
	{"standby", 0, OPTION_FLAG, offsetof(struct init_options, standby), NULL,
	 "with --master: without a vote"},
	{"replace", 0, OPTION_STRING, offsetof(struct init_options, replaces), "NAME",
	 "with --master: in the place of a master that is gone for good"},
	{"bind", 0, OPTION_STRING, offsetof(struct init_options, bind), "ADDRESS",
	 "with --master: where it listens (default 0.0.0.0)"},
	{"master-option", 0, OPTION_LIST, offsetof(struct init_options, master_options), "WORD",
	 "with --master: a further option of knarr-master(8)"},
	{"no-agent", 0, OPTION_FLAG, offsetof(struct init_options, no_agent), NULL,
	 "with --master: only a master, this machine runs no pods"},
	NODE_ROWS,
};
static const struct options_spec join_spec = {
	"knarrctl join",
	"MASTER",
	"Makes this machine a node of a cluster, or one more master.",
	join_rows,
	ARRAY_SIZE(join_rows),
	"MASTER is an address, ADDRESS:PORT or https://ADDRESS:PORT of any master.\n"
	"\"knarrctl token create [--master] --print-join\" there prints the whole command."};

/* Words of a daemon's command line; those made here are owned. */
struct words {
	const char **v;
	size_t n, cap;
};

static void add_word(struct words *w, const char *option, const char *value)
{
	*ARRAY_PUSH(w->v, w->n, w->cap) =
		value ? xasprintf("--%s=%s", option, value) : xasprintf("--%s", option);
}

static void add_all(struct words *w, const struct option_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		*ARRAY_PUSH(w->v, w->n, w->cap) = xstrdup(l->v[i]);
}

static void words_done(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free((char *)w->v[i]);
	free(w->v);
	*w = (struct words){0};
}

static int must_be_root(struct err *err)
{
	return geteuid() == 0 ? 0 : err_sys(err, EPERM, "must run as root: try sudo");
}

/* The cluster's DNS answers at the tenth Service address of IPv4, which agents always have. */
static void add_dns(const struct init_options *o, struct words *w)
{
	const struct cidr *four = NULL;
	struct cidr_pair p;
	char text[IP_TEXT];
	struct ip at;

	if (!o->cluster_dns && o->service_cidr &&
	    cidr_pair_parse("service-cidr", o->service_cidr, &p, NULL) == 0)
		four = cidr_pair_of(&p, false);
	if (four && cidr_span(*four) > DNS_AT) {
		at = (struct ip){four->base.n + DNS_AT, false};
		add_word(w, "cluster-dns", ip_text(at, text));
	} else {
		add_word(w, "cluster-dns", o->cluster_dns ? o->cluster_dns : "10.96.0.10");
	}
}

/* An agent wants the ranges in one order, whichever is primary. */
static void add_pods(const struct init_options *o, struct words *w)
{
	const struct cidr *four, *six;
	char a[CIDR_TEXT], b[CIDR_TEXT];
	struct cidr_pair p;
	char both[2 * CIDR_TEXT];

	if (!o->cluster_cidr || cidr_pair_parse("cluster-cidr", o->cluster_cidr, &p, NULL) < 0)
		return; /* the master says what is wrong */
	four = cidr_pair_of(&p, false);
	six = cidr_pair_of(&p, true);
	if (!four)
		return;
	snprintf(both, sizeof(both), "%s%s%s", cidr_text(*four, a), six ? "," : "",
		 six ? cidr_text(*six, b) : "");
	add_word(w, "cluster-cidr", both);
}

static void agent_words(const struct init_options *o, struct words *w)
{
	struct utsname u;

	uname(&u);
	add_word(w, "node-name", o->node_name ? o->node_name : u.nodename);
	if (o->node_ip)
		add_word(w, "node-ip", o->node_ip);
	add_dns(o, w);
	add_pods(o, w);
	add_word(w, "kubeconfig", AGENT_CONF);
	add_all(w, &o->agent_options);
}

static int start_agent(const struct init_options *o, const char *server, struct err *err)
{
	CLEANUP(words_done) struct words w = {0};

	agent_words(o, &w);
	/* Credentials of an earlier join are good until reset. */
	if (server) {
		add_word(&w, "join", server);
		add_word(&w, "token", o->token);
		add_word(&w, "ca-hash", o->ca_hash);
	}
	printf("starting knarr-agent ...\n");
	fflush(stdout);
	return daemon_start(DAEMON_AGENT, w.v, w.n, err);
}

static void master_words(const struct init_options *o, struct words *w)
{
	if (o->bind)
		add_word(w, "bind", o->bind);
	if (o->port)
		add_word(w, "port", o->port);
	if (o->service_cidr)
		add_word(w, "service-cidr", o->service_cidr);
	if (o->cluster_cidr)
		add_word(w, "cluster-cidr", o->cluster_cidr);
	add_all(w, &o->master_options);
}

/* With `server` it joins that one; the token is of no use afterwards, and is not kept. */
static int start_master(const struct init_options *o, const char *server, struct err *err)
{
	CLEANUP(words_done) struct words w = {0};
	size_t kept;
	int r;

	master_words(o, &w);
	kept = w.n;
	if (server) {
		add_word(&w, "join", server);
		add_word(&w, "token", o->token);
		add_word(&w, "ca-hash", o->ca_hash);
		if (o->master_name)
			add_word(&w, "name", o->master_name);
		if (o->replaces)
			add_word(&w, "replace", o->replaces);
		if (o->standby)
			add_word(&w, "standby", NULL);
	}
	printf("starting knarr-master ...\n");
	fflush(stdout);
	r = daemon_start(DAEMON_MASTER, w.v, w.n, err);
	return r < 0 || !server ? r : daemon_write_options(DAEMON_MASTER, w.v, kept, err);
}

/* The node beside the first master joins as every other does: with a token, made for this once. */
static int join_self(struct init_options *o, struct err *err)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP(buf_done) struct buf hash = BUF_INIT;
	struct cli_common common = {.kubeconfig = ADMIN_CONF};
	char token[TOKEN_LEN + 1];
	int r = session_open(&common, &s, err);

	if (!r)
		r = token_create(s, TOKEN_NODE, 15 * 60 * NSEC_PER_SEC, "this machine, by knarrctl",
				 token, err);
	if (!r)
		r = session_ca_hash(s, &hash, err);
	if (r < 0)
		return r;
	o->token = token;
	o->ca_hash = hash.p;
	r = start_agent(o, session_server(s), err);
	o->token = o->ca_hash = NULL;
	return r;
}

int cmd_init(int argc, char **argv, void *user)
{
	struct init_options o = {0};
	CLEANUP_FREE const char **args = NULL;
	struct err err = ERR_INIT;
	size_t n;
	int r = options_parse(&init_spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("init", &err) + 1;
	if (n)
		return cli_usage("init", "takes no arguments");
	r = must_be_root(&err);
	if (!r)
		r = start_master(&o, NULL, &err);
	if (!r && !o.no_agent)
		r = join_self(&o, &err);
	option_list_done(&o.master_options);
	option_list_done(&o.agent_options);
	if (r < 0)
		return cli_fail("init", &err);
	printf("The cluster runs. To use it:\n"
	       "  export KUBECONFIG=" ADMIN_CONF "\n"
	       "  knarrctl status\n"
	       "To add a node, on this machine:\n"
	       "  knarrctl token create --print-join\n"
	       "To add a master:\n"
	       "  knarrctl token create --master --print-join\n");
	return 0;
}

/* "10.0.0.1", "fd00::1" and "[fd00::1]:7443" stand for https://10.0.0.1:6443 and so on. */
static char *server_url(const char *given)
{
	const char *rest = strncmp(given, "https://", 8) ? given : given + 8;
	CLEANUP_FREE char *host = NULL, *at = NULL;
	struct str name, port;
	uint64_t n = 6443;

	if (strchr(rest, '/') || !host_port_split(str_of(rest), &name, &port) ||
	    (port.p && str_to_u64(port, &n) < 0))
		return NULL;
	host = str_dup(name);
	at = host_port_join(host, (unsigned)n);
	return xasprintf("https://%s", at);
}

static int check_join(const struct init_options *o, const char *server)
{
	if (!server)
		return cli_usage("join", "name the master as ADDRESS or https://ADDRESS:PORT");
	if (!o->token || !o->ca_hash)
		return cli_usage("join",
				 "--token and --ca-hash must be given: knarrctl token create "
				 "--print-join, on a master, prints both");
	if (!o->master && (o->master_name || o->replaces || o->standby || o->bind || o->no_agent ||
			   o->master_options.n))
		return cli_usage("join", "--master-name, --replace, --standby, --bind, "
					 "--master-option and --no-agent go with --master");
	return 0;
}

static int join(struct init_options *o, const char *server, struct err *err)
{
	int r = must_be_root(err);

	if (r < 0)
		return r;
	if (!o->master)
		return start_agent(o, server, err);
	if (access("/var/lib/knarr/master/master.json", F_OK) == 0)
		return err_sys(err, EEXIST,
			       "this machine is a master already (/var/lib/knarr/master): "
			       "knarrctl reset takes it away");
	r = start_master(o, server, err);
	/* It may be a node already. */
	if (r == 0 && !o->no_agent && access(AGENT_CONF, F_OK) < 0)
		r = join_self(o, err);
	return r;
}

int cmd_join(int argc, char **argv, void *user)
{
	struct init_options o = {0};
	CLEANUP_FREE const char **args = NULL;
	CLEANUP_FREE char *server = NULL;
	struct err err = ERR_INIT;
	size_t n;
	int r = options_parse(&join_spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("join", &err) + 1;
	server = n == 1 ? server_url(args[0]) : NULL;
	r = check_join(&o, server);
	if (r)
		return r;
	r = join(&o, server, &err);
	option_list_done(&o.master_options);
	option_list_done(&o.agent_options);
	if (r < 0)
		return cli_fail("join", &err);
	if (o.master)
		printf("This machine is a master now: \"knarrctl member list\" shows all.\n");
	else
		printf("This machine is a node now: \"knarrctl get nodes\", on a master, shows "
		       "it.\n");
	return 0;
}
