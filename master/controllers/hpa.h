/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HPA_H
#define KNARR_HPA_H
#include "master/controllers/controller.h"
#include "master/controllers/util.h"
/*
 * The parts of the HorizontalPodAutoscaler: hpa.c asks for the target's scale and the metrics and
 * writes what follows, hpa_calc.c works out how many pods a metric wants, hpa_rate.c how fast that
 * may be had.
 */

/* One answer of an API, kept until the step that uses it. */
struct hpa_answer {
	struct hpa *h;
	struct client_call *call; /* under way */
	char *body, *error; /* one of them when it has come */
};

struct hpa_point { /* a recommendation, or a change of size */
	int64_t at_ns, n;
};
struct hpa_points {
	struct hpa_point *v;
	size_t n, cap;
};

/* What is kept of one autoscaler between its steps. */
struct hpa {
	struct ctl *c;
	char *key;
	struct hpa_answer scale;
	struct hpa_answer *metrics; /* one for all resource metrics at 0, then one a metric */
	size_t n_metrics, pending;
	bool sampled;
	int64_t next_ns;
	uint64_t
		question; /* hash of the spec that was asked for; kinds of it count no generation */
	struct hpa_points wanted, ups, downs;
};

/* ---- hpa_calc.c ---- */

struct hpa_metric { /* of one metric: what it comes to */
	int64_t replicas;
	int64_t utilization; /* percent; -1: not of that kind */
	int64_t average_milli, value_milli; /* -1: not of that kind */
	char *error; /* owned; NULL: none */
	const char *reason; /* "FailedGetResourceMetric" */
	char *name; /* "cpu resource utilization (percentage of request)", for people; owned */
};
struct hpa_view {
	struct ctl *c;
	struct str ns;
	struct object **pods; /* those that the scale's selector finds */
	size_t n_pods;
	int64_t current; /* spec.replicas of the scale */
	int64_t status_replicas;
	double tolerance_up, tolerance_down;
	int64_t now_ns;
};
/* `answer`: JSON of the metrics API's answer, absent with `error` set. */
struct hpa_metric hpa_compute(const struct hpa_view *v, struct jv metric, struct jv answer,
			      const char *error);
void hpa_metric_done(struct hpa_metric *m);

/* ---- hpa_rate.c ---- */

struct hpa_limits {
	int64_t current, min, max;
	struct jv behavior; /* spec.behavior; absent: the defaults */
	int64_t now_ns;
};
struct hpa_decision {
	int64_t replicas;
	bool stabilized, limited;
	const char *able_reason, *able_message; /* AbleToScale */
	const char *limit_reason, *limit_message; /* ScalingLimited */
};
/* Notes the recommendation in h and says what of it is done now. */
struct hpa_decision hpa_decide(struct hpa *h, const struct hpa_limits *l, int64_t wanted);
void hpa_note_change(struct hpa *h, int64_t from, int64_t to, int64_t now_ns);
void hpa_points_add(struct hpa_points *p, int64_t at_ns, int64_t n);
#endif
