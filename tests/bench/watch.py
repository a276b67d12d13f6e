#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of open watches over TLS and HTTP/2, and how long one event takes to reach all of them."""
import json
import subprocess
import time

import kit

PATH = "/api/v1/namespaces/default/configmaps"
UPSTREAM = "kube-apiserver"  # measured: KB each over HTTP/1.1
EVENTS = 3 if kit.QUICK else 15


def watches(count):
    m = kit.Master()
    m.start()
    m.account()
    m.load("get", 4, 0.3, PATH)
    before = m.rss_kb()
    p = subprocess.Popen([kit.APILOAD, m.kubeconfig, "watch", str(count), PATH + "?watch=true",
                          PATH], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    kit.cleanup(kit.end, p)
    if p.stdout.readline() != b"ready\n":
        raise RuntimeError("the watches were not opened")
    time.sleep(0.3)
    kit.figure(f"api.watch_memory_{count}", (m.rss_kb() - before) / count, "KB", UPSTREAM, 110)
    p50, last, cpu = [], [], kit.cpu_s(m.p.pid)
    for _ in range(EVENTS):
        p.stdin.write(b"e")
        p.stdin.flush()
        r = json.loads(p.stdout.readline())
        p50.append(r["p50_ms"])
        last.append(r["seconds"] * 1000)
    cpu = (kit.cpu_s(m.p.pid) - cpu) / EVENTS
    p50.sort()
    last.sort()
    kit.figure(f"api.event_to_{count}_watches.p50", p50[len(p50) // 2], "ms")
    kit.figure(f"api.event_to_{count}_watches.last", last[len(last) // 2], "ms")
    kit.figure(f"api.event_to_{count}_watches.cpu", cpu * 1000, "ms", "prototype, for 5,000", 14)
    kit.figure(f"api.watch_memory_{count}.after_events", (m.rss_kb() - before) / count, "KB",
               UPSTREAM, 110)
    p.stdin.close()
    p.wait(20)
    m.stop()


for n in (1000,) if kit.QUICK else (1000, 5000):
    watches(n)
