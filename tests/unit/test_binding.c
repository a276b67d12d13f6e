/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/labels.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "tests/unit/api_fixture.h"
/* pods/binding against a whole API server with its store, in this process. */

static void pod(struct fixture *f, const char *name)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"labels\":{"
		"\"app\":\"x\"}},\"spec\":{\"automountServiceAccountToken\":false,\"containers\":["
		"{\"name\":\"c\",\"image\":\"i\"}]}}",
		name);

	create(f, &client_pods, json);
}

static struct jv get(struct fixture *f, const char *name)
{
	client_get(f->c, &client_pods, STR("default"), str_of(name), answer, f);
	wait(f);
	assert_int_equal(f->errnum, 0);
	assert_int_equal(json_scan(buf_str(&f->body), NULL, NULL), 0);
	return jv_of(buf_str(&f->body));
}

static void bind_to(struct fixture *f, const char *name, const char *more, const char *node)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":"
			  "\"%s\"%s},\"target\":{\"kind\":\"Node\",\"name\":\"%s\"}}",
			  name, more, node);

	client_do(f->c,
		  &(struct client_req){.method = "POST",
				       .kind = &client_pods,
				       .ns = STR("default"),
				       .name = str_of(name),
				       .sub = "binding",
				       .body = str_of(json)},
		  answer, f);
	wait(f);
}

static void patch(struct fixture *f, const char *name, const char *sub, const char *json)
{
	client_merge(f->c, &client_pods, STR("default"), str_of(name), sub, str_of(json), answer,
		     f);
	wait(f);
	assert_int_equal(f->errnum, 0);
}

static size_t on_node(struct fixture *f, const char *node)
{
	CLEANUP_FREE char *query = xasprintf("fieldSelector=spec.nodeName%%3D%s", node);

	client_list(f->c, &client_pods, STR("default"), query, answer, f);
	wait(f);
	return jv_len(jv_get(jv_of(buf_str(&f->body)), "items"));
}

static void expect_bound(struct fixture *f, const char *name, const char *node)
{
	struct jv pod_v = get(f, name), conditions = jv_path(pod_v, "status.conditions");
	size_t scheduled = 0;

	assert_true(jv_eqs(jv_path(pod_v, "spec.nodeName"), node));
	assert_true(jv_eqs(jv_path(pod_v, "status.phase"), "Pending"));
	assert_true(jv_eqs(jv_path(pod_v, "metadata.labels.app"), "x"));
	jv_for_each (c, conditions) {
		if (!jv_eqs(jv_get(c.value, "type"), "PodScheduled"))
			continue;
		scheduled++;
		assert_true(jv_eqs(jv_get(c.value, "status"), "True"));
		assert_int_equal(jv_text(jv_get(c.value, "lastTransitionTime")).len, TIME_LEN);
		assert_false(jv_exists(jv_get(c.value, "reason")));
	}
	assert_int_equal(scheduled, 1);
	assert_false(jv_exists(jv_path(pod_v, "status.nominatedNodeName")));
}

static void test_binds(void **state)
{
	CLEANUP_FREE char *first = NULL;
	struct fixture f;
	struct jv v;

	begin(&f);
	create(&f, &client_serviceaccounts,
	       "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":"
	       "\"default\"}}");
	pod(&f, "a");
	v = get(&f, "a");
	first = str_dup(jv_text(jv_path(v, "metadata.resourceVersion")));
	bind_to(&f, "a", "", "n1");
	assert_int_equal(f.errnum, 0);
	expect_bound(&f, "a", "n1");
	v = jv_of(buf_str(&f.body));
	assert_false(jv_eqs(jv_path(v, "metadata.resourceVersion"), first));
	assert_int_equal(on_node(&f, "n1"), 1);
	assert_int_equal(on_node(&f, "n2"), 0);
	/* What follows works on it as on any other object. */
	patch(&f, "a", NULL, "{\"metadata\":{\"labels\":{\"app\":\"x\",\"more\":\"y\"}}}");
	expect_bound(&f, "a", "n1");
	assert_int_equal(on_node(&f, "n1"), 1);
	/* Conditions that are there stay. */
	pod(&f, "b");
	patch(&f, "b", "status",
	      "{\"status\":{\"conditions\":[{\"type\":\"Other\",\"status\":\"True\"}]}}");
	bind_to(&f, "b", "", "n1");
	expect_bound(&f, "b", "n1");
	assert_int_equal(jv_len(jv_path(jv_of(buf_str(&f.body)), "status.conditions")), 2);
	/* One that said no is turned round; a nomination is over. */
	pod(&f, "c");
	patch(&f, "c", "status",
	      "{\"status\":{\"nominatedNodeName\":\"n3\",\"conditions\":[{\"type\":"
	      "\"PodScheduled\","
	      "\"status\":\"False\",\"reason\":\"Unschedulable\",\"message\":\"m\"}]}}");
	bind_to(&f, "c", "", "n2");
	expect_bound(&f, "c", "n2");
	pod(&f, "d");
	bind_to(&f, "d", ",\"annotations\":{\"k\":\"v\"}", "n2");
	expect_bound(&f, "d", "n2");
	assert_true(jv_eqs(jv_path(jv_of(buf_str(&f.body)), "metadata.annotations.k"), "v"));
	assert_int_equal(on_node(&f, "n2"), 2);
	end(&f);
}

/* Keys whose values are the pod's own stand in the selector of what is stored (KEP-3633). */
static void test_label_keys(void **state)
{
	struct fixture f;
	struct jv list;

	begin(&f);
	create(&f, &client_serviceaccounts,
	       "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":"
	       "\"default\"}}");
	create(&f, &client_pods,
	       "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"labels\":{"
	       "\"tenant\":\"t\"}},\"spec\":{\"automountServiceAccountToken\":false,\"containers\":"
	       "["
	       "{\"name\":\"c\",\"image\":\"i\"}],\"affinity\":{\"podAntiAffinity\":{"
	       "\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"topologyKey\":\"z\","
	       "\"labelSelector\":{\"matchLabels\":{\"app\":\"x\"}},\"matchLabelKeys\":[\"none\"],"
	       "\"mismatchLabelKeys\":[\"tenant\"]}]}}}}");
	list = jv_path(get(&f, "a"),
		       "spec.affinity.podAntiAffinity."
		       "requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector."
		       "matchExpressions");
	assert_int_equal(jv_len(list), 1);
	jv_for_each (e, list) {
		assert_true(jv_eqs(jv_get(e.value, "key"), "tenant"));
		assert_true(jv_eqs(jv_get(e.value, "operator"), "NotIn"));
		assert_true(str_eqs(jv_raw(jv_get(e.value, "values")), "[\"t\"]"));
	}
	end(&f);
}

static void test_refuses(void **state)
{
	struct fixture f;

	begin(&f);
	create(&f, &client_serviceaccounts,
	       "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":"
	       "\"default\"}}");
	pod(&f, "a");
	bind_to(&f, "a", ",\"uid\":\"other\"", "n1");
	assert_int_equal(f.errnum, EAGAIN);
	assert_non_null(strstr(f.message, "Precondition failed: UID in precondition"));
	bind_to(&f, "a", "", "");
	assert_int_equal(f.errnum, EINVAL);
	bind_to(&f, "a", "", "n1");
	assert_int_equal(f.errnum, 0);
	bind_to(&f, "a", "", "n2");
	assert_int_equal(f.errnum, EAGAIN);
	assert_non_null(strstr(f.message, "pod a is already assigned to node \"n1\""));
	bind_to(&f, "none", "", "n1");
	assert_int_equal(f.errnum, ENOENT);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_label_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
