/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ipam.h"
#include "lib/sys/file.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#define IPAM_MAGIC "knarr-ipam 1\n"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define FIRST 2u /* 0: the network, 1: the node's own end */

/* The file: one header record, then record i is address i of the range. */
struct header {
	char magic[16];
	char boot_id[36];
	uint32_t range_addr;
	uint8_t range_len;
	uint8_t pad[7];
};
_Static_assert(sizeof(struct header) == 64, "ipam header");

struct record {
	uint64_t freed_ns; /* CLOCK_MONOTONIC; 0: never used */
	uint8_t owner_len; /* 0: free */
	uint8_t pad[7];
	char owner[IPAM_OWNER_MAX];
};
_Static_assert(sizeof(struct record) == 64, "ipam record");

struct ipam {
	struct ip4_prefix range;
	const struct clock *clock;
	uint64_t quarantine_ns;
	int fd;
	uint32_t n, n_used; /* records, up to the broadcast address exclusively */
	struct record *v; /* as the file has it; [0] and [1] are never used */
};

static int make_header(const struct ipam_conf *conf, struct header *ret)
{
	CLEANUP(buf_done) struct buf boot = BUF_INIT;
	int r = file_read(AT_FDCWD, BOOT_ID, 64, &boot);

	if (r < 0)
		return r;
	*ret = (struct header){.range_addr = conf->range.addr, .range_len = conf->range.len};
	memcpy(ret->magic, IPAM_MAGIC, sizeof(IPAM_MAGIC));
	memcpy(ret->boot_id, boot.p, MIN(boot.len, sizeof(ret->boot_id)));
	return 0;
}

/* A file of this boot and range, whole: take its records. Anything else: start anew. */
static int load(struct ipam *i, const struct header *want)
{
	size_t bytes = (size_t)i->n * sizeof(*i->v);
	struct header have;

	if (pread(i->fd, &have, sizeof(have), 0) == sizeof(have) &&
	    memcmp(&have, want, sizeof(have)) == 0 &&
	    pread(i->fd, i->v, bytes, sizeof(have)) == (ssize_t)bytes) {
		for (uint32_t k = FIRST; k < i->n; k++) {
			if (i->v[k].owner_len > IPAM_OWNER_MAX)
				i->v[k].owner_len = 0;
			i->n_used += i->v[k].owner_len > 0;
		}
		return 0;
	}
	memset(i->v, 0, bytes);
	/* The header is written last: a half-made file is not taken for a good one. */
	if (ftruncate(i->fd, 0) < 0 || ftruncate(i->fd, (off_t)(sizeof(have) + bytes)) < 0 ||
	    pwrite(i->fd, want, sizeof(*want), 0) != sizeof(*want))
		return errno ? -errno : -EIO;
	return 0;
}

DEFINE_CLEANUP(struct ipam *, ipam_closep, ipam_close)

int ipam_open(const struct ipam_conf *conf, struct ipam **ret, struct err *err)
{
	CLEANUP(ipam_closep) struct ipam *i = NEW(struct ipam);
	struct header header;
	int r;

	i->fd = -1;
	if (conf->range.len < 8 || conf->range.len > 30)
		return err_sys(err, EINVAL, "a pod range must be /8 to /30, not /%u",
			       conf->range.len);
	i->range = conf->range;
	i->clock = conf->clock ? conf->clock : &clock_system;
	i->quarantine_ns = conf->quarantine_ns;
	i->n = ip4_prefix_size(conf->range) - 1;
	i->v = xcalloc(i->n, sizeof(*i->v));
	i->fd = open(conf->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (i->fd < 0)
		return err_sys(err, errno, "cannot open %s: %s", conf->path, strerror(errno));
	r = make_header(conf, &header);
	if (r == 0)
		r = load(i, &header);
	if (r < 0)
		return err_sys(err, -r, "cannot use %s: %s", conf->path, strerror(-r));
	*ret = TAKE(i);
	return 0;
}

struct ipam *ipam_close(struct ipam *i)
{
	if (!i)
		return NULL;
	if (i->fd >= 0)
		close(i->fd);
	free(i->v);
	free(i);
	return NULL;
}

static struct str owner_of(const struct record *r)
{
	return str_n(r->owner, r->owner_len);
}

static uint32_t find(const struct ipam *i, struct str owner)
{
	for (uint32_t k = FIRST; k < i->n; k++)
		if (i->v[k].owner_len == owner.len && str_eq(owner_of(&i->v[k]), owner))
			return k;
	return 0;
}

static int store(struct ipam *i, uint32_t k, const struct record *r)
{
	if (pwrite(i->fd, r, sizeof(*r), (off_t)(sizeof(struct header) + k * sizeof(*r))) !=
	    sizeof(*r))
		return errno ? -errno : -EIO;
	i->v[k] = *r;
	return 0;
}

/* Never used before, in order; else the one that has been free longest. */
static uint32_t choose(const struct ipam *i)
{
	uint64_t now = clock_mono_ns(i->clock);
	uint32_t best = 0;

	for (uint32_t k = FIRST; k < i->n; k++) {
		const struct record *r = &i->v[k];

		if (r->owner_len)
			continue;
		if (!r->freed_ns)
			return k;
		if (!best || r->freed_ns < i->v[best].freed_ns)
			best = k;
		/* Past its quarantine is as good as any: stop early in a large range. */
		if (k > 4096 && now - i->v[best].freed_ns > i->quarantine_ns)
			break;
	}
	return best;
}

int ipam_take(struct ipam *i, struct str owner, uint32_t *ret_addr, struct err *err)
{
	struct record r = {.owner_len = (uint8_t)owner.len};
	uint32_t k;
	int q;

	if (!owner.len || owner.len > IPAM_OWNER_MAX)
		return err_sys(err, EINVAL, "an address owner has 1 to %d bytes", IPAM_OWNER_MAX);
	k = find(i, owner);
	if (!k) {
		k = choose(i);
		if (!k)
			return err_sys(err, ENOSPC, "all %zu addresses of the pod range are taken",
				       ipam_size(i));
		memcpy(r.owner, owner.p, owner.len);
		q = store(i, k, &r);
		if (q < 0)
			return err_sys(err, -q, "cannot write the address file: %s", strerror(-q));
		i->n_used++;
	}
	*ret_addr = ip4_prefix_nth(i->range, k);
	return 0;
}

int ipam_get(const struct ipam *i, struct str owner, uint32_t *ret_addr)
{
	uint32_t k = owner.len ? find(i, owner) : 0;

	if (!k)
		return -ENOENT;
	*ret_addr = ip4_prefix_nth(i->range, k);
	return 0;
}

int ipam_give(struct ipam *i, struct str owner)
{
	uint32_t k = owner.len ? find(i, owner) : 0;
	struct record r = {.freed_ns = MAX(clock_mono_ns(i->clock), (uint64_t)1)};
	int q;

	if (!k)
		return 0;
	q = store(i, k, &r);
	if (q == 0)
		i->n_used--;
	return q;
}

size_t ipam_used(const struct ipam *i)
{
	return i->n_used;
}

size_t ipam_size(const struct ipam *i)
{
	return i->n - FIRST;
}

bool ipam_next(const struct ipam *i, size_t *pos, struct str *ret_owner, uint32_t *ret_addr)
{
	for (size_t k = MAX(*pos, (size_t)FIRST); k < i->n; k++) {
		if (!i->v[k].owner_len)
			continue;
		*ret_owner = owner_of(&i->v[k]);
		*ret_addr = ip4_prefix_nth(i->range, (uint32_t)k);
		*pos = k + 1;
		return true;
	}
	return false;
}
