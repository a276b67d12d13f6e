#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real node: from POST to Running for one pod and for 100 at once, memory of the agent and of the
supervisors. Master and agent live in a network namespace of this process alone."""
import ctypes
import glob
import json
import os
import statistics
import subprocess
import time

import kit

ADDRESS = "10.99.0.2"
PODS = "/api/v1/namespaces/default/pods"
MANY = 10 if kit.QUICK else 100
NAME = f"kb{os.getpid()}"
CLONE_NEWNET = 0x40000000


def run(*argv):
    return subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout


def own_network():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        kit.skip("a network namespace cannot be made")
    for line in ("link set lo up", "link add up0 type veth peer name up1", "link set up1 up",
                 f"addr add {ADDRESS}/24 dev up0", "link set up0 up",
                 "route add default via 10.99.0.1"):
        run("ip", *line.split())


class Agent:
    def __init__(self, master):
        self.root = os.path.join(master.dir, "node")
        self.argv = [os.path.join(kit.BUILD, "knarr-agent"), "--node-name", NAME, "--root",
                     self.root, "--cgroup-root", NAME, "--libexec-dir", kit.BUILD, "--kubeconfig",
                     master.kubeconfig]
        self.ctl = os.path.join(kit.BUILD, "knarrctl")
        for program in (self.argv[0], self.ctl):
            if not os.access(program, os.X_OK):
                kit.skip(f"{os.path.basename(program)} is not built")
        image = os.path.join(master.dir, "hello.tar")
        run(os.path.join(kit.TOP, "scripts", "make-hello-image"), image)
        os.makedirs(self.root + "/var/lib/knarr/agent")
        run(self.ctl, "image", "import", image, "--image-dir",
            self.root + "/var/lib/knarr/agent/images")
        self.log, self.p = os.path.join(master.dir, "agent.log"), None
        kit.cleanup(self.reset)

    def start(self):
        with open(self.log, "ab") as log:
            self.p = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def reset(self):
        if self.p:
            kit.end(self.p)
        run(self.ctl, "reset", "--yes", "--root", self.root, "--node-name", NAME, "--cgroup-root",
            NAME, "--libexec-dir", kit.BUILD)

    def supervisors(self):
        """Pids of this node's pod supervisors."""
        found = []
        for f in glob.glob("/proc/[0-9]*/comm"):
            try:
                with open(f, encoding="ascii") as c, open(f[:-4] + "cgroup", encoding="ascii") as g:
                    if c.read().strip() == "knarr-pod" and f"/{NAME}/" in g.read():
                        found.append(int(f.split("/")[2]))
            except OSError:
                pass
        return found


class Api:
    """One connection that stays open: a poll costs less than a millisecond."""

    def __init__(self, master):
        self.c = master.connection()

    def __call__(self, method, path, obj=None):
        body = json.dumps(obj) if obj is not None else None
        self.c.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        r = self.c.getresponse()
        return r.status, json.loads(r.read())


def pod(name):
    return {"metadata": {"name": name}, "spec": {
        "terminationGracePeriodSeconds": 0, "containers": [
            {"name": "c", "image": "knarr.example/hello:1", "command": ["sleep", "3600"]}]}}


def phase(api, name):
    return api("GET", f"{PODS}/{name}")[1].get("status", {}).get("phase")


def until(what, agent, timeout=60, step=0.002):
    end = time.monotonic() + timeout
    while not what():
        if time.monotonic() > end or agent.p.poll() is not None:
            with open(agent.log, encoding="utf-8", errors="replace") as f:
                raise RuntimeError("not in time; the agent says:\n" + f.read()[-2000:])
        time.sleep(step)


def one(api, agent, name):
    began = time.monotonic()
    status, answer = api("POST", PODS, pod(name))
    if status != 201:
        raise RuntimeError(f"{status}: {answer}")
    until(lambda: phase(api, name) == "Running", agent)
    took = time.monotonic() - began
    api("DELETE", f"{PODS}/{name}")
    until(lambda: api("GET", f"{PODS}/{name}")[0] == 404, agent)
    time.sleep(0.1)  # the links of the pod are taken down meanwhile
    return took * 1000


def ready(api):
    status, node = api("GET", f"/api/v1/nodes/{NAME}")
    return status == 200 and any(c["type"] == "Ready" and c["status"] == "True"
                                 for c in node.get("status", {}).get("conditions", []))


def running(api, n):
    items = api("GET", PODS)[1]["items"]
    return sum(p["status"].get("phase") == "Running" for p in items) >= n


def main():
    if os.geteuid() != 0:
        kit.skip("needs root")
    own_network()
    m = kit.Master(address=ADDRESS)
    m.start()
    m.account()
    agent = Agent(m)
    api = Api(m)
    began = time.monotonic()
    agent.start()
    until(lambda: ready(api), agent)
    kit.figure("agent.start_to_ready", (time.monotonic() - began) * 1000, "ms")
    one(api, agent, "first")  # the image is unpacked by now
    kit.figure("pod.post_to_running", statistics.median(
        one(api, agent, f"one{i}") for i in range(3 if kit.QUICK else 9)), "ms")
    idle = 1 if kit.QUICK else 10
    time.sleep(0.5)
    cpu, master_cpu = kit.cpu_s(agent.p.pid), kit.cpu_s(m.p.pid)
    time.sleep(idle)
    kit.figure("agent.idle_cpu", 100 * (kit.cpu_s(agent.p.pid) - cpu) / idle, "%")
    kit.figure("master.idle_cpu.1_node", 100 * (kit.cpu_s(m.p.pid) - master_cpu) / idle, "%")
    kit.figure("agent.idle_memory", kit.rss_kb(agent.p.pid) / 1024, "MiB")
    kit.figure("agent.idle_memory.private", kit.private_kb(agent.p.pid) / 1024, "MiB")
    began = time.monotonic()
    for i in range(MANY):
        api("POST", PODS, pod(f"m{i}"))
    until(lambda: running(api, MANY), agent, step=0.02)
    kit.figure(f"pod.post_to_running.{MANY}_pods", time.monotonic() - began, "s")
    kit.figure(f"agent.memory_{MANY}_pods", kit.rss_kb(agent.p.pid) / 1024, "MiB")
    pss = [kit.memory_kb(p, "Pss") for p in agent.supervisors()]
    if pss:
        kit.figure("agent.supervisor_pss", statistics.median(pss), "KB", "containerd-shim", 2699)
    began = time.monotonic()
    for i in range(MANY):
        api("DELETE", f"{PODS}/m{i}")
    until(lambda: not api("GET", PODS)[1]["items"], agent, step=0.02)
    kit.figure(f"pod.delete_to_gone.{MANY}_pods", time.monotonic() - began, "s")


main()
