/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/config.h"
#include "tests/unit/scheduler_fixture.h"

#define HEAD "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

static void begin_with(struct fixture *f, struct sched_config *config, const char *yaml)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (sched_config_parse(str_of(yaml), config, &e) < 0)
		fail_msg("%s", err_text(&e));
	begin(f);
	scheduler_stop(f->s);
	f->s = scheduler_start(f->set, &(struct scheduler_conf){.seed = 1, .config = config});
	informers_start(f->set);
}

static void end_with(struct fixture *f, struct sched_config *config)
{
	end(f);
	sched_config_done(config);
}

static void test_profiles(void **state)
{
	struct sched_config config;
	struct fixture f;

	begin_with(&f, &config,
		   HEAD "profiles:\n"
			"- schedulerName: default-scheduler\n"
			"- schedulerName: packer\n"
			"  plugins:\n"
			"    filter:\n"
			"      disabled:\n"
			"      - name: TaintToleration\n"
			"    score:\n"
			"      disabled:\n"
			"      - name: '*'\n"
			"      enabled:\n"
			"      - name: NodeResourcesFit\n"
			"        weight: 5\n"
			"  pluginConfig:\n"
			"  - name: NodeResourcesFit\n"
			"    args:\n"
			"      scoringStrategy:\n"
			"        type: MostAllocated\n");
	assert_int_equal(config.n_profiles, 2);
	node(&f, "a", "4", "", "");
	node(&f, "b", "4", "\"taints\":[{\"key\":\"k\",\"effect\":\"NoSchedule\"}]", "");
	pod(&f, "there", NEEDS("1"), ",\"nodeName\":\"b\"");
	run(&f, 100);
	/* Packed onto the fuller node, whose taint this profile does not see. */
	pod(&f, "p", NEEDS("1"), ",\"schedulerName\":\"packer\"");
	pod(&f, "q", NEEDS("1"), ",\"schedulerName\":\"default-scheduler\"");
	pod(&f, "r", NEEDS("1"), ",\"schedulerName\":\"other\"");
	run(&f, 100);
	assert_string_equal(where(&f, "p"), "b");
	assert_string_equal(where(&f, "q"), "a");
	assert_string_equal(where(&f, "r"), "");
	for (size_t i = 0, n = fake_api_count(f.api, "/api/v1/events"); i < n; i++) {
		struct jv e = jv_of(fake_api_nth(f.api, "/api/v1/events", i));
		bool packer = jv_eqs(jv_path(e, "involvedObject.name"), "p");

		assert_true(jv_eqs(jv_path(e, "source.component"),
				   packer ? "packer" : "default-scheduler"));
	}
	end_with(&f, &config);
}

static void test_listed_spread(void **state)
{
	struct sched_config config;
	struct fixture f;
	int on_a = 0;

	begin_with(&f, &config,
		   HEAD "podInitialBackoffSeconds: 3\n"
			"podMaxBackoffSeconds: 6\n"
			"profiles:\n"
			"- plugins:\n"
			"    postFilter:\n"
			"      disabled:\n"
			"      - name: DefaultPreemption\n"
			"  pluginConfig:\n"
			"  - name: PodTopologySpread\n"
			"    args:\n"
			"      defaultingType: List\n"
			"      defaultConstraints:\n"
			"      - maxSkew: 1\n"
			"        topologyKey: rack\n"
			"        whenUnsatisfiable: DoNotSchedule\n");
	node(&f, "a", "40", "", "\"rack\":\"1\"");
	node(&f, "b", "4", "", "\"rack\":\"2\"");
	fake_api_put(f.api, "/apis/apps/v1/namespaces/x/replicasets/rs",
		     "{\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}}");
	run(&f, 100);
	for (int i = 0; i < 6; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/p%d", i);
		fake_api_put(
			f.api, path,
			"{\"metadata\":{\"labels\":{\"app\":\"web\"},\"ownerReferences\":[{"
			"\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"rs\","
			"\"uid\":\"u\",\"controller\":true}]},\"spec\":{\"containers\":[{}]}}");
	}
	run(&f, 100);
	for (int i = 0; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		on_a += *where(&f, name) == 'a';
	}
	assert_int_equal(on_a, 3);
	/* Without preemption nothing is said of it. */
	pod(&f, "big", NEEDS("100"), "");
	run(&f, 100);
	assert_true(says(&f, "big", "0/2 nodes are available: 2 Insufficient cpu."));
	end_with(&f, &config);
}

static const struct {
	const char *text, *what; /* part of the message */
} wrong[] = {
	{"", "apiVersion must be"},
	{"[1", "line"},
	{"apiVersion: v1\nkind: Pod\n", "apiVersion must be"},
	{HEAD "percentageOfNodesToScore: 101\n", "percentageOfNodesToScore must be a number"},
	{HEAD "podInitialBackoffSeconds: 9\npodMaxBackoffSeconds: 3\n", "must not be less"},
	{HEAD "extenders: [{urlPrefix: x}]\n", "extenders are not supported"},
	{HEAD "profiles: [{schedulerName: a}, {schedulerName: a}]\n",
	 "profiles[1]: there is a profile \"a\" already"},
	{HEAD "profiles: [{plugins: {score: {enabled: [{name: Nonsense}]}}}]\n",
	 "profiles[0].plugins.score: there is no plugin \"Nonsense\""},
	{HEAD "profiles: [{plugins: {scores: {}}}]\n",
	 "profiles[0].plugins.scores: there is no such extension point"},
	{HEAD "profiles: [{plugins: {score: {enabled: [{name: ImageLocality, weight: -1}]}}}]\n",
	 "weight must be a number"},
	{HEAD "profiles: [{pluginConfig: [{name: NodeAffinity, args: {}}]}]\n",
	 "profiles[0].pluginConfig[0]: plugin \"NodeAffinity\" takes no arguments"},
	{HEAD "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: "
	      "RequestedToCapacityRatio}}}]}]\n",
	 "scoringStrategy.type must be"},
	{HEAD "profiles: [{pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: "
	      "200}}]}]\n",
	 "hardPodAffinityWeight must be a number from 0 to 100"},
	{HEAD "profiles: [{pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, "
	      "defaultConstraints: [{maxSkew: 1}]}}]}]\n",
	 "defaultConstraints need"},
};

static void test_wrong(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		CLEANUP(err_done) struct err e = ERR_INIT;
		struct sched_config config;

		assert_int_equal(sched_config_parse(str_of(wrong[i].text), &config, &e), -EINVAL);
		if (!strstr(err_text(&e), wrong[i].what))
			fail_msg("row %zu: %s", i, err_text(&e));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_listed_spread),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
