/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/admission_version.h"
#include "lib/api/convert.h"

/* Forms that one write may ask for: a policy each changes the object, and it has some versions. */
#define LACKS_MAX 64

/* The value in version `to`, which only a webhook can make of it. */
static struct json_object *by_webhook(struct write *w, const struct api_kind *to,
				      struct json_object *obj)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT, form = BUF_INIT;
	struct json_object *ret = NULL;

	if (w->lack.fault && w->lack.fault_to == to)
		return NULL;
	jsonc_write(obj, &value);
	if (custom_wants_webhook(to, buf_str(&value))) {
		if (!w->lack.to) {
			w->lack.to = to;
			buf_clear(&w->lack.value);
			buf_addstr(&w->lack.value, buf_str(&value));
		}
		return NULL;
	}
	custom_read(to, jv_of(buf_str(&value)), &form);
	return jsonc_parse(buf_str(&form), NULL, &ret, NULL) == 0 ? ret : NULL;
}

struct json_object *admission_in_version(struct write *w, const struct api_kind *as,
					 struct json_object *obj)
{
	struct json_object *copy;

	if (!obj)
		return NULL;
	if (custom_has_webhook(as))
		return by_webhook(w, as, obj);
	copy = jsonc_clone(obj);
	if (api_convert_tree(w->kind, as, copy) == 0)
		return copy;
	json_object_put(copy);
	return NULL;
}

struct json_object *admission_from_version(struct write *w, const struct api_kind *as,
					   struct json_object *take)
{
	struct json_object *ret = take;

	if (custom_has_webhook(w->kind))
		ret = by_webhook(w, w->kind, take);
	else if (api_convert_tree(as, w->kind, take) < 0)
		ret = NULL;
	if (ret != take)
		json_object_put(take);
	return ret;
}

bool admission_version_at_hand(struct write *w, const struct api_kind *as)
{
	struct json_object *obj = w->phase == WRITE_PHASE_DELETE ? NULL : write_seen(w);

	if (custom_has_webhook(as)) {
		json_object_put(admission_in_version(w, as, obj));
		json_object_put(admission_in_version(w, as, write_seen_old(w)));
	}
	return !w->lack.to && !(w->lack.fault && w->lack.fault_to == as);
}

/* The request holds its own definition; the one served now may be a newer one. */
static const struct api_kind *of_same_definition(const struct api_kind *k,
						 const struct api_kind *as)
{
	const struct custom_def *d = custom_def_of(k);

	for (size_t i = 0; i < custom_def_len(d); i++)
		if (!strcmp(custom_def_kind(d, i)->version, as->version))
			return custom_def_kind(d, i);
	return NULL;
}

const struct api_kind *admission_version(struct write *w, const struct webhook *h,
					 const struct webhook_attrs *a)
{
	const struct api_kind *as = w->seen_kind ? NULL : webhook_version(h, a);
	CLEANUP_JSON struct json_object *probe = NULL;

	if (as && w->kind->custom)
		as = of_same_definition(w->kind, as);
	if (!as || custom_has_webhook(as))
		return as;
	probe = admission_in_version(w, as, write_seen(w) ? write_seen(w) : write_seen_old(w));
	return probe ? as : NULL;
}

struct filling {
	struct write *w;
	const struct api_kind *to;
	conversion_cb *cb;
	void *user;
};

static void filled(void *user, const struct err *e)
{
	struct filling f = *(struct filling *)user;

	free(user);
	if (e) {
		free(f.w->lack.fault);
		f.w->lack.fault = xstrdup(err_text(e));
		f.w->lack.fault_to = f.to;
	}
	f.cb(f.user, e);
}

void admission_lack_fill(struct write *w, conversion_cb *cb, void *user)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct filling *f = NEW(struct filling);
	struct str value = buf_str(&w->lack.value);

	*f = (struct filling){w, w->lack.to, cb, user};
	w->lack.to = NULL;
	if (++w->lack.n > LACKS_MAX) {
		err_set(&e, EOVERFLOW, "InternalError", "too many conversions for one request");
		filled(f, &e);
	} else if (!conversion_ensure(w->srv, f->to, &value, 1, filled, f)) {
		filled(f, NULL);
	}
}

void admission_lack_done(struct write *w)
{
	buf_done(&w->lack.value);
	free(TAKE(w->lack.fault));
}
