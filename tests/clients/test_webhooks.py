# SPDX-License-Identifier: Apache-2.0
"""Admission webhooks: who is asked, with what, and what their answers do."""
import json
import socket
import time

import pytest
from hook_server import Hooks, json_patch
from knarr_test import Master, wait_for

GROUP = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/default/configmaps"
RULE = {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"],
        "resources": ["configmaps"]}
ALLOW = {"allowed": True}


@pytest.fixture(scope="module")
def m(tmp_path_factory):
    log, rules = (tmp_path_factory.mktemp("audit") / x for x in ("log", "policy"))
    rules.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Request}]\n")
    with Master("--no-scheduler", "--no-controllers", "--audit-log-path", str(log), "--audit-policy-file", str(rules)) as master:
        master.audit = log
        yield master


@pytest.fixture
def hooks(m, tmp_path):
    """The server, and a function that registers webhooks; all are taken away afterwards."""
    h = Hooks(str(tmp_path), names=("localhost", "hook.default.svc"))
    made = []

    def add(name, path, kind="Validating", **fields):
        hook = {"name": f"{path[1:]}.example.com", "rules": [RULE], "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": h.url + path, "caBundle": h.ca}}
        hook.update(fields)
        at = f"{GROUP}/{kind.lower()}webhookconfigurations"
        status, got = m.api("POST", at, {"metadata": {"name": name}, "webhooks": [hook]})
        assert status == 201, got
        made.append(f"{at}/{name}")

    h.add = add
    yield h
    for path in made:
        m.api("DELETE", path)
    for path in (MAPS, "/api/v1/namespaces/default/services"):
        m.api("DELETE", path + "?labelSelector=test")
    h.close()


def post(m, name, query="", **data):
    return m.api("POST", MAPS + query, {"metadata": {"name": name, "labels": {"test": "t"}}, "data": data})


def test_mutate(m, hooks):
    hooks.answers["/m"] = lambda r: json_patch(
        {"op": "add", "path": "/data/by", "value": r["userInfo"]["username"]})
    hooks.add("m", "/m", "Mutating")
    status, got = post(m, "one", a="1")
    assert status == 201 and got["data"] == {"a": "1", "by": "kubernetes-admin"}, got
    req = hooks.seen["/m"][0]
    assert req["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert req["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (req["operation"], req["name"], req["namespace"]) == ("CREATE", "one", "default")
    assert req["object"]["data"] == {"a": "1"} and req["oldObject"] is None
    assert "system:masters" in req["userInfo"]["groups"] and req["dryRun"] is False
    assert req["options"]["kind"] == "CreateOptions"
    got["data"] = {"b": "2"}
    status, got = m.api("PUT", f"{MAPS}/one", got)
    assert status == 200 and got["data"]["by"] == "kubernetes-admin"
    assert hooks.seen["/m"][1]["operation"] == "UPDATE"
    assert hooks.seen["/m"][1]["oldObject"]["data"]["a"] == "1"
    # kubectl's three ways of writing
    m.kubectl("label", "configmap", "one", "x=y")
    m.kubectl("apply", "--server-side", "-f", "-",
              stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, labels: {test: t}}\ndata: {c: d}\n")
    assert m.api("GET", f"{MAPS}/two")[1]["data"] == {"c": "d", "by": "kubernetes-admin"}


def test_order_and_reinvocation(m, hooks):
    def mark(r):
        seen = r["object"].get("data", {}).get("order", "")
        return json_patch({"op": "add", "path": "/data/order", "value": seen + "a"})
    hooks.answers["/a"] = mark
    hooks.answers["/b"] = lambda r: json_patch(
        {"op": "add", "path": "/data/order", "value": r["object"]["data"]["order"] + "b"})
    hooks.add("1-first", "/a", "Mutating", reinvocationPolicy="IfNeeded")
    hooks.add("2-second", "/b", "Mutating")
    status, got = post(m, "ordered", x="y")
    assert status == 201 and got["data"]["order"] == "aba", got


def test_deny(m, hooks):
    hooks.answers["/v"] = lambda r: {"allowed": False, "status": {"message": "no such data",
                                                                  "code": 403, "reason": "Forbidden"}}
    hooks.add("v", "/v")
    status, got = post(m, "never")
    assert (status, got["reason"]) == (403, "Forbidden")
    assert got["message"] == 'admission webhook "v.example.com" denied the request: no such data'
    hooks.answers["/v"] = lambda r: {"allowed": False}
    status, got = post(m, "never")
    assert status == 400 and got["message"].endswith("denied the request without explanation")
    p = m.kubectl("create", "configmap", "never", check=False)
    assert p.returncode and 'admission webhook "v.example.com" denied' in p.stderr
    assert m.api("GET", f"{MAPS}/never")[0] == 404
    hooks.answers["/v"] = lambda r: {"allowed": True, "warnings": ["mind the gap"]}
    p = m.kubectl("create", "configmap", "fine")
    assert "Warning: mind the gap" in p.stderr
    m.api("DELETE", f"{MAPS}/fine")


def test_delete(m, hooks):
    post(m, "kept")
    hooks.answers["/d"] = lambda r: {"allowed": r["oldObject"]["metadata"]["name"] != "kept"}
    hooks.add("d", "/d", rules=[dict(RULE, operations=["DELETE"])])
    assert m.api("DELETE", f"{MAPS}/kept")[0] == 400
    assert hooks.seen["/d"][0]["operation"] == "DELETE" and hooks.seen["/d"][0]["object"] is None
    post(m, "goes")
    assert m.api("DELETE", f"{MAPS}/goes")[0] == 200


def test_selectors(m, hooks):
    hooks.answers["/s"] = lambda r: {"allowed": False}
    hooks.add("s", "/s", objectSelector={"matchLabels": {"guarded": "yes"}})
    hooks.add("n", "/s", namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "other"}})
    assert post(m, "free")[0] == 201
    status, _ = m.api("POST", MAPS, {"metadata": {"name": "g", "labels": {"guarded": "yes"}}})
    assert status == 400
    m.api("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    assert m.api("POST", MAPS.replace("default", "other"), {"metadata": {"name": "g"}})[0] == 400
    # The objects which say so are not subject to themselves.
    hooks.add("all", "/s", rules=[{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"],
                                   "resources": ["*/*"]}])
    assert m.api("POST", "/api/v1/namespaces", {"metadata": {"name": "third"}})[0] == 400


def test_dry_run(m, hooks):
    hooks.answers["/r"] = lambda r: ALLOW
    hooks.add("r", "/r")
    assert post(m, "dry", "?dryRun=All")[0] == 201
    assert hooks.seen["/r"][0]["dryRun"] is True


def test_failure_policy(m, hooks):
    bad = {"url": "https://127.0.0.1:1/x", "caBundle": hooks.ca}
    hooks.add("f", "/f", clientConfig=bad)
    status, got = post(m, "lost")
    assert (status, got["reason"]) == (500, "InternalError")
    assert got["message"].startswith(
        'Internal error occurred: failed calling webhook "f.example.com": failed to call webhook: Post '
        '"https://127.0.0.1:1/x?timeout=10s": '), got["message"]
    m.api("DELETE", f"{GROUP}/validatingwebhookconfigurations/f")
    hooks.add("i", "/f", clientConfig=bad, failurePolicy="Ignore")
    assert post(m, "found")[0] == 201


@pytest.mark.parametrize("answer", [b"", b"rubbish", b"[" * 100000, b'{"kind":"AdmissionReview"}',
                                    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",'
                                    b'"response":{"uid":"other","allowed":true}}',
                                    b" " * (5 << 20), (500, b"{}"), (404, b"")],
                         ids=range(8))
def test_bad_answers(m, hooks, answer):
    hooks.answers["/w"] = lambda r: answer
    hooks.add("w", "/w")
    status, got = post(m, "lost")
    assert status == 500 and 'failed calling webhook "w.example.com"' in got["message"], got


def test_bad_patches(m, hooks):
    for patch in ({"op": "remove", "path": "/nothing"}, {"op": "add", "path": "/data", "value": 5}):
        hooks.answers["/p"] = lambda r, p=patch: json_patch(p)
        hooks.add("p", "/p", "Mutating")
        status, got = post(m, "lost", a="b")
        assert status == 500, got
        m.api("DELETE", f"{GROUP}/mutatingwebhookconfigurations/p")
    hooks.answers["/p"] = lambda r: json_patch(
        {"op": "replace", "path": "/metadata/name", "value": "other"})
    hooks.add("p", "/p", "Mutating")
    status, got = post(m, "same")
    assert status == 201 and got["metadata"]["name"] == "same"


def test_slow_one_costs_its_own_requests(m, hooks):
    def slow(r):
        time.sleep(3)
        return ALLOW
    hooks.answers["/z"] = slow
    hooks.add("z", "/z", timeoutSeconds=1)
    began = time.monotonic()
    sock = m.connect()
    sock.request("POST", MAPS, body=b'{"metadata":{"name":"slow"}}',
                 headers={"Content-Type": "application/json"})
    for _ in range(20):
        assert m.api("GET", "/api/v1/namespaces/default")[0] == 200
    assert time.monotonic() - began < 1
    got = sock.getresponse()
    assert got.status == 500 and b"context deadline exceeded" in got.read()


def test_service(m, tmp_path):
    """A Service of the cluster, by its endpoints."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.connect(("198.18.0.1", 9))
        address = s.getsockname()[0]
    except OSError:
        pytest.skip("this machine has no address but loopback")
    finally:
        s.close()
    h = Hooks(str(tmp_path), names=("hook.default.svc",), address=address)
    h.answers["/s"] = lambda r: {"allowed": False, "status": {"message": "by service"}}
    at = f"{GROUP}/validatingwebhookconfigurations"
    ref = {"namespace": "default", "name": "hook", "path": "/s", "port": 443}
    m.api("POST", at, {"metadata": {"name": "svc"}, "webhooks": [{
        "name": "svc.example.com", "rules": [RULE], "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "clientConfig": {"service": ref, "caBundle": h.ca}}]})
    try:
        status, got = post(m, "lost")
        assert status == 500 and got["message"].endswith('service "hook" not found'), got
        m.api("POST", "/api/v1/namespaces/default/services", {
            "metadata": {"name": "hook", "labels": {"test": "t"}},
            "spec": {"ports": [{"name": "https", "port": 443}]}})
        status, got = post(m, "lost")
        assert status == 500 and "no endpoints available" in got["message"], got
        m.api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
            "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
            "addressType": "IPv4", "endpoints": [{"addresses": [address]}],
            "ports": [{"name": "https", "port": h.port, "protocol": "TCP"}]})
        status, got = post(m, "lost")
        assert status == 400 and "by service" in got["message"], got
    finally:
        m.api("DELETE", f"{at}/svc")
        h.close()


def test_restart(m, hooks):
    """Registered webhooks are known after a restart of the master."""
    hooks.answers["/v"] = lambda r: {"allowed": False}
    hooks.add("v", "/v")
    m.stop()
    m.start()
    assert post(m, "never")[0] == 400
    wait_for(lambda: m.api("DELETE", f"{GROUP}/validatingwebhookconfigurations/v")[0] == 200)
    assert post(m, "now")[0] == 201


def test_match_conditions(m, hooks):
    hooks.answers["/c"] = lambda r: {"allowed": False, "status": {"message": "asked"}}
    hooks.add("conditions", "/c", matchConditions=[
        {"name": "not-nodes", "expression": "!request.userInfo.groups.exists(g, g == 'system:nodes')"},
        {"name": "marked", "expression": "object.?data.?mark.orValue('') == 'yes'"},
        {"name": "may", "expression": "authorizer.group('').resource('configmaps').check('create').allowed()"}])
    assert post(m, "c1", mark="no")[0] == 201 and post(m, "c1b")[0] == 201
    status, e = post(m, "c2", mark="yes")
    assert status == 400 and e["message"].endswith("denied the request: asked"), e
    assert len(hooks.seen["/c"]) == 1


def test_match_conditions_that_fail(m, hooks):
    hooks.answers["/f"] = lambda r: ALLOW
    broken = [{"name": "broken", "expression": "object.data.none == 'x'"}]
    hooks.add("broken", "/f", matchConditions=broken)
    status, e = post(m, "f1", a="b")
    assert status == 500 and 'match condition "broken": no such key: none' in e["message"], e
    m.api("DELETE", f"{GROUP}/validatingwebhookconfigurations/broken")
    hooks.add("broken2", "/f", failurePolicy="Ignore", matchConditions=broken)
    assert post(m, "f2", a="b")[0] == 201 and "/f" not in hooks.seen
    m.api("DELETE", f"{GROUP}/validatingwebhookconfigurations/broken2")
    # a condition that says no decides, whatever is wrong with another
    hooks.add("broken3", "/f", matchConditions=broken + [{"name": "no", "expression": "false"}])
    assert post(m, "f3", a="b")[0] == 201
    status, e = m.api("POST", f"{GROUP}/validatingwebhookconfigurations", {
        "metadata": {"name": "bad"}, "webhooks": [{
            "name": "a.b.c", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": hooks.url}, "rules": [RULE],
            "matchConditions": [{"name": "x", "expression": "object."}]}]})
    assert status == 422 and "webhooks[0].matchConditions[0].expression" in e["message"], e


def test_audit(m, hooks):
    """What webhooks did, and what they want to be told, stands in the audit log."""
    hooks.answers["/m"] = lambda r: {**json_patch({"op": "add", "path": "/data/by", "value": "hook"}),
                                     "auditAnnotations": {"why": "because"}}
    hooks.answers["/n"] = lambda r: ALLOW
    hooks.add("a-1", "/m", "Mutating")
    hooks.add("a-2", "/n", "Mutating")
    hooks.add("a-3", "/none", "Mutating", failurePolicy="Ignore",
              clientConfig={"url": "https://127.0.0.1:1/x", "caBundle": hooks.ca})
    assert post(m, "audited", a="b")[0] == 201

    def notes():
        events = [json.loads(x) for x in m.audit.read_text().splitlines()]
        return next((e["annotations"] for e in events if "m.example.com/why" in e.get("annotations", {})), None)
    got = wait_for(notes)
    assert got["m.example.com/why"] == "because"
    at = "mutation.webhook.admission.k8s.io/round_0_index_"
    assert json.loads(got[at + "0"]) == {"configuration": "a-1", "webhook": "m.example.com", "mutated": True}
    assert json.loads(got[at + "1"]) == {"configuration": "a-2", "webhook": "n.example.com", "mutated": False}
    assert json.loads(got["patch.webhook.admission.k8s.io/round_0_index_0"]) == {
        "configuration": "a-1", "webhook": "m.example.com", "patchType": "JSONPatch",
        "patch": [{"op": "add", "path": "/data/by", "value": "hook"}]}
    assert got["failed-open.mutating.webhook.admission.k8s.io/round_0_index_2"] == "none.example.com"


def test_equivalent_versions(m, hooks):
    """Who asks for another version of a resource is shown it in that one, and patches that."""
    at = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    hpa = {"metadata": {"name": "h"}, "spec": {
        "maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {
            "type": "Utilization", "averageUtilization": 70}}}]}}
    rule = {"operations": ["*"], "apiGroups": ["autoscaling"], "apiVersions": ["v1"],
            "resources": ["horizontalpodautoscalers"]}
    hooks.answers["/e"] = lambda r: json_patch(
        {"op": "replace", "path": "/spec/maxReplicas", "value": 7}) if r["object"] else {"allowed": True}
    hooks.answers["/no"] = lambda r: {"allowed": False}
    hooks.add("e", "/e", "Mutating", rules=[rule])
    hooks.add("exact", "/no", rules=[rule], matchPolicy="Exact")
    hooks.add("never", "/no", rules=[dict(rule, apiVersions=["v1beta7"])])
    status, got = m.api("POST", at, hpa)
    assert status == 201 and got["spec"]["maxReplicas"] == 7, got
    assert got["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    r = hooks.seen["/e"][0]
    assert (r["kind"]["version"], r["resource"]["version"]) == ("v1", "v1")
    assert (r["requestKind"]["version"], r["requestResource"]["version"]) == ("v2", "v2")
    assert r["object"]["apiVersion"] == "autoscaling/v1"
    assert r["object"]["spec"]["targetCPUUtilizationPercentage"] == 70
    assert m.api("DELETE", f"{at}/h")[0] == 200
    r = hooks.seen["/e"][1]
    assert r["oldObject"]["apiVersion"] == "autoscaling/v1" and r["operation"] == "DELETE"
    hooks.add("own", "/own", "Mutating", rules=[dict(rule, apiVersions=["v1", "v2"])])
    hooks.answers["/own"] = lambda r: ALLOW
    assert m.api("POST", at, hpa)[0] == 201
    r = hooks.seen["/own"][0]
    assert r["kind"]["version"] == "v2" and r["object"]["apiVersion"] == "autoscaling/v2"
    m.api("DELETE", f"{at}/h")


def test_older_reviews(m, hooks):
    """The first version in the list that is known here; of v1beta1 neither uid nor type nor patchType was ever checked."""
    patch = json_patch({"op": "add", "path": "/data/by", "value": "beta"})["patch"]

    def bare(response):
        return lambda r: json.dumps({"response": response}).encode()
    hooks.answers["/old"] = bare({"allowed": True, "patch": patch})
    hooks.add("old", "/old", "Mutating", admissionReviewVersions=["v1beta1"])
    hooks.answers["/oldv"] = bare({"allowed": True, "patch": patch, "patchType": "JSONPatch"})
    hooks.add("oldv", "/oldv", admissionReviewVersions=["v2", "v1beta1", "v1"])
    hooks.answers["/new"] = lambda r: {"allowed": True}
    hooks.add("new", "/new", admissionReviewVersions=["v1", "v1beta1"])
    status, got = post(m, "beta", a="1")
    assert status == 201 and got["data"]["by"] == "beta", got
    assert hooks.versions == {"/old": "admission.k8s.io/v1beta1", "/oldv": "admission.k8s.io/v1beta1",
                              "/new": "admission.k8s.io/v1"}
    assert hooks.seen["/old"][0]["requestKind"]["kind"] == "ConfigMap"
    hooks.answers["/oldv"] = bare({"allowed": False, "status": {"message": "no"}})
    status, got = post(m, "beta2", a="1")
    assert status == 400 and got["message"] == 'admission webhook "oldv.example.com" denied the request: no'
    hooks.answers["/oldv"] = lambda r: b"{}"
    status, got = post(m, "beta2", a="1")
    assert status == 500 and "received invalid webhook response: webhook response was absent" in got["message"]


@pytest.mark.parametrize("kind, answer, why", [
    ("Validating", {"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"},
     "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v1beta1, Kind=AdmissionReview"),
    ("Validating", {"uid": "x"}, "expected response.uid="),
    ("Validating", {"patch": "W10="}, "validating webhook may not return response.patch"),
    ("Validating", {"patchType": "JSONPatch"}, "validating webhook may not return response.patchType"),
    ("Mutating", {"patch": "W10="}, "webhook returned response.patch but not response.patchType"),
    ("Mutating", {"patchType": "JSONPatch"}, "webhook returned response.patchType but not response.patch"),
    ("Mutating", {"patch": "W10=", "patchType": "Merge"}, "webhook returned invalid response.patchType"),
])
def test_answers_in_bad_form(m, hooks, kind, answer, why):
    def bad(r):
        top = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        top.update({k: v for k, v in answer.items() if k in top})
        rest = {k: v for k, v in answer.items() if k not in top}
        return json.dumps({**top, "response": {"uid": r["uid"], "allowed": True, **rest}}).encode()
    hooks.answers["/bad"] = bad
    hooks.add("bad", "/bad", kind)
    status, got = post(m, "bad-form", a="1")
    assert status == 500 and got["message"].startswith(
        'Internal error occurred: failed calling webhook "bad.example.com": received invalid webhook response: ' + why), got


def test_a_patch_of_a_delete_is_refused(m, hooks):
    post(m, "going", a="1")
    hooks.answers["/del"] = lambda r: json_patch({"op": "add", "path": "/data/by", "value": "x"})
    hooks.add("del", "/del", "Mutating", rules=[{**RULE, "operations": ["DELETE"]}])
    status, got = m.api("DELETE", f"{MAPS}/going")
    assert status == 500 and "attempted to modify the object, which is not supported for this operation" in got["message"]
    assert m.api("GET", f"{MAPS}/going")[0] == 200
