/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_RESPOND_H
#define KNARR_APISERVER_RESPOND_H
#include "master/apiserver/request.h"
/*
 * Answers. Each may be called once a request; on one whose client has gone they do nothing.
 * Warning headers collected in the request go along.
 */

/* A failure as metav1.Status with the code, reason and details that Kubernetes gives. */
void respond_err(struct request *r, const struct err *err);
/* The same for a failure that is about another kind or object than the request's own. */
void respond_err_about(struct request *r, const struct err *err,
		       const struct api_status_details *details);
/* JSON text; moves the memory out of `json`. */
void respond_json(struct request *r, int status, struct buf *json);
void respond_text(struct request *r, int status, const char *content_type, struct str body);
/* Takes over `body` under the given content type. */
void respond_buf(struct request *r, int status, const char *content_type, struct buf *body);
/* The same from pieces, which are referenced and not copied. */
void respond_pieces_json(struct request *r, int status, const struct http_piece *p, size_t n);
/* A stored object in the form the client accepts (Table, metadata only, served version, YAML). */
void respond_object(struct request *r, int status, const struct store_obj *o);
/* The same for canonical bytes that were not stored (dry run). */
void respond_value(struct request *r, int status, struct str value);
/* {"status":"Success"} about an object that is gone. */
void respond_deleted(struct request *r, struct str name, struct str uid);
/* 404 as for a path nobody serves; 405. */
void respond_not_served(struct request *r);
void respond_not_allowed(struct request *r);
/* 406: nothing of what the client accepts can be given. */
void respond_not_acceptable(struct request *r);
/* "details" of a Status about the object the request names. */
void respond_details(const struct request *r, struct api_status_details *ret);
/*
 * A document with an ETag, which is at hand compressed. forever: what this path leads to never
 * changes.
 */
void respond_zipped(struct request *r, const char *content_type, const char *etag, bool forever,
		    struct http_blob *gz);
/* 304 where If-None-Match names the ETag; false: nothing was answered. */
bool respond_not_modified(struct request *r, const char *etag);
#endif
