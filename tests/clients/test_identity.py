# SPDX-License-Identifier: Apache-2.0
"""Bootstrap tokens, certificate requests, and what a node's certificate may do."""
import base64
import http.client
import json
import ssl
import subprocess

import pytest
from knarr_test import wait_for

CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def b64(s):
    return base64.b64encode(s if isinstance(s, bytes) else s.encode()).decode()


@pytest.fixture(scope="module")
def token(master):
    status, got = master.api("POST", "/api/v1/namespaces/kube-system/secrets", {
        "metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token",
        "data": {"token-id": b64("abcdef"), "token-secret": b64("0123456789abcdef"),
                 "usage-bootstrap-authentication": b64("true")}})
    assert status == 201, got
    return {"Authorization": "Bearer abcdef.0123456789abcdef"}


def make_csr(folder, name, subject, *extra):
    key, csr = f"{folder}/{name}.key", f"{folder}/{name}.csr"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", csr, "-subj", subject, *extra], check=True,
                   capture_output=True)
    with open(csr, "rb") as f:
        return key, f.read()


def ask(master, name, pem, signer, headers):
    return master.api("POST", CSRS, {"metadata": {"name": name}, "spec": {
        "request": b64(pem), "signerName": signer,
        "usages": ["digital signature", "client auth"]}}, headers=headers, anonymous=True)


class Node:
    """Talks with a certificate of its own."""

    def __init__(self, master, cert, key):
        self.master = master
        self.ctx = ssl.create_default_context(cafile=f"{master.dir}/data/pki/ca.crt")
        self.ctx.load_cert_chain(cert, key)

    def api(self, method, path, obj=None, content_type="application/json"):
        c = http.client.HTTPSConnection("127.0.0.1", self.master.port, context=self.ctx, timeout=20)
        c.request(method, path, json.dumps(obj) if obj is not None else None,
                  {"Content-Type": content_type})
        r = c.getresponse()
        data = json.loads(r.read())
        c.close()
        return r.status, data


@pytest.fixture(scope="module")
def node(master, token, tmp_path_factory):
    folder = tmp_path_factory.mktemp("node")
    key, pem = make_csr(folder, "n1", "/O=system:nodes/CN=system:node:n1")
    status, got = ask(master, "csr-n1", pem, "kubernetes.io/kube-apiserver-client-kubelet", token)
    assert status == 201, got
    assert got["spec"]["username"] == "system:bootstrap:abcdef"
    cert = wait_for(lambda: master.api("GET", f"{CSRS}/csr-n1", headers=token, anonymous=True)[1]
                    .get("status", {}).get("certificate"))
    path = f"{folder}/n1.crt"
    with open(path, "wb") as f:
        f.write(base64.b64decode(cert))
    return Node(master, path, key)


def test_bootstrapper(master, token):
    assert master.api("GET", "/api/v1/nodes", headers=token, anonymous=True)[0] == 403
    status, me = master.api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {},
                            headers=token, anonymous=True)
    assert status == 201 and "system:bootstrappers" in me["status"]["userInfo"]["groups"]
    wrong = {"Authorization": "Bearer abcdef.0123456789abcdee"}
    assert master.api("GET", "/api", headers=wrong, anonymous=True)[0] == 401


def test_cluster_info(master):
    status, got = master.api("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info",
                             anonymous=True)
    assert status == 200 and "certificate-authority-data" in got["data"]["kubeconfig"]
    assert master.api("GET", "/api/v1/namespaces/kube-public/configmaps", anonymous=True)[0] == 403


def test_not_everybody_is_signed(master, token, tmp_path):
    _, pem = make_csr(tmp_path, "evil", "/O=system:masters/CN=admin")
    status, _ = ask(master, "evil", pem, "kubernetes.io/kube-apiserver-client-kubelet", token)
    assert status == 201
    _, pem = make_csr(tmp_path, "user", "/CN=bob")
    status, _ = ask(master, "user", pem, "kubernetes.io/kube-apiserver-client", token)
    assert status == 201
    # A later one that is signed shows that the earlier ones have been looked at.
    _, pem = make_csr(tmp_path, "n9", "/O=system:nodes/CN=system:node:n9")
    ask(master, "csr-n9", pem, "kubernetes.io/kube-apiserver-client-kubelet", token)
    wait_for(lambda: master.api("GET", f"{CSRS}/csr-n9")[1].get("status", {}).get("certificate"))
    for n in ("evil", "user"):
        assert not master.api("GET", f"{CSRS}/{n}")[1].get("status", {}).get("certificate")
    master.kubectl("certificate", "approve", "user")
    wait_for(lambda: master.api("GET", f"{CSRS}/user")[1].get("status", {}).get("certificate"))


def test_node_rights(master, node):
    status, got = node.api("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})
    assert status == 201, got
    status, got = node.api("POST", "/api/v1/nodes", {"metadata": {"name": "n2"}})
    assert status == 403, got
    status, got = node.api("PATCH", "/api/v1/nodes/n1/status",
                           {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
                           "application/strategic-merge-patch+json")
    assert status == 200, got
    assert node.api("GET", "/api/v1/pods")[0] == 403
    assert node.api("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1")[0] == 200
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    assert node.api("POST", leases, {"metadata": {"name": "n1"}})[0] == 201
    assert node.api("POST", leases, {"metadata": {"name": "n2"}})[0] == 403


def test_node_sees_what_its_pods_need(master, node):
    base = "/api/v1/namespaces/default"
    for n in ("used", "unused"):
        master.api("POST", f"{base}/secrets", {"metadata": {"name": n}})
    status, got = master.api("POST", f"{base}/pods", {"metadata": {"name": "mine"}, "spec": {
        "nodeName": "n1", "containers": [{"name": "c", "image": "x"}],
        "volumes": [{"name": "v", "secret": {"secretName": "used"}}]}})
    assert status == 201, got
    assert node.api("GET", f"{base}/secrets/used")[0] == 200
    assert node.api("GET", f"{base}/secrets/unused")[0] == 403
    assert node.api("GET", f"{base}/secrets")[0] == 403
    ref = {"kind": "Pod", "apiVersion": "v1", "name": "mine", "uid": got["metadata"]["uid"]}
    status, got = node.api("POST", f"{base}/serviceaccounts/default/token", {"spec": {
        "boundObjectRef": ref}})
    assert status == 201 and got["status"]["token"].startswith("ey"), got
    status, got = node.api("PATCH", f"{base}/pods/mine/status", {"status": {"phase": "Running"}},
                           "application/merge-patch+json")
    assert status == 200 and got["status"]["phase"] == "Running"
    assert node.api("PATCH", f"{base}/pods/mine", {"metadata": {"labels": {"a": "b"}}},
                    "application/merge-patch+json")[0] == 403
    # A token bound to a pod ends with it.
    bearer = {"Authorization": "Bearer " + node.api(
        "POST", f"{base}/serviceaccounts/default/token", {"spec": {
            "boundObjectRef": ref}})[1]["status"]["token"]}
    assert master.api("GET", "/api", headers=bearer, anonymous=True)[0] == 200
    assert node.api("DELETE", f"{base}/pods/mine?gracePeriodSeconds=0")[0] == 200
    assert master.api("GET", "/api", headers=bearer, anonymous=True)[0] == 401
    # And so does one that is bound to a node.
    assert master.api("POST", "/api/v1/nodes", {"metadata": {"name": "brief"}})[0] == 201
    status, got = master.api("POST", f"{base}/serviceaccounts/default/token", {"spec": {
        "boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": "brief"}}})
    assert status == 201, got
    bearer = {"Authorization": "Bearer " + got["status"]["token"]}
    status, got = master.api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, headers=bearer, anonymous=True)
    assert status == 201 and got["status"]["userInfo"]["extra"]["authentication.kubernetes.io/node-name"] == ["brief"], got
    assert master.api("DELETE", "/api/v1/nodes/brief")[0] == 200
    assert master.api("GET", "/api", headers=bearer, anonymous=True)[0] == 401


def test_a_node_gets_no_further(master, node):
    base = "/api/v1/namespaces/default"
    pod = {"metadata": {"name": "theirs", "labels": {"a": "b"}}, "spec": {
        "nodeName": "n2", "containers": [{"name": "c", "image": "x"}]}}
    status, theirs = master.api("POST", f"{base}/pods", pod)
    assert status == 201
    status, got = master.api("POST", f"{base}/pods", {"metadata": {"name": "ours"}, "spec": {
        "nodeName": "n1", "containers": [{"name": "c", "image": "x"}],
        "volumes": [{"name": "v", "secret": {"secretName": "used"}}]}})
    assert status == 201, got
    # A selector that get doesn't look at, and a comma that is none.
    assert node.api("GET", f"{base}/pods/theirs?fieldSelector=spec.nodeName%3Dn1")[0] == 403
    assert node.api("GET", "/api/v1/pods?fieldSelector=metadata.name!%3Dx%5C,spec.nodeName%3Dn1")[0] == 403
    # One object may be watched: that is no watch of all.
    c = http.client.HTTPSConnection("127.0.0.1", master.port, context=node.ctx, timeout=20)
    c.request("GET", "/api/v1/watch/namespaces/default/secrets/used?timeoutSeconds=1")
    r = c.getresponse()
    assert r.status == 200
    names = {json.loads(line)["object"]["metadata"]["name"] for line in r.read().splitlines()}
    assert names == {"used"}, names
    # No reader of any secret by a pod of its own making.
    mirror = {"metadata": {"name": "mirror", "annotations": {"kubernetes.io/config.mirror": "x"}},
              "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "x"}],
                       "volumes": [{"name": "v", "secret": {"secretName": "unused"}}]}}
    assert node.api("POST", f"{base}/pods", mirror)[0] == 403
    assert node.api("GET", f"{base}/secrets/unused")[0] == 403
    del mirror["spec"]["volumes"]
    # It belongs to the node that made it, and to nothing else.
    uid = node.api("GET", "/api/v1/nodes/n1")[1]["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": uid, "controller": True}
    for refs in ([], [owner, owner], [dict(owner, name="n2")], [dict(owner, kind="Pod")], [dict(owner, uid="x")],
                 [dict(owner, controller=False)], [dict(owner, blockOwnerDeletion=True)]):
        mirror["metadata"]["ownerReferences"] = refs
        status, got = node.api("POST", f"{base}/pods", mirror)
        assert status == 403, (refs, got)
    mirror["metadata"]["ownerReferences"] = [owner]
    status, got = node.api("POST", f"{base}/pods", mirror)
    assert status == 201, got
    # Nor of any claim by a status of its own making, nor of what else a claim's status says.
    merge = "application/merge-patch+json"
    body = {"status": {"resourceClaimStatuses": [{"name": "x", "resourceClaimName": "any"}]}}
    assert node.api("PATCH", f"{base}/pods/ours/status", body, merge)[0] == 403
    assert node.api("PATCH", f"{base}/pods/ours/status", {"status": {"phase": "Running"}}, merge)[0] == 200
    # Tokens only for pods that run here, as that account.
    tokens = f"{base}/serviceaccounts/default/token"
    assert node.api("POST", tokens, {"spec": {}})[0] == 403
    ref = {"kind": "Pod", "apiVersion": "v1", "name": "theirs", "uid": theirs["metadata"]["uid"]}
    assert node.api("POST", tokens, {"spec": {"boundObjectRef": ref}})[0] == 403
    # What draws pods to a node is not its own to say.
    for body in ({"spec": {"taints": []}},
                 {"metadata": {"labels": {"node-restriction.kubernetes.io/x": "y"}}},
                 {"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}},
                 {"metadata": {"labels": {"x.k8s.io/a": "y"}}}):
        status, got = node.api("PATCH", "/api/v1/nodes/n1", body, "application/merge-patch+json")
        assert status == 403, got
    body = {"metadata": {"labels": {"topology.kubernetes.io/zone": "a", "node.kubernetes.io/x": "y", "a": "b"}}}
    assert node.api("PATCH", "/api/v1/nodes/n1", body, merge)[0] == 200
    for n in ("theirs", "ours", "mirror"):
        master.api("DELETE", f"{base}/pods/{n}?gracePeriodSeconds=0")


def test_serving_certificates_are_looked_at(master, node, token, tmp_path):
    _, pem = make_csr(tmp_path, "s", "/O=system:nodes/CN=system:node:n1",
                      "-addext", "subjectAltName=DNS:kubernetes.default.svc")
    status, got = node.api("POST", CSRS, {"metadata": {"name": "serving"}, "spec": {
        "request": b64(pem), "signerName": "kubernetes.io/kubelet-serving",
        "usages": ["digital signature", "server auth"]}})
    assert status == 201, got
    # Neither an administrator, nor one of the masters, nor one that may become it.
    strong = {"masters": "system:masters", "peers": "knarr:masters",
              "joiners": "system:bootstrappers:knarr:masters"}
    for name, group in strong.items():
        _, pem = make_csr(tmp_path, "m", f"/O={group}/CN=bob")
        ask(master, name, pem, "kubernetes.io/kube-apiserver-client", token)
        csr = master.api("GET", f"{CSRS}/{name}")[1]
        csr["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "r"}]}
        assert master.api("PUT", f"{CSRS}/{name}/approval", csr)[0] == 200
    _, pem = make_csr(tmp_path, "n8", "/O=system:nodes/CN=system:node:n8")
    ask(master, "csr-n8", pem, "kubernetes.io/kube-apiserver-client-kubelet", token)
    wait_for(lambda: master.api("GET", f"{CSRS}/csr-n8")[1].get("status", {}).get("certificate"))
    for n in ("serving", *strong):
        assert not master.api("GET", f"{CSRS}/{n}")[1].get("status", {}).get("certificate")


def test_reviews_of_odd_users(master, node):
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    attrs = {"verb": "get", "resource": "pods", "namespace": "default"}
    for spec in ({"user": "x", "groups": [None]}, {"groups": ["", None]}, {"user": None}):
        status, got = node.api("POST", path, {"spec": {**spec, "resourceAttributes": attrs}})
        assert status in (201, 400, 422), got
        assert status != 201 or not got["status"]["allowed"]
    local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews"
    other = {"user": "x", "resourceAttributes": {**attrs, "namespace": "kube-system"}}
    assert node.api("POST", local, {"spec": other})[0] == 422


def test_approving_needs_the_signer(master, token, tmp_path):
    rbac = "/apis/rbac.authorization.k8s.io/v1/clusterrole"
    rules = [{"apiGroups": ["certificates.k8s.io"], "verbs": ["get", "update"],
              "resources": ["certificatesigningrequests/approval"]}]
    assert master.api("POST", rbac + "s", {"metadata": {"name": "approver"}, "rules": rules})[0] == 201
    assert master.api("POST", rbac + "bindings", {
        "metadata": {"name": "approver"}, "subjects": [{"kind": "User", "name": "ann"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": "approver"}})[0] == 201
    _, pem = make_csr(tmp_path, "eve", "/CN=eve")
    ask(master, "eve", pem, "kubernetes.io/kube-apiserver-client", token)
    csr = master.api("GET", f"{CSRS}/eve")[1]
    csr["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "r"}]}
    ann = {"Impersonate-User": "ann"}
    status, got = master.api("PUT", f"{CSRS}/eve/approval", csr, headers=ann)
    assert status == 403 and "not permitted to approve" in got["message"], got
    rules.append({"apiGroups": ["certificates.k8s.io"], "verbs": ["approve"],
                  "resources": ["signers"], "resourceNames": ["kubernetes.io/*"]})
    assert master.api("PUT", rbac + "s/approver",
                      {"metadata": {"name": "approver"}, "rules": rules})[0] == 200
    status, got = master.api("PUT", f"{CSRS}/eve/approval", csr, headers=ann)
    assert status == 200, got
