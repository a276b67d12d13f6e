# SPDX-License-Identifier: Apache-2.0
"""Nodes go on without a master; a cluster of its own, with nothing of other failures in it."""
import os
import signal
import subprocess
import threading
import time
import pytest
import yaml
from e2e_objects import apply, deployment, pod, requests_in_pod, service
from lab import wait_until
from lan import Lan

from test_node_failure import all_well, endpoints, in_pod, is_ready, lan, pods, replaced, victim, web  # noqa: F401 (fixtures)


def all_on_disk(k, node):
    """The node knows this very Service, and where its pods are."""
    disk = node.root / "var/lib/knarr/agent"
    ip = k.json("get", "service", "web")["spec"]["clusterIP"]
    wait_until("the node's disk has it all", lambda: f'"clusterIP":"{ip}"' in (
        disk / "services").read_text() and endpoints(k) and all(
            f'"{ip}"' in (disk / "endpointslices").read_text() for ip in endpoints(k)))


def test_without_a_master(lan, web):
    """Pods, restarts, Services, names and the agents go on; then nothing is done twice."""
    before = {p["metadata"]["uid"] for p in pods(web)}
    client = lan.nodes[0]
    all_on_disk(web, client)
    lan.master.daemon.kill()
    n = next(n for n in lan.nodes[1:] if n.container_pids("httpd"))
    crashed = n.container_pids("httpd")
    os.kill(crashed[0], signal.SIGKILL)
    wait_until("its agent starts it again",
               lambda: len(n.container_pids("httpd")) == len(crashed) and
               crashed[0] not in n.container_pids("httpd"))
    group = client.container_pids("sleep")
    client.daemon.kill()
    client.start()
    n.daemon.stop()
    n.start()
    assert client.container_pids("sleep") == group

    def answers():
        p = in_pod(client, client.container_pids("sleep")[0],
                   "timeout 5 wget -q -O - http://web.default.svc.cluster.local/")
        assert p.stdout.startswith("hello from"), p
        return True
    wait_until("the Service answers by name", answers)
    lan.master.start()
    wait_until("all is well again", lambda: all_well(web), 60)
    assert {p["metadata"]["uid"] for p in pods(web)} == before


NEEDY = """
test -f /claimed/start && test -d /claimed/dir &&
test "$FROM_SECRET" = s3cret && test "$FROM_MAP" = hello && test -z "$NOT_THERE" &&
cmp -s /etc/m/greeting /etc/s/../m/greeting && test -s /etc/s/password &&
test -s /var/run/secrets/kubernetes.io/serviceaccount/token &&
test -s /var/run/secrets/kubernetes.io/serviceaccount/ca.crt || exit 9
cat /var/run/secrets/kubernetes.io/serviceaccount/token > /keep/token
exec sleep 3600"""


def needy(node):
    """A pod that wants about everything the API gives: a ConfigMap and a Secret, each as files and
    as variables, an optional one that does not exist, and a token."""
    return pod("needy", NEEDY, spec={
        "nodeName": node, "volumes": [
            {"name": "m", "configMap": {"name": "m"}}, {"name": "s", "secret": {"secretName": "s"}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "c"}},
            {"name": "keep", "emptyDir": {}}]},
        env=[{"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
             {"name": "FROM_MAP", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "greeting"}}},
             {"name": "NOT_THERE", "valueFrom": {"configMapKeyRef": {
                 "name": "none", "key": "x", "optional": True}}}],
        volumeMounts=[{"name": "m", "mountPath": "/etc/m"}, {"name": "s", "mountPath": "/etc/s"},
                      {"name": "claim", "mountPath": "/claimed"}, {"name": "keep", "mountPath": "/keep"}])


def claimed(folder):
    """A claim "c" and its volume, in which the pod finds a file and a folder."""
    (folder / "start").write_text("")
    (folder / "dir").mkdir()
    rwo = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    return ({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": {
        **rwo, "capacity": {"storage": "1Gi"}, "hostPath": {"path": str(folder)}}},
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {
                **rwo, "resources": {"requests": {"storage": "1Gi"}}}})


def rss(node):
    return int(next(line for line in open(f"/proc/{node.daemon.p.pid}/status", encoding="utf-8")
                    if line.startswith("VmRSS")).split()[1])


def test_a_reboot_without_a_master(lan, web, tmp_path):
    """All of a machine's pods come back from its disk; so does what they were given by the API."""
    n = lan.nodes[1]
    apply(web, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
                "data": {"greeting": "hello"}},
          {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
           "stringData": {"password": "s3cret"}}, *claimed(tmp_path), needy(n.name))
    web.run("wait", "--for=condition=Ready", "pod/needy", "--timeout=30s")
    (n.manifests / "own.yaml").write_text(yaml.safe_dump(pod("own", "sleep 7777")))
    wait_until("the static pod runs", lambda: n.container_pids("7777"))
    count = len(n.container_pids("httpd"))
    kept = list((n.root / "var/lib/knarr/agent/pods").glob("*/objects/secret-s"))
    all_on_disk(web, n)
    assert len(kept) == 1 and kept[0].stat().st_mode & 0o777 == 0o600
    lan.master.daemon.kill()
    n.reboot()
    n.start()
    wait_until("its pods are back", lambda: len(n.container_pids("httpd")) == count and
               len(n.container_pids("sleep\x003600")) == 1 and n.container_pids("7777"))
    if count:
        wait_until("the Service answers by name", lambda: in_pod(
            n, n.container_pids("httpd")[0], "timeout 5 wget -q -O - http://web.default.svc.cluster.local/"
        ).stdout.startswith("hello from"))
    before = rss(n)
    time.sleep(8)  # long enough for each retry to have come several times
    assert rss(n) <= before + 256, "memory grows while no master answers"
    lan.master.start()
    began = time.monotonic()
    wait_until("the restart is told", lambda: web.json("get", "pod", "needy")["status"][
        "containerStatuses"][0]["restartCount"] == 1, 60)
    wait_until("all is well again", lambda: all_well(web), 60)
    print(f"told {time.monotonic() - began:.1f} s after the master's return")
    (n.manifests / "own.yaml").unlink()
    # What changes afterwards comes to the pod: nothing stays with the old.
    web.run("patch", "configmap", "m", "-p", '{"data":{"greeting":"changed"}}')
    wait_until("the pod sees the change",
               lambda: web.run("exec", "needy", "--", "cat", "/etc/m/greeting") == "changed")
    web.run("delete", "pod/needy", "configmap/m", "secret/s", "--timeout=60s")
