/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CEL_H
#define KNARR_CEL_H
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/json/jsonc.h"
/*
 * The Common Expression Language (github.com/google/cel-spec, langdef.md): expressions over typed
 * values, compiled and checked once, then evaluated within a budget. No loops but over what there
 * is, no side effects, no recursion: an expression ends, and a bound on its cost is known before it
 * runs.
 *
 *	text --cel_compile--> parse -> macros -> types, names --> program --cel_eval--> value
 *
 * A program is immutable and may be evaluated any number of times. Values live in the arena of
 * their evaluation. Nothing here knows Kubernetes: its functions and types are tables that the
 * caller brings along.
 */
enum cel_kind {
	CEL_ERR, /* a failed evaluation; absorbed by &&, || and ?: where they may */
	CEL_NULL,
	CEL_BOOL,
	CEL_INT,
	CEL_UINT,
	CEL_DOUBLE,
	CEL_STRING,
	CEL_BYTES,
	CEL_LIST,
	CEL_MAP,
	CEL_TIME,
	CEL_DURATION, /* nanoseconds */
	CEL_TYPE,
	CEL_OPTIONAL,
	CEL_HOST, /* a value of the caller's own (URL, quantity, ...) */
	/* Of types alone: */
	CEL_DYN,
	CEL_OBJECT, /* a map with known fields */
	CEL_PARAM, /* in signatures */
	CEL_KIND_MAX,
};

struct cel_type;
struct cel_field {
	struct str name; /* as in JSON */
	struct str shown; /* as in expressions, where some characters are written otherwise */
	const struct cel_type *type;
};
/* How elements of a list are told apart when lists are compared or added. */
enum cel_list_kind { CEL_LIST_PLAIN, CEL_LIST_SET, CEL_LIST_KEYED };

struct cel_type {
	uint8_t kind; /* enum cel_kind */
	uint8_t list; /* enum cel_list_kind */
	bool nullable;
	bool open; /* of an object: fields that nobody declared may be there, of any type */
	const char *name; /* of objects and hosts; open objects are told apart by it */
	const struct cel_type *a, *b; /* element; key and value; of an optional */
	const struct cel_field *fields; /* of an object */
	size_t n_fields;
	const struct str *keys; /* of CEL_LIST_KEYED */
	size_t n_keys;
	/* At most so many bytes or elements; 0: nobody knows. For estimates. */
	uint64_t max;
	int param; /* of CEL_PARAM */
};
extern const struct cel_type cel_t_null, cel_t_bool, cel_t_int, cel_t_uint, cel_t_double,
	cel_t_string, cel_t_bytes, cel_t_time, cel_t_duration, cel_t_dyn, cel_t_type,
	cel_t_list_dyn, cel_t_map_dyn;
void cel_type_text(const struct cel_type *t, struct buf *out); /* "list(map(string, int))" */

struct cel_run;
struct cel_val;
struct cel_list;
struct cel_map;

/* What a value of the caller's own can do. All but name may be NULL. */
struct cel_host_ops {
	const char *name; /* its type's */
	bool (*equal)(const void *a, const void *b);
	/* Selection of a field by name: an error when there is none. */
	struct cel_val (*field)(struct cel_run *r, void *p, struct str name);
	bool (*has)(struct cel_run *r, void *p, struct str name);
};

struct cel_val {
	uint8_t kind;
	union {
		bool b;
		int64_t i; /* int; nanoseconds of a duration */
		uint64_t u;
		double d;
		struct str s; /* string, bytes; message of an error */
		struct {
			int64_t s;
			int32_t ns;
		} t;
		const struct cel_list *l;
		const struct cel_map *m;
		const struct cel_type *type;
		const struct cel_val *opt; /* NULL: none */
		struct {
			const struct cel_host_ops *ops;
			void *p;
		} h;
	};
};

struct cel_list {
	size_t n;
	const struct cel_val *v; /* or */
	struct json_object *json;
	const struct cel_type *type; /* of the list; NULL: list(dyn) */
};
struct cel_pair {
	struct cel_val k, v;
};
struct cel_map {
	size_t n;
	const struct cel_pair *v; /* or */
	struct json_object *json;
	const struct cel_type *type; /* map or object; NULL: map(string, dyn) */
	/* What a look-up of a key that is not there gives (with v); NULL: an error. Not for `in`.
	 */
	const struct cel_val *otherwise;
};

/* One evaluation: its memory and what it may use. */
struct cel_run {
	struct arena *arena;
	uint64_t cost, cost_max; /* in cel-go's units */
	uint64_t steps; /* bounded besides */
	int64_t now_s;
	void *host; /* for the caller's functions */
	/* private */
	const struct cel_val *vars;
	struct cel_val *slots;
	struct rx_cache *regexes;
	bool over; /* the budget is used up */
};

/* ---- functions ---- */

typedef struct cel_val cel_fn(struct cel_run *r, const struct cel_val *args, size_t n);
/*
 * One overload. sig: "receiver.arg,arg:result", without "receiver." for a function; each letter is
 * a type: b i u d s y(bytes) n t(time) r(duration) T(type) D(dyn) A B (parameters) lX (list) mXY
 * (map) oX (optional), {name} a host type. cost: per 10 bytes or elements of the first argument (0:
 * none).
 */
struct cel_def {
	const char *name, *sig;
	cel_fn *fn;
	uint8_t cost;
};
struct cel_pair;
/*
 * What `name{field: value, ...}` makes. Fields are checked against `fields`; with `open` others
 * may be there as well, of any type.
 */
struct cel_message {
	const char *name;
	const struct cel_field *fields;
	size_t n_fields;
	bool open;
	bool below; /* "name.anything" are such messages, too, each a type of its own */
	const struct cel_type *type; /* of what is made; NULL: an object by the message's name */
	/* Fields are named by strings. NULL: a map of them, with the type of the object. */
	struct cel_val (*make)(struct cel_run *r, const struct cel_pair *v, size_t n);
};
struct cel_lib {
	const struct cel_def *defs;
	size_t n;
	const struct cel_type *const *types; /* host types by name; NULL-terminated, or NULL */
	const struct cel_message *messages;
	size_t n_messages;
};
/* Standard functions and messages (google.protobuf.*) are always there; these are Kubernetes' and
 * cel-go's extensions. */
extern const struct cel_lib cel_lib_strings, cel_lib_lists, cel_lib_regex, cel_lib_sets,
	cel_lib_math, cel_lib_encoders, cel_lib_optional, cel_lib_url, cel_lib_ip, cel_lib_semver;

struct cel_var {
	const char *name;
	const struct cel_type *type;
};
struct cel_env {
	const struct cel_var *vars;
	size_t n_vars;
	const struct cel_lib *const *libs; /* NULL-terminated, or NULL */
};

/* ---- compiling and running ---- */

#define CEL_TEXT_MAX (64u << 10)
struct cel_program;
/*
 * -EINVAL with cel-go's words, each mistake a line "ERROR: <input>:1:6: undeclared reference to 'x'
 * (in container '')" with the place shown below. env is copied in what is needed; types and
 * libraries must outlive the program.
 */
int cel_compile(const struct cel_env *env, struct str text, struct cel_program **ret,
		struct err *err);
struct cel_program *cel_program_free(struct cel_program *p);
DEFINE_CLEANUP(struct cel_program *, cel_program_freep, cel_program_free)
const struct cel_type *cel_program_type(const struct cel_program *p);
/* Does the expression name the variable? */
bool cel_program_uses(const struct cel_program *p, size_t var);
/* Upper bound of the cost of one evaluation, by the sizes that types allow; saturates. */
uint64_t cel_program_cost(const struct cel_program *p);

/* `vars` in the order of the environment. An exceeded budget is an error too (r->over). */
struct cel_val cel_eval(const struct cel_program *p, const struct cel_val *vars, struct cel_run *r);

/* ---- values ---- */

#define CEL_VAL_NULL ((struct cel_val){.kind = CEL_NULL})
static inline struct cel_val cel_bool(bool b)
{
	return (struct cel_val){.kind = CEL_BOOL, .b = b};
}
static inline struct cel_val cel_int(int64_t i)
{
	return (struct cel_val){.kind = CEL_INT, .i = i};
}
static inline struct cel_val cel_uint(uint64_t u)
{
	return (struct cel_val){.kind = CEL_UINT, .u = u};
}
static inline struct cel_val cel_double(double d)
{
	return (struct cel_val){.kind = CEL_DOUBLE, .d = d};
}
static inline struct cel_val cel_str(struct str s)
{
	return (struct cel_val){.kind = CEL_STRING, .s = s};
}
static inline struct cel_val cel_host(const struct cel_host_ops *ops, void *p)
{
	return (struct cel_val){.kind = CEL_HOST, .h = {ops, p}};
}
struct cel_val cel_error(struct cel_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct cel_val cel_no_overload(void);
/* A copy of b's text in the arena, as a string; b is emptied. */
struct cel_val cel_take_buf(struct cel_run *r, struct buf *b);
/* n elements in the arena; fill v before anyone looks. */
struct cel_val cel_new_list(struct cel_run *r, size_t n, struct cel_val **ret_v);
struct cel_val cel_some(struct cel_run *r, struct cel_val v);
/* A view of a JSON value (borrowed) as the type says; NULL: by what it is. */
struct cel_val cel_of_json(struct cel_run *r, struct json_object *o, const struct cel_type *t);
/* A tree of a value; NULL when it has no JSON form (or is null). New reference. */
struct json_object *cel_to_json(const struct cel_val *v);
size_t cel_size(const struct cel_val *v); /* elements of a list or map */
struct cel_val cel_at(struct cel_run *r, const struct cel_val *list, size_t i);
/* Value of a key; false: there is none. */
bool cel_map_get(struct cel_run *r, const struct cel_val *map, const struct cel_val *key,
		 struct cel_val *ret);
struct cel_val cel_map_key(struct cel_run *r, const struct cel_val *map, size_t i);
bool cel_equal(struct cel_run *r, const struct cel_val *a, const struct cel_val *b);
/* -1, 0, 1; 2: cannot be compared. */
int cel_compare(const struct cel_val *a, const struct cel_val *b);
/* Text form, as string() and format use it. */
void cel_text(struct cel_run *r, const struct cel_val *v, struct buf *out);
struct cel_val cel_semver(struct cel_run *r, struct str s); /* an error when it is none */
/* Charge for work; false (and r->over) when the budget is gone. */
bool cel_charge(struct cel_run *r, uint64_t cost);
/* "2020-01-01T00:00:00Z"; Go's durations ("1h2m3.5s"). */
bool cel_time_parse(struct str s, struct cel_val *ret);
bool cel_duration_parse(struct str s, struct cel_val *ret);
void cel_time_text(const struct cel_val *t, struct buf *out);
void cel_duration_text(int64_t ns, struct buf *out);
/* A compiled expression, kept for the evaluation; NULL and *ret_err when it is none. */
struct rx;
const struct rx *cel_regex(struct cel_run *r, struct str pattern, struct cel_val *ret_err);
#endif
