# SPDX-License-Identifier: Apache-2.0
"""The audit log and its policy."""
import glob
import json
import os
import subprocess

import pytest
from knarr_test import BUILD, Master, wait_for

POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: ["system:apiserver", "system:kube-scheduler"]
- level: None
  nonResourceURLs: ["/healthz*", "/readyz"]
- level: Metadata
  resources: [{group: "", resources: [secrets]}]
- level: Request
  resources: [{group: "", resources: ["pods", "pods/*"]}]
- level: RequestResponse
  verbs: [create, update, patch, delete]
  omitManagedFields: true
- level: Metadata
"""
MAPS = "/api/v1/namespaces/default/configmaps"


def events(path):
    out = []
    for p in sorted(glob.glob(path + "-*")) + [path]:
        with open(p, encoding="utf-8") as f:
            out += [json.loads(line) for line in f]
    return out


@pytest.fixture
def start(tmp_path):
    """A master with an audit log; gives it and the log's path."""
    masters = []

    def make(policy=POLICY, *more):
        args = ["--no-scheduler", "--no-controllers", "--audit-log-path", str(tmp_path / "log"), *more]
        if policy:
            (tmp_path / "policy").write_text(policy)
            args += ["--audit-policy-file", str(tmp_path / "policy")]
        m = Master(*args)
        masters.append(m)
        return m.start(), str(tmp_path / "log")
    yield make
    for m in masters:
        m.remove()


def test_levels(start):
    m, log = start()
    m.api("POST", MAPS, {"metadata": {"name": "a"}, "data": {"x": "y"}})
    m.api("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"},
                                                         "stringData": {"k": "hidden"}})
    m.api("GET", "/api/v1/namespaces/default/pods?limit=5")
    m.api("GET", "/healthz")
    m.api("GET", f"{MAPS}/none", headers={"User-Agent": "probe/1"})
    m.api("GET", MAPS, headers={"Impersonate-User": "jane"})
    m.api("GET", MAPS, anonymous=True)
    m.watch(MAPS)
    m.stop()
    got = events(log)
    assert "hidden" not in json.dumps(got)
    assert not [e for e in got if e["user"]["username"] == "system:apiserver"]
    assert not [e for e in got if e["requestURI"] == "/healthz"]

    def one(**want):
        fits = [e for e in got if all(e.get(k) == v for k, v in want.items())]
        assert len(fits) == 1, (want, fits)
        return fits[0]
    e = one(verb="create", requestURI=MAPS)
    assert (e["level"], e["stage"], e["apiVersion"]) == ("RequestResponse", "ResponseComplete", "audit.k8s.io/v1")
    assert e["requestObject"]["data"] == {"x": "y"} and e["responseStatus"]["code"] == 201
    assert e["responseObject"]["metadata"]["uid"]
    assert "managedFields" not in e["responseObject"]["metadata"]
    assert e["objectRef"]["resource"] == "configmaps" and e["objectRef"]["apiVersion"] == "v1"
    assert e["user"]["username"] == "kubernetes-admin" and "system:masters" in e["user"]["groups"]
    assert e["sourceIPs"] == ["127.0.0.1"]
    assert e["annotations"]["authorization.k8s.io/decision"] == "allow"
    e = one(requestURI="/api/v1/namespaces/default/secrets")
    assert e["level"] == "Metadata" and "requestObject" not in e
    e = one(requestURI="/api/v1/namespaces/default/pods?limit=5")
    assert e["verb"] == "list" and e["level"] == "Request"
    e = one(userAgent="probe/1")
    assert e["responseStatus"]["code"] == 404 and e["responseStatus"]["reason"] == "NotFound"
    e = one(impersonatedUser={"username": "jane", "groups": ["system:authenticated"]})
    assert e["user"]["username"] == "kubernetes-admin" and e["responseStatus"]["code"] == 403
    assert e["annotations"]["authorization.k8s.io/decision"] == "forbid"
    e = [e for e in got if e["user"].get("username") == "system:anonymous"][0]
    assert e["responseStatus"]["code"] == 403
    stages = [e["stage"] for e in got if e["verb"] == "watch" and e["requestURI"].startswith(MAPS)]
    assert stages == ["ResponseStarted", "ResponseComplete"]


def test_default_policy_and_id(start):
    m, log = start(None)
    _, headers, _ = m.raw("GET", MAPS)
    wait_for(lambda: any(e["auditID"] == headers["Audit-Id"] and e["stage"] == "ResponseComplete"
                         for e in events(log)))
    assert {e["level"] for e in events(log)} == {"Metadata"}
    m.stop()


def test_what_parts_have_to_tell(start):
    """PodSecurity: which policy was enforced, and what the audited one would not have. Tokens: which one it was."""
    m, log = start(None)
    label = "pod-security.kubernetes.io/"
    m.api("POST", "/api/v1/namespaces", {"metadata": {"name": "s", "labels": {
        label + "enforce": "baseline", label + "audit": "restricted", label + "audit-version": "v1.25"}}})
    pods = "/api/v1/namespaces/s/pods"
    m.api("POST", "/api/v1/namespaces/s/serviceaccounts", {"metadata": {"name": "default"}})
    spec = {"containers": [{"name": "c", "image": "i"}]}
    for name, more in (("good", {}), ("bad", {"hostNetwork": True})):
        status, got = m.api("POST", pods, {"metadata": {"name": name}, "spec": {**spec, **more}})
        assert status == (403 if more else 201), got
    m.api("POST", "/apis/apps/v1/namespaces/s/deployments", {"metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": spec}}})
    m.api("POST", "/api/v1/namespaces/s/serviceaccounts/default/token", {"spec": {}})

    def notes(code, resource):
        return [e["annotations"] for e in events(log) if e["stage"] == "ResponseComplete" and e["verb"] == "create"
                and e["responseStatus"]["code"] == code and e["requestURI"].endswith(resource)]
    wait_for(lambda: notes(201, "/token"))
    for code in (201, 403):
        (n,) = notes(code, "/pods")
        assert n[label + "enforce-policy"] == "baseline:latest"
        assert n[label + "audit-violations"].startswith('would violate PodSecurity "restricted:v1.25": ')
    (n,) = notes(201, "/deployments")
    assert label + "enforce-policy" not in n and "allowPrivilegeEscalation != false" in n[label + "audit-violations"]
    (n,) = notes(201, "/token")
    assert n["authentication.kubernetes.io/issued-credential-id"].startswith("JTI=")
    m.stop()


def test_rotation(start):
    m, log = start(None, "--audit-log-maxsize", "1", "--audit-log-maxbackup", "2")
    for _ in range(40):
        for _ in range(60):
            m.api("GET", MAPS + "?x=" + "y" * 2000)
        if len(glob.glob(log + "-*")) >= 2:
            break
    m.stop()
    assert 1 <= len(glob.glob(log + "-*")) <= 2
    assert os.path.getsize(log) < 2 << 20
    assert events(log)


@pytest.mark.parametrize("text,why", [
    ("rules: []", "must have kind Policy"),
    ("apiVersion: audit.k8s.io/v1\nkind: Policy\n", "rules: there must be at least one"),
    ("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: All}]", 'rules[0].level: "All" is none of'),
    ("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, users: me}]",
     "rules[0].users: must be a list"),
    ("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, omitStages: [Never]}]",
     'rules[0].omitStages: "Never" is none of'),
    ("{", "audit policy"),
])
def test_bad_policies(tmp_path, text, why):
    (tmp_path / "policy").write_text(text)
    p = subprocess.run([os.path.join(BUILD, "knarr-master"), "--data-dir", str(tmp_path / "d"),
                        "--config-dir", str(tmp_path / "c"), "--bind", "127.0.0.1", "--port", "0",
                        "--audit-log-path", str(tmp_path / "log"), "--audit-policy-file",
                        str(tmp_path / "policy")], capture_output=True, text=True, timeout=20, check=False)
    assert p.returncode and why in p.stderr, p.stderr
