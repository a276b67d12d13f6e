# SPDX-License-Identifier: Apache-2.0
"""Three etcd processes with their defaults, as something to compare with."""
import http.client
import base64
import json
import shutil
import subprocess
import threading
import time

from lab import wait_until


class Etcd:
    def __init__(self, dir, prefix, n=3):
        self.dir, self.n, self.procs, self.prefix = dir, n, {}, prefix
        self.hosts = [f"{prefix}.{201 + i}" for i in range(n)]
        dir.mkdir(parents=True, exist_ok=True)
        for i in range(n):
            self.start(i, "new")
        wait_until("etcd leads", self.leader, timeout=20)

    @staticmethod
    def installed():
        return shutil.which("etcd") is not None

    def start(self, i, state="existing"):
        h = self.hosts[i]
        with open(self.dir / f"e{i}.log", "ab") as log:
            self.procs[i] = subprocess.Popen(
                ["etcd", "--name", f"e{i}", "--data-dir", self.dir / f"e{i}",
                 "--listen-client-urls", f"http://{h}:2379", "--advertise-client-urls",
                 f"http://{h}:2379", "--listen-peer-urls", f"http://{h}:2380",
                 "--initial-advertise-peer-urls", f"http://{h}:2380", "--initial-cluster",
                 ",".join(f"e{k}=http://{x}:2380" for k, x in enumerate(self.hosts)),
                 "--initial-cluster-state", state, "--logger", "zap"],
                stdout=log, stderr=log, env={"ETCD_UNSUPPORTED_ARCH": ""})

    def call(self, i, path, body, timeout=5):
        c = http.client.HTTPConnection(self.hosts[i], 2379, timeout=timeout)
        try:
            c.request("POST", path, json.dumps(body))
            r = c.getresponse()
            return r.status, json.loads(r.read())
        finally:
            c.close()

    def leader(self):
        for i, p in self.procs.items():
            if p.poll() is not None:
                continue
            try:
                _, s = self.call(i, "/v3/maintenance/status", {})
            except (OSError, ValueError, http.client.HTTPException):
                continue
            if s.get("leader") and s["leader"] == s["header"]["member_id"]:
                return i + 1
        return None

    def kill(self, i):
        self.procs[i].kill()
        self.procs[i].wait()

    def close(self):
        for p in self.procs.values():
            p.kill()
            p.wait()


class EtcdWriters:
    """n writers without conditions; what they get acknowledged, by time. They wait a second for an
    answer: what was given to a leader that died is answered after five."""

    def __init__(self, etcd, n):
        self.etcd, self.stopping, self.acks = etcd, False, []
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, number):
        at, n, c = number, 0, None
        pad = "x" * 200
        while not self.stopping:
            host = self.etcd.hosts[at % self.etcd.n]
            try:
                c = c or http.client.HTTPConnection(host, 2379, timeout=1)
                c.request("POST", "/v3/kv/put", json.dumps(
                    {"key": base64.b64encode(f"r{number}".encode()).decode(),
                     "value": base64.b64encode(f"{n}{pad}".encode()).decode()}))
                r = c.getresponse()
                r.read()
                if r.status == 200:
                    n += 1
                    self.acks.append(time.monotonic())
                    continue
            except (OSError, http.client.HTTPException):
                pass
            c.close()
            c, at = None, at + 1
            time.sleep(0.01)

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(10)
        return sorted(self.acks)
