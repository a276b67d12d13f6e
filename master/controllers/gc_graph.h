/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_GC_GRAPH_H
#define KNARR_GC_GRAPH_H
#include "master/controllers/controller.h"
#include "lib/json/jv.h"
/*
 * Who depends on whom: for each owner's uid the objects that name it, kept by the events of
 * informers of all kinds. Objects themselves stay in their informers.
 */
struct gc;
struct gc_kind {
	struct gc *g;
	const struct client_kind *kind;
	struct informer *in;
	size_t at;
};
struct gc_dep {
	struct gc_kind *kind;
	char *key;
};
struct gc_list {
	struct gc_dep *v;
	size_t n;
};
struct gc {
	struct ctl *c;
	struct gc_kind **kinds; /* a slot is NULL when its kind has gone */
	size_t n_kinds, cap_kinds;
	struct custom_kinds *customs;
	struct hmap *dependents; /* uid -> list */
	struct hmap *absent; /* uids known to exist no more */
};
struct gc *gc_graph_new(struct ctl *c);
struct gc *gc_graph_free(struct gc *g);
struct gc_kind *gc_kind_of_ref(struct gc *g, struct jv ref);
struct gc_list gc_dependents(const struct gc *g, struct str uid);
bool gc_known_absent(const struct gc *g, struct str uid);
void gc_note_absent(struct gc *g, struct str uid);
void gc_enqueue(struct gc *g, struct gc_kind *k, const struct object *o);
/* The object behind a key of the queue. */
struct object *gc_find(struct gc *g, struct str key, struct gc_kind **ret);
/* Being deleted with a finalizer that is the collector's to take off (gc.c). */
bool gc_is_closing(const struct object *o);
#endif
