# SPDX-License-Identifier: Apache-2.0
"""Secrets at rest: what the disk and a backup hold, rotation while running, keys that are missing."""
import base64
import json
import os
import signal
import subprocess

import pytest
from knarr_test import BUILD, Master, wait_for

SECRETS = "/api/v1/namespaces/default/secrets"
TEXT = "correct-horse-battery-staple"


def key(name, n):
    return {"name": name, "secret": base64.b64encode(bytes([n]) * 32).decode()}


def config(*providers):
    return json.dumps({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
                       "resources": [{"resources": ["secrets"], "providers": list(providers)}]})


A, B = {"aesgcm": {"keys": [key("a", 1)]}}, {"secretbox": {"keys": [key("b", 2)]}}
PLAIN = {"identity": {}}


@pytest.fixture(scope="module")
def m():
    master = Master("--no-scheduler", "--no-controllers")
    master.conf = master.dir / "encryption.yaml"
    master.options += ["--encryption-provider-config", str(master.conf)]
    try:
        yield master
    finally:
        master.remove()


def write(m, text):
    new = m.dir / "new"
    new.write_text(text)
    os.replace(new, m.conf)


def on_disk(folder, text=TEXT):
    found = []
    for f in folder.iterdir():
        data = f.read_bytes()
        if text.encode() in data or base64.b64encode(text.encode())[:-4] in data:
            found.append(f.name)
    return found


def put(m, name, text=TEXT):
    m.kubectl("create", "secret", "generic", name, f"--from-literal=x={text}")


def get(m, name):
    status, obj = m.api("GET", f"{SECRETS}/{name}")
    assert status == 200, obj
    return base64.b64decode(obj["data"]["x"]).decode(), obj["metadata"]["resourceVersion"]


def test_generated_file_works(m):
    made = subprocess.run([BUILD + "/knarrctl", "encryption", "new"], check=True, capture_output=True,
                          text=True).stdout
    write(m, made)
    m.start()
    put(m, "first")
    m.stop()
    assert not on_disk(m.dir / "data/store")
    m.start()
    assert get(m, "first")[0] == TEXT
    m.api("DELETE", f"{SECRETS}/first")
    write(m, config(PLAIN, *json_providers(made)))
    wait_for(lambda: "is in force as it is now" in m.log(), 30)
    m.stop()


def json_providers(text):
    secret = [line.split()[-1] for line in text.splitlines() if "secret:" in line][0]
    return [{"aesgcm": {"keys": [{"name": "key1", "secret": secret}]}}]


def test_rotation_while_running(m):
    m.start()
    put(m, "s")
    assert on_disk(m.dir / "data/store"), "identity writes in plain"
    _, rev = get(m, "s")

    def replace():
        out = m.kubectl("get", "secrets", "-A", "-o", "json").stdout
        m.kubectl("replace", "-f", "-", stdin=out)
        return get(m, "s")[1]

    assert replace() == rev, "nothing to do: nothing is written"

    def rotate(*providers):
        n = m.log().count("is in force as it is now")
        write(m, config(*providers))
        wait_for(lambda: m.log().count("is in force as it is now") > n, 30)

    for providers in ((A, PLAIN), (B, A)):
        rotate(*providers)
        new = replace()
        assert new != rev, "a stale key: it is written"
        assert replace() == new
        rev = new
    rotate(B)
    assert get(m, "s") == (TEXT, rev)
    # What was written stays readable by what is in the file alone.
    m.kill()
    m.start()
    assert get(m, "s") == (TEXT, rev)
    watched = [e["object"] for e in m.watch(SECRETS + "?resourceVersion=0")]
    assert [o["metadata"]["name"] for o in watched] == ["s"]


def test_wrong_file_changes_nothing(m):
    for text, why in ((config({"kms": {"name": "k"}}), "keys of a KMS plugin are not supported"),
                      ("{", "the keys stay as they were")):
        n = m.log().count(why)
        write(m, text)
        m.proc.send_signal(signal.SIGHUP)
        wait_for(lambda: m.log().count(why) > n, 30)
        put(m, "after")
        assert get(m, "after")[0] == TEXT
        m.api("DELETE", f"{SECRETS}/after")
    write(m, config(B))


def start_fails(m, folder=None):
    argv = [a if a != str(m.dir / "data") else str(folder or a) for a in m.argv()]
    p = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return p.returncode, p.stdout + p.stderr


def test_backup_and_missing_keys(m):
    backup, data = m.dir / "backup", m.dir / "restored"
    ctl = BUILD + "/knarrctl"
    env = dict(os.environ, KUBECONFIG=str(m.kubeconfig))
    subprocess.run([ctl, "snapshot", "save", backup], env=env, check=True, capture_output=True)
    assert base64.b64encode(TEXT.encode())[:-4] not in backup.read_bytes()
    out = subprocess.run([ctl, "snapshot", "status", backup], check=True, capture_output=True, text=True).stdout
    assert "encrypted: 1 objects" in out, out
    m.stop()

    # The wrong key, and no file at all: said, and nothing is lost.
    wrong = {"secretbox": {"keys": [key("b", 3)]}}
    for text in (config(A), config(wrong)):
        write(m, text)
        code, out = start_fails(m)
        assert code == 78 and 'secrets default/s is sealed by secretbox key "b"' in out, out
    subprocess.run([ctl, "snapshot", "restore", "--data-dir", data, backup], check=True, capture_output=True)
    code, out = start_fails(m, data)
    assert code == 78 and "1 object(s) can't be read" in out, out

    write(m, config(B))
    m.start()
    assert get(m, "s")[0] == TEXT
    m.stop()
    # The restored one, too.
    os.rename(m.dir / "data/store", m.dir / "old-store")
    os.rename(data / "store", m.dir / "data/store")
    (m.dir / "data/master.json").unlink(missing_ok=True)
    m.start()
    assert get(m, "s")[0] == TEXT
    m.stop()
