/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_PREEMPT_PRIVATE_H
#define KNARR_SCHEDULER_PREEMPT_PRIVATE_H
/* Between preempt.c and budgets.c. */
struct budgets;
struct sched_pod;
void budgets_begin(struct budgets *b); /* what is left is what is allowed */
/* Takes p's disruption out of each budget of its; true if one had none left. */
bool budgets_violated(struct budgets *b, const struct sched_pod *p);
#endif
