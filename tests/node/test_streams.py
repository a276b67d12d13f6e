# SPDX-License-Identifier: Apache-2.0
"""Logs, exec, attach, cp and port-forward: kubectl of each version through master and agent."""
import os
import subprocess
import time

import pytest

from e2e_objects import apply, client_pod
from lab import VERSIONS, cluster, wait_until  # noqa: F401  pylint: disable=unused-import


@pytest.fixture(scope="module")
def pod(cluster):
    k = cluster.kubectl()
    client_pod(k)
    apply(k, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "talk"}, "spec": {
        "terminationGracePeriodSeconds": 1, "containers": [{
            "name": "c", "image": "knarr.example/hello:1", "stdin": True,
            "command": ["sh", "-c", "echo begin; while read x; do echo got $x; done; sleep 1000"]}]}})
    k.run("wait", "--for=condition=Ready", "pod/talk", "pod/client", "--timeout=60s")
    yield
    k.run("delete", "pod", "talk", "client", "--timeout=60s")


@pytest.fixture(params=list(VERSIONS))
def k(request, cluster, pod):
    return cluster.kubectl(request.param)


def test_exec(k):
    assert k.run("exec", "client", "--", "echo", "a b").strip() == "a b"
    assert k.run("exec", "-i", "client", "--", "cat", input="through stdin") == "through stdin"
    p = k.call("exec", "client", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert p.returncode == 7 and p.stdout == "out\n" and "err\n" in p.stderr
    big = "x" * 300000
    assert k.run("exec", "-i", "client", "--", "cat", input=big) == big
    p = k.call("exec", "client", "--", "no-such-program")
    assert p.returncode != 0


def test_cp(k, tmp_path):
    src = tmp_path / "file"
    src.write_bytes(os.urandom(200000))
    k.run("cp", str(src), "client:/tmp/there")
    k.run("cp", "client:/tmp/there", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == src.read_bytes()


def test_logs_follow_and_attach(k):
    with subprocess.Popen(k.argv("logs", "-f", "--tail=1", "talk"), env=k.env, text=True,
                          stdout=subprocess.PIPE) as logs:
        logs.stdout.readline()
        word = f"w{time.monotonic_ns()}"
        with subprocess.Popen(k.argv("attach", "-i", "talk"), env=k.env, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as attach:
            time.sleep(0.5)
            attach.stdin.write(word + "\n")
            attach.stdin.flush()
            assert attach.stdout.readline().strip() == f"got {word}"
            attach.kill()
        assert logs.stdout.readline().strip() == f"got {word}"
        logs.kill()


def test_port_forward(k, cluster):
    web = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pf"}, "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": "knarr.example/hello:1"}]}}
    apply(k, web)
    k.run("wait", "--for=condition=Ready", "pod/pf", "--timeout=60s")
    with subprocess.Popen(k.argv("port-forward", "pod/pf", "18080:8080"), env=k.env, text=True,
                          stdout=subprocess.PIPE) as fw:
        assert "Forwarding from 127.0.0.1" in fw.stdout.readline()
        for _ in range(3):
            p = cluster.node.on_host("curl", "-sS", "-m", "5", "http://127.0.0.1:18080/")
            assert p.stdout.startswith("hello from pf"), p
        fw.kill()
    k.run("delete", "pod", "pf", "--timeout=30s")
