# SPDX-License-Identifier: Apache-2.0
"""Masters that join, are promoted, demoted, replaced and removed; and what is refused."""
import base64
import json
import subprocess
import time

import pytest

from lab import BUILD, wait_until
from masters import Masters

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(name="one")
def fixture_one(tmp_path):
    """A cluster of one."""
    c = Masters(tmp_path, 1)
    try:
        yield c
    except BaseException:
        print(c.logs())
        raise
    finally:
        c.close()


@pytest.fixture(name="three")
def fixture_three(tmp_path):
    c = Masters(tmp_path, 3)
    try:
        yield c
    finally:
        print(c.logs())
        c.close()


def put(m, name, value="x"):
    status, body = m.api("POST", CONFIGMAPS, {"metadata": {"name": name}, "data": {"v": value}})
    assert status == 201, body
    return body


def refused(m, *words):
    """Starting it fails, says so, and leaves no trace of it."""
    p = subprocess.run(m.argv(), capture_output=True, text=True, timeout=60, check=False)
    assert p.returncode != 0
    last = p.stderr.strip().splitlines()[-1]
    for w in words:
        assert w in last, last
    assert not (m.dir / "data/pki/ca.key").exists()
    return last


def test_one_becomes_three(one):
    put(one[0], "before")
    two = one.add()
    p = one[0].knarrctl("member", "list")
    assert "2 masters vote" in p.stderr
    three = one.add(via=two)
    rows = one[0].knarrctl("member", "list", "-o", "wide").stdout.splitlines()
    assert len(rows) == 4 and sum(" leader " in r for r in rows) == 1
    assert "warning" not in one[0].knarrctl("member", "list").stderr
    put(three, "after")
    for m in one.all:
        status, body = m.api("GET", f"{CONFIGMAPS}/after")
        assert status == 200 and body["data"] == {"v": "x"}
        assert m.api("GET", f"{CONFIGMAPS}/before")[0] == 200
    servers = (three.dir / "etc/admin.conf").read_text()
    for m in one.all:
        assert m.address in servers
    # Everybody's kubeconfig works at everybody's: one authority, one key for service accounts.
    assert three.knarrctl("get", "namespaces").stdout.count("Active") == 4


def test_three_restart(three):
    put(three[0], "a")
    for m in three.all:
        assert m.stop() == 0
    for m in three.all:
        m.daemon.p = subprocess.Popen([str(a) for a in m.argv()], stderr=open(m.log_path, "ab"))
    wait_until("a leader", lambda: three.leader(), timeout=20)
    for m in three.all:
        wait_until("reads", lambda m=m: m.api("GET", f"{CONFIGMAPS}/a")[0] == 200)


def test_leader_hands_over(three):
    put(three[0], "a")
    for i in range(3):
        leader = three.leader()
        began = time.monotonic()
        assert leader.stop() == 0
        assert time.monotonic() - began < 8
        other = three.leader()
        assert other is not leader
        put(other, f"b-{i}")
        leader.start()
        assert leader.api("GET", f"{CONFIGMAPS}/b-{i}")[0] == 200


def test_roles(three):
    a, b = three.followers()
    a.knarrctl("member", "demote", b.name)
    assert three.member(b.name)["role"] == "standby"
    p = a.knarrctl("member", "promote", b.name)
    assert three.member(b.name)["role"] == "voter"
    assert "warning" not in p.stderr
    # Leadership goes where it is sent, and who leads may be demoted and removed like others.
    a.knarrctl("member", "lead", a.name)
    assert three.leader() is a
    p = b.knarrctl("member", "demote", a.name)
    assert three.leader() is not a and three.member(a.name)["role"] == "standby"
    assert "2 masters vote" in p.stderr
    leader = three.leader()
    leader.knarrctl("member", "promote", a.name)
    b.knarrctl("member", "remove", leader.name)
    left = json.loads(three.followers()[0].knarrctl("member", "list", "-o", "json").stdout)
    assert leader.name not in [x["name"] for x in left["members"]]
    wait_until("it ends", lambda: not leader.running(), timeout=20)
    assert leader.daemon.p.returncode == 78
    assert "was removed from the cluster" in leader.log()
    p = subprocess.run(leader.argv(), capture_output=True, text=True, timeout=60, check=False)
    assert p.returncode == 78 and "was removed from its cluster" in p.stderr


def test_replaced(three):
    dead = three.followers()[0]
    dead.kill()
    leader = three.leader()
    words = leader.knarrctl("member", "replace", dead.name).stdout.split()
    assert words[-2:] == ["--replace", dead.name]
    p = leader.knarrctl("member", "replace", "nobody", check=False)
    assert p.returncode == 1 and 'no master "nobody"' in p.stderr
    three.all.remove(dead)
    new = three.new(name=dead.name + "b", options=["--replace", dead.name], via=leader).start()
    three.all.append(new)
    wait_until("the dead one is gone", lambda: sorted(
        (x["name"], x["role"]) for x in three.members()) == sorted(
            (m.name, "voter") for m in three.all), timeout=20)


def test_standby(one):
    s = one.add(options=["--standby"])
    time.sleep(0.5)
    assert one.member(s.name)["role"] == "standby"
    put(s, "x")
    assert "warning" not in one[0].knarrctl("member", "list").stderr
    one[0].knarrctl("member", "promote", s.name)
    assert one.member(s.name)["role"] == "voter"


def test_refused(one, tmp_path):
    m = one[0]
    good = one.new().join
    before = one.members()

    def bad(folder, *words, join=None, options=(), name=None):
        x = one.new(folder, options=options)
        x.name = name or folder
        x.join = join or good
        refused(x, *words)
        now = one.members()
        assert [(x["name"], x["role"]) for x in now] == [(x["name"], x["role"]) for x in before]

    bad("t1", "--token", join=[*good[:3], "abcdef.0123456789abcdef", *good[4:]])
    node = m.knarrctl("token", "create").stdout.strip()
    bad("t2", "--token", "not one for masters", join=[*good[:3], node, *good[4:]])
    bad("t3", "--ca-hash", "another cluster", join=[*good[:5], "sha256:" + "0" * 64])
    bad("t6", "is a member already", name=m.name)
    bad("t4", "--join needs --token", join=good[:2])
    bad("t5", 'no master "nobody"', options=["--replace", "nobody"])
    # A token for masters opens nothing else, and one that never ends nothing at all.
    token = good[3]
    status, _ = m.api("GET", "/api/v1/nodes")
    assert status == 200
    p = subprocess.run(
        ["curl", "-s", "--cacert", m.dir / "data/pki/ca.crt", "-H", f"Authorization: Bearer {token}",
         f"https://{m.address}:6443/api/v1/namespaces/kube-system/secrets"],
        capture_output=True, text=True, check=False)
    assert json.loads(p.stdout)["code"] == 403
    p = m.knarrctl("token", "create", "--master", "--ttl", "0", check=False)
    assert p.returncode == 2
    # The last voter stays.
    for verb in ("remove", "demote"):
        p = m.knarrctl("member", verb, m.name, "--force", check=False)
        assert p.returncode == 1 and "the last master that votes" in p.stderr, p.stderr
    p = m.knarrctl("member", "promote", "nobody", check=False)
    assert p.returncode == 1 and 'no master "nobody"' in p.stderr


def test_member_of_another(one, tmp_path):
    other = Masters(tmp_path / "other", 0)
    other.number = 100
    try:
        x = other.add("x")
        words = one.new().join
        p = subprocess.run([*x.argv(), *words, "--config-dir", tmp_path / "e"],
                           capture_output=True, text=True, timeout=60, check=False)
        assert p.returncode != 0 and "belongs to another cluster" in p.stderr
        assert len(one.members()) == 1 and len(other.members()) == 1
    finally:
        other.close()


def test_settings_are_the_clusters(tmp_path):
    c = Masters(tmp_path, 1, options=["--service-cidr", "10.77.0.0/24"])
    try:
        c.options = []
        two = c.add()
        assert json.loads((two.dir / "data/master.json").read_text())["serviceCIDR"] == "10.77.0.0/24"
        status, body = two.api("GET", "/api/v1/namespaces/default/services/kubernetes")
        assert status == 200 and body["spec"]["clusterIP"] == "10.77.0.1"
        two.stop()
        p = subprocess.run([*two.argv(), "--service-cidr", "10.78.0.0/24"], capture_output=True,
                           text=True, timeout=60, check=False)
        assert p.returncode != 0 and "this cluster has 10.77.0.0/24" in p.stderr
    finally:
        c.close()


def test_needs_the_right(three):
    """Who is no administrator is told nothing about masters, at any of them."""
    m = three.followers()[0]
    status, _ = m.api("GET", "/knarr/v1/members", headers={"Impersonate-User": "eve"})
    assert status == 403
    # Nobody is believed to speak for others but a master.
    status, body = m.api("GET", "/api/v1/nodes", headers={"x-knarr-user": "eyJuYW1lIjoiZXZlIn0="})
    assert status == 200


def test_identity_goes_along(three):
    """A write that is passed on is that of who made it."""
    m = three.followers()[0]
    status, body = m.api("POST", CONFIGMAPS, {"metadata": {"name": "x"}},
                         headers={"Impersonate-User": "eve"})
    assert status == 403 and 'User "eve"' in body["message"], body
    role = {"kind": "ClusterRole", "name": "edit", "apiGroup": "rbac.authorization.k8s.io"}
    status, body = m.api("POST",
                         "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
                         {"metadata": {"name": "eve"}, "roleRef": role,
                          "subjects": [{"kind": "User", "name": "eve",
                                        "apiGroup": "rbac.authorization.k8s.io"}]})
    assert status == 201, body
    wait_until("eve may", lambda: m.api("POST", CONFIGMAPS, {"metadata": {"name": "x"}},
                                        headers={"Impersonate-User": "eve"})[0] == 201)


def test_quorum_is_kept(three):
    leader = three.leader()
    a, b = three.followers()
    a.kill()
    wait_until("it is missed", lambda: not three.member(a.name, leader)["alive"])
    p = leader.knarrctl("member", "demote", b.name, check=False)
    assert p.returncode == 1 and "could be written any more" in p.stderr
    wait_until("it is told", lambda: "no further voter may fail" in leader.knarrctl(
        "member", "list").stderr)
    leader.knarrctl("member", "remove", a.name)
    assert len(three.members(leader)) == 2


def test_what_was_made_elsewhere(three):
    """A token, a right, a kind, an object: used at a follower the moment the leader has made it."""
    leader, (f, g) = three.leader(), three.followers()
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    status, body = leader.api("POST", f"{rbac}/clusterroles", {
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]})
    assert status == 201, body
    for i in range(15):
        put(leader, f"o{i}")
        assert f.api("GET", f"{CONFIGMAPS}/o{i}")[0] == 200
        status, body = leader.api("POST", f"{rbac}/namespaces/default/rolebindings", {
            "metadata": {"name": f"u{i}"},
            "roleRef": {"kind": "ClusterRole", "name": "reader", "apiGroup": rbac.split("/")[2]},
            "subjects": [{"kind": "User", "name": f"u{i}", "apiGroup": rbac.split("/")[2]}]})
        assert status == 201, body
        assert g.api("GET", f"{CONFIGMAPS}/o{i}", headers={"Impersonate-User": f"u{i}"})[0] == 200
        token = leader.knarrctl("token", "create").stdout.strip()
        c = f.connect(anonymous=True)
        c.request("GET", "/api/v1/nodes", headers={"Authorization": f"Bearer {token}"})
        assert c.getresponse().status == 403, "who it is must be known, so that it is no 401"
        c.close()
    status, body = leader.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        "metadata": {"name": "boats.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
                 "names": {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
                     "openAPIV3Schema": {"type": "object",
                                         "x-kubernetes-preserve-unknown-fields": True}}}]}})
    assert status == 201, body
    boats = "/apis/example.com/v1/namespaces/default/boats"
    wait_until("it is served", lambda: leader.api("GET", boats)[0] == 200)
    for m in (f, g):
        status, body = m.api("GET", boats)
        assert status == 200, body
    status, body = f.api("POST", boats, {"apiVersion": "example.com/v1", "kind": "Boat",
                                         "metadata": {"name": "knarr"}, "spec": {"sails": 1}})
    assert status == 201, body
    assert g.api("GET", f"{boats}/knarr")[1]["spec"] == {"sails": 1}


def test_no_other_token_opens(one):
    """The door where keys are handed out: what a Secret may say to open it, and what not."""
    m = one[0]
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))
    past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))

    def ask(i, **data):
        token = f"abcde{i}.0123456789abcdef"
        status, body = m.api("POST", "/api/v1/namespaces/kube-system/secrets", {
            "metadata": {"name": f"bootstrap-token-abcde{i}"}, "type": "bootstrap.kubernetes.io/token",
            "stringData": {"token-id": f"abcde{i}", "token-secret": "0123456789abcdef",
                           "usage-bootstrap-authentication": "true", **data}})
        assert status == 201, body
        c = m.connect(anonymous=True)
        c.request("POST", "/knarr/v1/join", "{}", {"Authorization": f"Bearer {token}"})
        return c.getresponse().status
    usage = {"usage-knarr-master-join": "true"}
    assert ask(0, expiration=soon, **usage) == 400  # let in, and then there is no name in the body
    assert ask(1, **usage) == 401
    assert ask(2, expiration=past, **usage) == 401
    assert ask(3, expiration=soon) == 403
    assert ask(4, expiration=soon,
               **{"auth-extra-groups": "system:bootstrappers:knarr:masters"}) == 403
    assert ask(5, expiration=soon, **{"usage-knarr-master-join": "yes"}) == 403
    # Nobody gets a certificate of a master by asking for one.
    key, csr = m.dir / "eve.key", m.dir / "eve.csr"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", csr, "-subj",
                    "/O=knarr:masters/CN=knarr-master-0000000000000009"], check=True,
                   capture_output=True)
    csrs = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    status, body = m.api("POST", csrs, {
        "metadata": {"name": "eve"}, "spec": {
            "request": base64.b64encode(csr.read_bytes()).decode(), "usages": ["client auth"],
            "signerName": "kubernetes.io/kube-apiserver-client"}})
    assert status == 201, body
    body["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "x"}]}
    assert m.api("PUT", f"{csrs}/eve/approval", body)[0] == 200
    time.sleep(0.5)
    assert not m.api("GET", f"{csrs}/eve")[1]["status"].get("certificate")
