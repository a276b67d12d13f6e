/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_LIST_H
#define KNARR_LIST_H
#include "lib/base/base.h"
/* Intrusive circular doubly-linked list. A node that is in no list points to itself. */
struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_insert_before(struct list *at, struct list *n)
{
	n->prev = at->prev;
	n->next = at;
	at->prev->next = n;
	at->prev = n;
}
static inline void list_append(struct list *head, struct list *n)
{
	list_insert_before(head, n);
}
static inline void list_prepend(struct list *head, struct list *n)
{
	list_insert_before(head->next, n);
}
/* Takes n out and leaves it pointing to itself, so that doing it twice is harmless. */
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) \
	(list_empty(head) ? NULL : list_entry((head)->next, type, member))
#define list_for_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* The current node may be removed (or freed) in the body. */
#define list_for_each_safe(it, head)                                              \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
	     it = it##_next, it##_next = it->next)
#endif
