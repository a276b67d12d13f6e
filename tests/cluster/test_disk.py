# SPDX-License-Identifier: Apache-2.0
"""The disk of a master is filled, then freed: writes go on elsewhere, nobody ends, nothing is lost."""
import os
import subprocess
import time

import pytest

from lab import wait_until
from masters import Masters

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount small disks")


class Disk:
    """A small file system of its own for a master's data."""

    def __init__(self, m, size="320m"):
        self.dir = m.dir / "data"
        self.dir.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "knarr-test",
                        self.dir], check=True)

    def fill(self):
        s = os.statvfs(self.dir)
        with open(self.dir / "ballast", "wb") as f:
            os.posix_fallocate(f.fileno(), 0, s.f_bavail * s.f_frsize)

    def free(self):
        os.unlink(self.dir / "ballast")

    def close(self):
        subprocess.run(["umount", "-l", self.dir], check=False)


@pytest.fixture(name="small")
def fixture_small(tmp_path):
    """Three masters, each with a disk of its own."""
    c = Masters(tmp_path, 0)
    disks = {}
    try:
        for _ in range(3):
            m = c.new()
            disks[m] = Disk(m)
            m.start()
            c.all.append(m)
            if len(c.all) > 1:
                c.wait_voters(m)
        yield c, disks
    finally:
        print(c.logs())
        c.close()
        for d in disks.values():
            d.close()


def put(m, name, size=1):
    return m.api("POST", CONFIGMAPS, {"metadata": {"name": name}, "data": {"v": "x" * size}})


def put_until(masters, name, seconds=20):
    """Some master takes it; the refusals until then."""
    until, refused = time.monotonic() + seconds, []
    while time.monotonic() < until:
        for m in masters:
            status, body = put(m, name)
            if status == 201:
                return refused
            assert status in (409, 429, 503, 504), body
            if status == 409:
                return refused
            refused.append((status, body))
        time.sleep(0.2)
    raise AssertionError(f"nobody takes {name}: {refused[-1]}")


def has(m, name):
    return m.api("GET", f"{CONFIGMAPS}/{name}?resourceVersion=0")[0] == 200


def test_follower(small):
    c, disks = small
    full = c.followers()[0]
    disks[full].fill()
    leader = c.leader()
    for i in range(80):  # more than its log has room for
        assert put(leader, f"a{i}", 900_000)[0] == 201
    assert full.running() and c.leader() is leader
    disks[full].free()
    wait_until("it has caught up", lambda: has(full, "a79"), timeout=30)
    assert full.running()


def test_leader(small):
    c, disks = small
    full = c.leader()
    assert put(full, "before")[0] == 201
    disks[full].fill()
    others = [m for m in c.all if m is not full]
    refused = put_until(c.all, "while")
    for status, body in refused:
        assert status in (429, 503, 504), body
    # The first write that it has no room for moves the lead.
    wait_until("another leads", lambda: put(full, f"w{time.monotonic_ns()}") and
               c.leader() is not full)
    for i in range(5):
        assert put(others[0], f"b{i}")[0] == 201
    assert has(full, "before") and full.running()
    disks[full].free()
    wait_until("it has caught up", lambda: has(full, "b4"), timeout=30)


def test_all(small):
    """Nobody has room: refused with a time to come again; reads go on; nothing has to be restarted."""
    c, disks = small
    assert put(c[0], "before")[0] == 201
    for d in disks.values():
        d.fill()
    saw = None
    for i in range(40):
        status, body = put(c[i % 3], f"c{i}")
        if status in (429, 503):
            saw = body
        time.sleep(0.05)
    assert saw and saw["details"]["retryAfterSeconds"] >= 1, saw
    for m in c.all:
        assert has(m, "before") and m.running()
    assert c[1].api("GET", f"{CONFIGMAPS}/before")[0] == 200
    for d in disks.values():
        d.free()
    put_until(c.all, "after")
    for m in c.all:
        wait_until("all have it", lambda m=m: has(m, "after"), timeout=30)
        assert m.running()
