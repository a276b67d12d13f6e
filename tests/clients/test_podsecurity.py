# SPDX-License-Identifier: Apache-2.0
"""Pod Security Standards by the labels of namespaces."""
import pytest
from knarr_test import Master

LABEL = "pod-security.kubernetes.io/"
GOOD = {"runAsNonRoot": True, "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler", "--no-controllers") as master:
        yield master


def namespace(m, name, **labels):
    labels = {LABEL + k.replace("_", "-"): v for k, v in labels.items()}
    return m.api("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})


def pod(m, ns, name="p", security=None, query="", **spec):
    c = {"name": "c", "image": "x"}
    if security is not None:
        c["securityContext"] = security
    return m.api("POST", f"/api/v1/namespaces/{ns}/pods{query}", {
        "metadata": {"name": name}, "spec": dict({"containers": [c],
                                                  "serviceAccountName": "default",
                                                  "automountServiceAccountToken": False}, **spec)})


def make(m, ns, **labels):
    assert namespace(m, ns, **labels)[0] == 201
    m.api("POST", f"/api/v1/namespaces/{ns}/serviceaccounts", {"metadata": {"name": "default"}})


def test_restricted(m):
    make(m, "restricted", enforce="restricted")
    status, got = pod(m, "restricted")
    assert (status, got["reason"]) == (403, "Forbidden")
    assert got["message"] == (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "c" must set '
        'securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" '
        'must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container '
        '"c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must '
        'set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")')
    assert pod(m, "restricted", security=GOOD)[0] == 201
    status, got = pod(m, "restricted", "q", security=dict(GOOD, runAsUser=0))
    assert status == 403 and got["message"].endswith('runAsUser=0 (container "c" must not set runAsUser=0)')
    status, got = pod(m, "restricted", "q", security=GOOD,
                      volumes=[{"name": "h", "hostPath": {"path": "/"}}])
    assert got["message"].endswith(
        'restricted volume types (volume "h" uses restricted volume type "hostPath")'), got
    # What runs may change as long as its images stay.
    status, got = m.api("PATCH", "/api/v1/namespaces/restricted/pods/p", {"metadata": {"labels": {"a": "b"}}},
                        "application/merge-patch+json")
    assert status == 200


@pytest.mark.parametrize("spec,reason", [
    ({"hostNetwork": True, "hostPID": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
    ({"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}, 'hostPath volumes (volume "h")'),
    ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
     "forbidden sysctls (kernel.msgmax)"),
    ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
     'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")'),
    ({"securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}},
     'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)'),
    ({"security": {"privileged": True}},
     'privileged (container "c" must not set securityContext.privileged=true)'),
    ({"security": {"capabilities": {"add": ["SYS_ADMIN", "CHOWN", "NET_ADMIN"]}}},
     'non-default capabilities (container "c" must not include "NET_ADMIN", "SYS_ADMIN" in '
     'securityContext.capabilities.add)'),
    ({"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80, "hostPort": 80}]}]},
     'hostPort (container "c" uses hostPort 80)'),
])
def test_baseline(m, spec, reason):
    if m.api("GET", "/api/v1/namespaces/baseline")[0] == 404:
        make(m, "baseline", enforce="baseline")
        assert pod(m, "baseline", "plain")[0] == 201
    status, got = pod(m, "baseline", query="?dryRun=All", **spec)
    assert status == 403, got
    assert got["message"] == f'pods "p" is forbidden: violates PodSecurity "baseline:latest": {reason}'


def test_versions(m):
    make(m, "old", enforce="restricted", enforce_version="v1.8")
    ok = {"runAsNonRoot": True, "allowPrivilegeEscalation": False}
    assert pod(m, "old", security=ok)[0] == 201
    for key, value, why in (("enforce", "strict", "must be one of privileged, baseline, restricted"),
                            ("warn-version", "1.8", 'must be "latest" or "v1.x"')):
        status, got = namespace(m, "bad", **{key.replace("-", "_"): value})
        assert status == 422 and got["message"] == (
            f'Namespace "bad" is invalid: metadata.labels[{LABEL}{key}]: Invalid value: "{value}": {why}')


def test_warnings(m):
    make(m, "warned", warn="baseline")
    p = m.kubectl("-n", "warned", "create", "-f", "-", stdin="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      hostNetwork: true
      containers: [{name: c, image: x}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: c}
spec:
  schedule: "* * * * *"
  jobTemplate: {spec: {template: {spec: {hostIPC: true, restartPolicy: Never, containers: [{name: c, image: x}]}}}}
""")
    assert 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' in p.stderr
    assert 'would violate PodSecurity "baseline:latest": host namespaces (hostIPC=true)' in p.stderr
    # Enforced is warned about in what makes pods, too.
    p = m.kubectl("-n", "baseline", "create", "deployment", "d", "--image=x")
    assert "Warning" not in p.stderr


def test_existing_pods(m):
    make(m, "tightened")
    for name in ("a", "b", "c"):
        assert pod(m, "tightened", name, hostNetwork=name != "c")[0] == 201
    p = m.kubectl("label", "ns", "tightened", f"{LABEL}enforce=baseline")
    assert 'Warning: existing pods in namespace "tightened" violate the new PodSecurity enforce level ' \
           '"baseline:latest"' in p.stderr
    assert "Warning: a (and 1 other pod): host namespaces" in p.stderr, p.stderr
    p = m.kubectl("label", "--overwrite", "ns", "tightened", f"{LABEL}enforce=privileged")
    assert "Warning" not in p.stderr
