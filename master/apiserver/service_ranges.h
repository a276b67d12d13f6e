/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_SERVICE_RANGES_H
#define KNARR_APISERVER_SERVICE_RANGES_H
#include "lib/base/cidr.h"
#include "master/apiserver/write.h"
/*
 * Where cluster addresses come from, and whose they are, as objects say it (KEP-1880):
 *
 *	ServiceCIDR  a range; used while it is Ready (or nobody has said) and not being deleted
 *	IPAddress    one a cluster address, with a reference to its Service
 *
 * An IPAddress is made and deleted in the transaction that writes the Service, on the condition
 * that the range's object is still the same. So neither can be there without the other, and no
 * address comes from a range that is being deleted. The controller "service-cidr" mends what was
 * changed by hand, or is older than this.
 */
struct service_range {
	struct cidr cidr;
	char *name; /* of its ServiceCIDR; NULL: the configured one, of which there is no object */
	uint64_t rev;
};
struct service_ranges {
	struct service_range *v;
	size_t n, cap;
};
/*
 * Those that may be given out from, of both families. The configured ones count until there is an
 * object for them, called "kubernetes".
 */
void service_ranges_get(const struct store_view *v, const struct cidr_pair *configured,
			struct service_ranges *ret);
void service_ranges_done(struct service_ranges *r);

/* Is there an IPAddress of that name? */
bool service_address_taken(const struct store_view *v, struct ip address);
/*
 * The further changes that go with the write of a Service (nothing for other kinds): its
 * IPAddresses are made or deleted, and the n ranges of `from` that addresses were set aside in must
 * be as they were.
 */
void service_address_charge(struct write *w, const struct service_range *from, size_t n);
#endif
