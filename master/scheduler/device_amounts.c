/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/devices.h"

/*
 * Devices of which parts are given: shared ones, whose capacity several claims take from, and those
 * cut from one piece of hardware, which share counters of their pool.
 */

static struct quantity quantity_at(struct jv v)
{
	struct quantity q = {0};

	quantity_parse(jv_text(v), &q);
	return q;
}

/* ---- capacity ---- */

static struct quantity round_up(struct quantity wanted, struct jv range)
{
	struct quantity min = quantity_at(jv_get(range, "min"));
	struct jv step = jv_get(range, "step");
	int64_t by, above;

	if (quantity_cmp(wanted, min) < 0)
		return min;
	if (!jv_exists(step))
		return wanted;
	by = quantity_value(quantity_at(step));
	above = quantity_value(wanted) - quantity_value(min);
	if (by <= 0 || above < 0)
		return wanted;
	return quantity_of(quantity_value(min) + (above + by - 1) / by * by, QUANTITY_BINARY);
}

/* What is taken of a capacity, by its policy. */
static struct quantity consumed(struct jv capacity, struct jv wanted)
{
	struct jv policy = jv_get(capacity, "requestPolicy"), range = jv_get(policy, "validRange");
	struct quantity q;

	if (!jv_exists(wanted))
		return quantity_at(jv_exists(jv_get(policy, "default"))
					   ? jv_get(policy, "default")
					   : jv_get(capacity, "value"));
	q = quantity_at(wanted);
	if (jv_exists(jv_get(range, "min")))
		return round_up(q, range);
	jv_for_each (v, jv_get(policy, "validValues"))
		if (quantity_cmp(q, quantity_at(v.value)) <= 0)
			return quantity_at(v.value);
	return q;
}

static bool against_policy(struct jv capacity, struct quantity q)
{
	struct jv policy = jv_get(capacity, "requestPolicy"), range = jv_get(policy, "validRange");
	struct jv values = jv_get(policy, "validValues"), is_default = jv_get(policy, "default");

	if (jv_exists(is_default) && !quantity_cmp(q, quantity_at(is_default)))
		return false;
	if (jv_exists(range))
		return jv_exists(jv_get(range, "max")) &&
		       quantity_cmp(q, quantity_at(jv_get(range, "max"))) > 0;
	jv_for_each (v, values)
		if (!quantity_cmp(q, quantity_at(v.value)))
			return false;
	return jv_len(values) > 0;
}

static __int128 taken(const struct sched_devices *ds, const struct sched_device *d, struct str name,
		      struct jv capacity, const struct sched_device_result *more, size_t n)
{
	const struct sched_device_use *u = sched_device_use(ds, d->id);
	__int128 sum = 0;

	for (size_t i = 0; u && i < u->n; i++)
		if (str_eqs(name, u->taken[i].name))
			sum += u->taken[i].q.nano;
	for (size_t i = 0; i < n; i++)
		if (more[i].device == d)
			sum += consumed(capacity, jv_getn(more[i].ask->capacity, name)).nano;
	return sum;
}

bool sched_device_has_room(const struct sched_devices *ds, const struct sched_device *d,
			   struct jv wanted, const struct sched_device_result *more, size_t n)
{
	struct jv all = jv_get(d->json, "capacity");

	jv_for_each_member (w, wanted)
		if (!jv_exists(jv_getn(all, w.key)))
			return false;
	jv_for_each_member (c, all) {
		struct quantity q = consumed(c.value, jv_getn(wanted, c.key));

		if (against_policy(c.value, q) ||
		    q.nano + taken(ds, d, c.key, c.value, more, n) >
			    quantity_at(jv_get(c.value, "value")).nano)
			return false;
	}
	return true;
}

void sched_device_write_taken(const struct sched_device *d, struct jv wanted, struct jw *w)
{
	jw_begin_object(w);
	jv_for_each_member (c, jv_get(d->json, "capacity")) {
		CLEANUP(buf_done) struct buf text = BUF_INIT;

		quantity_format(consumed(c.value, jv_getn(wanted, c.key)), &text);
		jw_keyn(w, c.key);
		jw_str(w, buf_str(&text));
	}
	jw_end_object(w);
}

/* ---- counters ---- */

static __int128 takes(const struct sched_device *d, struct str set, struct str counter)
{
	__int128 sum = 0;

	jv_for_each (c, d->consumes)
		if (str_eq(jv_text(jv_get(c.value, "counterSet")), set))
			sum += quantity_at(jv_get(jv_getn(jv_get(c.value, "counters"), counter),
						  "value"))
				       .nano;
	return sum;
}

static const struct sched_slices *pool_of(const struct sched_devices *ds,
					  const struct sched_device *d)
{
	return hmap_get(ds->by_pool, str_of(d->slice->pool_id));
}

/* Value of a counter; -1: there is none. */
static __int128 counter(const struct sched_devices *ds, const struct sched_device *d,
			struct str set, struct str name)
{
	const struct sched_slices *l = pool_of(ds, d);

	for (size_t i = 0; l && i < l->n; i++) {
		if (l->v[i]->generation != d->slice->generation)
			continue;
		jv_for_each (s, l->v[i]->counters) {
			struct jv c = jv_getn(jv_get(s.value, "counters"), name);

			if (str_eq(jv_text(jv_get(s.value, "name")), set) && jv_exists(c))
				return quantity_at(jv_get(c, "value")).nano;
		}
	}
	return -1;
}

static bool is_among(const struct sched_device *d, const struct sched_device_result *more, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (more[i].device == d)
			return true;
	return false;
}

static bool left(const struct sched_devices *ds, const struct sched_device *d, struct str set,
		 struct str name, const struct sched_device_result *more, size_t n)
{
	const struct sched_slices *l = pool_of(ds, d);
	__int128 has = counter(ds, d, set, name), used = takes(d, set, name);

	for (size_t i = 0; l && i < l->n; i++) {
		if (l->v[i]->generation != d->slice->generation)
			continue;
		for (size_t k = 0; k < l->v[i]->n; k++) {
			const struct sched_device *o = &l->v[i]->v[k];

			if (o != d && jv_exists(o->consumes) &&
			    (is_among(o, more, n) || sched_device_use(ds, o->id)))
				used += takes(o, set, name);
		}
	}
	return used <= has;
}

bool sched_device_counters_left(const struct sched_devices *ds, const struct sched_device *d,
				const struct sched_device_result *more, size_t n)
{
	/* A shared device took its part with the first who uses it. */
	if (d->shared && (is_among(d, more, n) || sched_device_use(ds, d->id)))
		return true;
	jv_for_each (c, d->consumes)
		jv_for_each_member (m, jv_get(c.value, "counters"))
			if (!left(ds, d, jv_text(jv_get(c.value, "counterSet")), m.key, more, n))
				return false;
	return true;
}
