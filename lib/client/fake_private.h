/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_FAKE_PRIVATE_H
#define KNARR_CLIENT_FAKE_PRIVATE_H
/* Between fake.c (requests, time, faults) and fake_store.c (objects). */
#include "lib/base/buf.h"
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "lib/client/fake.h"

struct fake_path {
	struct str gv, ns, plural, name, sub, query; /* gv: "/apis/apps/v1" */
};

struct fake_record {
	char *path; /* of the object */
	struct fake_path at; /* points into path */
	char *bytes; /* NULL: deleted, kept for the event log */
	uint64_t rv;
};

struct fake_event {
	uint64_t rv;
	enum transport_event type;
	const struct fake_record *rec;
	char *bytes;
};

struct fake_fault {
	const char *match;
	int status;
	uint32_t n;
};

struct fake_api {
	struct transport transport;
	struct timers *timers;
	struct hmap *records; /* path -> fake_record */
	struct fake_event *log;
	size_t n_log, cap_log;
	uint64_t rv, compacted, uids, names;
	struct list calls;
	char **requests;
	size_t n_requests, cap_requests;
	struct fake_fault *faults;
	size_t n_faults, cap_faults;
	bool in_memory;
};

struct fake_call {
	struct list node;
	struct fake_api *f;
	struct transport_req req;
	char *path_text;
	struct fake_path path;
	struct buf in, body; /* request, answer */
	struct timer timer;
	int status; /* 0: not decided */
	bool watching, break_connection;
	bool *gone; /* set by cancel while a callback runs */
	size_t cursor; /* a watch: next event of the log */
	uint64_t after_rv;
};

bool fake_path_parse(struct str path, struct fake_path *ret);
struct str fake_query(const struct fake_path *p, const char *name); /* not unescaped */
/* The record is in the collection (and matches the simple field selectors) that p names. */
bool fake_path_covers(const struct fake_path *p, const struct fake_record *rec);
void fake_handle(struct fake_call *call); /* sets status and body */
void fake_answer_error(struct fake_call *call, int status, const char *reason, const char *text);
void fake_wake_watches(struct fake_api *f);
void fake_store_done(struct fake_api *f);
#endif
