/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_FLOW_CONFIG_H
#define KNARR_FLOW_CONFIG_H
#include "lib/base/list.h"
#include "master/apiserver/follow.h"
#include "master/apiserver/server.h"
/* FlowSchemas and priority levels as they are stored, parsed once, in step with the store. */
#define FLOW_QUEUES_MAX 1024u

struct flow_queue {
	struct list node; /* in the level's ring while it is not empty */
	struct list requests; /* struct request.flow_node */
	size_t n;
};

/* Counted: requests under way hold their level and schema when those are replaced. */
struct flow_level {
	unsigned refs;
	char *name, *uid;
	bool exempt, reject;
	uint64_t shares;
	unsigned n_queues, hand, queue_length;
	unsigned seats; /* of the server's, by its share */
	unsigned running, waiting;
	uint64_t dispatched, rejected;
	struct flow_queue *queues;
	struct list ring; /* the queues that are not empty, in turn */
};

struct flow_schema {
	unsigned refs;
	const struct store_obj *o; /* the bytes `rules` points into */
	struct str name, uid, level;
	int64_t precedence;
	struct jv rules;
	bool by_user, by_namespace;
};

/* Who asks for what, as a keyed hash, and whose rules take it; NULL: the slot is free. */
#define FLOW_SEEN 256
struct flow_seen {
	uint64_t hash;
	struct flow_schema *schema;
};

struct flow_config {
	struct store *store;
	struct follow follow_levels, follow_schemas;
	struct flow_level **levels;
	size_t n_levels, cap_levels;
	struct flow_schema **schemas; /* by precedence, then name */
	size_t n_schemas, cap_schemas;
	struct flow_seen seen[FLOW_SEEN]; /* what requests of late were found to be */
	/* Told when a level goes: what waits in it has to go elsewhere. */
	void (*on_level_gone)(void *user, struct flow_level *l);
	void *user;
};
void flow_config_start(struct flow_config *c);
void flow_config_stop(struct flow_config *c);
struct flow_level *flow_config_level(const struct flow_config *c, struct str name);
/* The first schema whose rules take the request; NULL: none. */
struct flow_schema *flow_config_classify(struct flow_config *c, const struct request *r);

void flow_level_unref(struct flow_level *l); /* takes NULL */
void flow_schema_unref(struct flow_schema *s); /* takes NULL */
#endif
