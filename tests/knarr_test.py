# SPDX-License-Identifier: Apache-2.0
"""What the pytest folders share: a real knarr-master on a free loopback port, and kubectl.

    def test_x(master):
        master.kubectl("create", "configmap", "a", "--from-literal=x=1")
        status, obj = master.api("GET", "/api/v1/namespaces/default/configmaps/a")
"""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

import pytest

from lab import VERSIONS, client, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("KNARR_BUILD", os.path.join(TOP, "build"))


class Master:
    """A knarr-master with directories of its own. start() may be called again after stop()."""

    def __init__(self, *args, folder=None):
        self.dir = folder or tempfile.mkdtemp(prefix="knarr-test-")
        self.args = args
        self.proc = None
        self.port = 0
        self.log_path = os.path.join(self.dir, "log")
        self.kubeconfig = os.path.join(self.dir, "etc", "admin.conf")
        self.ctx = None

    def start(self):
        with open(self.log_path, "wb") as log:
            self.proc = subprocess.Popen(
                [os.path.join(BUILD, "knarr-master"), "--data-dir", os.path.join(self.dir, "data"),
                 "--config-dir", os.path.join(self.dir, "etc"), "--bind", "127.0.0.1",
                 "--port", str(self.port), *self.args], stdout=log, stderr=log)
        wait_for(lambda: self.proc.poll() is not None or "ready after" in self.log())
        assert self.proc.poll() is None, self.log()
        self.port = int(re.search(r"https://127\.0\.0\.1:(\d+)", self.log()).group(1))
        pki = os.path.join(self.dir, "data", "pki")
        self.ctx = ssl.create_default_context(cafile=os.path.join(pki, "ca.crt"))
        self.ctx.load_cert_chain(os.path.join(pki, "admin.crt"), os.path.join(pki, "admin.key"))
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            assert self.proc.wait(timeout=15) == 0, self.log()

    def remove(self):
        if self.proc and self.proc.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def connect(self, anonymous=False):
        ctx = self.ctx
        if anonymous:
            ctx = ssl.create_default_context(
                cafile=os.path.join(self.dir, "data", "pki", "ca.crt"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=ctx, timeout=20)

    def raw(self, method, path, body=None, headers=None, anonymous=False):
        """Status, headers and bytes of one request."""
        c = self.connect(anonymous)
        try:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def api(self, method, path, obj=None, content_type="application/json", headers=None,
            anonymous=False):
        """Status and decoded JSON of one request; obj may be bytes."""
        h = dict(headers or {})
        body = None
        if obj is not None:
            body = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
            h.setdefault("Content-Type", content_type)
        status, _, data = self.raw(method, path, body, h, anonymous)
        try:
            return status, json.loads(data)
        except ValueError:
            return status, data.decode("utf-8", "replace")

    def watch(self, path, seconds=1):
        """Events of a watch that the server ends after `seconds`."""
        sep = "&" if "?" in path else "?"
        _, _, data = self.raw("GET", f"{path}{sep}watch=true&timeoutSeconds={seconds}")
        return [json.loads(line) for line in data.splitlines() if line]

    def kubectl(self, *args, version=None, check=True, stdin=None, timeout=60):
        version = version or list(VERSIONS)[-1]
        if not version:
            pytest.skip("no kubectl: npm ci --prefix tests/clients")
        path = client("kubectl", version)
        env = dict(os.environ, KUBECONFIG=self.kubeconfig, HOME=self.dir)
        p = subprocess.run([path, *args], env=env, input=stdin, capture_output=True, text=True,
                           timeout=timeout, check=False)
        if check:
            assert p.returncode == 0, f"kubectl {' '.join(args)}\n{p.stdout}{p.stderr}"
        return p


def admin_der(master):
    """The administrator's certificate in the kubeconfig, decoded."""
    with open(master.kubeconfig, encoding="utf-8") as f:
        text = re.search(r"client-certificate-data: (\S+)", f.read()).group(1)
    return base64.b64decode(text)


@pytest.fixture(scope="module")
def master():
    """One master for the tests of a file, without scheduler and controllers of its own."""
    m = Master("--no-scheduler", "--no-controllers")
    try:
        m.start()
        m.api("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        yield m
        m.stop()
    finally:
        m.remove()
