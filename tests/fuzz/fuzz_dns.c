/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages from strangers: questions of pods, answers of resolvers. */
#include "lib/base/base.h"
#include "net/dns_msg.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct str msg)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct dns_reply r = {.soa_zone = "cluster.local", .domain = "cluster.local", .max = 512};
	struct dns_query q;
	struct dns_answer a;

	dns_answer_init(&a, DNS_ANY);
	if (dns_query_parse(msg, &q) >= 0) {
		dns_answer_copy(&a, msg);
		dns_reply_write(&q, &r, &a, &out);
		assert(out.len <= 1024);
		if (q.question.len)
			dns_response_to(msg, q.question);
	}
	dns_answer_copy(&a, msg);
	dns_response_age((char *)msg.p, msg.len, 3);
	dns_answer_done(&a);
}
