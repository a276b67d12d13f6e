# SPDX-License-Identifier: Apache-2.0
"""The runbooks of knarr-master(8): backup, restore, one survivor, a disk that was wiped."""
import http.client
import json
import shutil
import ssl
import subprocess

import pytest

from lab import BUILD, wait_until
from masters import Master, Masters

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(name="one")
def fixture_one(tmp_path):
    c = Masters(tmp_path, 1, ["--snapshot-every", "1s", "--snapshot-keep", "2"])
    yield from closing(c)


@pytest.fixture(name="three")
def fixture_three(tmp_path):
    yield from closing(Masters(tmp_path, 3))


def closing(c):
    try:
        yield c
    finally:
        print(c.logs())
        c.close()


def put(m, name, value="x"):
    status, body = m.api("POST", CONFIGMAPS, {"metadata": {"name": name}, "data": {"v": value}})
    assert status == 201, body
    return int(body["metadata"]["resourceVersion"])


def names(m):
    status, body = m.api("GET", CONFIGMAPS)
    assert status == 200, body
    return {x["metadata"]["name"] for x in body["items"]} - {"kube-root-ca.crt"}


def knarrctl(*args, check=True):
    p = subprocess.run([BUILD / "knarrctl", *map(str, args)], capture_output=True, text=True,
                       timeout=60, check=False)
    if check:
        assert p.returncode == 0, p.stderr
    return p


def info(file):
    return json.loads(knarrctl("snapshot", "status", file, "-o", "json").stdout)


def test_save_and_restore(three, tmp_path):
    """All of it is there in a new cluster with the old authority, and it grows to three again."""
    file = tmp_path / "backup"
    last = max(put(three[0], f"c{i}") for i in range(20))
    out = three.followers()[0].knarrctl("snapshot", "save", file).stdout
    assert "whole" in out
    was = info(file)
    assert was["revision"] >= last and was["objects"] > 20
    assert file.stat().st_mode & 0o777 == 0o600 and file.stat().st_size == was["fileBytes"]
    put(three[0], "late")
    for m in three.all:
        m.kill()

    group = Masters(tmp_path / "new", 0)
    new = Master(group, "n1", 1)
    group.all.append(new)
    group.number = 1
    shutil.copytree(three[0].dir / "data/pki", new.dir / "data/pki",
                    ignore=shutil.ignore_patterns("apiserver.*", "peer.*"))
    p = knarrctl("snapshot", "restore", file, "--data-dir", new.dir / "data", "-o", "json")
    now = json.loads(p.stdout)
    assert now["cluster"] != was["cluster"]
    assert now["revision"] == was["revision"] + 1000000000
    assert now["objects"] == was["objects"] - 3  # the masters' own records
    # Never over something.
    p = knarrctl("snapshot", "restore", file, "--data-dir", new.dir / "data", check=False)
    assert p.returncode == 1 and "not empty" in p.stderr
    try:
        new.start()
        assert names(new) == {f"c{i}" for i in range(20)}
        assert put(new, "again") > 1000000000
        status, body = new.api("GET", f"{CONFIGMAPS}?watch=1&resourceVersion={last}&"
                               "timeoutSeconds=1")
        assert (body if status != 200 else body["object"])["code"] == 410
        assert [x["name"] for x in group.members()] == ["n1"]
        group.add()
        group.add()
        assert names(group[2]) == {f"c{i}" for i in range(20)} | {"again"}
    finally:
        print(group.logs())
        group.close()


def test_refused(one, tmp_path):
    """Damaged files, newer formats, files that are none, and strangers: told, and nothing is done."""
    file, bad, dir = tmp_path / "backup", tmp_path / "bad", tmp_path / "restored"
    one[0].knarrctl("snapshot", "save", file)
    data = file.read_bytes()
    for content, word in ((data[:-20], "cut short"), (data[:50], "cut short"),
                          (data[:200] + b"\0\0\0" + data[203:], "damaged"), (b"", "no backup"),
                          (data[:7] + b"2" + data[8:], "newer format"), (b"{}", "no backup")):
        bad.write_bytes(content)
        for args in (("status", bad), ("restore", bad, "--data-dir", dir)):
            p = knarrctl("snapshot", *args, check=False)
            assert p.returncode == 1 and word in p.stderr, p.stderr
        assert not (dir / "store").exists()
    p = knarrctl("snapshot", "status", tmp_path / "absent", check=False)
    assert p.returncode == 1 and "No such file" in p.stderr
    p = one[0].knarrctl("snapshot", "save", tmp_path / "no/such/dir", check=False)
    assert p.returncode == 1 and "No such file" in p.stderr
    p = knarrctl("member", "rebuild", "--data-dir", one[0].dir / "data", check=False)
    assert p.returncode == 1 and "stop the master" in p.stderr
    # Who may read all of it: administrators.
    status, body = one[0].api("POST", "/api/v1/namespaces/default/serviceaccounts/default/token",
                              {"spec": {}})
    assert status == 201
    token = body["status"]["token"]
    ctx = ssl.create_default_context(cafile=one[0].dir / "data/pki/ca.crt")
    c = http.client.HTTPSConnection(one[0].address, 6443, context=ctx, timeout=20)
    c.request("GET", "/knarr/v1/snapshot", headers={"Authorization": f"Bearer {token}"})
    assert c.getresponse().status == 403
    assert one[0].api("POST", "/knarr/v1/snapshot", {})[0] == 405


def test_scheduled(one):
    """So many are kept, each of them whole."""
    dir = one[0].dir / "data/snapshots"

    def files():
        return sorted(dir.glob("knarr-*.backup")) if dir.exists() else []

    first = wait_until("one is there", files, timeout=20)[0]
    wait_until("it goes", lambda: not first.exists(), timeout=20)
    put(one[0], "a")
    assert len(files()) <= 3
    assert info(files()[-1])["objects"] > 5


def test_survivor(three, tmp_path):
    """Two of three are gone: the third becomes a cluster of its own, which can grow again."""
    for i in range(10):
        put(three[0], f"c{i}")
    keep = three.followers()[0]
    lost = [m for m in three.all if m is not keep]
    for m in lost:
        m.kill()
    # Nobody leads: what it has can still be saved.
    file = tmp_path / "local"
    keep.knarrctl("snapshot", "save", "--local", file)
    assert info(file)["objects"] > 10
    keep.kill()
    p = knarrctl("member", "rebuild", "--data-dir", keep.dir / "data")
    assert "before-rebuild" in p.stderr
    assert list((keep.dir / "data").glob("store.before-rebuild-*"))
    keep.start()
    assert names(keep) == {f"c{i}" for i in range(10)}
    put(keep, "after")
    three.all = [keep]
    assert [x["name"] for x in three.members()] == [keep.name]
    # One of the lost comes back: it is of another cluster, and changes nothing.
    old = lost[0]
    p = subprocess.Popen([str(a) for a in old.argv()], stderr=open(old.log_path, "ab"))
    try:
        wait_until("it is told", lambda: "another cluster" in old.log() + keep.log(), timeout=20)
        put(keep, "still")
    finally:
        p.kill()
        p.wait()
    shutil.rmtree(old.dir / "data")
    shutil.rmtree(old.dir / "etc", ignore_errors=True)
    three.add()
    assert names(three[1]) == {f"c{i}" for i in range(10)} | {"after", "still"}


def test_wiped_disk(three):
    """A master whose store is gone is a stranger until it is replaced; no vote is had from it."""
    put(three[0], "a")
    gone = three.followers()[0]
    gone.kill()
    shutil.rmtree(gone.dir / "data/store")
    p = subprocess.Popen([str(a) for a in gone.argv()], stderr=open(gone.log_path, "ab"))
    try:
        others = [m for m in three.all if m is not gone]
        wait_until("it is told", lambda: "takes nothing from this one" in gone.log(), timeout=20)
        put(others[0], "b")
        assert others[1].api("GET", f"{CONFIGMAPS}/b")[0] == 200
        others[0].kill()
        assert others[1].api("GET", f"{CONFIGMAPS}/b?resourceVersion=0")[0] == 200
        assert others[1].api("POST", CONFIGMAPS, {"metadata": {"name": "lost"}})[0] in (503, 504)
    finally:
        p.kill()
        p.wait()
