# SPDX-License-Identifier: Apache-2.0
"""Three masters and three nodes, each a machine of its own (a network namespace with a cable to one
switch), one master and one node in each of the zones a, b and c."""
import json
import subprocess
import sys
import time
from pathlib import Path

from lab import BUILD, Daemon, Kubectl, wait_until
from lan import Lan

HERE = Path(__file__).resolve().parent


class MasterMachine:
    def __init__(self, fleet, index):
        self.fleet, self.index, self.name = fleet, index, f"m{index}"
        self.netns, self.port = f"{fleet.id}-{self.name}", f"port-m{index}"
        self.address = f"10.99.0.{100 + index}"
        self.dir = fleet.dir / self.name
        self.dir.mkdir(parents=True, exist_ok=True)
        self.kubeconfig = self.dir / "etc/admin.conf"
        self.join = []
        self.daemon = None
        self.plug_in()

    def plug_in(self):
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        self.fleet.ip("link", "add", self.port, "type", "veth", "peer", "name", "up0", "netns",
                      self.netns)
        self.fleet.ip("link", "set", self.port, "master", "br0", "up")
        for args in (["link", "set", "lo", "up"],
                     ["addr", "add", f"{self.address}/24", "dev", "up0"],
                     ["link", "set", "up0", "up"],
                     ["route", "add", "default", "via", self.fleet.ADDRESS]):
            subprocess.run(["ip", "-n", self.netns, *args], check=True)

    def unplug(self):
        subprocess.run(["ip", "-n", self.fleet.netns, "link", "del", self.port], check=False,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "netns", "del", self.netns], check=False, stderr=subprocess.DEVNULL)

    def cable(self, up):
        self.fleet.ip("link", "set", self.port, "up" if up else "down")

    def deaf(self, on):
        """Cut off from the other masters, and from nobody else."""
        rules = """table inet deaf {
	chain i {
		type filter hook input priority 0;
		tcp dport 6380 drop
		tcp sport 6380 drop
	}
}
"""
        subprocess.run(["nsenter", f"--net=/run/netns/{self.netns}", "--", "nft", "-f", "-"],
                       text=True, check=True, input=rules if on else "delete table inet deaf\n")

    def start(self, timeout=30):
        self.daemon = Daemon(self.name, [
            BUILD / "knarr-master", "--name", self.name, "--data-dir", self.dir / "data",
            "--config-dir", self.dir / "etc", "--bind", self.address, *self.join],
            self.dir / "log", netns=self.netns)
        self.daemon.start(timeout)
        return self

    def running(self):
        return self.daemon is not None and self.daemon.running()

    def stop(self):
        return self.daemon.stop() if self.daemon else 0

    def kill(self):
        if self.daemon:
            self.daemon.kill()

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def power_off(self):
        """The machine is gone from one moment to the next: nobody gets a FIN of it."""
        self.cable(False)
        self.daemon.kill()

    def power_on(self):
        self.unplug()
        self.plug_in()
        self.start()


class Fleet(Lan):
    def __init__(self, dir, id=None):
        super().__init__(dir, id)
        self.masters = []

    def start(self, nodes=3):
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", "br0", "address", "02:4b:00:00:00:00", "type", "bridge")
        self.ip("addr", "add", f"{self.ADDRESS}/24", "dev", "br0")
        self.ip("link", "set", "br0", "up")
        for i in range(3):
            m = MasterMachine(self, i + 1)
            if self.masters:
                m.join = self.master_join_options()
            self.masters.append(m)
            m.start()
            self.master = self.masters[0]
        for i in range(nodes):
            self.join(f"n{i + 1}")
        wait_until("all masters vote", lambda: [m["role"] for m in self.members()] == ["voter"] * 3)
        return self

    def master_join_options(self):
        words = self.knarrctl("token", "create", "--master", "--print-join").split()
        at = words.index("join")
        opt = dict(zip(words[at + 3::2], words[at + 4::2]))
        return ["--join", words[at + 1], "--token", opt["--token"], "--ca-hash", opt["--ca-hash"]]

    def alive(self):
        return next(m for m in self.masters if m.running())

    def kubectl(self, version="1.30", tool="kubectl"):
        """By a master that runs: kubectl knows only one."""
        m = self.alive()
        k = self.clients.get((tool, version, m.name))
        if not k:
            k = Kubectl(m.kubeconfig, version, tool, netns=self.netns)
            self.clients[tool, version, m.name] = k
        return k

    def members(self):
        return json.loads(self.knarrctl("member", "list", "-o", "json"))["members"]

    def leader(self):
        def find():
            names = [m["name"] for m in self.members() if m["leader"] and "alive" in m]
            return next((m for m in self.masters if m.name in names), None)
        return wait_until("one leads", find)

    def links(self):
        return [x for x in super().links() if not x.startswith("port-")]

    def logs(self):
        text = ""
        for m in self.masters:
            if m.daemon:
                text += f"--- {m.name}\n{m.daemon.tail(25)}\n"
        for n in self.nodes:
            if n.daemon.log.exists():
                text += f"--- {n.name}\n{n.daemon.tail(15)}\n"
        return text

    def stop(self):
        left = []
        for m in self.masters[1:]:
            code = m.stop()
            if code != 0:
                left.append(f"{m.name} ended with {code}: {m.daemon.tail()}")
        return left + super().stop()

    def force(self):
        for m in self.masters:
            if m.daemon:
                m.daemon.kill()
            m.unplug()
        if not self.masters:
            return
        super().force()


class Load:
    """Requests to a Service from a node, at a steady rate, all the while (load.py).

    .results() gives [second it began, error or None] of each, oldest first."""

    def __init__(self, node, url, rate=200):
        self.node, self.file = node, node.root / "load.json"
        group = Path("/sys/fs/cgroup/unified")
        if not group.is_dir():
            group = Path("/sys/fs/cgroup")
        group = group / node.cgroup / "test-host"
        group.mkdir(exist_ok=True)
        self.group = group
        self.p = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{node.netns}", "--", "sh", "-c",
             f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh", sys.executable, HERE / "load.py",
             url, str(rate), self.file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.p.stdout.readline().strip() == "going"

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        if self.p:
            self.p.stdin.close()
            self.p.wait(20)
            self.p = None
            try:
                self.group.rmdir()
            except OSError:
                pass

    def results(self):
        self.stop()
        return json.loads(self.file.read_text())

    @staticmethod
    def failures(results, since=0.0):
        return [r for r in results if r[1] is not None and r[0] >= since]
