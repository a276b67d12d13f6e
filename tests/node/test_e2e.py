# SPDX-License-Identifier: Apache-2.0
"""The main job: kubectl applies a Deployment and a Service, real containers answer through it."""
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from e2e_objects import apply, client_pod, deployment, requests_in_pod, service
from lab import VERSIONS, cluster, wait_until  # noqa: F401  pylint: disable=unused-import

def spread(answers, pods, n):
    assert len(answers) == n and set(answers) == {f"hello from {p}" for p in pods}, answers
    # Random choice among three: fewer than 30 of 200 has a chance of 1 in 10^8.
    for p in pods:
        assert answers.count(f"hello from {p}") > 30


@pytest.fixture(scope="module")
def web(cluster):
    k = cluster.kubectl()
    apply(k, deployment("web"), service("web"))
    client_pod(k)
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    yield k
    k.run("delete", "deployment/web", "service/web", "pod/client", "--timeout=60s")
    wait_until("no pod is left", lambda: not k.json("get", "pods")["items"])


def pods_of(k, app="web"):
    return [p["metadata"]["name"] for p in k.json("get", "pods", "-l", f"app={app}")["items"]
            if "deletionTimestamp" not in p["metadata"]]


def test_cluster_ip_from_a_pod(web):
    ip = web.json("get", "service", "web")["spec"]["clusterIP"]
    spread(requests_in_pod(web, f"http://{ip}/", 200), pods_of(web), 200)


def test_cluster_ip_from_the_host(web, cluster):
    ip = web.json("get", "service", "web")["spec"]["clusterIP"]
    p = cluster.node.on_host("sh", "-c", f"for i in $(seq 200); do curl -sS -m 5 http://{ip}/ 2>&1; done")
    spread(p.stdout.splitlines(), pods_of(web), 200)


def test_names(web):
    for name in ("web", "web.default", "web.default.svc", "web.default.svc.cluster.local"):
        assert requests_in_pod(web, f"http://{name}/", 1)[0].startswith("hello from"), name
    got = web.run("exec", "client", "--", "nslookup", "kubernetes.default.svc.cluster.local")
    assert "10.96.0.1" in got
    # An unknown name is told so at once, not by a time-out.
    p = web.call("exec", "client", "--", "nslookup", "absent.default.svc.cluster.local")
    assert "NXDOMAIN" in p.stdout + p.stderr and p.returncode != 0


def test_headless_names_each_pod(web):
    apply(web, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "head"}, "spec": {
        "clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 8080}]}})
    ips = {p["status"]["podIP"] for p in web.json("get", "pods", "-l", "app=web")["items"]}

    def named():
        out = web.run("exec", "client", "--", "nslookup", "head.default.svc.cluster.local")
        return {ip for ip in ips if ip in out} == ips
    wait_until("the headless name gives each pod's address", named)
    web.run("delete", "service", "head")


def test_node_port(web, cluster):
    web.run("patch", "service", "web", "-p", '{"spec":{"type":"NodePort"}}')
    port = web.json("get", "service", "web")["spec"]["ports"][0]["nodePort"]

    def answers():
        p = cluster.node.on_host("curl", "-sS", "-m", "2", f"http://{cluster.ADDRESS}:{port}/")
        return p.stdout.startswith("hello from")
    wait_until("the node port answers", answers)


def test_affinity(web):
    web.run("patch", "service", "web", "-p", '{"spec":{"sessionAffinity":"ClientIP"}}')
    wait_until("all requests go to one pod",
               lambda: len(set(requests_in_pod(web, "http://web/", 20))) == 1)
    web.run("patch", "service", "web", "-p", '{"spec":{"sessionAffinity":"None"}}')
    wait_until("requests are spread again",
               lambda: len(set(requests_in_pod(web, "http://web/", 20))) > 1)


@pytest.mark.parametrize("how", ["deleted", "killed"])
def test_a_pod_that_goes_costs_no_request(web, cluster, how):
    """Requests run all the while; those begun after the pod left the Service must all succeed. A
    deleted pod leaves it before it is told to stop; a killed one when its end was seen."""
    victim = pods_of(web)[0]
    ip = web.json("get", "pod", victim)["status"]["podIP"]
    address = web.json("get", "service", "web")["spec"]["clusterIP"]
    answers, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            answers.append(requests_in_pod(web, f"http://{address}/", 20))

    watch = web.popen(
        "get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-w", "-o",
        'jsonpath={range .endpoints[*]}{.addresses[0]}={.conditions.ready} {end}{"\\n"}',
        stdout=subprocess.PIPE, text=True)
    t = threading.Thread(target=load)
    try:
        assert f"{ip}=true" in watch.stdout.readline()
        t.start()
        if how == "deleted":
            web.run("delete", "pod", victim, "--wait=false")
        else:
            pids = [p for p in cluster.node.container_pids("httpd")
                    if victim in Path(f"/proc/{p}/root/www/index.html").read_text()]
            assert len(pids) == 1
            os.kill(pids[0], signal.SIGKILL)
        while f"{ip}=true" in watch.stdout.readline():
            pass
        mark = len(answers) + 1  # the batch that runs now began before
        wait_until("five batches after it", lambda: len(answers) >= mark + 5, 60)
    finally:
        stop.set()
        watch.kill()
        watch.wait()
        t.join()
    after = [a for batch in answers[mark:] for a in batch]
    assert len(after) >= 100 and all(a.startswith("hello from") for a in after), after
    if how == "deleted":
        assert f"hello from {victim}" not in after
    else:
        wait_until("it was started again", lambda: web.json("get", "pod", victim)["status"][
            "containerStatuses"][0]["restartCount"] == 1)
    web.run("rollout", "status", "deployment/web", "--timeout=60s")
    web.run("wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=60s")


def test_no_endpoints_refuse(web):
    apply(web, service("empty"))
    ip = web.json("get", "service", "empty")["spec"]["clusterIP"]
    wait_until("connections are refused",
               lambda: "refused" in requests_in_pod(web, f"http://{ip}/", 1)[0])
    web.run("delete", "service", "empty")


@pytest.mark.parametrize("version", list(VERSIONS))
def test_applied_by_each_kubectl(web, cluster, version):
    k = cluster.kubectl(version)
    name = "v" + version.replace(".", "")
    apply(k, deployment(name, 2), service(name))
    k.run("rollout", "status", f"deployment/{name}", "--timeout=60s")
    k.run("wait", "--for=condition=Available", f"deployment/{name}", "--timeout=60s")
    wait_until("it answers by name",
               lambda: requests_in_pod(k, f"http://{name}/", 1)[0].startswith("hello from"))
    k.run("delete", "deployment", name, "--timeout=60s")
    k.run("delete", "service", name)
    wait_until("its pods are gone",
               lambda: not k.json("get", "pods", "-l", f"app={name}")["items"])
