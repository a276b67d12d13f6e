/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CEL_AST_H
#define KNARR_CEL_AST_H
#include "lib/cel/cel.h"
/* Between the files of lib/cel: the tree, the parser, the checker and the table of functions. */

enum cel_op {
	OP_CONST,
	OP_IDENT, /* name; after checking: a variable or type */
	OP_VAR, /* slot of the environment: at */
	OP_SLOT, /* slot of a macro's variable: at */
	OP_SELECT, /* args[0].name */
	OP_HAS, /* has(args[0].name) */
	OP_OPT_SELECT, /* args[0].?name */
	OP_INDEX, /* args[0][args[1]] */
	OP_OPT_INDEX, /* args[0][?args[1]] */
	OP_CALL, /* name(args), or args[0].name(args + 1) if method */
	OP_LIST, /* elements; optional ones are marked in opt */
	OP_MAP, /* keys and values by turns */
	OP_MESSAGE, /* name{fields[i]: args[i]}; optional ones are marked in opt */
	OP_AND,
	OP_OR,
	OP_NOT,
	OP_COND, /* args[0] ? args[1] : args[2] */
	OP_MACRO, /* args[0]: range; args[1..]: what is evaluated for each */
	OP_BIND, /* cel.bind(name, args[0], args[1]); optMap: see macro */
};

enum cel_macro {
	MACRO_ALL,
	MACRO_EXISTS,
	MACRO_EXISTS_ONE,
	MACRO_MAP, /* args[1]: filter or NULL; args[2]: value */
	MACRO_FILTER,
	MACRO_TRANSFORM_LIST, /* two variables from here on */
	MACRO_TRANSFORM_MAP,
	MACRO_TRANSFORM_ENTRY,
	MACRO_OPT_MAP, /* of an optional: args[0]; args[1] */
	MACRO_OPT_FLAT_MAP,
};

struct cel_overloads;
struct cel_node {
	uint8_t op; /* enum cel_op */
	uint8_t macro;
	bool method, two; /* two: the macro has two variables */
	uint32_t pos; /* byte in the text */
	uint32_t n;
	uint32_t at; /* slot; of macros: the first of theirs */
	struct str name, var1, var2;
	struct cel_node **args;
	bool *opt; /* of literals: element, entry or field is optional; NULL: none */
	struct str *fields; /* of OP_MESSAGE */
	const struct cel_message *message;
	struct cel_val val;
	const struct cel_type *type; /* what it evaluates to */
	const struct cel_overloads *os; /* of OP_CALL */
};

struct cel_program {
	struct arena arena;
	struct cel_node *root;
	size_t n_vars, n_slots;
	uint64_t used[4]; /* bit i: variable i is named */
	uint64_t cost;
};

struct cel_mistakes {
	struct str text;
	struct buf out;
	size_t n;
};
void cel_mistake(struct cel_mistakes *m, uint32_t pos, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define CEL_DEPTH_MAX 120
#define CEL_NODES_MAX 20000
/* NULL and mistakes when it is no expression. */
struct cel_node *cel_parse(struct arena *a, struct str text, struct cel_mistakes *m);
/* Types and slots; false with mistakes. */
bool cel_check(struct cel_program *p, const struct cel_env *env, struct cel_mistakes *m);
uint64_t cel_estimate(const struct cel_program *p);

extern const struct cel_lib cel_lib_std;
extern const struct cel_message cel_messages_std[];
extern const size_t cel_n_messages_std;
/* "a.b.c" of selections of names; false: it is no such chain. */
bool cel_dotted(const struct cel_node *x, struct buf *out);
/* The part of the field with that name as expressions write it, or NULL. */
const struct cel_field *cel_field_find(const struct cel_field *fields, size_t n, struct str name);
/* Evaluation of one node, for the files of lib/cel that evaluate. */
struct cel_val cel_eval_node(struct cel_run *r, const struct cel_node *x);
/*
 * args[arg] of a literal, whose mark in `opt` is number `at`; false: it is optional and there is
 * none, so it is left out.
 */
bool cel_eval_element(struct cel_run *r, const struct cel_node *x, uint32_t arg, uint32_t at,
		      struct cel_val *ret);
struct cel_val cel_eval_message(struct cel_run *r, const struct cel_node *x);
struct cel_val cel_over(void); /* the budget is used up */
/* The message of that name; *ret_type is of what it makes, from the arena if need be. */
const struct cel_message *cel_message_find(const struct cel_env *env, struct arena *a,
					   struct str name, const struct cel_type **ret_type);
#endif
