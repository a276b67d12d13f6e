/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLUSTER_PEER_H
#define KNARR_CLUSTER_PEER_H
#include "lib/base/err.h"
#include "master/store/transport.h"
/*
 * Messages between masters over TCP: the store's transport.
 *
 *	raft thread --send--> queue of each peer | peers' thread: uv loop, TLS | TCP
 *	raft thread <--------- on_message -------|
 *
 * Each master dials each other one and only sends on that connection; what comes in comes on
 * connections that others dialled. TLS 1.3, both sides with a certificate of the cluster's
 * authority whose subject is O=PEER_ORGANIZATION, CN=peer_common_name(id): checked before a byte of
 * a message is looked at. Then frames: u32 little-endian length, bytes. The first says who talks to
 * whom:
 *
 *	"KnPeer01", u64 id of the sender, u64 id of the receiver, address of the sender
 *
 * A peer that is away costs a dial with a backoff of up to two seconds; what was queued for it is
 * dropped, as raft says it all again. An address is a number and a port: "10.0.0.1:2380",
 * "[fd00::1]:2380". What a peer's own hello says counts more than what the store's configuration
 * says, so that a master may move; when a dial fails, the other one is tried.
 *
 * A master that is alone listens to nobody and has no thread here: see peers_listen.
 */
struct peers;

#define PEER_ORGANIZATION "knarr:masters"
#define PEER_NAME_LEN 32
/* "knarr-master-" and the id as 16 hexadecimal digits. */
void peer_common_name(uint64_t id, char ret[PEER_NAME_LEN]);

struct peers_conf {
	uint64_t id;
	const char *bind; /* address to listen on */
	uint16_t port; /* 0: a free one */
	const char *address; /* at which the others reach this master; NULL: bind and port */
	struct str cert_pem, key_pem; /* for both directions */
	struct str ca_pem;
	size_t queue_bytes; /* waiting for one peer [64 MiB] */
	unsigned user_timeout_ms; /* TCP_USER_TIMEOUT [2000] */
	bool later; /* don't listen before peers_listen */
};
/* Listens at once, unless `later`; everything in conf is copied. Blocks only for that. */
int peers_new(const struct peers_conf *conf, struct peers **ret, struct err *err);
/*
 * There are others, or there soon will be: begin to listen and to dial. Once is enough; again it
 * does nothing. On an error (the port is taken) all is as before.
 */
int peers_listen(struct peers *p, struct err *err);
const char *peers_address(const struct peers *p); /* at which others reach this one; borrowed */
bool peers_address_valid(const char *address); /* a number and a port */
/* Where a peer is, if the configuration does not know; see above. */
void peers_set_address(struct peers *p, uint64_t id, const char *address);
/* When the last message of a peer came, on the monotonic clock; 0: never. From any thread. */
uint64_t peers_heard_ns(struct peers *p, uint64_t id);
struct peers *peers_free(struct peers *p); /* stopped before; takes NULL */
uint16_t peers_port(const struct peers *p);
/* Borrowed; lives as long as p. Its functions are those of transport.h. */
const struct store_transport *peers_transport(struct peers *p);
/* New certificates for connections to come. On an error the old ones stay. From any thread. */
int peers_set_certs(struct peers *p, struct str cert_pem, struct str key_pem, struct str ca_pem,
		    struct err *err);

struct peers_stats {
	uint64_t sent, received; /* messages */
	uint64_t dials, accepted;
	uint64_t refused; /* connections ended for certificate, hello or frame */
	uint64_t dropped; /* messages: queue full, or the peer away */
};
void peers_stats(const struct peers *p, struct peers_stats *ret); /* from any thread */
#endif
