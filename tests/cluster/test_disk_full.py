# SPDX-License-Identifier: Apache-2.0
"""The disk of a master is filled, then freed: a small tmpfs each."""
import os
import subprocess
import time

import pytest

from lab import need_root, wait_until
from masters import Masters

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
SIZE = "320m"


class Disks(Masters):
    def new(self, *args, **kw):
        m = super().new(*args, **kw)
        (m.dir / "data").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "knarr-test",
                        m.dir / "data"], check=True)
        return m

    def close(self):
        super().close()
        for m in self.all:
            subprocess.run(["umount", "-l", m.dir / "data"], check=False)

    @staticmethod
    def fill(m):
        with open(m.dir / "data/filler", "wb") as f:
            try:
                while True:
                    f.write(b"\0" * (1 << 20))
                    f.flush()
            except OSError:
                pass
        st = os.statvfs(m.dir / "data")
        assert st.f_bavail * st.f_frsize < 1 << 20

    @staticmethod
    def free(m):
        (m.dir / "data/filler").unlink()


@pytest.fixture(name="three")
def fixture_three(tmp_path):
    need_root()
    c = Disks(tmp_path, 3)
    try:
        yield c
    except BaseException:
        print(c.logs())
        raise
    finally:
        c.close()


def write(m, name):
    c = m.connect()
    try:
        c.request("POST", CONFIGMAPS, f'{{"metadata":{{"name":"{name}"}},"data":{{"v":"{"x" * 5000}"}}}}',
                  {"Content-Type": "application/json"})
        r = c.getresponse()
        r.read()
        return r.status, r.getheader("Retry-After")
    finally:
        c.close()


def test_a_follower(three):
    """Nobody notices, and it has everything afterwards."""
    f = three.followers()[0]
    three.fill(f)
    names = [f"a{i}" for i in range(300)]
    for n in names:
        assert write(three.leader() if n == "a0" else three.all[hash(n) % 3], n)[0] == 201
    assert f.running()
    three.free(f)
    wait_until("it has all of it", lambda: f.api("GET", f"{CONFIGMAPS}/a299?resourceVersion=0")[0] == 200)
    assert three.member(f.name)["alive"]


def test_the_leader(three):
    """Writes are refused with Retry-After until another one leads, soon; reads go on, and so does the
    process."""
    leader = three.leader()
    assert write(leader, "before")[0] == 201
    three.fill(leader)
    refused, done = 0, []
    until = time.monotonic() + 6
    while time.monotonic() < until:
        name = f"b{len(done)}-{refused}"
        status, retry = write(leader, name)
        if status == 201:
            done.append(name)
        else:
            assert status in (503, 429) and retry, (status, retry)
            refused += 1
        assert leader.api("GET", f"{CONFIGMAPS}/before")[0] == 200
        time.sleep(0.01)
    assert three.leader() is not leader
    assert leader.running()
    wait_until("writes go on without its disk", lambda: write(leader, f"c{time.monotonic_ns()}")[0] == 201)
    three.free(leader)
    leader.knarrctl("member", "lead", leader.name)
    wait_until("it leads and writes again", lambda: write(leader, f"d{time.monotonic_ns()}")[0] == 201)
    for m in three.all:
        for name in done:
            assert m.api("GET", f"{CONFIGMAPS}/{name}")[0] == 200
    print(f"{refused} refused, {len(done)} done while the leader's disk was full")


def test_all_of_them(three):
    for m in three.all:
        three.fill(m)
    # The free space is looked at once a second.
    wait_until("refused", lambda: write(three[0], f"e{time.monotonic_ns()}")[0] in (429, 503))
    for m in three.all:
        assert m.running()
        assert m.api("GET", CONFIGMAPS)[0] == 200
    for m in three.all:
        three.free(m)
    wait_until("writes go on", lambda: write(three[1], f"f{time.monotonic_ns()}")[0] == 201)
