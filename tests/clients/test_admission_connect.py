# SPDX-License-Identifier: Apache-2.0
"""What admission hears of sub-resources and of those who connect: kinds, objects, refusals, changes."""
import socket

import pytest
from hook_server import Hooks, json_patch
from knarr_test import Master
from test_node_proxy import FakeNode

GROUP = "/apis/admissionregistration.k8s.io/v1"
NS = "/api/v1/namespaces/default"
PODS = f"{NS}/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler", "--no-controllers") as master:
        master.api("POST", f"{NS}/serviceaccounts", {"metadata": {"name": "default"}})
        yield master


@pytest.fixture(scope="module")
def node(m, tmp_path_factory):
    f = FakeNode(tmp_path_factory.mktemp("fake"))
    _, got = m.api("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})
    got["status"] = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                     "daemonEndpoints": {"kubeletEndpoint": {"Port": f.port}}}
    assert m.api("PUT", "/api/v1/nodes/n1/status", got)[0] == 200
    yield f
    f.close()


@pytest.fixture
def hooks(m, tmp_path):
    h = Hooks(str(tmp_path), names=("localhost",))
    made = []

    def add(kind, resource, *ops, groups=("",), path="/h"):
        at = f"{GROUP}/{kind.lower()}webhookconfigurations"
        status, got = m.api("POST", at, {"metadata": {"name": f"x{len(made)}"}, "webhooks": [{
            "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "rules": [{"operations": list(ops), "apiGroups": list(groups), "apiVersions": ["*"], "resources": [resource]}],
            "clientConfig": {"url": h.url + path, "caBundle": h.ca}}]})
        assert status == 201, got
        made.append(f"{at}/{got['metadata']['name']}")
    h.add = add
    h.answers["/h"] = lambda r: {"allowed": True}
    yield h
    for path in made:
        m.api("DELETE", path)
    h.close()


def pod(m, name, **spec):
    status, got = m.api("POST", PODS, {"metadata": {"name": name, "labels": {"a": "b"}}, "spec": {
        "containers": [{"name": "one", "image": "x"}, {"name": "two", "image": "x"}][:spec.pop("n", 1)], **spec}})
    assert status == 201, got
    return got


def refuse(text):
    return lambda r: {"allowed": False, "status": {"message": text, "code": 403}}


def gvk(group, kind):
    return {"group": group, "version": "v1", "kind": kind}


def upgrade(m, path):
    """The first line of the answer, and what came of the first words said."""
    s = m.ctx.wrap_socket(socket.create_connection(("127.0.0.1", m.port), timeout=30), server_hostname="127.0.0.1")
    s.sendall((f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        got = s.recv(4096)
        if not got:
            break
        head += got
    if b" 101 " in head.splitlines()[0]:
        s.sendall(b"hello")
        head += s.recv(4096)
    s.close()
    return head.decode()


def test_exec(m, node, hooks):
    pod(m, "ex", nodeName="n1", n=2)
    path = f"{PODS}/ex/exec?command=sh&command=-c%20x&stdin=true&tty=true&container=one"
    hooks.add("Validating", "pods/exec", "CONNECT")
    assert upgrade(m, path).endswith("HELLO")
    r = hooks.seen["/h"][0]
    assert (r["kind"], r["requestKind"]) == (gvk("", "PodExecOptions"),) * 2
    assert r["resource"] == {"group": "", "version": "v1", "resource": "pods"}
    assert (r["operation"], r["subResource"], r["requestSubResource"]) == ("CONNECT", "exec", "exec")
    assert (r["name"], r["namespace"], r["dryRun"], r["options"], r["oldObject"]) == ("ex", "default", False, None, None)
    assert r["object"] == {"kind": "PodExecOptions", "apiVersion": "v1", "stdin": True, "tty": True, "container": "one",
                           "command": ["sh", "-c x"]}
    hooks.answers["/h"] = refuse("no shells")
    assert "no shells" in upgrade(m, path) and "403" in upgrade(m, path).splitlines()[0]
    p = m.kubectl("exec", "ex", "-c", "one", "--", "ls", check=False)
    assert 'admission webhook "a.example.com" denied the request: no shells' in p.stderr
    # no other sub-resource is meant
    n = len(hooks.seen["/h"])
    assert upgrade(m, f"{PODS}/ex/attach?stdout=true&container=one").startswith("HTTP/1.1 4")
    assert len(hooks.seen["/h"]) == n


def test_exec_is_changed(m, node, hooks):
    pod(m, "ch", nodeName="n1", n=2)
    hooks.answers["/h"] = lambda r: json_patch({"op": "replace", "path": "/container", "value": "two"},
                                               {"op": "add", "path": "/command/-", "value": "a b&c"})
    hooks.add("Mutating", "pods/exec", "CONNECT")
    assert upgrade(m, f"{PODS}/ch/exec?command=sh&stdin=true&container=one").endswith("HELLO")
    line = node.requests[-1].splitlines()[0]
    assert line.startswith("GET /exec/default/ch/two?") and "command=sh&command=a%20b%26c" in line and "input=1" in line


def test_other_connects(m, node, hooks):
    pod(m, "oc", nodeName="n1")
    hooks.answers["/h"] = refuse("never")
    hooks.add("Validating", "*/*", "CONNECT")
    for path, kind, sub, obj in (
            (f"{PODS}/oc/attach?stdout=true&stderr=1", "PodAttachOptions", "attach", {"stdout": True, "stderr": True}),
            (f"{PODS}/oc/portforward?ports=80&ports=81", "PodPortForwardOptions", "portforward", {"ports": [80, 81]}),
            (f"{PODS}/oc/proxy/a/b?x=y", "PodProxyOptions", "proxy", {"path": "a/b"}),
            (f"{NS}/services/kubernetes/proxy/", "ServiceProxyOptions", "proxy", {}),
            ("/api/v1/nodes/n1/proxy/pods", "NodeProxyOptions", "proxy", {"path": "pods"})):
        assert "denied the request: never" in str(m.api("GET", path)[1]), path
        r = hooks.seen["/h"][-1]
        assert (r["kind"], r["subResource"], r["operation"]) == (gvk("", kind), sub, "CONNECT")
        assert r["object"] == {"kind": kind, "apiVersion": "v1", **obj}, path
        assert r.get("namespace") == ("default" if "nodes" not in path else None)
    n = len(hooks.seen["/h"])
    node.more.set()
    assert m.api("GET", f"{PODS}/oc/log")[0] != 403 and len(hooks.seen["/h"]) == n  # reading is no connecting


def test_policy_for_connect(m, node):
    pod(m, "po", nodeName="n1")
    rule = {"operations": ["CONNECT"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/exec"]}
    at = [f"{GROUP}/validatingadmissionpolicies", f"{GROUP}/validatingadmissionpolicybindings"]
    m.api("POST", at[0], {"metadata": {"name": "c"}, "spec": {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "request.operation == 'CONNECT' && object.command[0] != 'rm'",
                         "messageExpression": "'not ' + request.subResource + ' of ' + object.command[0]"}]}})
    m.api("POST", at[1], {"metadata": {"name": "c"}, "spec": {"policyName": "c", "validationActions": ["Deny"]}})
    assert upgrade(m, f"{PODS}/po/exec?command=ls&stdin=true").endswith("HELLO")
    assert "not exec of rm" in upgrade(m, f"{PODS}/po/exec?command=rm&command=x")
    for path in at:
        m.api("DELETE", f"{path}/c")


def test_scale(m, hooks):
    m.api("POST", DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}})
    hooks.add("Validating", "deployments/scale", "UPDATE", groups=["apps"])
    m.kubectl("scale", "deployment", "d", "--replicas=3")
    r = hooks.seen["/h"][0]
    assert r["kind"] == r["requestKind"] == gvk("autoscaling", "Scale")
    assert r["resource"] == {"group": "apps", "version": "v1", "resource": "deployments"}
    assert (r["subResource"], r["name"], r["operation"]) == ("scale", "d", "UPDATE")
    assert (r["object"]["kind"], r["object"]["spec"], r["oldObject"]["spec"]) == ("Scale", {"replicas": 3}, {"replicas": 1})
    assert r["object"]["status"] == {"replicas": 0, "selector": "a=b"}
    hooks.answers["/m"] = lambda r: json_patch({"op": "replace", "path": "/spec/replicas", "value": 2})
    hooks.add("Mutating", "deployments/scale", "UPDATE", groups=["apps"], path="/m")
    status, got = m.api("PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 9}}, "application/merge-patch+json")
    assert status == 200 and got["spec"]["replicas"] == 2, got
    d = m.api("GET", f"{DEPLOYMENTS}/d")[1]
    assert d["spec"]["replicas"] == 2 and d["metadata"]["generation"] == 3
    hooks.answers["/m"] = lambda r: json_patch({"op": "replace", "path": "/spec/replicas", "value": -1})
    assert m.api("PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 9}}, "application/merge-patch+json")[0] == 422
    hooks.answers["/m"] = lambda r: {"allowed": True}
    hooks.answers["/h"] = refuse("too many")
    p = m.kubectl("scale", "deployment", "d", "--replicas=30", check=False)
    assert "too many" in p.stderr and m.api("GET", f"{DEPLOYMENTS}/d")[1]["spec"]["replicas"] == 2
    # the object itself is another matter
    m.kubectl("patch", "deployment", "d", "-p", '{"spec":{"replicas":4}}')


def test_binding(m, node, hooks):
    pod(m, "bi")
    hooks.add("Validating", "pods/binding", "*")
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "bi"}, "target": {"kind": "Node", "name": "n1"}}
    hooks.answers["/h"] = refuse("not there")
    status, got = m.api("POST", f"{PODS}/bi/binding", body)
    assert status == 403 and "not there" in got["message"]
    r = hooks.seen["/h"][0]
    assert (r["kind"], r["subResource"], r["operation"], r["name"]) == (gvk("", "Binding"), "binding", "CREATE", "bi")
    assert r["object"]["target"] == {"kind": "Node", "name": "n1"} and r["options"]["kind"] == "CreateOptions"
    assert "nodeName" not in m.api("GET", f"{PODS}/bi")[1]["spec"]
    hooks.answers["/h"] = lambda r: {"allowed": True}
    hooks.answers["/m"] = lambda r: json_patch({"op": "add", "path": "/metadata/annotations", "value": {"by": "hook"}})
    hooks.add("Mutating", "pods/binding", "*", path="/m")
    assert m.api("POST", f"{PODS}/bi/binding", body)[0] == 201
    got = m.api("GET", f"{PODS}/bi")[1]
    assert got["spec"]["nodeName"] == "n1" and got["metadata"]["annotations"] == {"by": "hook"}


def test_eviction(m, hooks):
    pod(m, "ev")
    hooks.answers["/h"] = refuse("stay")
    hooks.add("Validating", "pods/eviction", "*")
    hooks.add("Validating", "pods", "DELETE", path="/d")
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "ev", "namespace": "default"}}
    status, got = m.api("POST", f"{PODS}/ev/eviction", body)
    assert status == 403 and "stay" in got["message"]
    r = hooks.seen["/h"][0]
    assert (r["kind"], r["subResource"], r["operation"]) == (gvk("policy", "Eviction"), "eviction", "CREATE")
    assert r["object"]["metadata"] == {"name": "ev", "namespace": "default"} and r["oldObject"] is None
    hooks.answers["/h"] = lambda r: {"allowed": True}
    assert m.api("POST", f"{PODS}/ev/eviction", body)[0] == 201
    assert m.api("GET", f"{PODS}/ev")[0] == 404
    assert "/d" not in hooks.seen  # it is an eviction, not a deletion


def test_token(m, hooks):
    m.api("POST", f"{NS}/serviceaccounts", {"metadata": {"name": "sa"}})
    hooks.add("Validating", "serviceaccounts/token", "*")
    hooks.answers["/m"] = lambda r: json_patch({"op": "add", "path": "/spec/audiences", "value": ["them"]})
    hooks.add("Mutating", "serviceaccounts/token", "CREATE", path="/m")
    status, got = m.api("POST", f"{NS}/serviceaccounts/sa/token", {"spec": {"expirationSeconds": 700}})
    assert status == 201 and got["spec"]["audiences"] == ["them"] and got["status"]["token"], got
    r = hooks.seen["/h"][0]
    assert (r["kind"], r["subResource"], r["operation"], r["name"]) == (
        gvk("authentication.k8s.io", "TokenRequest"), "token", "CREATE", "sa")
    assert r["object"]["spec"]["expirationSeconds"] == 700 and "token" not in r["object"].get("status", {})
    hooks.answers["/h"] = refuse("no tokens")
    assert "no tokens" in m.kubectl("create", "token", "sa", check=False).stderr


def test_status(m, hooks):
    """Most sub-resources speak of the object itself."""
    pod(m, "st")
    hooks.add("Validating", "pods/status", "UPDATE")
    m.api("PATCH", f"{PODS}/st/status", {"status": {"message": "x"}}, "application/merge-patch+json")
    r = hooks.seen["/h"][0]
    assert (r["kind"], r["subResource"], r["object"]["status"]["message"]) == (gvk("", "Pod"), "status", "x")
