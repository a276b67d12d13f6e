/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLUSTER_JOIN_H
#define KNARR_CLUSTER_JOIN_H
#include "lib/base/err.h"
#include "lib/base/buf.h"
/*
 * Becoming one more master, and what a master keeps of its membership in DATA-DIR/master.json: its
 * id, its name, and the settings that it got from the cluster (absent for the first one, whose
 * options they are).
 */
struct member_file {
	uint64_t id;
	uint64_t cluster; /* of the store; 0: not known when this was written */
	char *name;
	bool joined; /* into a cluster that was there: an empty store waits for the leader */
	bool removed; /* from the cluster: it must not start again */
	char *service_cidr, *cluster_cidr, *domain, *node_ports; /* NULL: not given */
	char *peers; /* "ID ADDRESS ID ADDRESS ..." of the others when it joined; or NULL */
};
void member_file_done(struct member_file *f);
/* 1: read; 0: there is none. -EINVAL: unreadable. */
int member_file_read(const char *data_dir, struct member_file *ret, struct err *err);
int member_file_write(const char *data_dir, const struct member_file *f, struct err *err);

struct master_join_conf {
	const char *server; /* "https://10.0.0.1:6443": any master of the cluster */
	const char *token, *ca_hash; /* both must be there */
	const char *data_dir;
	const char *name, *peer, *url; /* of this master */
	const char *replaces; /* name of a master that is gone for good, or NULL */
	bool standby; /* not to become a voter */
};
/*
 * Ask a master of the cluster to take this one in: first its authority is compared with the hash,
 * then the token is sent, and authority, keys and settings come back over that connection. They are
 * written beneath data_dir (pki/, master.json last). Blocks; half a minute is spent on a cluster
 * that has no leader. On a failure nothing has changed.
 */
int master_join(const struct master_join_conf *conf, struct member_file *ret, struct err *err);
/* The authority in data_dir/pki has this hash: -EEXIST with a message if it has another. */
int master_join_check(const char *data_dir, const char *ca_hash, struct err *err);
#endif
