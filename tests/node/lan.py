# SPDX-License-Identifier: Apache-2.0
"""A cluster whose nodes each have a network namespace of their own, joined by a bridge beside the
master: machines in one rack, with a cable each that can be pulled."""
import subprocess

import pytest

from lab import Cluster, Node


class LanNode(Node):
    def __init__(self, cluster, name, *args, **kw):
        self.index = len(cluster.nodes) + 1
        self.port = f"port{self.index}"  # the bridge's end of the cable
        self.move(cluster.segment(self.index))
        super().__init__(cluster, name, *args, **kw)
        self.plug_in()

    def move(self, segment):
        """What it is plugged into next: (bridge, the router's address there, network)."""
        self.bridge, self.gateway, net = segment
        self.address = f"{net}.{10 + self.index}"

    def plug_in(self):
        c = self.cluster
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        c.ip("link", "add", self.port, "type", "veth", "peer", "name", "up0", "netns", self.netns)
        c.ip("link", "set", self.port, "master", self.bridge, "up")
        for args in (["link", "set", "lo", "up"],
                     ["addr", "add", f"{self.address}/24", "dev", "up0"],
                     ["link", "set", "up0", "up"],
                     ["route", "add", "default", "via", self.gateway]):
            subprocess.run(["ip", "-n", self.netns, *args], check=True)

    def cable(self, up):
        self.cluster.ip("link", "set", self.port, "up" if up else "down")

    def remove_links(self):
        """A namespace of its own: all of it goes, and comes back as at boot."""
        self.unplug()
        self.plug_in()

    def unplug(self):
        # The link first: the namespace itself is cleaned up in the background.
        subprocess.run(["ip", "-n", self.cluster.netns, "link", "del", self.port], check=False)
        subprocess.run(["ip", "netns", "del", self.netns], check=False)

    def routes(self):
        return subprocess.run(["ip", "-n", self.netns, "route"], capture_output=True, text=True,
                              check=True).stdout

    def reset(self):
        super().reset()
        self.unplug()


class Lan(Cluster):
    """Nodes n1, n2, ... in zones a, b, c in turn."""

    BRIDGES = {"br0": Cluster.ADDRESS}

    def start(self, nodes=3):
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        self.ip("link", "set", "lo", "up")
        for bridge, address in self.BRIDGES.items():
            # An address of its own: else it is a port's, and changes when a node is unplugged,
            # which the others' neighbour tables learn half a minute later.
            self.ip("link", "add", bridge, "address", "02:4b:00:00:00:0" + bridge[-1],
                    "type", "bridge")
            self.ip("addr", "add", f"{address}/24", "dev", bridge)
            self.ip("link", "set", bridge, "up")
        self.sysctl("net/ipv4/ip_forward", len(self.BRIDGES) - 1)
        self.master.start()
        for i in range(nodes):
            self.join(f"n{i + 1}")
        return self

    def sysctl(self, name, value):
        subprocess.run(["nsenter", f"--net=/run/netns/{self.netns}", "--", "sh", "-c",
                        f"echo {value} > /proc/sys/{name}"], check=True)

    def segment(self, index):
        """What node number `index` is plugged into."""
        return "br0", self.ADDRESS, "10.99.0"

    def join(self, name):
        zone = "abc"[len(self.nodes) % 3]
        return self.add_node(name, join=True, netns=f"{self.id}-{name}", kind=LanNode,
                             options=["--label", f"topology.kubernetes.io/zone={zone}"])

    def links(self):
        return [x for x in super().links() if x not in self.BRIDGES and not x.startswith("port")]

    def force(self):
        super().force()
        for n in self.nodes:
            n.unplug()


class RoutedLan(Lan):
    """Two networks, and the master's machine as the router between them, which knows no pods'
    addresses: n1 and n3 in the first, n2 and n4 in the second."""

    BRIDGES = {"br0": Cluster.ADDRESS, "br1": "10.99.1.1"}
    SEGMENTS = (("br0", Cluster.ADDRESS, "10.99.0"), ("br1", "10.99.1.1", "10.99.1"))

    def segment(self, index):
        return self.SEGMENTS[(index - 1) % 2]


def lan_fixture(make, n, prepare=None, name="lan"):
    """A pytest fixture: a cluster of n nodes for the tests of a file, which leaves nothing behind."""
    @pytest.fixture(scope="module", name=name)
    def fixture(tmp_path_factory):
        c = make(tmp_path_factory.mktemp("lan"))
        try:
            c.start(n)
            if prepare:
                prepare(c)
            yield c
        except BaseException:
            print(c.logs())
            c.force()
            raise
        left = c.stop()
        assert not left, "left behind:\n" + "\n".join(left)
    return fixture
