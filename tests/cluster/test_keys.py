# SPDX-License-Identifier: Apache-2.0
"""Several masters: their authority rotated, and Secrets that are sealed on each of them."""
import base64
import json
import shutil
import ssl

import pytest

from lab import wait_until
from masters import Masters

SECRETS = "/api/v1/namespaces/default/secrets"
TEXT = "correct-horse-battery-staple"


def config(*keys):
    return json.dumps({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [{"aesgcm": {"keys": [
            {"name": f"k{k}", "secret": base64.b64encode(bytes([k]) * 32).decode()} for k in keys]}}]}]})


@pytest.fixture(scope="module")
def ms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    conf = folder / "encryption.yaml"
    conf.write_text(config(1))
    m = Masters(folder, 3, ["--no-scheduler", "--controllers", "root-ca,serviceaccount",
                            "--encryption-provider-config", conf])
    m.conf = conf
    try:
        yield m
    except BaseException:
        print(m.logs())
        raise
    finally:
        m.close()


def restart_all(ms):
    for m in list(ms.all):
        m.stop()
        m.start()
        wait_until("all masters answer", lambda: all(x["alive"] and x["serving"] for x in ms.members()), 60)


def read(m):
    status, got = m.api("GET", f"{SECRETS}/s")
    return status == 200 and base64.b64decode(got["data"]["x"]).decode() == TEXT


def test_secrets_are_sealed_on_all(ms):
    obj = {"metadata": {"name": "s"}, "data": {"x": base64.b64encode(TEXT.encode()).decode()}}
    assert ms[1].api("POST", SECRETS, obj)[0] == 201
    for m in ms.all:
        wait_until(f"{m.name} has the Secret", lambda m=m: read(m), 30)
        for f in (m.dir / "data/store").iterdir():
            assert base64.b64encode(TEXT.encode())[:-4] not in f.read_bytes(), f
    # One that was away while the key was rotated finds old and new entries in the log.
    away = ms.followers()[0]
    away.stop()
    ms.conf.write_text(config(2, 1))
    others = [m for m in ms.all if m is not away]
    for m in others:
        wait_until("the file is read anew", lambda m=m: "is in force as it is now" in m.log(), 30)
    obj["metadata"]["name"] = "t"
    assert others[0].api("POST", SECRETS, obj)[0] == 201
    away.start()
    wait_until("it has caught up", lambda: away.api("GET", f"{SECRETS}/t")[0] == 200, 30)
    assert read(away)


def test_rotation(ms):
    gone = ms.dir / "gone"
    shutil.copytree(ms[2].dir / "data/pki", gone)
    for stage, trusted in (("prepare", 2), ("switch", 2), ("finish", 1)):
        ms[0].knarrctl("ca", "rotate", "--stage", stage)
        restart_all(ms)
        out = ms[0].knarrctl("ca", "status").stdout
        assert out.count("sha256:") == 3 * trusted and "anew" not in out, out
        assert read(ms[1])
    cas = {(m.dir / "data/pki/ca.crt").read_text() for m in ms.all}
    keys = {(m.dir / "data/pki/sa.key").read_text() for m in ms.all}
    assert len(cas) == len(keys) == 1 and (gone / "ca.crt").read_text() not in cas
    # What a master knew that was removed before counts for nothing.
    m, own = ms[0], ms[0].ctx
    m.ctx = ssl.create_default_context(cafile=m.dir / "data/pki/ca.crt")
    m.ctx.load_cert_chain(gone / "admin.crt", gone / "admin.key")
    assert m.api("GET", SECRETS)[0] == 401
    m.ctx = own
    # And the cluster takes in new ones again.
    assert ms.add().api("GET", f"{SECRETS}/s")[0] == 200
