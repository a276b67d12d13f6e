# SPDX-License-Identifier: Apache-2.0
"""A machine that is shut down in good order: its pods are ended by importance, budgets hold, nothing
is left over when it is back."""
import os
import signal
import subprocess
import threading
import time

import pytest
import yaml

from e2e_objects import apply, deployment, pod
from lab import wait_until
from lan import Lan, lan_fixture
from test_node_failure import all_well, is_ready, pods


lan = lan_fixture(Lan, 2)


def daemon_set(name):
    d = deployment(name, 0)
    del d["spec"]["replicas"]
    d["kind"] = "DaemonSet"
    d["spec"]["template"]["spec"]["containers"][0].pop("readinessProbe")
    return d


def budget(name, **spec):
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"app": name}}, **spec}}


class Healthy:
    """The lowest number of ready pods of the Deployment that was ever seen."""

    def __init__(self, k):
        self.k, self.lowest, self.stop = k, 99, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            n = len([p for p in pods(self.k) if is_ready(p) and
                     "deletionTimestamp" not in p["metadata"]])
            self.lowest = min(self.lowest, n)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.thread.join()


def ready_condition(k, name):
    return next(c for c in k.json("get", "node", name)["status"]["conditions"]
                if c["type"] == "Ready")


def finished_at(k, name):
    return k.json("get", "pod", name)["status"]["containerStatuses"][0]["state"]["terminated"][
        "finishedAt"]


TRAP = "trap 'sleep 1; exit 0' TERM; while :; do sleep 0.1; done"


def test_a_shutdown_in_good_order(lan):
    k, n = lan.kubectl(), lan.nodes[1]
    apply(k, deployment("web", 4), budget("web", maxUnavailable=1), daemon_set("each"),
          pod("lonely", TRAP, spec={"nodeName": "n2", "terminationGracePeriodSeconds": 20}),
          pod("stubborn", "trap '' TERM; while :; do sleep 0.1; done",
              spec={"nodeName": "n2", "terminationGracePeriodSeconds": 300}),
          pod("important", TRAP, spec={"nodeName": "n2", "terminationGracePeriodSeconds": 20,
                                       "priorityClassName": "system-node-critical"}))
    (n.manifests / "own.yaml").write_text(yaml.safe_dump(pod("own", "sleep 7777")))
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    k.run("rollout", "status", "daemonset/each", "--timeout=60s")
    for name in ("lonely", "important", "stubborn", "own-n2"):
        k.run("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")
    assert len(pods(k, nodeName="n2")) == 2
    wait_until("the budget is known", lambda: k.json("get", "pdb", "web")["status"].get(
        "disruptionsAllowed") == 1)
    # Restarted with little time, so that the stubborn one meets its end.
    n.daemon.stop()
    n.daemon.argv += ["--shutdown-grace-period", "10s", "--shutdown-grace-period-critical-pods", "3s"]
    n.start()
    with Healthy(k) as healthy:
        n.daemon.signal(signal.SIGPWR)
        wait_until("the node says so", lambda: ready_condition(k, "n2")["message"] ==
                   "node is shutting down", 5)
        began = time.monotonic()
        assert n.daemon.p.wait(30) == 0
        took = time.monotonic() - began
        wait_until("four run elsewhere", lambda: len(
            [p for p in pods(k, nodeName="n1") if is_ready(p)]) == 4)
    assert healthy.lowest >= 3
    assert took > 5, took
    assert not n.container_pids("sleep") and not n.container_pids("httpd")
    for name in ("lonely", "important", "stubborn"):
        status = k.json("get", "pod", name)["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "Terminated")
        assert status["message"] == "Pod was terminated in response to imminent node shutdown."
        c = next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")
        assert (c["status"], c["reason"]) == ("True", "TerminationByKubelet")
    assert finished_at(k, "lonely") < finished_at(k, "important")
    assert finished_at(k, "stubborn") < finished_at(k, "important")
    # Nobody replaces these: they stay to be read, as with the kubelet.
    k.run("delete", "pod", "lonely", "important", "stubborn", "--timeout=30s")
    n.reboot()
    n.start()
    wait_until("all is well again", lambda: all_well(k), 60)
    wait_until("the machine's own pods are back", lambda: n.container_pids("7777") and
               len(n.container_pids("httpd")) == 1)
    assert len(k.json("get", "pods", "-l", "app=each")["items"]) == 2
    assert len(pods(k)) == 4
    (n.manifests / "own.yaml").unlink()
    k.run("delete", "deployment/web", "daemonset/each", "pdb/web", "--timeout=60s")


@pytest.fixture
def logind(tmp_path):
    """A bus with a logind on it, in the environment of what is started next."""
    if subprocess.run(["/usr/bin/python3", "-c", "import dbus, gi"], check=False,
                      stderr=subprocess.DEVNULL).returncode or not os.path.exists("/usr/bin/dbus-daemon"):
        pytest.skip("needs dbus-daemon and python3-dbus, python3-gi")
    bus = f"unix:path={tmp_path}/bus"
    conf = tmp_path / "bus.conf"
    conf.write_text(f"""<busconfig><type>system</type><listen>{bus}</listen><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>""")
    env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=bus)
    daemon = subprocess.Popen(["dbus-daemon", f"--config-file={conf}", "--nofork", "--nopidfile"])
    wait_until("the bus", lambda: os.path.exists(f"{tmp_path}/bus"))
    p = subprocess.Popen(["/usr/bin/python3", os.path.dirname(__file__) + "/fake_logind.py", "5"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert p.stdout.readline() == "ready\n"
        p.bus = bus
        yield p
    finally:
        p.communicate("quit\n", timeout=10)
        daemon.terminate()
        daemon.wait(10)


def test_logind_tells(lan, logind):
    k, n = lan.kubectl(), lan.nodes[1]
    n.daemon.stop()
    n.daemon.env["DBUS_SYSTEM_BUS_ADDRESS"] = logind.bus
    n.start()
    assert logind.stdout.readline() == "locked shutdown knarr-agent delay\n"
    wait_until("it says what it lacks", lambda: "InhibitDelayMaxSec" in n.daemon.log.read_text())
    apply(k, pod("lonely", TRAP, spec={"nodeName": "n2", "terminationGracePeriodSeconds": 20}))
    k.run("wait", "--for=condition=Ready", "pod/lonely", "--timeout=30s")

    def tell(word):
        logind.stdin.write(word + "\n")
        logind.stdin.flush()
    tell("down")
    assert logind.stdout.readline() == "released\n"
    assert k.json("get", "pod", "lonely")["status"]["reason"] == "Terminated"
    assert ready_condition(k, "n2")["status"] == "False" and n.daemon.running()
    # What comes meanwhile is held.
    apply(k, pod("late", spec={"nodeName": "n2"}))
    tell("up")
    assert logind.stdout.readline() == "locked shutdown knarr-agent delay\n"
    k.run("wait", "--for=condition=Ready", "node/n2", "pod/late", "--timeout=30s")
    k.run("delete", "pod", "lonely", "late", "--timeout=30s")
    n.daemon.stop()
    assert logind.stdout.readline() == "released\n"
    del n.daemon.env["DBUS_SYSTEM_BUS_ADDRESS"]
    n.start()
