/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_WRITE_H
#define KNARR_APISERVER_WRITE_H
#include "lib/json/jsonc.h"
#include "master/apiserver/admission.h"
#include "master/apiserver/respond.h"
#include "master/apiserver/server.h"
/*
 * A change of one object: read what is stored, make what shall be, propose it on the condition
 * that nothing else came between, answer from what was committed. When another writer was first
 * the whole is done again from the new state, which is what makes a patch without resourceVersion
 * atomic (k8s.io/apiserver GuaranteedUpdate).
 *
 *	write_start --> make --> mutating policies, webhooks --> write_finish --> validating ones
 *	                  ^                                                   |
 *	                  '-- -EAGAIN, -EEXIST, -ENOENT <-- committed <-- store_txn
 *	                      (at most WRITE_TRIES times)       '--> answer
 */
struct write;

enum write_action {
	WRITE_PUT, /* *ret is what shall be stored */
	WRITE_DELETE, /* the object goes */
	WRITE_NONE, /* nothing changes: answer with what is stored */
};

/* What make has begun and write_finish goes on with. */
enum write_phase {
	WRITE_PHASE_OTHER, /* make did everything: the action stands, no webhook hears of it */
	WRITE_PHASE_DELETE, /* the same for a DELETE, of which webhooks do hear */
	WRITE_PHASE_CREATE, /* write_begin_create */
	WRITE_PHASE_UPDATE, /* write_begin_update */
	WRITE_PHASE_CONNECT, /* nothing is written: gate.h */
};

struct write_ops {
	/*
	 * `cur` is a tree of the stored object in the served form (NULL: there is none), which
	 * lives as long as this try. Returns an action or an error; may be called several times.
	 */
	int (*make)(struct write *w, struct json_object *cur, struct json_object **ret,
		    struct err *err);
	/*
	 * May be NULL. Asked before make, for changes so small and so frequent that they are worth
	 * being made in the stored bytes (w->cur_obj): appends the new value to w->value with
	 * w->rv_at, and index bytes to meta. 1: done, put that; 0: make has to; or an error.
	 */
	int (*splice)(struct write *w, struct buf *meta, struct err *err);
	/* May be NULL. What is seen was edited: makes obj of it. */
	int (*unsee)(struct write *w, struct err *err);
	/* Instead of the usual answer; value is what is stored now, or was deleted. */
	void (*done)(struct write *w, enum write_action a, struct str value,
		     const struct store_obj *o);
	/* A failure that is final, before it is answered; true: try again at once. */
	bool (*retry)(struct write *w, int err);
	void (*free)(struct write *w);
};

/* A further object that changes together with the one written, or not at all. */
struct write_extra {
	enum store_op_type type;
	struct buf key, value, meta;
	size_t rv_at;
	uint64_t rev; /* that must be there */
};
void write_extra_done(struct write_extra *x);
#define WRITE_QUOTAS_MAX 16
#define WRITE_EXTRA_MAX 8 /* a Service's addresses */

struct write {
	struct request *r; /* holds a reference; NULL for internal writes */
	struct apiserver *srv;
	const struct write_ops *ops;
	const struct api_kind *kind; /* of the object in the store */
	const struct api_subresource *sub;
	const char *managed_sub; /* sub-resource for managedFields where sub is NULL; or NULL */
	char *ns, *name;
	/* Of this try, until it is proposed. */
	struct store_view *view;
	const struct store_obj *cur_obj; /* in view */
	struct json_object *cur, *obj; /* what is stored; what shall be */
	enum write_phase phase;
	/*
	 * What admission from outside sees where it is not obj and cur themselves: the Scale of an
	 * object, or what a gate is about (gate.h). Of this try; seen_kind NULL: obj and cur.
	 */
	const struct api_kind *seen_kind;
	struct json_object *seen, *seen_old;
	struct {
		const struct api_kind *to; /* NULL: nothing is lacking */
		struct buf value; /* of which the form in that version is lacking */
		char *fault; /* why fault_to cannot be had, or NULL */
		const struct api_kind *fault_to;
		unsigned n;
	} lack; /* admission_version.h */
	bool edited; /* what is seen was changed by those outside, since obj was prepared */
	/* In hand between proposal and commit. */
	enum write_action action;
	struct buf value;
	size_t rv_at;
	struct write_extra *extra; /* addresses */
	size_t n_extra, cap_extra;
	bool created; /* answer 201 */
	bool confirmed; /* this master was the leader after the write had begun */
	bool quiet; /* one of many: failures are not answered either */
	unsigned tries;
	void *held; /* service addresses set aside for this write */
	struct quota_due *dues; /* of this try: quotas that are charged */
	size_t n_dues;
	struct quota_line *quota_line; /* it stands in, or has its turn; quota_line.h */
	bool quota_again; /* others have to be through first */
	struct list quota_node;
	void (*quota_go_on)(struct write *w);
};

/* What admission from outside looks at. */
static inline const struct api_kind *write_seen_kind(const struct write *w)
{
	return w->seen_kind ? w->seen_kind : w->kind;
}
static inline struct json_object *write_seen(const struct write *w)
{
	return w->seen_kind ? w->seen : w->obj;
}
static inline struct json_object *write_seen_old(const struct write *w)
{
	return w->seen_kind ? w->seen_old : w->cur;
}

/* Allocates nothing itself: `w` is embedded or zeroed memory; takes a reference on r. */
void write_init(struct write *w, struct request *r, const struct write_ops *ops);
void write_start(struct write *w);
/* Name of the object when it is not the one in the path (create). */
void write_set_name(struct write *w, struct str ns, struct str name);

/* Who writes, for managedFields: fieldManager=, else the first word of the user agent. */
struct str write_manager(const struct request *r);
/*
 * What every update has in common, first half: prepare and admission. obj is the new tree, cur the
 * stored one; make hands obj on and returns what this returned.
 */
int write_begin_update(struct write *w, struct json_object *obj, struct json_object *cur,
		       struct err *err);
/* The same for a new object; sets uid, times and name. */
int write_begin_create(struct write *w, struct json_object *obj, struct err *err);
/*
 * Admission from outside makes another object of what it sees: takes it, with defaults and what
 * nobody may change as they were. False: it is the same as before.
 */
bool write_edit(struct write *w, struct json_object *take);
/* Built-in admission once more, after a webhook has changed w->obj. */
int write_admit(struct write *w, struct err *err);
/* Second half, on w->obj: ownership of fields, validation, addresses. An action or an error. */
int write_finish(struct write *w, struct err *err);
/*
 * Another change of the same transaction: of the object at `key`, which must be at revision `rev`;
 * `obj` as it shall be (NULL: deleted, or only looked at).
 */
void write_also(struct write *w, enum store_op_type type, const struct api_kind *k, struct str key,
		uint64_t rev, struct json_object *obj);
/* fieldValidation= of the request; -EINVAL with 400. */
int write_strictness(struct request *r, struct err *err);
/* The object with deletionTimestamp whose last finalizer has gone is deleted by the update. */
bool write_is_final(struct json_object *obj);
/* Is an update without any effect (but the times of managedFields)? */
bool write_same(struct json_object *obj, struct json_object *cur);
#endif
