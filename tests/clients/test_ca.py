# SPDX-License-Identifier: Apache-2.0
"""knarrctl ca rotate: the authority and the service accounts' key are replaced, step by step."""
import json
import os
import shutil
import ssl
import subprocess

import pytest
from knarr_test import BUILD, Master, wait_for

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler", "--controllers", "root-ca,serviceaccount") as master:
        yield master


def ctl(m, *args, check=True):
    env = dict(os.environ, KUBECONFIG=str(m.kubeconfig))
    p = subprocess.run([BUILD + "/knarrctl", "ca", *args], env=env, capture_output=True, text=True,
                       timeout=60, check=False)
    assert not check or p.returncode == 0, p.stdout + p.stderr
    return p.stdout if check else p


def bundle(m):
    return m.api("GET", MAPS + "/kube-root-ca.crt")[1].get("data", {}).get("ca.crt", "")


def keys(m):
    return [k["kid"] for k in m.api("GET", "/openid/v1/jwks")[1]["keys"]]


def token(m):
    status, got = m.api("POST", "/api/v1/namespaces/default/serviceaccounts/default/token",
                        {"spec": {"expirationSeconds": 3600}})
    assert status == 201, got
    return got["status"]["token"]


def who(m, ctx=None, bearer=None):
    """The status of asking who one is, by an old certificate or a token."""
    own, m.ctx = m.ctx, ctx or m.ctx
    try:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return m.api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                     {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
                     headers=headers, anonymous=bool(bearer))[0]
    finally:
        m.ctx = own


def restart(m):
    m.stop()
    m.start()


def test_rotation(m):
    wait_for(lambda: m.api("GET", "/api/v1/namespaces/default/serviceaccounts/default")[0] == 200, 30)
    wait_for(lambda: bundle(m).count("BEGIN") == 1, 30)
    old = m.dir / "old-pki"
    shutil.copytree(m.dir / "data/pki", old)
    first, old_keys, old_token = bundle(m), keys(m), token(m)
    assert len(old_keys) == 1 and who(m, bearer=old_token) == 201

    # Not before it is prepared; and what is prepared can be taken back.
    assert "no other authority is prepared" in ctl(m, "rotate", "--stage", "switch", check=False).stderr
    ctl(m, "rotate", "--stage", "prepare")
    ctl(m, "rotate", "--stage", "prepare")
    assert "has to be started anew" in ctl(m, "rotate", "--stage", "switch", "--force", check=False).stderr
    assert "not all have followed" in ctl(m, "rotate", "--stage", "switch", check=False).stderr
    ctl(m, "rotate", "--stage", "cancel")
    restart(m)
    assert bundle(m) == first and keys(m) == old_keys

    ctl(m, "rotate", "--stage", "prepare")
    restart(m)
    wait_for(lambda: bundle(m).count("BEGIN") == 2, 30)
    assert bundle(m).startswith(first) and keys(m)[0] == old_keys[0] and len(keys(m)) == 2
    assert "prepared" in ctl(m, "status")

    ctl(m, "rotate", "--stage", "switch")
    shutil.copy(old / "ca.crt", m.dir / "old-ca.crt")
    restart(m)
    wait_for(lambda: bundle(m).endswith(first), 30)
    assert keys(m)[1:] == old_keys and not (m.dir / "data/pki/ca-next.key").exists()
    # Whoever has only the new authority, and whoever has both, gets in; old credentials still do.
    both = ssl.create_default_context(cadata=bundle(m))
    both.load_cert_chain(old / "admin.crt", old / "admin.key")
    assert who(m, ctx=both) == 201 and who(m, bearer=old_token) == 201 and who(m) == 201
    new_token = token(m)
    with open(m.kubeconfig, encoding="utf-8") as f:
        assert "knarr" in f.read()
    assert m.kubectl("get", "namespaces").returncode == 0

    ctl(m, "rotate", "--stage", "finish")
    restart(m)
    wait_for(lambda: bundle(m).count("BEGIN") == 1, 30)
    assert bundle(m) != first and len(keys(m)) == 1 and keys(m) != old_keys
    gone = ssl.create_default_context(cadata=bundle(m))
    gone.load_cert_chain(old / "admin.crt", old / "admin.key")
    assert who(m, ctx=gone) == 401 and who(m, bearer=old_token) == 401
    assert who(m) == 201 and who(m, bearer=new_token) == 201
    assert "steady" in ctl(m, "status")
    left = json.dumps(sorted(p.name for p in (m.dir / "data/pki").iterdir()))
    assert "-old" not in left and "-next" not in left, left


def test_switch_that_was_cut_off(m):
    """Power gone between any two renames: the next start goes on."""
    ctl(m, "rotate", "--stage", "prepare")
    restart(m)
    pki = m.dir / "data/pki"
    new = (pki / "ca-next.crt").read_text()
    m.stop()
    shutil.copy(pki / "ca.crt", pki / "ca-old.crt")
    shutil.copy(pki / "sa.pub", pki / "sa-old.pub")
    os.rename(pki / "ca-next.key", pki / "ca.key")
    m.start()
    assert (pki / "ca.crt").read_text() == new and len(keys(m)) == 2
    assert "switched" in ctl(m, "status")
    ctl(m, "rotate", "--stage", "finish")
    restart(m)
    assert len(keys(m)) == 1
