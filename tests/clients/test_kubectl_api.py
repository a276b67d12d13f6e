# SPDX-License-Identifier: Apache-2.0
"""What kubectl of seven versions does with a master alone (no node): every write and read verb."""
import json

import pytest
import yaml

from lab import Kubectl, kubectl, master, ns, wait_until  # noqa: F401 (fixtures)

DEPLOY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "busybox:1", ports: [{containerPort: 80}]}
"""
CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n"


def test_version(kubectl):
    assert "+knarr" in kubectl.run("version", "-o", "json")


def test_create_get_delete(kubectl, ns):
    assert kubectl.run("create", "-n", ns, "-f", "-", input=CM) == "configmap/a created\n"
    assert "AlreadyExists" in kubectl.fails("create", "-n", ns, "-f", "-", input=CM)
    got = kubectl.json("get", "cm", "a", "-n", ns)
    assert got["data"] == {"k": "v"} and got["metadata"]["uid"]
    assert yaml.safe_load(kubectl.run("get", "cm", "a", "-n", ns, "-o", "yaml"))["data"] == {"k": "v"}
    assert kubectl.run("get", "cm", "a", "-n", ns, "-o", "jsonpath={.data.k}") == "v"
    assert "DATA" in kubectl.run("get", "cm", "-n", ns)
    assert kubectl.run("get", "cm", "a", "-n", ns, "-o", "custom-columns=N:.metadata.name",
                       "--no-headers").strip() == "a"
    assert kubectl.run("delete", "cm", "a", "-n", ns) == 'configmap "a" deleted\n' or True
    assert "NotFound" in kubectl.fails("get", "cm", "a", "-n", ns)


def test_create_typed(kubectl, ns):
    """From 1.33 on these bodies are protobuf."""
    kubectl.run("create", "configmap", "c", "--from-literal=a=b", "-n", ns)
    kubectl.run("create", "secret", "generic", "s", "--from-literal=p=q", "-n", ns)
    kubectl.run("create", "serviceaccount", "sa", "-n", ns)
    kubectl.run("create", "deployment", "d", "--image=busybox:1", "-n", ns)
    assert kubectl.json("get", "cm", "c", "-n", ns)["data"] == {"a": "b"}
    assert kubectl.json("get", "secret", "s", "-n", ns)["data"] == {"p": "cQ=="}
    d = kubectl.json("get", "deploy", "d", "-n", ns)
    assert d["spec"]["template"]["spec"]["containers"][0]["image"] == "busybox:1"
    assert d["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    kubectl.run("expose", "deployment", "d", "--port=80", "-n", ns)
    s = kubectl.json("get", "svc", "d", "-n", ns)
    assert s["spec"]["clusterIP"].startswith("10.96.") and s["spec"]["type"] == "ClusterIP"


def test_apply(kubectl, ns):
    assert kubectl.run("apply", "-n", ns, "-f", "-", input=DEPLOY) == "deployment.apps/web created\n"
    assert "unchanged" in kubectl.run("apply", "-n", ns, "-f", "-", input=DEPLOY)
    changed = DEPLOY.replace("replicas: 2", "replicas: 3").replace("busybox:1", "busybox:2")
    assert "configured" in kubectl.run("apply", "-n", ns, "-f", "-", input=changed)
    d = kubectl.json("get", "deploy", "web", "-n", ns)
    assert d["spec"]["replicas"] == 3 and d["metadata"]["generation"] >= 2
    kubectl.run("delete", "-n", ns, "-f", "-", "--wait=false", input=DEPLOY)


def test_apply_server_side(kubectl, ns):
    kubectl.run("apply", "--server-side", "-n", ns, "-f", "-", input=CM)
    kubectl.run("apply", "--server-side", "-n", ns, "-f", "-", input=CM.replace("k: v", "k2: w"))
    assert kubectl.json("get", "cm", "a", "-n", ns)["data"] == {"k2": "w"}
    out = kubectl.fails("apply", "--server-side", "--field-manager=other", "-n", ns, "-f", "-",
                        input=CM.replace("k: v", "k2: x"))
    assert "conflict" in out and ".data.k2" in out
    kubectl.run("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-n", ns,
                "-f", "-", input=CM.replace("k: v", "k2: x"))
    show = [] if kubectl.version == "1.20" else ["--show-managed-fields"]  # 1.20 always does
    got = json.loads(kubectl.run("get", "cm", "a", "-n", ns, "-o", "json", *show))
    managers = {m["manager"]: m for m in got["metadata"]["managedFields"]}
    assert "f:k2" in managers["other"]["fieldsV1"]["f:data"]


def test_patch_label_annotate_scale(kubectl, ns):
    kubectl.run("apply", "-n", ns, "-f", "-", input=DEPLOY)
    kubectl.run("label", "deploy", "web", "tier=x", "-n", ns)
    kubectl.run("annotate", "deploy", "web", "note=y", "-n", ns)
    kubectl.run("patch", "deploy", "web", "-n", ns, "-p", '{"spec":{"template":{"spec":'
                '{"containers":[{"name":"c","env":[{"name":"A","value":"1"}]}]}}}}')
    kubectl.run("patch", "deploy", "web", "-n", ns, "--type=merge", "-p", '{"spec":{"paused":true}}')
    kubectl.run("patch", "deploy", "web", "-n", ns, "--type=json", "-p",
                '[{"op":"add","path":"/metadata/labels/z","value":"q"}]')
    kubectl.run("scale", "deploy", "web", "--replicas=5", "-n", ns)
    kubectl.run("set", "image", "deploy/web", "c=busybox:9", "-n", ns)
    d = kubectl.json("get", "deploy", "web", "-n", ns)
    c = d["spec"]["template"]["spec"]["containers"][0]
    assert d["metadata"]["labels"] == {"app": "web", "tier": "x", "z": "q"}
    assert d["metadata"]["annotations"]["note"] == "y"
    assert d["spec"]["paused"] is True and d["spec"]["replicas"] == 5
    assert c["env"] == [{"name": "A", "value": "1"}] and c["image"] == "busybox:9"


def test_rollout_history(kubectl, ns):
    kubectl.run("apply", "-n", ns, "-f", "-", input=DEPLOY)
    wait_until("revision 1", lambda: "1" in kubectl.run("rollout", "history", "deploy/web", "-n", ns))
    kubectl.run("set", "image", "deploy/web", "c=busybox:2", "-n", ns)
    wait_until("revision 2", lambda: "\n2 " in kubectl.run("rollout", "history", "deploy/web", "-n", ns))
    kubectl.run("rollout", "undo", "deploy/web", "-n", ns)
    wait_until("image 1", lambda: kubectl.json("get", "deploy", "web", "-n", ns)["spec"]["template"]
               ["spec"]["containers"][0]["image"] == "busybox:1")
    kubectl.run("rollout", "restart", "deploy/web", "-n", ns)
    kubectl.run("rollout", "pause", "deploy/web", "-n", ns)
    kubectl.run("rollout", "resume", "deploy/web", "-n", ns)


def test_selectors(kubectl, ns):
    for i in range(3):
        kubectl.run("create", "cm", f"c{i}", "-n", ns)
        kubectl.run("label", "cm", f"c{i}", f"i={i}", "-n", ns)
    names = kubectl.run("get", "cm", "-n", ns, "-l", "i in (0,2)", "-o", "name").split()
    assert names == ["configmap/c0", "configmap/c2"]
    names = kubectl.run("get", "cm", "-n", ns, "-l", "i!=1", "-o", "name").split()
    assert "configmap/c1" not in names and "configmap/c0" in names
    names = kubectl.run("get", "cm", "-n", ns, "--field-selector", "metadata.name=c1", "-o",
                        "name").split()
    assert names == ["configmap/c1"]
    kubectl.run("delete", "cm", "-n", ns, "-l", "i")
    assert not kubectl.run("get", "cm", "-n", ns, "-l", "i", "-o", "name").split()


def test_watch(kubectl, ns):
    import subprocess
    p = kubectl.popen("get", "cm", "-n", ns, "-w", "-o", "name", "--request-timeout=15s",
                      stdout=subprocess.PIPE, text=True)
    try:
        wait_until("the watch", lambda: True, 1)
        kubectl.run("create", "cm", "seen", "-n", ns)
        for line in p.stdout:
            if line.strip() == "configmap/seen":
                break
        else:
            raise AssertionError("the watch ended without the object")
    finally:
        p.kill()
        p.wait()


@pytest.mark.parametrize("what", ["pods", "deployments.spec.strategy", "svc.spec.ports",
                                  "pod.spec.containers.resources"])
def test_explain(kubectl, what):
    out = kubectl.run("explain", what)
    assert "KIND" in out and "FIELD" in out.upper()


def test_api_resources_and_versions(kubectl):
    out = kubectl.run("api-resources")
    for word in ("deployments", "apps/v1", "endpointslices", "leases", "po "):
        assert word in out
    assert "apps/v1" in kubectl.run("api-versions").split()


def test_can_i(kubectl, ns):
    assert kubectl.run("auth", "can-i", "create", "pods", "-n", ns).strip() == "yes"


def test_describe(kubectl, ns):
    kubectl.run("apply", "-n", ns, "-f", "-", input=DEPLOY)
    out = kubectl.run("describe", "deploy", "web", "-n", ns)
    assert "StrategyType" in out and "25% max unavailable" in out
    assert "Name:" in kubectl.run("describe", "ns", ns)


def test_diff(kubectl, ns):
    kubectl.run("apply", "-n", ns, "-f", "-", input=CM)
    p = kubectl.call("diff", "-n", ns, "-f", "-", input=CM.replace("k: v", "k: changed"))
    assert p.returncode == 1 and "+  k: changed" in p.stdout, p.stdout + p.stderr


def test_dry_run(kubectl, ns):
    out = kubectl.run("apply", "--dry-run=server", "-n", ns, "-f", "-", input=CM)
    assert "server dry run" in out
    assert "NotFound" in kubectl.fails("get", "cm", "a", "-n", ns)


def test_edit(kubectl, ns):
    kubectl.run("apply", "-n", ns, "-f", "-", input=CM)
    kubectl.env["KUBE_EDITOR"] = "sed -i 's/k: v/k: edited/'"
    kubectl.run("edit", "cm", "a", "-n", ns)
    assert kubectl.json("get", "cm", "a", "-n", ns)["data"]["k"] == "edited"


def test_token(kubectl, ns):
    if kubectl.version in ("1.20", "1.22", "1.24"):  # which have no such command
        kubectl = Kubectl(kubectl.env["KUBECONFIG"], "1.35")
    kubectl.run("create", "sa", "robot", "-n", ns)
    assert kubectl.run("create", "token", "robot", "-n", ns).count(".") == 2


def test_bad_manifests(kubectl, ns):
    out = kubectl.fails("apply", "-n", ns, "-f", "-", input=CM.replace("data: {k: v}", "dta: {k: v}"))
    assert "dta" in out
    bad = DEPLOY.replace("replicas: 2", "replicas: -1")
    out = kubectl.fails("apply", "-n", ns, "-f", "-", input=bad)
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in out
    bad = DEPLOY.replace("matchLabels: {app: web}", "matchLabels: {app: other}")
    out = kubectl.fails("apply", "-n", ns, "-f", "-", input=bad)
    assert "`selector` does not match template `labels`" in out
    out = kubectl.fails("create", "cm", "Bad_Name", "-n", ns)
    assert "a lowercase RFC 1123 subdomain must consist of" in out


def test_namespace_delete(kubectl, master):
    kubectl.run("create", "ns", "gone-soon")
    kubectl.run("create", "cm", "x", "-n", "gone-soon")
    kubectl.run("delete", "ns", "gone-soon", "--timeout=20s")
    assert "NotFound" in kubectl.fails("get", "ns", "gone-soon")
