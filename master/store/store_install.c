/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/store_internal.h"

/* A snapshot from the leader: read on another thread, then put in place of the state at once. */

struct loaded {
	struct machine machine;
	struct snapshot_head head;
};

static int load_object(void *user, const struct store_obj *o)
{
	return machine_restore(user, o);
}

/* On the ship thread: touches nothing of the store but its files. */
int store_load(void *user, const char *name, const struct consensus_point *at, void **ret)
{
	struct store *s = user;
	struct loaded *l = NEW(struct loaded);
	int r = snapshot_read_file(&s->io, s->conf.seal, name, at->index, &l->head, load_object,
				   &l->machine, NULL);

	if (!r && (l->head.at.term != at->term || l->head.at.conf_index != at->conf_index ||
		   !str_eq(buf_str(&l->head.at.conf), buf_str(&at->conf)))) {
		snapshot_head_done(&l->head);
		r = -EBADMSG;
	}
	if (r) {
		machine_done(&l->machine);
		free(l);
		return r;
	}
	l->machine.rev = l->head.rev;
	*ret = l;
	return 0;
}

void store_unload(void *user, void *loaded)
{
	struct loaded *l = loaded;

	(void)user;
	if (!l)
		return;
	machine_done(&l->machine);
	snapshot_head_done(&l->head);
	free(l);
}

void store_install(struct store *s, void *take_loaded)
{
	struct loaded *l = take_loaded;
	struct machine old = s->machine;
	struct consensus_point at = s->applied;
	struct store_iter it;
	struct obj *o;

	store_view_drop(s);
	s->machine = l->machine;
	s->machine.pack = s->pack;
	tree_seek(s->machine.tree.root, (struct tree_bound){STR(""), TREE_LT}, &it);
	while ((o = tree_next(&it)))
		pack_add(s->pack, o);
	s->applied = l->head.at;
	l->machine = old;
	l->head.at = at;
	s->log_bytes = s->snapshot_log_bytes = 0;
	s->job.log_bytes_at = 0; /* of one that is being written */
	s->snapshot_bytes = s->machine.bytes;
	s->stats.installs++;
	store_configured(s);
	hub_reset(&s->hub, s->machine.rev);
	store_unload(s, l);
}
