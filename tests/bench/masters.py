#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Three masters on loopback (TLS between them) beside three etcd processes (none between them): durable
creates, through the leader and through a follower; what a follower needs; joining; catching up."""
import base64
import json
import os
import signal
import statistics
import subprocess
import time

import kit

SECONDS = 0.4 if kit.QUICK else 1.5
ROUNDS = 1 if kit.QUICK else 3
BEHIND = 5000 if kit.QUICK else 100000


def knarrctl(master, *args):
    return subprocess.run([os.path.join(kit.BUILD, "knarrctl"), *args, "--kubeconfig", master.kubeconfig],
                          stdout=subprocess.PIPE, text=True, check=True).stdout


def member(master, name):
    _, body = master.api("GET", "/knarr/v1/members")
    return next(m for m in body["members"] if m["name"] == name)


def joined(first, name):
    """One more master; seconds until it serves, and until it votes."""
    words = knarrctl(first, "token", "create", "--master", "--print-join").split()
    at = words.index("join")
    opt = dict(zip(words[at + 3::2], words[at + 4::2]))
    m = kit.Master("--name", name, "--peer-port", str(kit.free_port()), "--join", words[at + 1],
                   "--token", opt["--token"], "--ca-hash", opt["--ca-hash"])
    began = time.monotonic()
    serves = m.start()
    kit.wait_for(lambda: member(first, name)["role"] == "voter")
    return m, serves, time.monotonic() - began


class Etcd3:
    """Three of them with their defaults; clients by TLS, as ours."""

    def __init__(self, master):
        pki = os.path.join(master.dir, "data", "pki")
        with open(f"{pki}/ca.crt", "rb") as f:
            self.ca = base64.b64encode(f.read()).decode()
        self.urls = [f"https://127.0.0.1:{kit.free_port()}" for _ in range(3)]
        peers = [f"http://127.0.0.1:{kit.free_port()}" for _ in range(3)]
        cluster = ",".join(f"e{i}={p}" for i, p in enumerate(peers))
        self.p = []
        for i, (url, peer) in enumerate(zip(self.urls, peers)):
            d = kit.folder()
            with open(d + "/log", "wb") as log:
                self.p.append(subprocess.Popen(
                    ["etcd", "--name", f"e{i}", "--data-dir", d + "/data",
                     "--cert-file", f"{pki}/apiserver.crt", "--key-file", f"{pki}/apiserver.key",
                     "--listen-client-urls", url, "--advertise-client-urls", url,
                     "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                     "--initial-cluster", cluster], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                    env=dict(os.environ, ETCD_UNSUPPORTED_ARCH="arm64")))
            kit.cleanup(kit.end, self.p[-1], signal.SIGKILL)
        self.kubeconfig = kit.folder() + "/kubeconfig"
        kit.wait_for(self.find_leader, 30, 0.1)

    def use(self, url):
        with open(self.kubeconfig, "w", encoding="ascii") as f:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                       "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                       "users": [{"name": "u", "user": {}}],
                       "clusters": [{"name": "c", "cluster": {
                           "server": url, "certificate-authority-data": self.ca}}]}, f)

    def find_leader(self):
        """The one that answers a single client fastest: a follower has one way more."""
        best = []
        for url in self.urls:
            self.use(url)
            try:
                r = kit.apiload(self.kubeconfig, "etcd", 1, 0.2)
            except RuntimeError:
                return False
            if not r["requests"] or r["errors"]:
                return False
            best.append((r["p50_ms"], url))
        self.use(min(best)[1])
        return True

    def load(self, clients, seconds):
        return kit.apiload(self.kubeconfig, "etcd", clients, seconds)

    def stop(self):
        for p in self.p:
            kit.end(p)


def writes(masters, etcd):
    leader = next(m for m in masters if member(masters[0], m.options[1])["leader"])
    follower = next(m for m in masters if m is not leader)
    for clients in (1, 64):
        name = f"masters.create_pods.{clients}_client{'s' if clients > 1 else ''}"
        p50, p99, e50, e99, behind = [], [], [], [], []

        def create():
            r = leader.load("create", clients, SECONDS)
            if r["errors"]:
                raise RuntimeError(f"{r['errors']} creates failed")
            p50.append(r["p50_ms"])
            p99.append(r["p99_ms"])
            return r["per_s"]

        def put():
            r = etcd.load(clients, SECONDS)
            e50.append(r["p50_ms"])
            e99.append(r["p99_ms"])
            return r["per_s"]

        def passed_on():
            r = follower.load("create", clients, SECONDS)
            behind.append(r["p50_ms"])
            return r["per_s"]

        creates, puts, far = kit.paired(ROUNDS, create, put if etcd else None, passed_on)
        kit.figure(name, creates, "1/s", "three etcd, Put over gRPC", puts)
        for what, ours, theirs in (("p50", p50, e50), ("p99", p99, e99)):
            kit.figure(f"{name}.{what}", statistics.median(ours), "ms", "three etcd",
                       statistics.median(theirs) if theirs else None)
        kit.figure(f"{name}.by_a_follower", far, "1/s", "by the leader", creates)
        kit.figure(f"{name}.by_a_follower.p50", statistics.median(behind), "ms")


def main():
    first = kit.Master("--name", "a", "--peer-port", str(kit.free_port()))
    first.start()
    first.account()
    times = [joined(first, name) for name in ("b", "c")]
    masters = [first, *(t[0] for t in times)]
    kit.figure("masters.join_serves", statistics.median(t[1] for t in times) * 1000, "ms")
    kit.figure("masters.join_votes", statistics.median(t[2] for t in times) * 1000, "ms")
    time.sleep(2)
    cpu = [kit.cpu_s(m.p.pid) for m in masters]
    time.sleep(3)
    cpu = [(kit.cpu_s(m.p.pid) - c) / 3 * 100 for m, c in zip(masters, cpu)]
    kit.figure("masters.idle_cpu_leader", cpu[0], "%")
    kit.figure("masters.idle_cpu_follower", cpu[1], "%")
    kit.figure("masters.follower_memory", kit.rss_kb(masters[1].p.pid) / 1024, "MiB", "its leader",
               kit.rss_kb(first.p.pid) / 1024)
    etcd = Etcd3(first) if kit.Etcd.available() else kit.say("etcd is not installed")
    writes(masters, etcd)
    if etcd:
        etcd.stop()
    last = masters[2]
    last.stop()
    leader = next(m for m in masters[:2] if member(first, m.options[1])["leader"])
    leader.load("fill", BEHIND, 300)
    kit.figure(f"masters.catch_up_{BEHIND}_revisions", last.start() * 1000, "ms")
    kit.figure("masters.follower_memory_full", kit.rss_kb(last.p.pid) / 1024, "MiB", "its leader",
               kit.rss_kb(leader.p.pid) / 1024)
    new, serves, _ = joined(leader, "d")
    kit.figure("masters.join_serves_full", serves * 1000, "ms")
    new.stop()
    for m in masters:
        m.stop()


main()
