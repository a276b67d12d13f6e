# SPDX-License-Identifier: Apache-2.0
"""MutatingAdmissionPolicy: changes in CEL that the server itself makes."""
import pytest
from hook_server import Hooks, json_patch
from knarr_test import Master, wait_for

GROUP = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
DEPLOYMENT_RULE = dict(RULE, apiGroups=["apps"], resources=["deployments"])


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler") as master:
        yield master


@pytest.fixture
def policy(m, request):
    """Makes policies and their bindings, which go with the test."""
    made = []
    test = request.node.name.split("[")[0].replace("_", "-")

    def make(*mutations, name=test, rule=None, binding=None, **spec):
        spec = {"matchConstraints": {"resourceRules": [rule or RULE]}, "reinvocationPolicy": "Never",
                "mutations": [mutation(x) for x in mutations], **spec}
        status, got = m.api("POST", f"{GROUP}/mutatingadmissionpolicies", {"metadata": {"name": name}, "spec": spec})
        if status != 201:
            return status, got
        made.append(f"{GROUP}/mutatingadmissionpolicies/{name}")
        status, got = m.api("POST", f"{GROUP}/mutatingadmissionpolicybindings", {
            "metadata": {"name": name}, "spec": {"policyName": name, **(binding or {})}})
        assert status == 201, got
        made.append(f"{GROUP}/mutatingadmissionpolicybindings/{name}")
        return 201, name
    yield make
    for path in made:
        m.api("DELETE", path)
    for path in (MAPS, DEPLOYMENTS):
        m.api("DELETE", path)


def mutation(text):
    if text.lstrip().startswith("Object"):
        return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": text}}
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": text}}


def post(m, name, query="", labels=None, **data):
    return m.api("POST", MAPS + query, {"metadata": {"name": name, "labels": labels or {}}, "data": data})


def deployment(m, name, **spec):
    pod = {"containers": [{"name": "main", "image": "x", "env": [{"name": "A", "value": "1"}]}]}
    return m.api("POST", DEPLOYMENTS, {"metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod}, **spec}})


def test_apply_configuration(m, policy):
    """A sidecar is merged into the list by name, as server-side apply would."""
    pod = "Object.spec.template.spec"
    policy("Object{spec: Object.spec{replicas: variables.n, template: Object.spec.template{spec: " + pod + "{"
           "initContainers: [" + pod + ".initContainers{name: 'mesh', image: 'mesh:1', restartPolicy: 'Always'}],"
           "containers: [" + pod + ".containers{name: 'main', env: [" + pod + ".containers.env{name: 'B', value: '2'}]}]"
           "}}}}", rule=DEPLOYMENT_RULE, variables=[{"name": "n", "expression": "2 + 1"}],
           matchConditions=[{"name": "once", "expression": "!object.spec.template.spec.?initContainers.orValue([])"
                                                           ".exists(c, c.name == 'mesh')"}])
    status, got = deployment(m, "web")
    assert status == 201, got
    spec = got["spec"]["template"]["spec"]
    assert got["spec"]["replicas"] == 3
    assert [c["name"] for c in spec["initContainers"]] == ["mesh"]
    assert spec["initContainers"][0]["terminationMessagePath"] == "/dev/termination-log"
    assert [(c["name"], c["image"]) for c in spec["containers"]] == [("main", "x")]
    assert [(e["name"], e["value"]) for e in spec["containers"][0]["env"]] == [("A", "1"), ("B", "2")]
    # the condition says no to what has it
    p = m.kubectl("scale", "deployment", "web", "--replicas=5")
    got = m.api("GET", f"{DEPLOYMENTS}/web")[1]
    assert got["spec"]["replicas"] == 5, p.stdout
    assert [f["manager"] for f in got["metadata"]["managedFields"] if f.get("subresource") != "scale"]


def test_generation(m, policy):
    """An update that changes nothing but what a policy makes of it is a change of the spec."""
    at = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    m.api("POST", at, {"metadata": {"name": "n"}, "spec": {"podSelector": {}}})
    policy("[JSONPatch{op: 'add', path: '/spec/policyTypes', value: ['Ingress', 'Egress']}]",
           rule=dict(RULE, apiGroups=["networking.k8s.io"], resources=["networkpolicies"]))
    status, got = m.api("PATCH", f"{at}/n", {"metadata": {"labels": {"x": "y"}}}, "application/merge-patch+json")
    assert status == 200 and got["spec"]["policyTypes"] == ["Ingress", "Egress"], got
    assert got["metadata"]["generation"] == 2
    m.api("DELETE", f"{at}/n")


def test_json_patch(m, policy):
    policy("[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('a~b'), value: object.metadata.name},"
           " JSONPatch{op: 'test', path: '/data/x', value: '1'}, JSONPatch{op: 'replace', path: '/data/x', value: '2'}]")
    status, got = post(m, "one", x="1")
    assert status == 422 and "a~b" in got["message"], got  # the name of a key, as for anybody
    status, got = post(m, "two", x="3")
    assert status == 201 and got["data"] == {"x": "3"}  # a test that fails is no mistake


def test_order(m, policy):
    def add(x):
        return "[JSONPatch{op: 'add', path: '/data/order', value: object.data.?order.orValue('') + '%s'}]" % x
    policy(add("c"), name="order-2")
    policy(add("a"), add("b"), name="order-1")
    assert post(m, "o", x="y")[1]["data"]["order"] == "abc"


def test_reinvocation(m, policy, tmp_path):
    """Policies speak before webhooks; who wishes so is asked a second time, and then the webhooks."""
    def add(x):
        return "[JSONPatch{op: 'add', path: '/data/order', value: object.data.?order.orValue('') + '%s'}]" % x
    policy(add("p"), name="re-1", reinvocationPolicy="IfNeeded")
    policy(add("q"), name="re-2", reinvocationPolicy="Never")
    h = Hooks(str(tmp_path), names=("localhost",))
    h.answers["/a"] = lambda r: json_patch({"op": "add", "path": "/data/order", "value": r["object"]["data"]["order"] + "w"})
    at = f"{GROUP}/mutatingwebhookconfigurations"
    m.api("POST", at, {"metadata": {"name": "a"}, "webhooks": [{
        "name": "a.example.com", "rules": [RULE], "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "reinvocationPolicy": "IfNeeded", "clientConfig": {"url": h.url + "/a", "caBundle": h.ca}}]})
    try:
        assert post(m, "r", x="y")[1]["data"]["order"] == "pqwpw"
    finally:
        m.api("DELETE", f"{at}/a")
        h.close()
    assert post(m, "s", x="y")[1]["data"]["order"] == "pqp"


def test_fixed(m, policy):
    policy("Object{metadata: Object.metadata{name: 'other', uid: 'mine', labels: {'a/b': request.operation}}}")
    status, got = post(m, "fixed", x="y")
    assert status == 201 and got["metadata"]["name"] == "fixed" and got["metadata"]["uid"] != "mine"
    assert got["metadata"]["labels"] == {"a/b": "CREATE"}
    status, got = m.api("PATCH", f"{MAPS}/fixed", {"data": {"z": "1"}}, "application/merge-patch+json")
    assert got["metadata"]["labels"] == {"a/b": "UPDATE"}
    got = m.kubectl("apply", "--server-side", "-o", "json", "-f", "-",
                    stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {c: d}\n")
    assert '"a/b": "CREATE"' in got.stdout
    assert m.api("DELETE", f"{MAPS}/fixed")[0] == 200


def test_dry_run(m, policy):
    policy("Object{data: {'dry': string(request.dryRun)}}")
    assert post(m, "d", "?dryRun=All")[1]["data"] == {"dry": "true"}
    assert m.api("GET", f"{MAPS}/d")[0] == 404


def test_match(m, policy):
    policy("Object{data: {'seen': 'y'}}",
           binding={"matchResources": {"objectSelector": {"matchLabels": {"guarded": "y"}}}},
           matchConditions=[{"name": "not-free", "expression": "object.metadata.name != 'free'"}])
    assert "data" not in post(m, "plain")[1]
    assert "data" not in post(m, "free", labels={"guarded": "y"})[1]
    assert post(m, "caught", labels={"guarded": "y"})[1]["data"] == {"seen": "y"}


def test_params(m, policy):
    """One round a parameter, also of custom resources."""
    m.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                     "type": "object", "properties": {"key": {"type": "string"}, "spec": {
                         "type": "object", "properties": {"list": {"type": "array", "items": {"type": "string"}},
                                                          "n": {"type": "integer"}}}}}}}]}})
    wait_for(lambda: m.api("POST", WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget",
                                             "metadata": {"name": "w1", "labels": {"on": "y"}}, "key": "one"})[0] == 201)
    m.api("POST", WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget",
                            "metadata": {"name": "w2", "labels": {"on": "y"}}, "key": "two"})
    policy("[JSONPatch{op: 'add', path: '/data/' + params.key, value: params.metadata.name}]",
           paramKind={"apiVersion": "example.com/v1", "kind": "Widget"},
           binding={"paramRef": {"selector": {"matchLabels": {"on": "y"}}, "parameterNotFoundAction": "Deny"}})
    assert post(m, "p", a="b")[1]["data"] == {"a": "b", "one": "w1", "two": "w2"}
    # custom resources are changed by their schema as well
    policy("Object{spec: Object.spec{n: 3}}", name="widgets", rule=dict(RULE, apiGroups=["example.com"], resources=["widgets"]))
    status, got = m.api("POST", WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w3"}})
    assert status == 201 and got["spec"] == {"n": 3}, got
    policy("Object{spec: Object.spec{list: ['a']}}", name="atomic", rule=dict(RULE, apiGroups=["example.com"], resources=["widgets"]))
    status, got = m.api("POST", WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w4"}})
    assert status == 403 and got["message"].endswith("atomic arrays, maps or structs: .spec.list"), got
    m.api("DELETE", WIDGETS)
    status, got = post(m, "q", a="b")
    assert (status, got["reason"]) == (403, "Forbidden"), got
    assert got["message"] == ("policy 'test-params' with binding 'test-params' denied request: failed to configure binding: "
                              "no params found for policy binding with `Deny` parameterNotFoundAction")


def test_equivalent_version(m, policy):
    """A policy for another version of the resource sees and makes that one."""
    at = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    rule = dict(RULE, apiGroups=["autoscaling"], resources=["horizontalpodautoscalers"])
    policy("Object{spec: Object.spec{targetCPUUtilizationPercentage: object.spec.targetCPUUtilizationPercentage + 1}}",
           "Object{metadata: Object.metadata{labels: {'seen': request.kind.version + request.requestKind.version}}}", rule=rule)
    policy("Object{spec: Object.spec{minReplicas: 2}}", name="exact",
           matchConstraints={"resourceRules": [rule], "matchPolicy": "Exact"})
    target = {"type": "Utilization", "averageUtilization": 70}
    status, got = m.api("POST", at, {"metadata": {"name": "h"}, "spec": {
        "maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]}})
    assert status == 201, got
    assert got["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 71
    assert got["metadata"]["labels"] == {"seen": "v1v2"} and got["spec"]["minReplicas"] == 1
    m.api("DELETE", f"{at}/h")


@pytest.mark.parametrize("expression,why", [
    ("Object{data: Object.dat{}}",
     'type mismatch: unexpected type name "Object.dat", expected "Object.data", which matches field name path from root Object type'),
    ("Object{nothing: 1}", "error applying patch: failed to convert patch object to typed object: .nothing: field not "
                           "declared in schema"),
    ("Object{data: {'x': object.data.none}}", "expression 'Object{data: {'x': object.data.none}}' resulted in error: no such "
                                              "key: none"),
    ("[JSONPatch{op: 'remove', path: '/data/none'}]", "JSONPath: remove operation does not apply: doc is missing path: "
                                                      "/data/none: missing value"),
])
def test_failures(m, policy, expression, why):
    _, name = policy(expression)
    status, got = post(m, "f", x="y")
    assert (status, got["reason"]) == (403, "Invalid"), got
    assert got["message"] == f"policy '{name}' with binding '{name}' denied request: {why}"
    assert got["details"]["causes"] == [{"message": got["message"]}]


def test_failures_ignored(m, policy):
    policy("Object{nothing: 1}", "Object{data: {'after': 'y'}}", failurePolicy="Ignore")
    assert post(m, "f", x="y")[1]["data"] == {"x": "y", "after": "y"}


def test_strict(m, policy):
    """What a patch makes must be an object of the kind, whatever the policy says."""
    policy("[JSONPatch{op: 'add', path: '/what', value: 1}]", failurePolicy="Ignore")
    status, got = post(m, "f", x="y")
    assert status == 500 and got["message"] == 'Internal error occurred: strict decoding error: unknown field "what"', got


@pytest.mark.parametrize("expression,where,why", [
    ("Object{", "applyConfiguration", "compilation failed"),
    ("Object{}.x", "applyConfiguration", "must evaluate to Object but got dyn"),
    ("object", "jsonPatch", "must evaluate to list(JSONPatch) but got dyn"),
    ("[JSONPatch{op: 1}]", "jsonPatch", "expected type of field 'op' is 'string' but provided type is 'int'"),
    ("[JSONPath{}]", "jsonPatch", "undeclared reference to 'JSONPath'"),
])
def test_bad_expressions(policy, expression, where, why):
    status, got = policy(expression)
    assert status == 422, got
    assert any(c["field"] == f"spec.mutations[0].{where}.expression" and why in c["message"]
               for c in got["details"]["causes"]), got


@pytest.mark.parametrize("spec,where,why", [
    ({"reinvocationPolicy": None}, "spec.reinvocationPolicy", "Required value"),
    ({"matchConstraints": {"resourceRules": [dict(RULE, operations=["DELETE"])]}},
     "spec.matchConstraints.resourceRules[0].operations[0]",
     'Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"'),
    ({"mutations": []}, "spec.mutations", "Required value: mutations must contain at least one item"),
    ({"mutations": [{"patchType": "JSONPatch", "applyConfiguration": {"expression": "Object{}"}}]},
     "spec.mutations[0].applyConfiguration",
     'Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch'),
    ({"mutations": [{"patchType": "JSONPatch", "applyConfiguration": {"expression": "Object{}"}}]},
     "spec.mutations[0].jsonPatch", "Required value: must be specified when patchType is JSONPatch"),
])
def test_bad_policies(policy, spec, where, why):
    status, got = policy("Object{}", **spec)
    assert status == 422, got
    assert {"field": where, "message": why} in [{k: c[k] for k in ("field", "message")} for c in got["details"]["causes"]], got


def test_endless_one_ends(m, policy):
    ten = "[0,1,2,3,4,5,6,7,8,9]"
    deep = "[]"
    for v in "abcdefgh":
        deep = f"{ten}.map({v}, {deep})"
    policy("Object{data: {'x': string(%s.size())}}" % deep)
    status, got = post(m, "f")
    assert status == 403 and "cost" in got["message"], got
    assert m.api("GET", MAPS)[0] == 200
