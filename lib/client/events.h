/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_EVENTS_H
#define KNARR_CLIENT_EVENTS_H
#include "lib/client/client.h"
/*
 * Records Events about objects. What repeats is counted in one Event (count, lastTimestamp);
 * many similar ones become one "(combined from similar events): ..."; a source that floods is cut
 * to 25 events an object and then one in five minutes, as client-go's tools/record does.
 * Fire and forget: a lost Event is never an error of the caller.
 */
struct recorder;
struct recorder_conf {
	const char *component; /* "default-scheduler", "kubelet" */
	const char *host; /* node name; NULL: none */
};
struct recorder *recorder_new(struct client *c, const struct recorder_conf *conf);
struct recorder *recorder_free(struct recorder *r);

/* What an event is about: an ObjectReference. */
struct event_ref {
	const struct client_kind *kind;
	struct str ns, name, uid, rv; /* rv may be absent */
	struct str field_path; /* "spec.containers{web}"; may be absent */
};
#define EVENT_NORMAL "Normal"
#define EVENT_WARNING "Warning"
void recorder_event(struct recorder *r, const struct event_ref *about, const char *type,
		    const char *reason, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The same for a cached object, reading its uid and revision from the bytes. */
struct object;
void recorder_event_for(struct recorder *r, const struct client_kind *kind, const struct object *o,
			const char *type, const char *reason, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
#endif
