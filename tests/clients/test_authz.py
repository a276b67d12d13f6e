# SPDX-License-Identifier: Apache-2.0
"""Authorisation by a webhook: behind Node and RBAC, and by an AuthorizationConfiguration."""
import json
import ssl
import subprocess

import pytest
from knarr_test import Master
from tls_server import Handler, HttpsServer, kubeconfig

PODS = "/api/v1/namespaces/default/pods"
AS = {"Impersonate-User": "jane", "Impersonate-Group": "devs"}
SAR = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Webhook(HttpsServer):
    """Answers SubjectAccessReviews as `decide` says: a status, or a number for an HTTP error."""

    def __init__(self, folder):
        self.asked, self.decide, me = [], lambda spec: {"allowed": False}, self

        class Review(Handler):
            def do_POST(self):
                got = json.loads(self.body())
                me.asked.append((got, self.headers["Authorization"]))
                status = me.decide(got["spec"])
                if isinstance(status, int):
                    self.answer(b"", status)
                else:
                    self.answer({**got, "status": status})

        super().__init__(Review, folder, "webhook")
        self.url += "/authorize"
        self.config = f"{folder}/webhook.conf"
        kubeconfig(self.config, self.url, self.cert, token="t0ken")

    def specs(self, **want):
        return [r["spec"] for r, _ in self.asked
                if all(r["spec"].get(k) == v for k, v in want.items())]


@pytest.fixture(scope="module")
def hook(tmp_path_factory):
    w = Webhook(tmp_path_factory.mktemp("webhook"))
    yield w
    w.close()


@pytest.fixture(scope="module")
def m(hook):
    with Master("--no-scheduler", "--no-controllers", "--authorization-webhook-config-file", hook.config) as master:
        yield master


def review(m, user, groups=(), **attributes):
    status, got = m.api("POST", SAR, {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                                      "spec": {"user": user, "groups": list(groups),
                                               "resourceAttributes": attributes}})
    assert status == 201, got
    return got["status"]


def test_behind_the_roles(m, hook):
    hook.decide = lambda spec: {"allowed": spec.get("resourceAttributes", {}).get("verb") == "list",
                                "reason": "the webhook says so"}
    status, got = m.api("GET", PODS, headers=AS)
    assert status == 200, got
    spec = hook.specs(user="jane")[0]
    assert spec == {"user": "jane", "groups": ["devs", "system:authenticated"],
                    "resourceAttributes": {"namespace": "default", "verb": "list", "version": "v1",
                                           "resource": "pods"}}
    assert hook.asked[0][1] == "Bearer t0ken"
    # Both answers are kept.
    n = len(hook.specs(user="jane"))
    assert m.api("GET", PODS, headers=AS)[0] == 200
    for _ in range(2):
        status, got = m.api("DELETE", PODS + "/x", headers=AS)
        assert status == 403 and got["message"].endswith(": the webhook says so"), got
    assert len(hook.specs(user="jane")) == n + 1
    # What the roles allow is asked of nobody, and paths are no resources.
    n = len(hook.asked)
    assert m.api("GET", "/version", headers=AS)[0] == 200
    assert m.api("GET", PODS)[0] == 200
    assert len(hook.asked) == n
    assert m.api("GET", "/metrics", headers=AS)[0] == 403
    assert hook.specs(user="jane")[-1]["nonResourceAttributes"] == {"path": "/metrics", "verb": "get"}


def test_reviews_and_impersonation(m, hook):
    hook.decide = lambda spec: {"allowed": spec["user"] in ("ann", "boss"),
                                "denied": spec["user"] == "eve", "reason": "by name"}
    what = {"verb": "get", "resource": "secrets", "namespace": "default", "name": "x"}
    assert review(m, "ann", **what) == {"allowed": True}
    assert review(m, "eve", ["g"], **what) == {"allowed": False, "denied": True, "reason": "by name"}
    assert hook.specs(user="eve")[-1]["groups"] == ["g"]
    # Who acts as boss may act as others, as the webhook says; the rest may not.
    assert m.api("GET", PODS, headers={"Impersonate-User": "boss"})[0] == 200
    crt = m.dir / "boss"
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=boss", "-keyout", f"{crt}.key", "-out", f"{crt}.csr"],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", f"{crt}.csr", "-CA", m.dir / "data/pki/ca.crt",
                    "-CAkey", m.dir / "data/pki/ca.key", "-days", "1", "-out", f"{crt}.crt"],
                   check=True, capture_output=True)
    admin, m.ctx = m.ctx, ssl.create_default_context(cafile=m.dir / "data/pki/ca.crt")
    try:
        m.ctx.load_cert_chain(f"{crt}.crt", f"{crt}.key")
        assert m.api("GET", PODS, headers={"Impersonate-User": "ann"})[0] == 200
        assert [s["resourceAttributes"]["verb"] for s in hook.specs(user="boss")][-1] == "impersonate"
    finally:
        m.ctx = admin


def test_failure_is_no_opinion_but_an_error(m, hook):
    hook.decide = lambda spec: 500
    status, got = m.api("GET", PODS, headers={"Impersonate-User": "bob"})
    assert status == 500 and got["reason"] == "InternalError", got
    assert "answers with status 500" in got["message"]
    assert m.api("GET", "/version", headers={"Impersonate-User": "bob"})[0] == 200
    assert review(m, "bob", verb="get", resource="pods")["allowed"] is False
    hook.decide = lambda spec: {"allowed": True, "denied": True}
    status, got = m.api("GET", PODS, headers={"Impersonate-User": "both"})
    assert status == 500 and "both allows and denies" in got["message"], got


def config(m, hook, *authorizers):
    path = m.dir / "authz.yaml"
    path.write_text(json.dumps({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration",
                                "authorizers": list(authorizers)}))
    m.options = ["--no-scheduler", "--no-controllers", "--authorization-config", str(path)]


def webhook(hook, name="w", **more):
    return {"type": "Webhook", "name": name, "webhook": {
        "timeout": "3s", "subjectAccessReviewVersion": "v1", "failurePolicy": "Deny",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": hook.config}, **more}}


NODE, RBAC = {"type": "Node", "name": "node"}, {"type": "RBAC", "name": "rbac"}


def test_configuration(m, hook):
    m.stop()
    match = [{"expression": "has(request.resourceAttributes) && request.resourceAttributes.namespace == 'default'"},
             {"expression": "!('system:masters' in request.groups)"}]
    broken = [{"expression": "request.nothing == 1"}]
    config(m, hook, webhook(hook, matchConditions=match), NODE, RBAC,
           webhook(hook, "late", matchConditions=broken, failurePolicy="NoOpinion"))
    m.start()
    hook.asked.clear()
    hook.decide = lambda spec: {"allowed": False, "denied": spec["user"] == "eve", "reason": "not eve"}
    assert m.api("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles",
                 {"metadata": {"name": "readers"},
                  "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]})[0] == 201
    assert m.api("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                 {"metadata": {"name": "readers"}, "subjects": [{"kind": "Group", "name": "devs"}],
                  "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                              "name": "readers"}})[0] == 201
    # The first one denies although the roles allow; of other namespaces it is not asked.
    eve = {**AS, "Impersonate-User": "eve"}
    status, got = m.api("GET", PODS, headers=eve)
    assert status == 403 and got["message"].endswith(": not eve"), got
    assert m.api("GET", PODS, headers=AS)[0] == 200
    assert m.api("GET", "/api/v1/namespaces/kube-system/pods", headers=eve)[0] == 200
    assert [s["user"] for s in hook.specs() if s["user"] in ("eve", "jane")] == ["eve", "jane"]
    # A condition that fails: no opinion, but then it is no plain refusal.
    status, got = m.api("GET", "/api/v1/nodes", headers=AS)
    assert status == 500 and "match condition" in got["message"], got
    # Deny when it does not answer.
    hook.decide = lambda spec: 503
    assert m.api("GET", PODS, headers={**AS, "Impersonate-User": "later"})[0] == 500
    m.stop()


@pytest.mark.parametrize("authorizers,why", [
    ([], "at least one authorization mode"),
    ([{"type": "ABAC", "name": "a"}], "authorizers[0].type: supported values"),
    ([NODE, NODE], "authorizers[1].type: Duplicate value"),
    ([{"type": "RBAC"}], "authorizers[0].name: Required value"),
    (["failurePolicy", "Perhaps"], "webhook.failurePolicy: supported values"),
    (["timeout", "31s"], "webhook.timeout: must be a duration above 0s, at most 30s"),
    (["matchConditions", [{"expression": "1 +"}]], "matchConditions[0].expression: compilation failed"),
    (["matchConditions", [{"expression": "'a'"}]], "must evaluate to bool"),
    (["connectionInfo", {"type": "InClusterConfig"}], "connectionInfo.type: supported values"),
    (["hurry", True], "unknown field \"hurry\""),
])
def test_wrong_configurations(m, hook, authorizers, why):
    if authorizers and isinstance(authorizers[0], str):
        authorizers = [webhook(hook, **{authorizers[0]: authorizers[1]})]
    config(m, hook, *authorizers)
    p = subprocess.run(m.argv(), capture_output=True, text=True, timeout=60, check=False)
    assert p.returncode == 78 and why in p.stderr, p.stderr
