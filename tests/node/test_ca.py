# SPDX-License-Identifier: Apache-2.0
"""A node follows when the cluster's authority is rotated, and its containers run on."""
import base64

import pytest

from lab import Cluster, wait_for

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
       "spec": {"containers": [{"name": "c", "image": "knarr.example/hello:1"}]}}


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("ca"))
    try:
        cluster.start(nodes=0)
        cluster.add_node("n1", join=True)
        yield cluster
    except BaseException:
        print(cluster.logs())
        cluster.force()
        raise
    left = cluster.stop()
    assert not left, "left behind:\n" + "\n".join(left)


def container(c):
    status = c.kubectl().json("get", "pod", "p", "-o", "json")["status"]
    return [(s["containerID"], s["restartCount"]) for s in status.get("containerStatuses", []) if "running" in s["state"]]


def test_node_follows(c):
    wait_for(lambda: c.kubectl().call("get", "serviceaccount", "default").returncode == 0, 30, 0.2)
    c.kubectl().run("apply", "-f", "-", input=str(POD).replace("'", '"'))
    c.kubectl().run("wait", "--for=condition=Ready", "pod/p", "--timeout=30s")
    before = container(c)
    old = (c.master.dir / "data/pki/ca.crt").read_bytes()
    trusted = {"prepare": 2, "switch": 2, "finish": 1}
    for stage, n in trusted.items():
        wait_for(lambda: "1 of 1 have followed" in c.knarrctl("ca", "status"), 60, 0.3)
        c.knarrctl("ca", "rotate", "--stage", stage)
        c.master.stop()
        c.master.start()
        # It looks every ten minutes, and when it starts.
        c.node.daemon.stop()
        c.node.start()
        wait_for(lambda: "1 of 1 have followed" in c.knarrctl("ca", "status"), 60, 0.3)
        assert c.knarrctl("ca", "status").count("sha256:") == n
    config = next(c.node.root.rglob("*.conf")).read_text()
    assert base64.b64encode(old).decode() not in config
    c.kubectl().run("wait", "--for=condition=Ready", "node/n1", "--timeout=30s")
    assert container(c) == before
    assert "HTTP" in c.kubectl().run("exec", "p", "--", "sh", "-c", "echo HTTP")
