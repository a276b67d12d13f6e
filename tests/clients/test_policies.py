# SPDX-License-Identifier: Apache-2.0
"""ValidatingAdmissionPolicy: rules in CEL that the server evaluates itself."""
import json

import pytest
from knarr_test import Master, wait_for

GROUP = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MAP_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["configmaps"]}


@pytest.fixture(scope="module")
def m(tmp_path_factory):
    log = tmp_path_factory.mktemp("audit") / "log"
    with Master("--no-scheduler", "--no-controllers", "--audit-log-path", str(log)) as master:
        master.audit = log
        yield master


@pytest.fixture
def policy(m, request):
    """Makes a policy and its binding, which go with the test."""
    made = []
    name = request.node.name.split("[")[0].replace("_", "-")

    def make(validations, rule=None, actions=("Deny",), binding=None, **spec):
        spec = {"matchConstraints": {"resourceRules": [rule or MAP_RULE]},
                "validations": validations, **spec}
        status, got = m.api("POST", f"{GROUP}/validatingadmissionpolicies",
                            {"metadata": {"name": name}, "spec": spec})
        if status != 201:
            return status, got
        made.append(f"{GROUP}/validatingadmissionpolicies/{name}")
        status, got = m.api("POST", f"{GROUP}/validatingadmissionpolicybindings", {
            "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": list(actions),
                                                 **(binding or {})}})
        assert status == 201, got
        made.append(f"{GROUP}/validatingadmissionpolicybindings/{name}")
        return 201, name
    yield make
    for path in made:
        m.api("DELETE", path)
    m.api("DELETE", MAPS)


def post(m, name, labels=None, query="", **data):
    return m.api("POST", MAPS + query, {"metadata": {"name": name, "labels": labels or {}}, "data": data})


def test_deny(m, policy):
    _, name = policy([{"expression": "object.data.size() <= 1"}])
    assert post(m, "a", x="1")[0] == 201
    status, got = post(m, "b", x="1", y="2")
    assert (status, got["reason"]) == (422, "Invalid")
    assert got["message"] == (
        f"configmaps \"b\" is forbidden: ValidatingAdmissionPolicy '{name}' with binding '{name}' denied "
        "request: failed expression: object.data.size() <= 1")
    status, _ = m.api("PATCH", f"{MAPS}/a", {"data": {"y": "2"}}, "application/merge-patch+json")
    assert status == 422
    p = m.kubectl("create", "configmap", "b", "--from-literal=a=b", "--from-literal=c=d", check=False)
    assert "denied request: failed expression" in p.stderr
    assert post(m, "c", query="?dryRun=All", x="1", y="2")[0] == 422
    m.stop()
    m.start()
    assert post(m, "b", x="1", y="2")[0] == 422


def test_messages_and_reasons(m, policy):
    policy([{"expression": "!('bad' in object.data)", "message": "no bad data",
             "messageExpression": "'found: ' + object.data.bad", "reason": "Forbidden"},
            {"expression": "!('worse' in object.data)", "message": "no worse data"}])
    status, got = post(m, "a", bad="thing")
    assert (status, got["reason"]) == (403, "Forbidden") and got["message"].endswith(": found: thing")
    status, got = post(m, "a", worse="x")
    assert status == 422 and got["message"].endswith(": no worse data")


def test_variables_and_request(m, policy):
    policy([{"expression": "variables.size < variables.limit || variables.isAdmin"}],
           variables=[{"name": "size", "expression": "object.data.size()"},
                      {"name": "limit", "expression": "2"},
                      {"name": "isAdmin", "expression": "request.userInfo.username == 'nobody'"},
                      {"name": "broken", "expression": "object.nothing.at.all"}])
    assert post(m, "a", x="1")[0] == 201
    assert post(m, "b", x="1", y="2")[0] == 422


def test_old_object_and_delete(m, policy):
    policy([{"expression": "request.operation != 'DELETE' || !has(oldObject.metadata.labels) || "
                           "!('keep' in oldObject.metadata.labels)", "message": "it is kept"}],
           rule=dict(MAP_RULE, operations=["DELETE"]))
    post(m, "a", {"keep": "y"})
    post(m, "b")
    assert m.api("DELETE", f"{MAPS}/a")[0] == 422
    assert m.api("DELETE", f"{MAPS}/b")[0] == 200
    m.api("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"keep": None}}}, "application/merge-patch+json")
    assert m.api("DELETE", f"{MAPS}/a")[0] == 200


def test_warn_and_audit(m, policy):
    policy([{"expression": "false", "message": "mind"}], actions=("Warn", "Audit"),
           auditAnnotations=[{"key": "size", "valueExpression": "'has ' + string(object.data.size())"}])
    p = m.kubectl("create", "configmap", "w", "--from-literal=a=b")
    assert "Warning: Validation failed for ValidatingAdmissionPolicy 'test-warn-and-audit'" in p.stderr
    assert ": mind" in p.stderr

    def noted():
        events = [json.loads(x) for x in m.audit.read_text().splitlines()]
        return [e["annotations"] for e in events
                if "test-warn-and-audit/size" in e.get("annotations", {})]
    got = wait_for(noted)
    assert got[0]["test-warn-and-audit/size"] == "has 1"
    assert got[0]["validation.policy.admission.k8s.io/validation_failure"] == "mind"


def test_match(m, policy):
    policy([{"expression": "false"}],
           binding={"matchResources": {"objectSelector": {"matchLabels": {"guarded": "y"}}}},
           matchConditions=[{"name": "not-free", "expression": "object.metadata.name != 'free'"}])
    assert post(m, "plain")[0] == 201
    assert post(m, "free", {"guarded": "y"})[0] == 201
    assert post(m, "caught", {"guarded": "y"})[0] == 422


def test_excluded(m, policy):
    policy([{"expression": "false"}], rule=dict(MAP_RULE, resources=["*"]), matchConstraints={
        "resourceRules": [dict(MAP_RULE, resources=["configmaps", "secrets"])],
        "excludeResourceRules": [dict(MAP_RULE, resources=["secrets"])]})
    assert post(m, "a")[0] == 422
    assert m.api("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": "a"}})[0] == 201
    m.api("DELETE", "/api/v1/namespaces/default/secrets/a")


def test_params(m, policy):
    m.api("POST", "/api/v1/namespaces", {"metadata": {"name": "settings"}})
    m.api("POST", "/api/v1/namespaces/settings/configmaps", {"metadata": {"name": "max"}, "data": {"max": "3"}})
    policy([{"expression": "object.spec.replicas <= int(params.data.max)",
             "messageExpression": "'at most ' + params.data.max"}],
           rule={"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                 "resources": ["deployments"]},
           paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
           binding={"paramRef": {"name": "max", "namespace": "settings", "parameterNotFoundAction": "Deny"}})

    def deployment(name, replicas):
        return m.kubectl("create", "deployment", name, "--image=x", f"--replicas={replicas}", check=False)
    assert deployment("three", 3).returncode == 0
    assert "at most 3" in deployment("four", 4).stderr
    m.api("PATCH", "/api/v1/namespaces/settings/configmaps/max", {"data": {"max": "5"}},
          "application/merge-patch+json")
    assert deployment("four", 4).returncode == 0
    m.api("DELETE", "/api/v1/namespaces/settings/configmaps/max")
    assert "no params found for policy binding" in deployment("five", 1).stderr
    m.api("DELETE", DEPLOYMENTS)


def test_failure_policy(m, policy):
    policy([{"expression": "object.no.such.field == 1"}])
    status, got = post(m, "a")
    assert status == 422 and "resulted in error: no such key: no" in got["message"], got


def test_failure_ignored(m, policy):
    policy([{"expression": "object.no.such.field == 1"}], failurePolicy="Ignore")
    assert post(m, "a")[0] == 201


def test_authorizer(m, policy):
    policy([{"expression": "authorizer.group('').resource('secrets').namespace('default').check('get').allowed()",
             "message": "only who reads secrets"},
            {"expression": "authorizer.requestResource.check('create').allowed()"},
            {"expression": "!authorizer.serviceAccount('x', 'y').path('/metrics').check('get').allowed()"},
            {"expression": "namespaceObject.metadata.name == 'default'"}])
    assert post(m, "admin")[0] == 201
    m.api("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", {
        "metadata": {"name": "maps"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"],
                                                "verbs": ["create"]}]})
    m.api("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", {
        "metadata": {"name": "maps"}, "roleRef": {"kind": "Role", "name": "maps"},
        "subjects": [{"kind": "User", "name": "jane"}]})
    status, got = m.api("POST", MAPS, {"metadata": {"name": "jane"}}, headers={"Impersonate-User": "jane"})
    assert status == 422 and got["message"].endswith("only who reads secrets"), got


@pytest.mark.parametrize("fields,where,why", [
    ({"validations": [{"expression": "object.x +"}]}, "spec.validations[0].expression", "compilation failed"),
    ({"validations": [{"expression": "1 + 1"}]}, "spec.validations[0].expression", "must evaluate to bool"),
    ({"validations": [{"expression": "nothing == 1"}]}, "spec.validations[0].expression",
     "undeclared reference to 'nothing'"),
    ({"validations": [{"expression": "true"}], "matchConditions": [{"name": "a", "expression": "'x'"}]},
     "spec.matchConditions[0].expression", "must evaluate to bool"),
    ({"validations": [{"expression": "true", "messageExpression": "1"}]},
     "spec.validations[0].messageExpression", "must evaluate to string"),
])
def test_bad_expressions(policy, fields, where, why):
    status, got = policy(**fields)
    assert status == 422, got
    assert any(c["field"] == where and why in c["message"] for c in got["details"]["causes"]), got


def test_endless_one_ends(m, policy):
    """A rule that would run long is cut off; it costs its own requests only."""
    ten = "[0,1,2,3,4,5,6,7,8,9]"
    deep = "true"
    for v in "abcdefgh":
        deep = f"{ten}.all({v}, {deep})"
    policy([{"expression": deep}])
    status, got = post(m, "a")
    assert status == 422 and "cost" in got["message"], got
    assert m.api("GET", MAPS)[0] == 200


def checking(m, name, rules, validations, **spec):
    """What the status says of a policy's types, by field."""
    status, got = m.api("POST", f"{GROUP}/validatingadmissionpolicies", {"metadata": {"name": name}, "spec": {
        "matchConstraints": {"resourceRules": [dict(MAP_RULE, apiGroups=g, resources=r) for g, r in rules]},
        "validations": validations, **spec}})
    assert status == 201, got
    assert got["status"]["observedGeneration"] == got["metadata"]["generation"]
    got = m.api("GET", f"{GROUP}/validatingadmissionpolicies/{name}")[1]
    m.api("DELETE", f"{GROUP}/validatingadmissionpolicies/{name}")
    return {w["fieldRef"]: w["warning"] for w in got["status"]["typeChecking"].get("expressionWarnings", [])}


def test_type_checking(m):
    deployments, sets = (["apps"], ["deployments"]), (["apps"], ["replicasets", "deployments"])
    assert checking(m, "a", [deployments], [{"expression": "object.replicas > 1"}]) == {
        "spec.validations[0].expression": "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n"
                                          " | object.replicas > 1\n | ......^\n"}
    got = checking(m, "b", [sets], [{"expression": "object.spec.replicas > 1"},
                                    {"expression": "object.spec.paused", "messageExpression": "object.spec.replicas"}])
    assert list(got) == ["spec.validations[1].expression"]  # any type is right for a message here
    assert got["spec.validations[1].expression"].startswith("apps/v1, Kind=ReplicaSet: ERROR: <input>:1:12: undefined")
    got = checking(m, "c", [deployments, ([""], ["pods"])], [{"expression": "object.spec.foo == 'x'"}])
    first, second = got["spec.validations[0].expression"].split("\n\n")
    assert first.startswith("/v1, Kind=Pod: ERROR") and second.startswith("apps/v1, Kind=Deployment: ERROR")
    for rule in ((["*"], ["deployments"]), (["apps"], ["*"]), (["apps"], ["deployments/scale"]), (["none"], ["x"])):
        assert checking(m, "d", [rule], [{"expression": "object.replicas > 1"}]) == {}


@pytest.mark.parametrize("expression,why", [
    ("object.spec.template.spec.containers.all(c, c.image.startsWith('x') && c.?resources.?limits.hasValue())", None),
    ("object.metadata.labels['a'] == 'b' && object.metadata.creationTimestamp < timestamp('2020-01-01T00:00:00Z')", None),
    ("oldObject == null || oldObject.spec.replicas == object.spec.replicas", None),
    ("request.userInfo.groups.exists(g, g == 'x') && namespaceObject.metadata.name == request.namespace", None),
    ("variables.n > 1 && variables.later == 'x'", None),
    ("authorizer.group('').resource('pods').check('get').allowed()", None),
    ("object.spec.replicas == 'x'", "found no matching overload for '_==_' applied to '(int, string)'"),
    ("object.spec.template.spec.containers.all(c, c.img == '')", "undefined field 'img'"),
    ("variables.none > 1", "undefined field 'none'"),
    ("variables.later > 1", "found no matching overload for '_>_' applied to '(string, int)'"),
    ("authorizer.allowed()", "found no matching overload for 'allowed'"),
    ("request.user == ''", "undefined field 'user'"),
    ("params.data.x == 1", "found no matching overload for '_==_' applied to '(string, int)'"),
])
def test_type_checking_of(m, expression, why):
    got = checking(m, "e", [(["apps"], ["deployments"])], [{"expression": expression}],
                   paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
                   variables=[{"name": "n", "expression": "object.spec.replicas"},
                              {"name": "later", "expression": "variables.n > 0 ? 'x' : 'y'"}])
    assert not got if why is None else why in got["spec.validations[0].expression"], got


def test_type_checking_again(m):
    """A new generation is checked again, and a status of one's own stays."""
    spec = {"matchConstraints": {"resourceRules": [dict(MAP_RULE)]}, "validations": [{"expression": "object.x == 1"}]}
    at = f"{GROUP}/validatingadmissionpolicies/again"
    _, got = m.api("POST", f"{GROUP}/validatingadmissionpolicies", {"metadata": {"name": "again"}, "spec": spec})
    assert len(got["status"]["typeChecking"]["expressionWarnings"]) == 1
    got = m.api("PATCH", at, {"spec": {"validations": [{"expression": "object.data.x == '1'"}]}}, "application/merge-patch+json")[1]
    assert got["status"] == {"observedGeneration": 2, "typeChecking": {}}
    got = m.api("PATCH", at, {"metadata": {"labels": {"a": "b"}}}, "application/merge-patch+json")[1]
    assert got["status"]["observedGeneration"] == 2
    m.api("DELETE", at)
