/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/backoff.h"

const struct backoff_conf backoff_restart = {10 * NSEC_PER_SEC, 300 * NSEC_PER_SEC};
const struct backoff_conf backoff_image = {10 * NSEC_PER_SEC, 300 * NSEC_PER_SEC};
const struct backoff_conf backoff_setup = {500 * NSEC_PER_MSEC, 120 * NSEC_PER_SEC};

void backoff_fail(struct backoff *b, const struct backoff_conf *c, uint64_t now_ns)
{
	if (!b->delay_ns || now_ns - b->since_ns > 2 * c->max_ns)
		b->delay_ns = c->initial_ns;
	else
		b->delay_ns = MIN(b->delay_ns * 2, c->max_ns);
	b->since_ns = now_ns;
}

uint64_t backoff_remaining(const struct backoff *b, uint64_t from_ns, uint64_t now_ns)
{
	if (!b->delay_ns || now_ns - from_ns >= b->delay_ns)
		return 0;
	return b->delay_ns - (now_ns - from_ns);
}
