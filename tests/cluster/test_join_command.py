# SPDX-License-Identifier: Apache-2.0
"""knarrctl init, join --master, member and reset as on real machines: each "machine" has its own network
and its own /etc, /var and /run."""
import os
import subprocess

import pytest

from lab import BUILD, need_root, wait_until

MOUNTS = """
set -e
mount --make-rprivate /
mount -t tmpfs knarr-test {dir}
mkdir {dir}/up {dir}/work {dir}/lib {dir}/log {dir}/run
mount -t overlay -o lowerdir=/etc,upperdir={dir}/up,workdir={dir}/work knarr-test /etc
mount --bind {dir}/lib /var/lib
mount --bind {dir}/log /var/log
mount --bind {dir}/run /run
echo ready
exec sleep 3600
"""


class Machine:
    def __init__(self, lan, number, folder):
        self.name = f"m{number}"
        self.address = f"10.97.0.{number}"
        netns, port = f"{lan}-{self.name}", f"{lan}{number}"
        self.netns = netns
        folder.mkdir()
        for args in (["netns", "add", netns],
                     ["-n", lan, "link", "add", port, "type", "veth", "peer", "name", "up0", "netns",
                      netns],
                     ["-n", lan, "link", "set", port, "master", "br0", "up"],
                     ["-n", netns, "link", "set", "lo", "up"],
                     ["-n", netns, "addr", "add", f"{self.address}/24", "dev", "up0"],
                     ["-n", netns, "link", "set", "up0", "up"],
                     ["-n", netns, "route", "add", "default", "via", "10.97.0.254"]):
            subprocess.run(["ip", *args], check=True)
        self.holder = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{netns}", "--", "unshare", "-m", "-u", "sh", "-c",
             f"hostname {self.name}; {MOUNTS.format(dir=folder)}"], stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline().strip() == "ready"

    def run(self, *argv, check=True):
        p = subprocess.run(["nsenter", "-t", str(self.holder.pid), "-m", "-n", "-u", "--",
                            *map(str, argv)], capture_output=True, text=True, timeout=120, check=False)
        assert not check or p.returncode == 0, f"{argv}: {p.stdout}{p.stderr}"
        return p

    def knarrctl(self, *args, check=True):
        return self.run(BUILD / "knarrctl", *args, check=check)

    def close(self):
        self.run("sh", "-c", "kill -9 $(cut -d' ' -f1 /run/knarr/*.pid)", check=False)
        self.holder.kill()
        self.holder.wait()
        subprocess.run(["ip", "netns", "del", self.netns], check=False)


@pytest.fixture
def machines(tmp_path):
    need_root()
    if os.path.isdir("/run/systemd/system"):
        pytest.skip("the daemons would be systemd's")
    lan = f"ktj{os.getpid() % 100000}"
    made = []
    for args in (["netns", "add", lan], ["-n", lan, "link", "add", "br0", "type", "bridge"],
                 ["-n", lan, "addr", "add", "10.97.0.254/24", "dev", "br0"],
                 ["-n", lan, "link", "set", "br0", "up"]):
        subprocess.run(["ip", *args], check=True)
    try:
        for i in range(3):
            made.append(Machine(lan, i + 1, tmp_path / f"d{i + 1}"))
        yield made
    finally:
        for m in made:
            m.close()
        subprocess.run(["ip", "netns", "del", lan], check=False)


def names(m):
    return sorted(m.knarrctl("member", "list", "-o", "name").stdout.split())


def test_three_machines(machines):
    a, b, c = machines
    p = a.knarrctl("init", "--no-agent")
    assert "token create --master --print-join" in p.stdout
    line = a.knarrctl("token", "create", "--master", "--print-join").stdout.split()
    assert line[:2] == ["knarrctl", "join"] and "--master" in line
    p = b.knarrctl("join", *line[2:-1], "sha256:" + "0" * 64, "--no-agent", check=False)
    assert p.returncode == 1 and "another cluster" in p.stderr, p.stderr
    assert names(a) == ["m1"]
    assert "master now" in b.knarrctl(*line[1:], "--no-agent").stdout
    # By the other one's bare address.
    c.knarrctl("join", b.address, *line[3:], "--no-agent")
    wait_until("all vote", lambda: "3 vote" in a.knarrctl("status", check=False).stdout)
    assert names(c) == ["m1", "m2", "m3"]
    env = b.run("cat", "/etc/knarr/knarr-master.env").stdout
    assert "--token" not in env and "--join" not in env, env
    p = b.knarrctl(*line[1:], "--no-agent", check=False)
    assert p.returncode == 1 and "is a master already" in p.stderr
    # A second start knows who it is.
    b.run("sh", "-c", "kill $(cut -d' ' -f1 /run/knarr/knarr-master.pid)")
    wait_until("it is missed", lambda: "2 answer of 3" in a.knarrctl("status", check=False).stdout)
    p = c.knarrctl("reset", "--yes", check=False)
    assert "Knarr is gone" in p.stdout, p.stderr
    # (With the second one down the third is needed.)
    assert "still count on this one" in p.stderr and "member remove m3" in p.stderr, p.stderr


def test_reset_leaves(machines):
    a, b, c = machines
    a.knarrctl("init", "--no-agent")
    line = a.knarrctl("token", "create", "--master", "--print-join").stdout.split()
    for m in (b, c):
        m.knarrctl(*line[1:], "--no-agent")
    wait_until("all vote", lambda: "3 vote" in a.knarrctl("status", check=False).stdout)
    p = a.knarrctl("reset", "--yes")
    assert "warning" not in p.stderr, p.stderr
    assert names(b) == ["m2", "m3"]
    assert a.run("ls", "-A", "/var/lib/knarr", check=False).stdout.split() in ([], ["agent"])
