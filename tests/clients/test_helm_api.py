# SPDX-License-Identifier: Apache-2.0
"""helm with a master alone: install, upgrade, roll back and uninstall a chart without waiting for pods."""
import pytest

from lab import ALL_VERSIONS, Kubectl, master, ns  # noqa: F401 (fixtures)

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.0.0\n",
    "values.yaml": "text: one\nreplicas: 1\n",
    "templates/all.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-cm}
data: {text: {{ .Values.text | quote }}}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {selector: {app: demo}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: c, image: "busybox:1"}]}
""",
}


@pytest.fixture
def chart(tmp_path):
    for name, text in CHART.items():
        p = tmp_path / "demo" / name
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_text(text)
    return tmp_path / "demo"


@pytest.mark.parametrize("version", list(ALL_VERSIONS))
def test_helm(master, ns, chart, version):
    helm = Kubectl(master.kubeconfig, version, tool="helm")
    k = Kubectl(master.kubeconfig)

    def text():
        return k.json("get", "cm", "r-cm", "-n", ns)["data"]["text"]

    helm.run("install", "r", chart, "-n", ns)
    assert text() == "one"
    helm.run("upgrade", "r", chart, "-n", ns, "--set", "text=two,replicas=2")
    assert text() == "two"
    assert k.json("get", "deploy", "r", "-n", ns)["spec"]["replicas"] == 2
    helm.run("rollback", "r", "1", "-n", ns)
    assert text() == "one"
    assert "demo-1.0.0" in helm.run("list", "-n", ns)
    helm.run("uninstall", "r", "-n", ns)
    assert "NotFound" in k.fails("get", "cm", "r-cm", "-n", ns)
