# SPDX-License-Identifier: Apache-2.0
"""Charts by helm, and what users see when something cannot work."""
import io
import json
import tarfile

import pytest

from e2e_objects import IMAGE, apply, container_status, pod
from lab import cluster, wait_until  # noqa: F401  pylint: disable=unused-import


@pytest.fixture(scope="module")
def k(cluster):
    k = cluster.kubectl()
    yield k
    k.run("delete", "pod", "--all", "--timeout=60s")


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: hello\nversion: 0.1.0\n",
    "values.yaml": "replicas: 2\n",
    "templates/all.yaml": f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: "{{{{ .Release.Name }}}}"}}
spec:
  replicas: {{{{ .Values.replicas }}}}
  selector: {{matchLabels: {{app: "{{{{ .Release.Name }}}}"}}}}
  template:
    metadata: {{labels: {{app: "{{{{ .Release.Name }}}}"}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {{name: c, image: "{IMAGE}", readinessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 1}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: "{{{{ .Release.Name }}}}"}}
spec:
  selector: {{app: "{{{{ .Release.Name }}}}"}}
  ports: [{{port: 80, targetPort: 8080}}]
"""}


@pytest.mark.parametrize("version", ["1.30", "1.35"])  # helm 3.17 and 4.1 come with these
def test_helm(k, cluster, tmp_path, version):
    helm, name = cluster.kubectl(version, "helm"), "h" + version[-2:]
    for path, text in CHART.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    helm.run("install", name, str(tmp_path), "--wait", "--timeout", "60s", timeout=90)

    def ready():
        return k.json("get", "deployment", name)["status"].get("readyReplicas")
    assert ready() == 2  # --wait has waited
    ip = k.json("get", "service", name)["spec"]["clusterIP"]
    wait_until("the service answers", lambda: cluster.node.on_host(
        "curl", "-sS", "-m", "5", f"http://{ip}/").stdout.startswith("hello from"))
    helm.run("upgrade", name, str(tmp_path), "--set", "replicas=3", "--wait", "--timeout", "60s",
             timeout=90)
    assert ready() == 3
    helm.run("rollback", name, "1", "--wait", "--timeout", "60s", timeout=90)
    assert k.json("get", "deployment", name)["spec"]["replicas"] == 2
    helm.run("uninstall", name, "--wait", "--timeout", "60s", timeout=90)
    wait_until("all is gone", lambda: not k.json("get", "pods", "-l", f"app={name}")["items"])


def waiting(k, name, *reasons):
    """Waits until a container waits for one of these reasons; its message."""
    return wait_until(" or ".join(reasons), lambda: (
        lambda w: (w.get("message") or " ") if w.get("reason") in reasons else None)(
            container_status(k, name)["state"].get("waiting", {})))


def test_absent_image(k):
    # The loopback refuses at once: no registry of the world is asked.
    apply(k, pod("absent", image="127.0.0.1:1/no/such:1"))
    waiting(k, "absent", "ErrImagePull", "ImagePullBackOff")
    waiting(k, "absent", "ImagePullBackOff")
    wait_until("an event says so", lambda: 'Failed to pull image "127.0.0.1:1/no/such:1"' in k.run(
        "describe", "pod", "absent"))
    assert k.json("get", "pod", "absent")["status"]["phase"] == "Pending"


def test_image_never_pulled(k):
    apply(k, pod("never", image="knarr.example/none:1", imagePullPolicy="Never"))
    assert 'not present with pull policy of Never' in waiting(k, "never", "ErrImageNeverPull")


def test_wrong_command(k):
    apply(k, pod("wrong", command=["/no/such"]))
    seen = wait_until("its failure is reported", lambda: (
        lambda s: s if "/no/such" in s else None)(json.dumps(container_status(k, "wrong"))))
    assert "no such file or directory" in seen.lower()


def test_image_of_another_architecture(k, cluster, tmp_path):
    """It is refused at import or says so when started, never just dies."""
    other = tmp_path / "other.tar"
    with tarfile.open(cluster.hello) as src, tarfile.open(other, "w") as dst:
        for m in src.getmembers():
            data = src.extractfile(m).read()
            if m.name == "config.json":
                config = json.loads(data)
                config["architecture"] = "s390x"
                data = json.dumps(config).encode()
            if m.name == "manifest.json":
                data = data.replace(b"knarr.example/hello:1", b"knarr.example/other:1")
            m.size = len(data)
            dst.addfile(m, io.BytesIO(data))
    got = cluster.kubectl(None, "knarrctl").fails("image", "import", other, "--image-dir",
                                                  cluster.node.images)
    assert "s390x" in got


def test_unschedulable(k):
    apply(k, pod("huge", resources={"requests": {"cpu": "1000"}}))
    apply(k, pod("nowhere", spec={"nodeSelector": {"disk": "none"}}))
    for name, why in (("huge", "0/1 nodes are available: 1 Insufficient cpu"),
                      ("nowhere", "node(s) didn't match Pod's node affinity/selector")):
        wait_until(f"{name} is explained", lambda n=name, w=why: w in k.run("describe", "pod", n))
        c = [c for c in k.json("get", "pod", name)["status"]["conditions"]
             if c["type"] == "PodScheduled"][0]
        assert c["status"] == "False" and c["reason"] == "Unschedulable" and why in c["message"]
    k.run("label", "node", "n1", "disk=none")
    k.run("wait", "--for=condition=Ready", "pod/nowhere", "--timeout=30s")
    k.run("label", "node", "n1", "disk-")
