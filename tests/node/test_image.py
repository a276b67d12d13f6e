# SPDX-License-Identifier: Apache-2.0
"""Images: archives of every form, hostile ones among them, and a real registry on loopback."""
import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import BUILD, need_root

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
DIFF = "application/vnd.oci.image.layer.v1.tar"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def member(name, data=b"", **kw):
    t = tarfile.TarInfo(name)
    t.size = len(data)
    t.mode = kw.pop("mode", 0o644)
    for k, v in kw.items():
        setattr(t, k, v)
    return t, data


def link(name, to, kind=tarfile.SYMTYPE):
    return member(name, type=kind, linkname=to)


def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for info, data in members:
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zstd(data):
    if not shutil.which("zstd"):
        pytest.skip("needs zstd")
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


class Layout:
    """An OCI image layout in a folder, made byte by byte."""

    def __init__(self, path):
        self.path = str(path)
        os.makedirs(f"{self.path}/blobs/sha256")
        with open(f"{self.path}/oci-layout", "w", encoding="utf-8") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')
        self.entries = []

    def blob(self, data, name=None):
        d = name or digest(data)
        with open(f"{self.path}/blobs/sha256/{d[7:]}", "wb") as f:
            f.write(data)
        return {"digest": d, "size": len(data)}

    def image(self, layers, name="busybox:1", arch=ARCH, compress=None, diffs=None, config=None):
        pack = compress or (lambda b: b)
        descr = [dict(self.blob(pack(x)), mediaType=DIFF) for x in layers]
        conf = {"architecture": arch, "os": "linux", "config": config or {},
                "rootfs": {"type": "layers", "diff_ids": diffs or [digest(x) for x in layers]}}
        m = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
             "config": dict(self.blob(json.dumps(conf).encode()),
                            mediaType="application/vnd.oci.image.config.v1+json"),
             "layers": descr}
        entry = dict(self.blob(json.dumps(m).encode()), mediaType=m["mediaType"])
        if name:
            entry["annotations"] = {"io.containerd.image.name": name}
        self.entries.append(entry)
        self.write()
        return entry

    def write(self):
        with open(f"{self.path}/index.json", "w", encoding="utf-8") as f:
            json.dump({"schemaVersion": 2, "manifests": self.entries}, f)


class Store:
    def __init__(self, path):
        self.path = str(path)

    def __call__(self, *args):
        p = subprocess.run([f"{BUILD}/tests/node/image-tool", self.path,
                            f"{BUILD}/knarr-image-helper", *args],
                           capture_output=True, text=True, timeout=120, check=False)
        return p.returncode, [json.loads(x) for x in p.stdout.splitlines()], p.stderr

    def good(self, *args):
        rc, out, err = self(*args)
        assert rc == 0, err
        return out[-1] if out else None

    def bad(self, *args):
        rc, out, err = self(*args)
        assert rc == 1, out
        assert self.left() == [], self.left()
        return err

    def left(self):
        """Nothing of a failed job may stay but whole blobs for the next try."""
        found = [f for f in os.listdir(f"{self.path}/tmp") if not f.startswith("blob-")]
        return found + os.listdir(f"{self.path}/layers")


@pytest.fixture
def store(tmp_path):
    need_root()
    return Store(tmp_path / "store")


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "layout")


@pytest.mark.parametrize("form", ["folder", "tar", "tar.gz", "tar.zst"])
@pytest.mark.parametrize("pack", ["plain", "gzip", "zstd"])
def test_import_forms(store, layout, tmp_path, form, pack):
    layers = [tar([member("a", b"one"), member("d/b", b"x")]), tar([member("a", b"two")])]
    layout.image(layers, compress={"plain": None, "gzip": gzip.compress, "zstd": zstd}[pack],
                 config={"Env": ["A=b"], "Entrypoint": ["/e"], "Cmd": ["c"], "User": "u"})
    src = layout.path
    if form != "folder":
        src = str(tmp_path / "image.tar")
        with tarfile.open(src, "w") as t:
            t.add(layout.path, arcname=".")
        data = open(src, "rb").read()
        with open(src, "wb") as f:
            f.write({"tar": bytes, "tar.gz": gzip.compress, "tar.zst": zstd}[form](data))
    i = store.good("import", src)
    assert i["names"] == ["docker.io/library/busybox:1"] and i["pinned"]
    assert (i["env"], i["entrypoint"], i["cmd"], i["user"]) == (["A=b"], ["/e"], ["c"], "u")
    top, low = i["lower"]
    assert open(f"{top}/a", "rb").read() == b"two" and open(f"{low}/a", "rb").read() == b"one"
    assert store.good("resolve", "busybox:1")["id"] == i["id"]
    assert store.good("resolve", i["id"][7:25])["id"] == i["id"]
    assert store.good("gc")["freed"] == 0  # imported images are pinned
    store.good("remove", "busybox:1")
    assert store("list")[1] == []


def test_layer_details(store, layout):
    whole = tar([
        member("dir", type=tarfile.DIRTYPE, mode=0o750, mtime=1000, uid=5, gid=6),
        member("dir/file", b"x", mode=0o4711, mtime=2000, uid=5),
        link("dir/soft", "file"), link("hard", "dir/file", tarfile.LNKTYPE),
        link("var/run", "/run"), member("run", type=tarfile.DIRTYPE, mode=0o755),
        member("var/run/pid", b"7"),
        member("dir/.wh.gone"), member("opaque/.wh..wh..opq"), member("opaque/new", b""),
        member("fifo", type=tarfile.FIFOTYPE),
        member("n\u00e4me", b"utf8"),
    ])
    layout.image([whole])
    d = store.good("import", layout.path)["lower"][0]
    st = os.stat(f"{d}/dir/file")
    assert (st.st_mode & 0o7777, st.st_uid, int(st.st_mtime), st.st_nlink) == (0o4711, 5, 2000, 2)
    st = os.stat(f"{d}/dir")
    assert (st.st_mode & 0o7777, st.st_gid, int(st.st_mtime)) == (0o750, 6, 1000)
    assert os.readlink(f"{d}/dir/soft") == "file"
    assert open(f"{d}/run/pid", encoding="utf-8").read() == "7"  # through the link, inside
    st = os.lstat(f"{d}/dir/gone")
    assert (st.st_mode & 0o170000, st.st_rdev) == (0o020000, 0)
    assert os.getxattr(f"{d}/opaque", "trusted.overlay.opaque") == b"y"
    assert open(f"{d}/n\u00e4me", "rb").read() == b"utf8"


HOSTILE = {
    "dotdot": [member("../../escaped", b"x")],
    "absolute dotdot": [member("/../../escaped", b"x")],
    "link then file": [link("l", "/tmp"), member("l/knarr-escaped", b"x")],
    "relative link": [link("l", "../../../../../../../../tmp"), member("l/knarr-escaped", b"x")],
    "link onto itself": [link("l", "l"), member("l/x", b"x")],
    "hard link out": [link("h", "../../../../etc/passwd", tarfile.LNKTYPE)],
    "hard link by soft": [link("s", "/etc"), link("h", "s/passwd", tarfile.LNKTYPE)],
    "file over link": [link("f", "/tmp/knarr-escaped"), member("f", b"x")],
    "whiteout out": [member(".wh...", b"")],
    "directory over link": [link("d", "/tmp"), member("d", type=tarfile.DIRTYPE, mode=0o700)],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_paths(store, layout, tmp_path, what):
    before = os.stat("/tmp").st_mode, os.stat("/etc/passwd").st_nlink
    layout.image([tar(HOSTILE[what])])
    rc, _, err = store("import", layout.path)
    assert rc in (0, 1), err
    for p in ("/tmp/knarr-escaped", "/escaped", tmp_path / "escaped", f"{store.path}/escaped",
              f"{store.path}/tmp/escaped", f"{store.path}/layers/escaped"):
        assert not os.path.lexists(p), p
    assert before == (os.stat("/tmp").st_mode, os.stat("/etc/passwd").st_nlink)
    if rc == 1:
        assert store.left() == []


def test_device_nodes_do_no_harm(store, layout):
    """A node of an image may be refused or left out, but is no way to a disk of the host."""
    layout.image([tar([member("disk", type=tarfile.BLKTYPE, devmajor=254, devminor=0, mode=0o666),
                       member("ok", b"1")])])
    rc, out, err = store("import", layout.path)
    if rc == 0:
        assert os.path.exists(out[-1]["lower"][0] + "/ok")


def test_bomb(store, layout):
    """A gigabyte of zeros in a megabyte: the limit of the test store is 1 GiB."""
    path = f"{layout.path}/big.tar.gz"
    inner = hashlib.sha256()
    with gzip.open(path, "wb", compresslevel=1) as g:
        head = tarfile.TarInfo("zeros")
        head.size = 3 << 29
        block = head.tobuf()
        g.write(block)
        inner.update(block)
        zeros = bytes(1 << 24)
        for _ in range((3 << 29) >> 24):
            g.write(zeros)
            inner.update(zeros)
    data = open(path, "rb").read()
    os.unlink(path)
    d = layout.blob(data)
    conf = {"architecture": ARCH, "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + inner.hexdigest()]}}
    m = {"schemaVersion": 2, "config": layout.blob(json.dumps(conf).encode()), "layers": [d]}
    layout.entries = [dict(layout.blob(json.dumps(m).encode()),
                           annotations={"io.containerd.image.name": "bomb:1"})]
    layout.write()
    assert "-27" in store.bad("import", layout.path)  # EFBIG


def test_damaged(store, layout, tmp_path):
    layer = tar([member("a", b"one")])
    layout.image([layer], diffs=[digest(b"other")])
    assert "digest" in store.bad("import", layout.path)
    other = Layout(tmp_path / "l2")
    e = other.image([layer])
    with open(f"{other.path}/blobs/sha256/{e['digest'][7:]}", "ab") as f:
        f.write(b" ")
    assert "digest" in store.bad("import", other.path)
    third = Layout(tmp_path / "l3")
    third.image([gzip.compress(layer)[:-20]], diffs=[digest(layer)])
    store.bad("import", third.path)
    fourth = Layout(tmp_path / "l4")
    fourth.image([layer], diffs=["sha256:../../../../etc/passwd"])
    store.bad("import", fourth.path)


def test_other_architecture(store, layout):
    layout.image([tar([member("a")])], arch="sparc")
    err = store.bad("import", layout.path)
    assert "sparc" in err and ARCH in err and "(-8)" in err


def test_no_image_at_all(store, tmp_path):
    (tmp_path / "text").write_text("no tar")
    (tmp_path / "empty").mkdir()
    for p in (tmp_path / "text", tmp_path / "empty", tmp_path / "absent", "/dev/null"):
        store.bad("import", str(p))


# ---- registry ----

@contextlib.contextmanager
def registry(path, extra=""):
    if not shutil.which("docker-registry"):
        pytest.skip("needs docker-registry")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    conf = path / "registry.yml"
    conf.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {path}/registry\n"
                    f"http:\n  addr: 127.0.0.1:{port}\n{extra}")
    with subprocess.Popen(["docker-registry", "serve", str(conf)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        try:
            deadline = time.time() + 10
            while time.time() < deadline:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            p.terminate()


def push(layout, name, *args):
    if not shutil.which("skopeo"):
        pytest.skip("needs skopeo")
    subprocess.run(["skopeo", "copy", "-q", "--dest-tls-verify=false", *args,
                    f"oci:{layout.path}:{name}", f"docker://{name}"], check=True)


def named(layout, ref):
    for e in layout.entries:
        e["annotations"] = {"org.opencontainers.image.ref.name": ref}
    layout.write()


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_pull(store, layout, tmp_path, pack):
    layers = [tar([member(f"f{i}", os.urandom(100000))]) for i in range(6)]
    layout.image(layers, compress=pack)
    with registry(tmp_path) as host:
        ref = f"{host}/team/app:1"
        named(layout, ref)
        push(layout, ref)
        i = store.good("pull", ref, host)
        assert i["names"] == [ref] and len(i["lower"]) == 6 and not i["pinned"]
        assert i["progresses"] >= 2
        assert [f for f in os.listdir(f"{store.path}/tmp")] == []
        by_digest = f"{host}/team/app@{i['digest']}"
        assert store.good("pull", by_digest, host)["id"] == i["id"]
        assert store.good("resolve", by_digest)["id"] == i["id"]
        assert "not found (-2)" in store("pull", f"{host}/team/app:2", host)[2]
        assert "not found (-2)" in store("pull", f"{host}/team/other:1", host)[2]
        assert store.good("gc")["freed"] >= 600000
        assert os.listdir(f"{store.path}/layers") == []
    assert "(-111)" in store("pull", f"{host}/team/app:1", host)[2]  # ECONNREFUSED


def test_pull_with_password(store, layout, tmp_path):
    if not shutil.which("htpasswd"):
        pytest.skip("needs htpasswd (Debian: apache2-utils)")
    line = subprocess.run(["htpasswd", "-nbB", "me", "secret"], capture_output=True, text=True,
                          check=True).stdout
    (tmp_path / "htpasswd").write_text(line)
    layout.image([tar([member("a", b"1")])])
    with registry(tmp_path, "auth:\n  htpasswd:\n    realm: r\n"
                  f"    path: {tmp_path}/htpasswd\n") as host:
        ref = f"{host}/app:1"
        named(layout, ref)
        push(layout, ref, "--dest-creds=me:secret")
        assert "(-13)" in store("pull", ref, host)[2]
        assert "(-13)" in store("pull", ref, host, "me:wrong")[2]
        store.good("pull", ref, host, "me:secret")


class Fake(BaseHTTPRequestHandler):
    """A registry with tokens, redirects and a bad line: each blob's first answer is cut short."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def token(self):
        s = self.server
        want = "Basic " + base64.b64encode(b"me:secret").decode()
        s.scopes.append(self.path)
        if self.headers.get("Authorization") != want:
            self.say(401)
        else:
            self.say(200, b'{"access_token":"T1"}')

    def blob(self, name):
        s = self.server
        data = open(f"{s.layout.path}/blobs/sha256/{name}", "rb").read()
        r = self.headers.get("Range")
        s.ranges.append(r)
        if r:
            at = int(r[6:].rstrip("-"))
            self.say(206, data[at:])
        elif name in s.cut or len(data) < 1000:
            self.say(200, data)
        else:
            s.cut.add(name)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.close_connection = True

    def do_GET(self):
        s, path = self.server, self.path
        if path.startswith("/token"):
            return self.token()
        if path.startswith("/storage/"):  # where blobs are sent to: needs no token
            return self.blob(path.rsplit("/", 1)[1])
        if self.headers.get("Authorization") != "Bearer T1":
            return self.say(401, WWW_Authenticate=f'Bearer realm="http://{s.host}/token",'
                            'service="fake",scope="repository:a/b:pull"')
        if "/manifests/" in path:
            return self.say(200, s.manifest, Content_Type="application/json")
        return self.say(307, Location=f"http://{s.host}/storage/{path.rsplit(':', 1)[1]}")


@contextlib.contextmanager
def fake_registry(layout, manifest):
    srv = ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    srv.host = f"127.0.0.1:{srv.server_port}"
    srv.layout, srv.manifest, srv.cut, srv.ranges, srv.scopes = layout, manifest, set(), [], []
    t = threading.Thread(target=srv.serve_forever, daemon=True)
    t.start()
    try:
        yield srv
    finally:
        srv.shutdown()
        srv.server_close()


def blob_of(layout, d):
    return open(f"{layout.path}/blobs/sha256/{d[7:]}", "rb").read()


def test_tokens_redirects_and_resumed_blobs(store, layout):
    e = layout.image([tar([member(f"f{i}", os.urandom(300000))]) for i in range(3)])
    with fake_registry(layout, blob_of(layout, e["digest"])) as srv:
        i = store.good("pull", f"{srv.host}/a/b:1", srv.host, "me:secret")
        assert len(i["lower"]) == 3
        assert len([r for r in srv.ranges if r]) == 3  # each went on where it was cut
        assert "scope=repository%3Aa%2Fb%3Apull" in srv.scopes[0]
    with fake_registry(layout, blob_of(layout, e["digest"])) as srv:
        assert "(-13)" in store("pull", f"{srv.host}/a/b:1", srv.host, "me:wrong")[2]
        assert "(-13)" in store("pull", f"{srv.host}/a/b:1", srv.host)[2]


def test_layers_say_their_size(store, layout):
    e = layout.image([tar([member("f", os.urandom(2000))])])
    m = json.loads(blob_of(layout, e["digest"]))
    del m["layers"][0]["size"]
    with fake_registry(layout, json.dumps(m).encode()) as srv:
        assert "no size" in store("pull", f"{srv.host}/a/b:1", srv.host, "me:secret")[2]


def test_no_program_is_started_to_decompress(store, layout):
    layout.image([b"LRZI" + bytes(60)])  # libarchive would ask lrzip
    assert "not a tar" in store.bad("import", layout.path)


def test_same_pull_thrice(store, layout, monkeypatch):
    e = layout.image([tar([member("f", os.urandom(300000))])])
    monkeypatch.setenv("THRICE", "1")
    with fake_registry(layout, blob_of(layout, e["digest"])) as srv:
        rc, out, err = store("pull", f"{srv.host}/a/b:1", srv.host, "me:secret")
        assert rc == 0, err
        assert len([o for o in out if "id" in o]) == 2 and {"cancelled": True} in out
        assert len(srv.scopes) == 1  # one process did it


def test_index_and_platforms(store, layout):
    e = layout.image([tar([member("a", b"1")])])
    entry = {"digest": e["digest"], "size": e["size"]}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
             "manifests": [dict(entry, platform={"os": "windows", "architecture": ARCH})]}
    with fake_registry(layout, json.dumps(index).encode()) as srv:
        err = store("pull", f"{srv.host}/a/b:1", srv.host, "me:secret")[2]
        assert "(-8)" in err and "windows" in err
    for lie in (b"[]", b"{", b'{"schemaVersion":1}', b"{}", b"[" * 100000):
        with fake_registry(layout, lie) as srv:
            rc, _, err = store("pull", f"{srv.host}/a/b:1", srv.host, "me:secret")
            assert rc == 1 and "(-" in err and "signal" not in err
    assert store.left() == []


def test_blob_that_is_something_else(store, layout):
    e = layout.image([tar([member("a", os.urandom(5000))])])
    m = json.loads(blob_of(layout, e["digest"]))
    layout.blob(b"x" * m["layers"][0]["size"], m["layers"][0]["digest"])
    with fake_registry(layout, blob_of(layout, e["digest"])) as srv:
        err = store("pull", f"{srv.host}/a/b:1", srv.host, "me:secret")[2]
        assert "digest" in err
    layout.blob(b"x" * 100000, m["layers"][0]["digest"])
    with fake_registry(layout, blob_of(layout, e["digest"])) as srv:
        err = store("pull", f"{srv.host}/a/b:1", srv.host, "me:secret")[2]
        assert "(-27)" in err or "digest" in err
    assert store.left() == []


def test_pulls_at_once_share_layers(store, layout, tmp_path):
    shared = [tar([member(f"s{i}", os.urandom(2000000))]) for i in range(3)]
    with registry(tmp_path) as host:
        for k in range(4):
            layout.entries = []
            layout.image(shared + [tar([member("own", b"%d" % k)])])
            named(layout, f"{host}/app{k}:1")
            push(layout, f"{host}/app{k}:1")
        with contextlib.ExitStack() as stack:
            ps = [stack.enter_context(subprocess.Popen(
                [f"{BUILD}/tests/node/image-tool", store.path, f"{BUILD}/knarr-image-helper",
                 "pull", f"{host}/app{k}:1", host], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True)) for k in range(4)]
            for p in ps:
                _, err = p.communicate(timeout=60)
                assert p.returncode == 0, err
        assert len(store("list")[1]) == 4
        assert len(os.listdir(f"{store.path}/layers")) == 7
