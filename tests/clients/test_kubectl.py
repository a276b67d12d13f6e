# SPDX-License-Identifier: Apache-2.0
"""Unmodified kubectl of several versions against the API server alone (no node, no controller)."""
import json

import pytest
from lab import ALL_VERSIONS, OLD_KUBECTL

WEB = """
apiVersion: v1
kind: Pod
metadata: {name: p1}
spec: {containers: [{name: c, image: busybox}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: busybox}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""

pytestmark = pytest.mark.parametrize("version", [OLD_KUBECTL, *ALL_VERSIONS])


def test_everyday(master, version):
    def k(*args, **kw):
        return master.kubectl(*args, version=version, **kw).stdout

    ns = "v" + version.replace(".", "-")
    k("create", "namespace", ns)
    k("create", "serviceaccount", "default", "-n", ns)
    n = ("-n", ns)
    assert "created" in k("apply", *n, "-f", "-", stdin=WEB)
    assert "unchanged" in k("apply", *n, "-f", "-", stdin=WEB)
    k("label", *n, "pod", "p1", "x=y")
    k("annotate", *n, "pod", "p1", "k=v")
    k("patch", *n, "deploy", "web", "-p", '{"spec":{"replicas":3}}')
    k("patch", *n, "deploy", "web", "--type=json", "-p",
      '[{"op":"replace","path":"/spec/replicas","value":4}]')
    k("scale", *n, "deploy", "web", "--replicas=1")
    k("set", *n, "image", "deploy/web", "c=busybox:2")
    d = json.loads(k("get", *n, "deploy", "web", "-o", "json"))
    assert d["spec"]["replicas"] == 1
    assert d["spec"]["template"]["spec"]["containers"][0]["image"] == "busybox:2"
    assert "busybox:2" in k("get", *n, "deploy", "-o", "wide")
    assert k("get", *n, "pods", "-o", "custom-columns=N:.metadata.name").split() == ["N", "p1"]
    assert "p1" in k("describe", *n, "pod", "p1")
    diff = master.kubectl("diff", *n, "-f", "-", version=version, stdin=WEB, check=False)
    assert diff.returncode == 1 and "replicas: 2" in diff.stdout
    k("create", *n, "configmap", "cm", "--from-literal=a=b")
    k("create", *n, "secret", "generic", "s", "--from-literal=a=b")
    k("create", *n, "deployment", "made", "--image=busybox")
    k("expose", *n, "deployment", "web", "--name=web2", "--port=81")
    k("run", *n, "r", "--image=busybox")
    k("delete", *n, "-f", "-", stdin=WEB)
    k("delete", *n, "configmap,secret,deployment,pod", "--all")
    k("delete", "namespace", ns, "--wait=false")


def test_asking(master, version):
    def k(*args):
        return master.kubectl(*args, version=version).stdout

    assert "KIND:" in k("explain", "pod.spec.containers")
    resources = k("api-resources")
    assert "deployments" in resources and "configmaps" in resources
    assert "apps/v1" in k("api-versions")
    assert k("auth", "can-i", "create", "pods").strip() == "yes"
    if version not in ("1.20", "1.22"):  # which have no such command
        assert k("create", "token", "default").startswith("eyJ")
    assert "+knarr" in k("version")
    assert "running at" in k("cluster-info")
