# SPDX-License-Identifier: Apache-2.0
"""Agents and masters that are killed or stopped, and a node that loses its power."""
import os
import signal
import threading
import time

import pytest

from e2e_objects import apply, container_status, deployment, pod, service
from lab import cluster, wait_until  # noqa: F401  pylint: disable=unused-import

# Asks the Service all the time and says how it went, one line each.
ASKER = ('while true; do timeout 5 wget -q -O /dev/null http://$A/ && echo good || echo bad; '
         'sleep 0.05; done')


@pytest.fixture(scope="module")
def web(cluster):
    k = cluster.kubectl()
    apply(k, deployment("web"), service("web"))
    ip = k.json("get", "service", "web")["spec"]["clusterIP"]
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    apply(k, pod("asker", ASKER, env=[{"name": "A", "value": ip}]))
    k.run("wait", "--for=condition=Ready", "pod/asker", "--timeout=60s")
    k.address = ip
    return k


def waiter(cluster, name, code, **spec):
    """A pod that ends with `code` once its file is there. (manifest, function that makes it)"""
    folder = cluster.dir / "go"
    folder.mkdir(exist_ok=True)
    return (pod(name, f"while [ ! -e /go/{name} ]; do sleep 0.1; done; echo parting; "
                      f"rm /go/{name}; exit {code}",
                {"restartPolicy": "Never", "volumes": [
                    {"name": "go", "hostPath": {"path": str(folder)}}], **spec},
                volumeMounts=[{"name": "go", "mountPath": "/go"}]),
            (folder / name).touch)


def asked(k, n=20):
    """Waits for n further answers of the asker and checks that none ever failed."""
    have = len(k.run("logs", "asker").splitlines())
    lines = wait_until("further answers", lambda: (
        lambda x: x if len(x) >= have + n else None)(k.run("logs", "asker").splitlines()))
    assert set(lines) == {"good"}, [i for i, x in enumerate(lines) if x != "good"]


def host_requests(cluster, k, n=30):
    p = cluster.node.on_host("sh", "-c",
                             f"for i in $(seq {n}); do curl -sS -m 5 http://{k.address}/; done")
    lines = p.stdout.splitlines()
    assert len(lines) == n and all(x.startswith("hello from") for x in lines), p.stdout + p.stderr


def ready_endpoints(k):
    return [e for s in k.json("get", "endpointslices", "-l", "kubernetes.io/service-name=web")["items"]
            for e in s["endpoints"] or [] if e["conditions"]["ready"]]


def restart_counts(k):
    return {p["metadata"]["name"]: p["status"]["containerStatuses"][0]["restartCount"]
            for p in k.json("get", "pods", "-l", "app=web")["items"]}


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_agent_goes_and_comes_back(web, cluster, sig):
    node = cluster.node
    once, end_once = waiter(cluster, f"once-{int(sig)}", 42)
    always, end_always = waiter(cluster, f"always-{int(sig)}", 43, restartPolicy="Always")
    apply(web, once, always, pod(f"doomed-{int(sig)}", "sleep 7777"))
    web.run("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    before = node.container_pids("httpd")
    restarts = restart_counts(web)
    assert len(before) == 3
    node.daemon.signal(sig)
    assert node.daemon.p.wait(10) == (-sig if sig == signal.SIGKILL else 0)
    # Life goes on without it, also when the master takes the node for dead.
    if sig == signal.SIGKILL:
        wait_until("its endpoints are withdrawn", lambda: not ready_endpoints(web))
    host_requests(cluster, web)
    assert node.container_pids("httpd") == before
    end_once()
    end_always()
    wait_until("both have ended", lambda: not node.container_pids("sleep 0.1")
               and not list((cluster.dir / "go").iterdir()))
    apply(web, pod(f"newborn-{int(sig)}"))
    web.run("delete", "pod", f"doomed-{int(sig)}", "--wait=false")
    node.start()
    web.run("wait", "--for=jsonpath={.status.phase}=Failed", f"pod/once-{int(sig)}", "--timeout=30s")
    end = container_status(web, f"once-{int(sig)}")["state"]["terminated"]
    assert end["exitCode"] == 42 and end["reason"] == "Error"
    assert web.run("logs", f"once-{int(sig)}") == "parting\n"
    wait_until("the other was started again", lambda: container_status(
        web, f"always-{int(sig)}")["restartCount"] == 1)
    assert container_status(web, f"always-{int(sig)}")["lastState"]["terminated"]["exitCode"] == 43
    web.run("wait", "--for=condition=Ready", f"pod/newborn-{int(sig)}", "--timeout=30s")
    wait_until("what was deleted meanwhile is gone",
               lambda: not node.container_pids("sleep 7777")
               and "not found" in web.call("get", "pod", f"doomed-{int(sig)}").stderr)
    assert node.container_pids("httpd") == before
    assert restart_counts(web) == restarts
    asked(web)
    # Streams reach containers that the former agent started.
    assert web.run("exec", "deployment/web", "--", "echo", "hi") == "hi\n"
    web.run("delete", "pod", f"once-{int(sig)}", f"always-{int(sig)}", f"newborn-{int(sig)}",
            "--timeout=30s")


def test_agent_killed_again_and_again(web, cluster):
    node = cluster.node
    before = node.container_pids("httpd")
    for i in range(5):
        node.daemon.kill()
        node.daemon.start()
        # At whatever moment of its start the next one comes.
        time.sleep(0.05 * i)
    host_requests(cluster, web)
    assert node.container_pids("httpd") == before
    web.run("wait", "--for=condition=Ready", "node/n1", "--timeout=30s")
    asked(web)


def test_master_killed(web, cluster):
    def objects():
        out = {}
        for what in ("deployments", "replicasets", "services", "configmaps", "secrets",
                     "serviceaccounts", "namespaces"):
            for o in web.json("get", what, "-A")["items"]:
                m = o["metadata"]
                out[what, m.get("namespace"), m["name"]] = (m["uid"], o.get("spec"), o.get("data"))
        return out
    node = cluster.node
    victim, end_victim = waiter(cluster, "while-away", 9, restartPolicy="Always")
    apply(web, victim)
    web.run("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    web.run("create", "configmap", "precious", "--from-literal=a=b")
    before, pids = objects(), node.container_pids("httpd")
    cluster.master.daemon.kill()
    host_requests(cluster, web)
    # A container that ends meanwhile is started again by the agent alone.
    old = node.container_pids("while-away")
    end_victim()
    wait_until("it runs anew", lambda: (lambda now: now and not set(now) & set(old))(
        node.container_pids("while-away")))
    cluster.master.start()
    assert objects() == before
    assert node.container_pids("httpd") == pids
    wait_until("the agent says what happened",
               lambda: container_status(web, "while-away")["restartCount"] == 1)
    apply(web, pod("after"))
    web.run("wait", "--for=condition=Ready", "pod/after", "--timeout=60s")
    web.run("scale", "deployment/web", "--replicas=4")
    web.run("rollout", "status", "deployment/web", "--timeout=60s")
    web.run("scale", "deployment/web", "--replicas=3")
    assert web.run("exec", "after", "--", "echo", "hi") == "hi\n"
    asked(web)
    web.run("delete", "pod", "after", "while-away", "--timeout=30s")
    web.run("delete", "configmap", "precious")


def test_master_killed_while_writing(web, cluster):
    """Whatever was acknowledged before the kill is there after the restart."""
    done, stop = [], threading.Event()

    def write():
        while not stop.is_set():
            name = f"w{len(done)}"
            if web.call("create", "configmap", name, "--request-timeout=2s").returncode:
                break
            done.append(name)
    t = threading.Thread(target=write)
    t.start()
    wait_until("some writes", lambda: len(done) >= 5)
    cluster.master.daemon.kill()
    stop.set()
    t.join()
    cluster.master.start()
    have = {o["metadata"]["name"] for o in web.json("get", "configmaps")["items"]}
    assert set(done) <= have
    web.run("delete", "configmap", *done)
    web.run("wait", "--for=condition=Ready", "node/n1", "--timeout=60s")


def test_supervisor_killed(web, cluster):
    """The smallest part that can die: one pod is lost and comes back, nothing else is touched."""
    node = cluster.node
    web.run("wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=60s")
    before = node.container_pids("httpd")
    with open(f"/proc/{before[0]}/stat", encoding="utf-8") as f:
        parent = int(f.read().rsplit(")", 1)[1].split()[1])
    assert parent > 1 and os.readlink(f"/proc/{parent}/exe").find("knarr-pod") >= 0
    os.kill(parent, signal.SIGKILL)
    wait_until("three run again", lambda: len(node.container_pids("httpd")) == 3
               and before[0] not in node.container_pids("httpd"))
    assert set(before[1:]) <= set(node.container_pids("httpd"))
    web.run("rollout", "status", "deployment/web", "--timeout=60s")
    web.run("wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=60s")
    host_requests(cluster, web)


def test_node_loses_power(web, cluster):
    node = cluster.node
    names = set(restart_counts(web))
    node.reboot()
    node.start()
    wait_until("all containers run again", lambda: len(node.container_pids("httpd")) == 3, 60)
    web.run("wait", "--for=condition=Ready", "node/n1", "--timeout=60s")
    wait_until("they are ready and the Service answers", lambda: (
        host_requests(cluster, web), set(restart_counts(web)) == names)[1], 60)
    # It is the same pods, started anew: each says so.
    wait_until("all have been started again", lambda: all(restart_counts(web).values()))
    p = container_status(web, "asker")
    assert p["restartCount"] == 1 and "running" in p["state"]
    assert web.run("exec", "asker", "--", "echo", "hi") == "hi\n"
