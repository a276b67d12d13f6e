# SPDX-License-Identifier: Apache-2.0
"""Components that people install: manifests with their use of the API are taken as they are, and a
second time change nothing."""
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent / "manifests"
COMPONENTS = sorted(p.stem for p in FOLDER.glob("*.yaml"))


def count(path):
    return sum(1 for x in path.read_text(encoding="utf-8").split("---\n") if "kind:" in x)


# What each may do once it is installed, and one thing it may not: who, verb, resource (or path), and more.
MAY = {
    "cert-manager": ("cert-manager:cert-manager", [
        ("sign", {"group": "certificates.k8s.io", "resource": "signers", "name": "issuers.cert-manager.io/*"}),
        ("update", {"group": "certificates.k8s.io", "resource": "certificatesigningrequests"}),
        ("create", {"group": "coordination.k8s.io", "resource": "leases", "namespace": "kube-system"}),
        ("create", {"group": "authorization.k8s.io", "resource": "subjectaccessreviews"})],
        ("approve", {"group": "certificates.k8s.io", "resource": "signers", "name": "x"})),
    "metrics-server": ("kube-system:metrics-server", [
        ("create", {"group": "authentication.k8s.io", "resource": "tokenreviews"}),
        ("create", {"group": "authorization.k8s.io", "resource": "subjectaccessreviews"}),
        ("get", {"resource": "configmaps", "namespace": "kube-system", "name": "extension-apiserver-authentication"}),
        ("get", {"resource": "nodes", "subresource": "metrics"})],
        ("get", {"resource": "secrets", "namespace": "kube-system"})),
    "coredns": ("kube-system:coredns", [
        ("watch", {"group": "discovery.k8s.io", "resource": "endpointslices"}), ("list", {"resource": "namespaces"})],
        ("get", {"resource": "secrets"})),
    "argo-cd": ("argocd:argocd-application-controller", [
        ("delete", {"group": "anything.example.com", "resource": "things"}), ("get", "/metrics")], None),
    "prometheus-operator": ("default:prometheus-operator", [
        ("update", {"group": "monitoring.coreos.com", "resource": "prometheuses", "subresource": "status"}),
        ("get", "/metrics")], ("create", {"resource": "pods"})),
    "local-path-provisioner": ("local-path-storage:local-path-provisioner-service-account", [
        ("create", {"resource": "persistentvolumes"}), ("get", {"resource": "pods", "subresource": "log"}),
        ("create", {"resource": "pods", "namespace": "local-path-storage"})],
        ("create", {"resource": "pods", "namespace": "default"})),
}


def check_rights(master, name):
    who, can, cannot = MAY[name]
    ns = who.split(":")[0]

    def allowed(verb, what):
        spec = {"user": f"system:serviceaccount:{who}", "groups": ["system:serviceaccounts", f"system:serviceaccounts:{ns}"]}
        if isinstance(what, str):
            spec["nonResourceAttributes"] = {"verb": verb, "path": what}
        else:
            spec["resourceAttributes"] = {"verb": verb, **what}
        status, got = master.api("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        assert status == 201, got
        return got["status"]["allowed"]
    for verb, what in can:
        assert allowed(verb, what), (who, verb, what)
    assert not cannot or not allowed(*cannot), (who, *cannot)


@pytest.mark.parametrize("name", COMPONENTS)
def test_applied(master, name):
    path = FOLDER / f"{name}.yaml"
    for space in ("default", "kube-system"):
        master.api("POST", f"/api/v1/namespaces/{space}/serviceaccounts", {"metadata": {"name": "default"}})
    out = master.kubectl("apply", "-f", str(path)).stdout.splitlines()
    assert len(out) == count(path) and all(" created" in x for x in out), out
    p = master.kubectl("apply", "-f", str(path))
    # (Of a budget's selector, which is replaced, kubectl always sends the whole.)
    assert all(" unchanged" in x or "poddisruptionbudget" in x for x in p.stdout.splitlines()), p.stdout
    assert not p.stderr, p.stderr
    p = master.kubectl("diff", "-f", str(path), check=False)
    assert p.returncode == 0, p.stdout + p.stderr
    # As helm 4 and GitOps tools do it; nothing changes but who owns the fields.
    # (By force the first time: in atomic parts kubectl's apply owns the defaults too.)
    for force in (["--force-conflicts"], []):
        p = master.kubectl("apply", "--server-side", "--field-manager=gitops",
                           *force, "-f", str(path),
                           version="1.35")
        assert all("serverside-applied" in x for x in p.stdout.splitlines()), p.stdout
    objs = json.loads(master.kubectl("get", "-f", str(path), "--show-managed-fields", "-o",
                                     "json").stdout)["items"]
    assert len(objs) == count(path)
    for o in objs:  # of some nothing but the name was said
        said = o["kind"] != "Namespace" and (o.get("spec") or o.get("rules") or o.get("data"))
        managers = [f["manager"] for f in o["metadata"]["managedFields"]]
        assert not said or "gitops" in managers, o
    check_rights(master, name)
    master.kubectl("get", "-f", str(path), "-o", "wide")
    master.kubectl("describe", "-f", str(path))
    master.kubectl("delete", "-f", str(path), "--wait=false")
