# SPDX-License-Identifier: Apache-2.0
"""Controllers go with the leader: what one began the next one ends, once. Load balancers keep their
addresses, a CronJob's minute makes one Job, a Job's pods are counted once."""
import time

import pytest

from lab import wait_until
from masters import Masters

SERVICES = "/api/v1/namespaces/default/services"
PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
CRONJOBS = "/apis/batch/v1/namespaces/default/cronjobs"
STRATEGIC = "application/strategic-merge-patch+json"
POD = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    folder = tmp_path_factory.mktemp("follow")
    (folder / "inventory.yaml").write_text(
        "machines: []\npools: [{name: p, addresses: [192.0.2.0/24]}]\n")
    c = Masters(folder, 3, ["--cloud", "metal", "--cloud-config", folder / "inventory.yaml",
                            "--no-scheduler"])
    yield c
    c.close()


def call(c, *args, ok=(200, 201)):
    """By any master that answers; again while a leader is looked for."""
    def one():
        for m in c.alive():
            try:
                code, body = m.api(*args)
            except OSError:
                continue
            if code in ok:
                return (body,)
        return None
    return wait_until(f"{args[:2]} is answered", one)[0]


def kill_leader(c):
    leader = c.leader()
    leader.kill()
    return leader


def test_addresses(c):
    names = [f"s{i}" for i in range(30)]
    dead = None
    for i, name in enumerate(names):
        if i in (8, 18):
            dead = kill_leader(c)
        call(c, "POST", SERVICES, {"metadata": {"name": name}, "spec": {
            "type": "LoadBalancer", "ports": [{"port": 80}]}}, ok=(200, 201, 409))
        if i in (15, 25):
            dead.start()

    def addresses():
        got = {}
        for s in call(c, "GET", SERVICES)["items"]:
            for x in s.get("status", {}).get("loadBalancer", {}).get("ingress", []):
                got[s["metadata"]["name"]] = x["ip"]
        return got if len(got) == len(names) else None
    first = wait_until("all have one", addresses, 60)
    assert len(set(first.values())) == len(names), first
    dead = kill_leader(c)
    c.leader()
    time.sleep(3)
    assert addresses() == first
    dead.start()


def test_jobs(c):
    call(c, "POST", JOBS, {"metadata": {"name": "j"}, "spec": {
        "parallelism": 10, "completions": 30, "template": {"spec": POD}}}, ok=(201, 409))
    dead, began = None, time.monotonic()

    def finished():
        st = call(c, "GET", JOBS + "/j").get("status", {})
        return st if any(x["type"] == "Complete" for x in st.get("conditions", [])) else None
    while not finished():
        assert time.monotonic() - began < 120
        if dead:
            dead.start()
        dead = kill_leader(c)
        for p in call(c, "GET", PODS + "?labelSelector=job-name=j")["items"]:
            if p.get("status", {}).get("phase") == "Pending":
                call(c, "PATCH", f"{PODS}/{p['metadata']['name']}/status",
                     {"status": {"phase": "Succeeded"}}, STRATEGIC, ok=(200, 404))
        time.sleep(1)
    st = finished()
    assert (st["succeeded"], st.get("failed", 0), st.get("active", 0)) == (30, 0, 0)
    assert st["uncountedTerminatedPods"] == {}
    dead.start()


def test_cronjob(c):
    call(c, "POST", CRONJOBS, {"metadata": {"name": "tick"}, "spec": {
        "schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": POD}}}}},
         ok=(201, 409))
    # Over the turn of a minute two leaders die.
    time.sleep(max(0, 59 - time.time() % 60))
    minute = int(time.time() // 60) + 1
    for _ in range(2):
        dead = kill_leader(c)
        time.sleep(1.5)
        dead.start()

    def made():
        return [j["metadata"]["name"] for j in call(c, "GET", JOBS)["items"]
                if j["metadata"]["name"].startswith("tick-")]
    wait_until("the minute has its Job", made, 30)
    time.sleep(3)
    assert made().count(f"tick-{minute}") == 1 and len(made()) <= 2
