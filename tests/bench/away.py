#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand nodes (tests/bench/hollow.c) lose their master and it returns: until each has told what
happened meanwhile, knows what is new and has the routes to all others confirmed, what that costs the
master, and what another client sees. Before that: what the nodes cost at rest, with leases as agents have them.

  away.py [NODES [SECONDS AWAY]]"""
import json
import os
import resource
import subprocess
import sys
import threading
import time

import kit

HOLLOW = os.path.join(kit.BUILD, "tests", "bench", "hollow")
N = int(sys.argv[1]) if len(sys.argv) > 1 else 200 if kit.QUICK else 1000
AWAY = float(sys.argv[2]) if len(sys.argv) > 2 else 3 if kit.QUICK else 15
PODS = {"metadata": {"name": "hollow", "namespace": "default"}, "spec": {
    "selector": {"matchLabels": {"a": "b"}}, "template": {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}}
SERVICE = {"metadata": {"name": ""}, "spec": {"ports": [{"port": 80}]}}


class Hollow:
    def __init__(self, m, n):
        if not os.access(HOLLOW, os.X_OK):
            kit.skip("tests/bench/hollow is not built: make bench-build")
        # Each node has a machine of its own: all in one process get at least what a master takes.
        nice = ["nice", "-n", "-12"] if os.geteuid() == 0 else []
        self.p = subprocess.Popen([*nice, HOLLOW, m.kubeconfig, str(n)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        kit.cleanup(kit.end, self.p)

    def say(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()

    def ask(self, line):
        self.say(line)
        answer = self.p.stdout.readline()
        if not answer:
            raise RuntimeError("hollow ended")
        return json.loads(answer)


class Other(threading.Thread):
    """A client that has nothing to do with it: one request after the other on one connection."""

    def __init__(self, m):
        super().__init__(daemon=True)
        self.m, self.took, self.refused, self.over, self.rss = m, [], 0, False, 0
        self.start()

    def run(self):
        c = self.m.connection()
        while not self.over:
            began = time.monotonic()
            try:
                c.request("GET", "/api/v1/namespaces/default")
                r = c.getresponse()
                r.read()
                self.refused += r.status != 200
                self.took.append(time.monotonic() - began)
            except OSError:
                c.close()
            self.rss = max(self.rss, self.m.rss_kb())
            time.sleep(0.01)
        c.close()

    def stop(self):
        self.over = True
        self.join()
        return self


def main():
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    if files[1] < N + 200:
        kit.skip(f"only {files[1]} open files are allowed")
    m = kit.Master("--cluster-cidr", "10.0.0.0/11")
    m.start()
    m.account()
    began = time.monotonic()
    h = Hollow(m, N)
    ready = h.ask("ready")
    kit.say(f"{N} nodes ready after {ready['last_ms'] / 1000 - began:.1f} s")
    routes = h.ask("routes")
    kit.say(f"all routes known to all after {routes['last_ms'] / 1000 - began:.1f} s")
    kit.figure(f"away.{N}_nodes.routes.bytes", routes["bytes"] / N / N, "B/node/node")
    assert m.api("POST", "/apis/apps/v1/namespaces/default/daemonsets", PODS)[0] == 201
    began = time.monotonic()
    kit.say(f"their pods after {h.ask('pods')['last_ms'] / 1000 - began:.1f} s")
    time.sleep(2)
    routes = h.ask("routes")
    cpu, mine, began = kit.cpu_s(m.p.pid), kit.cpu_s(h.p.pid), time.monotonic()
    time.sleep(3)
    share = 100 / (time.monotonic() - began)
    kit.figure(f"away.{N}_nodes.steady_cpu", share * (kit.cpu_s(m.p.pid) - cpu), "%")
    kit.say(f"the nodes themselves take {share * (kit.cpu_s(h.p.pid) - mine):.0f} %")
    kit.figure(f"away.{N}_nodes.steady_memory", m.rss_kb() / 1024, "MiB")
    rest = h.ask("routes")
    kit.figure(f"away.{N}_nodes.steady_routes", (rest["bytes"] - routes["bytes"]) / N * share / 100,
               "B/s/node")
    m.kill()
    h.say("lost")
    time.sleep(AWAY)
    began = time.monotonic()
    kit.say(f"back and ready after {m.start():.2f} s")
    back = time.monotonic()
    other = Other(m)
    SERVICE["metadata"]["name"] = "news"
    assert m.api("POST", "/api/v1/namespaces/default/services", SERVICE)[0] == 201
    seen, told, ways = h.ask("seen news"), h.ask("told"), h.ask("back")
    time.sleep(1)
    other.stop()
    cpu = kit.cpu_s(m.p.pid)
    for what, r in (("told", told), ("news", seen), ("routes", ways)):
        kit.figure(f"away.{N}_nodes.{what}.half", r["half_ms"] / 1000 - back, "s")
        kit.figure(f"away.{N}_nodes.{what}.all", r["last_ms"] / 1000 - back, "s")
    kit.figure(f"away.{N}_nodes.routes.back", ways["bytes"] / N, "B/node")
    kit.figure(f"away.{N}_nodes.cpu", cpu, "s")
    kit.figure(f"away.{N}_nodes.peak_memory", other.rss / 1024, "MiB")
    other.took.sort()
    kit.figure(f"away.{N}_nodes.other_client.worst", 1000 * other.took[-1], "ms")
    kit.figure(f"away.{N}_nodes.other_client.p50", 1000 * other.took[len(other.took) // 2], "ms")
    kit.say(f"{other.refused} of {len(other.took)} requests of another client refused")
    nodes = m.api("GET", "/api/v1/nodes")[1]["items"]
    lost = [n["metadata"]["name"] for n in nodes
            if any(c["type"] == "Ready" and c["status"] != "True"
                   for c in n["status"]["conditions"])]
    kit.say(f"{len(lost)} nodes counted as lost")
    m.stop()


main()
