#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Durable creates of 1 KB pods through the whole API path (TLS, HTTP/2), beside a loop of fdatasync
on the same disk and etcd's gRPC Put of the same bytes. The runs alternate; medians."""
import statistics

import kit

SECONDS = 0.4 if kit.QUICK else 1.5
ROUNDS = 1 if kit.QUICK else 3


def main():
    m = kit.Master()
    m.start()
    m.account()
    etcd = None
    if kit.Etcd.available():
        etcd = kit.Etcd(m)
    else:
        kit.say("etcd is not installed: no comparison with it")
    m.load("create", 4, 0.2)  # warm
    for clients in (1, 16, 64):
        p99, cpu = [], []

        def create():
            before = kit.cpu_s(m.p.pid)
            r = m.load("create", clients, SECONDS)
            cpu.append((kit.cpu_s(m.p.pid) - before) / max(r["requests"], 1))
            if r["errors"]:
                raise RuntimeError(f"{r['errors']} creates failed")
            p99.append(r["p99_ms"])
            return r["per_s"]

        syncs, creates, puts = kit.paired(
            ROUNDS, lambda: kit.fdatasync_rate(m.dir, 0.3), create,
            (lambda: etcd.load(clients, SECONDS)["per_s"]) if etcd else None)
        name = f"api.create_pods.{clients}_client{'s' if clients > 1 else ''}"
        kit.figure(name, creates, "1/s", "fdatasync loop", syncs)
        if puts:
            kit.figure(name + ".beside_etcd", creates, "1/s", "etcd Put over gRPC and TLS", puts)
        kit.figure(name + ".p99", statistics.median(p99), "ms")
        kit.figure(name + ".cpu", statistics.median(cpu) * 1e6, "us each")
    if etcd:
        kit.figure("api.memory_after_creates", m.rss_kb() / 1024, "MiB", "etcd alone",
                   kit.rss_kb(etcd.p.pid) / 1024)
        etcd.stop()
    m.stop()


main()
