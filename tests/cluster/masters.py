# SPDX-License-Identifier: Apache-2.0
"""Several masters on loopback: each has an address of its own in 127.0.0.0/8, so that any number of
runs stand side by side."""
import http.client
import json
import os
import ssl
import subprocess
from pathlib import Path

from lab import BUILD, Daemon, wait_until

PORT, PEER_PORT = 6443, 6380


class Master:
    """One knarr-master process; start() may be called again."""

    def __init__(self, group, name, number, options=()):
        self.group, self.name = group, name
        self.address = f"{group.prefix}.{number}"
        self.dir = group.dir / name
        self.dir.mkdir(parents=True, exist_ok=True)
        self.kubeconfig = self.dir / "etc/admin.conf"
        self.join = []
        self.options = list(options)
        self.daemon = None
        self.ctx = None

    def argv(self):
        return [BUILD / "knarr-master", "--name", self.name, "--data-dir", self.dir / "data",
                "--config-dir", self.dir / "etc", "--bind", self.address, *self.join,
                *self.options]

    def start(self, timeout=30.0):
        self.daemon = Daemon(self.name, self.argv(), self.dir / "log")
        self.daemon.start(timeout)
        return self

    def kill(self):
        self.daemon.kill()

    def stop(self):
        return self.daemon.stop()

    def running(self):
        return self.daemon is not None and self.daemon.running()

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def context(self):
        if not self.ctx:
            pki = self.dir / "data/pki"
            self.ctx = ssl.create_default_context(cafile=pki / "ca.crt")
            self.ctx.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        return self.ctx

    def connect(self, timeout=20.0):
        return http.client.HTTPSConnection(self.address, PORT, context=self.context(),
                                           timeout=timeout)

    def api(self, method, path, obj=None, timeout=20.0, headers=None):
        """Status and decoded body of one request to this master."""
        c = self.connect(timeout)
        try:
            body = None if obj is None else json.dumps(obj)
            c.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            r = c.getresponse()
            data = r.read()
        finally:
            c.close()
        try:
            return r.status, json.loads(data)
        except ValueError:
            return r.status, data.decode("utf-8", "replace")

    def knarrctl(self, *args, check=True):
        p = subprocess.run([BUILD / "knarrctl", *map(str, args)], capture_output=True, text=True,
                           timeout=60, check=False,
                           env=dict(os.environ, KUBECONFIG=str(self.kubeconfig)))
        if check:
            assert p.returncode == 0, f"knarrctl {args}: {p.stdout}{p.stderr}"
        return p


class Masters:
    """A cluster of `n` of them. options are for every one."""

    def __init__(self, dir, n=3, options=()):
        self.dir = Path(dir)
        pid = os.getpid()
        self.prefix = f"127.{100 + pid // 250 % 100}.{pid % 250 + 1}"
        self.options = list(options)
        self.all = []
        self.number = 0
        for _ in range(n):
            self.add()

    def __getitem__(self, i):
        return self.all[i]

    def new(self, name=None, options=(), via=None, token=None):
        """A master that is to join by `via`; not started."""
        self.number += 1
        m = Master(self, name or f"m{self.number}", self.number, [*self.options, *options])
        if self.all:
            m.join = self.join_options(via or self.leader(), token)
        return m

    def add(self, name=None, options=(), via=None):
        m = self.new(name, options, via).start()
        self.all.append(m)
        if "--standby" not in m.options:
            self.wait_voters(m)
        return m

    def wait_voters(self, m):
        wait_until(f"{m.name} votes", lambda: self.member(m.name)["role"] == "voter")

    def join_options(self, via, token=None):
        words = via.knarrctl("token", "create", "--master", "--print-join").stdout.split()
        at = words.index("join")
        opt = dict(zip(words[at + 3::2], words[at + 4::2]))
        return ["--join", words[at + 1], "--token", token or opt["--token"], "--ca-hash",
                opt["--ca-hash"]]

    def alive(self):
        return [m for m in self.all if m.running()]

    def members(self, via=None):
        status, body = (via or self.alive()[0]).api("GET", "/knarr/v1/members")
        assert status == 200, body
        return body["members"]

    def member(self, name, via=None):
        return next(x for x in self.members(via) if x["name"] == name)

    def leader(self):
        """The master that leads, according to one that is told so."""
        def find():
            for m in self.alive():
                for x in self.members(m):
                    if x["leader"] and "alive" in x:
                        return next(y for y in self.all if y.name == x["name"])
            return None
        return wait_until("one leads", find)

    def followers(self):
        leader = self.leader()
        return [m for m in self.alive() if m is not leader]

    def close(self):
        for m in self.all:
            if m.daemon:
                m.daemon.kill()

    def logs(self):
        return "".join(f"--- {m.name}\n{m.log()[-3000:]}\n" for m in self.all)
