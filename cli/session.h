/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLI_SESSION_H
#define KNARR_CLI_SESSION_H
#include "cli/cli.h"
#include "lib/json/jv.h"
/*
 * A conversation with a master, written straight down: each call runs the loop until its answer
 * is there.
 */
struct session;
struct http_client;
struct uv_loop_s;

/* Reads the kubeconfig. `ns` of the session: the option's, else the context's. */
int session_open(const struct cli_common *c, struct session **ret, struct err *err);
/* The same, to the master at this URL and no other. */
int session_open_at(const struct cli_common *c, const char *url, struct session **ret,
		    struct err *err);
struct session *session_close(struct session *s);
DEFINE_CLEANUP(struct session *, session_closep, session_close)
const char *session_ns(const struct session *s);
const char *session_server(const struct session *s);
struct http_client *session_http(struct session *s);
struct uv_loop_s *session_loop(struct session *s);

/* "sha256:<hex>" of the public key of the authority in our kubeconfig, as kubeadm gives it. */
int session_ca_hash(struct session *s, struct buf *out, struct err *err);

/*
 * Make a bootstrap token ("abcdef.0123456789abcdef") for a node, or for one more master; ttl_ns 0:
 * good for ever, which one for a master must not be. (token.c)
 */
#define TOKEN_LEN 23
enum token_use { TOKEN_NODE, TOKEN_MASTER };
int token_create(struct session *s, enum token_use use, uint64_t ttl_ns, const char *description,
		 char ret[TOKEN_LEN + 1], struct err *err);
/*
 * The same as a whole command line, `knarrctl join URL --token ...` with `more` (may be NULL)
 * behind it, appended to out.
 */
int token_join_command(struct session *s, enum token_use use, uint64_t ttl_ns,
		       const char *description, const char *more, struct buf *out, struct err *err);

struct session_req {
	const char *method, *path; /* path with query */
	const char *content_type, *accept; /* NULL: application/json */
	struct str body;
	/* Streams: called with each piece instead of collecting it; non-zero ends the call. */
	int (*on_data)(void *user, struct str piece);
	void *user;
	uint64_t timeout_ns; /* 0: 30 s, or none for a stream */
};
/*
 * The answer's body goes to *out (may be NULL for streams). A Status failure becomes err with its
 * reason and message; a connection failure says which server and what to check.
 */
int session_do(struct session *s, const struct session_req *req, struct buf *out, struct err *err);
int session_get(struct session *s, const char *path, struct buf *out, struct err *err);

/* What a word like "po", "deploy" or "deployments.apps" means to the server (its discovery). */
struct resource {
	char *group, *version, *plural, *singular, *kind;
	bool namespaced;
};
void resource_done(struct resource *r);
/* -ENOENT: `the server doesn't have a resource type "x"`. */
int session_resource(struct session *s, struct str word, struct resource *ret, struct err *err);
int session_resource_of_kind(struct session *s, struct str api_version, struct str kind,
			     struct resource *ret, struct err *err);
/* "/apis/apps/v1/namespaces/x/deployments/web"; ns and name may be absent. */
void resource_path(const struct resource *r, const char *ns, struct str name, struct buf *out);
/* Adds ?name=value or &name=value, escaped. */
void path_query(struct buf *path, const char *name, struct str value);
/*
 * Reads "TYPE NAME", "TYPE/NAME" or "TYPE" from args. *ret_name is absent for the last.
 * *used: how many words.
 */
int session_target(struct session *s, const char **args, size_t n, struct resource *ret,
		   struct str *ret_name, size_t *used, struct err *err);
#endif
