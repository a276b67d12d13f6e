# SPDX-License-Identifier: Apache-2.0
"""An autoscaler with real pods: busy ones get company, by what the agents measure."""
import pytest

from e2e_objects import IMAGE, apply
from lab import cluster, wait_until  # noqa: F401  pylint: disable=unused-import

BUSY = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "busy"}, "spec": {
    "replicas": 1, "selector": {"matchLabels": {"app": "busy"}}, "template": {
        "metadata": {"labels": {"app": "busy"}}, "spec": {
            "terminationGracePeriodSeconds": 0, "containers": [{
                "name": "c", "image": IMAGE, "command": ["sh", "-c", "while :; do :; done"],
                "resources": {"requests": {"cpu": "20m"}, "limits": {"cpu": "60m"}}}]}}}}


@pytest.mark.parametrize("version", ["1.35"])
def test_autoscale(cluster, version):
    k = cluster.kubectl(version)
    apply(k, BUSY)
    k.run("autoscale", "deployment", "busy", "--min=1", "--max=3", "--cpu-percent=50")
    wait_until("it has company", lambda: k.json("get", "deployment", "busy")["spec"]["replicas"] == 3,
               120, every=1)
    h = k.json("get", "hpa", "busy")
    assert {c["type"]: c["status"] for c in h["status"]["conditions"]} == {
        "AbleToScale": "True", "ScalingActive": "True", "ScalingLimited": "True"}
    assert "cpu:" in k.run("get", "hpa", "busy")
    assert "SuccessfulRescale" in k.run("describe", "hpa", "busy")
    k.run("delete", "hpa/busy", "deployment/busy")
    wait_until("no pod is left", lambda: not k.json("get", "pods")["items"])
