# SPDX-License-Identifier: Apache-2.0
"""Several masters on loopback: each has an address of its own in 127.0.0.0/8, so that any number of
runs stand side by side."""
import os
import subprocess
from pathlib import Path

import lab
from lab import BUILD, wait_until

PORT = 6443


class Master(lab.Master):
    def __init__(self, group, name, number, options=()):
        self.group, self.name = group, name
        self.address = f"{group.prefix}.{number}"
        super().__init__(group.dir / name, bind=self.address, port=PORT, options=options)
        self.join = []

    def argv(self):
        return [*super().argv(), "--name", self.name, *self.join]

    def start(self, timeout=30.0):
        return super().start(timeout)

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
