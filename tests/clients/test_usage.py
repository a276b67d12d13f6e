# SPDX-License-Identifier: Apache-2.0
"""metrics.k8s.io over a node whose readings are made up here, or are no readings at all."""
import datetime
import json
import time

import pytest
from tls_server import TlsServer

API = "/apis/metrics.k8s.io/v1beta1"
PODS = "/api/v1/namespaces/default/pods"


class Node(TlsServer):
    """/stats/summary: half a core in use by the pod "web", 64 MiB of memory."""

    def __init__(self, folder):
        self.asked, self.mode, self.since = 0, "good", time.time()
        super().__init__(self.serve, folder, "n")

    def summary(self):
        now = time.time()
        used = {"cpu": {"time": datetime.datetime.utcfromtimestamp(now).strftime(
            "%Y-%m-%dT%H:%M:%S.%fZ"), "usageCoreNanoSeconds": int((now - self.since) * 5e8)},
            "memory": {"workingSetBytes": 64 << 20}}
        return json.dumps({"node": {"nodeName": "n", **used}, "pods": [
            {"podRef": {"name": "web", "namespace": "default"},
             "containers": [{"name": "c", **used}]}]}).encode()

    def serve(self, s):
        while True:
            head = b""
            while b"\r\n\r\n" not in head:
                got = s.recv(4096)
                if not got:
                    return
                head += got
            self.asked += 1
            body = {"good": self.summary(), "list": b"[[1]]", "text": b"no {json",
                    "odd": b'{"node":7,"pods":{"a":1}}', "hang": None}[self.mode]
            if body is None:
                time.sleep(30)
                return
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@pytest.fixture(scope="module")
def node(master, tmp_path_factory):
    n = Node(tmp_path_factory.mktemp("n"))
    for name in ("n", "silent"):
        got = master.api("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": {"x": name}}})[1]
        if name == "n":
            got["status"] = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                             "daemonEndpoints": {"kubeletEndpoint": {"Port": n.port}}}
            assert master.api("PUT", "/api/v1/nodes/n/status", got)[0] == 200
    for name in ("web", "unknown"):
        obj = {"metadata": {"name": name, "labels": {"app": name}}, "spec": {
            "nodeName": "n", "containers": [{"name": "c", "image": "x"}]}}
        assert master.api("POST", PODS, obj)[0] == 201
    assert master.api("POST", PODS, {"metadata": {"name": "pending"}, "spec": {
        "containers": [{"name": "c", "image": "x"}]}})[0] == 201
    yield n
    n.close()


def cores(quantity):
    assert quantity.endswith("n")
    return int(quantity[:-1]) / 1e9


def test_nothing_is_measured_unasked(master, node):
    time.sleep(0.5)
    assert node.asked == 0


def test_nodes_and_pods(master, node):
    got = master.api("GET", f"{API}/nodes/n")[1]
    assert got["kind"] == "NodeMetrics" and got["metadata"]["name"] == "n"
    assert 0.4 < cores(got["usage"]["cpu"]) < 0.6 and got["usage"]["memory"] == "65536Ki"
    assert node.asked == 2  # a rate needs two readings
    time.sleep(0.6)
    got = master.api("GET", f"{API}/namespaces/default/pods")[1]
    assert node.asked == 3  # the reading before was that of the last question
    assert got["kind"] == "PodMetricsList"
    (pod,) = got["items"]  # neither what does not run nor what the node does not know
    assert pod["metadata"] | {"creationTimestamp": ""} == {
        "name": "web", "namespace": "default", "labels": {"app": "web"}, "creationTimestamp": ""}
    assert 0.4 < cores(pod["containers"][0]["usage"]["cpu"]) < 0.6
    assert pod["timestamp"] and pod["window"].endswith("s")


def test_selectors_and_names(master, node):
    assert not master.api("GET", f"{API}/pods?labelSelector=app%3Dother")[1]["items"]
    items = master.api("GET", f"{API}/nodes?labelSelector=x%3Dn")[1]["items"]
    assert [i["metadata"]["name"] for i in items] == ["n"]
    for path in ("nodes/none", "nodes/silent", "namespaces/default/pods/none",
                 "namespaces/default/pods/pending", "namespaces/default/pods/unknown"):
        status, got = master.api("GET", f"{API}/{path}")
        assert status == 404 and got["reason"] == "NotFound", path
    assert master.api("POST", f"{API}/nodes", {})[0] == 405


def test_who_may_view(master, node):
    """The role view has it, by aggregation; others have not."""
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:metrics-reader"
    got = master.api("GET", roles)[1]
    assert got["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    status, got = master.api("GET", f"{API}/namespaces/default/pods", headers={
        "Impersonate-User": "nobody", "Impersonate-Group": "system:authenticated"})
    assert status == 403 and "metrics.k8s.io" in got["message"]


def test_table(master, node):
    line = master.kubectl("get", "nodes.metrics.k8s.io", "--no-headers").stdout.split()
    assert line[0] == "n" and line[1].endswith("n") and line[2] == "65536Ki"
    assert master.kubectl("top", "pod", "web", "--no-headers").stdout.split()[2] == "64Mi"


@pytest.mark.parametrize("mode", ["list", "text", "odd", "hang"])
def test_no_readings(master, node, mode):
    node.mode = mode
    began = time.monotonic()
    assert master.api("GET", f"{API}/nodes")[0] == 200
    assert master.api("GET", f"{API}/namespaces/default/pods")[1]["items"] == []
    assert time.monotonic() - began < 15
    assert master.api("GET", "/healthz")[0] == 200
    node.mode = "good"
