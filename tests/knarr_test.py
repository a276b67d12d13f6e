# SPDX-License-Identifier: Apache-2.0
"""What the pytest folders share: a real knarr-master on a free loopback port, and kubectl.

    def test_x(master):
        master.kubectl("create", "configmap", "a", "--from-literal=x=1")
        status, obj = master.api("GET", "/api/v1/namespaces/default/configmaps/a")
"""
import base64
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import lab
from lab import VERSIONS, client, wait_for  # noqa: F401 (others take wait_for from here)

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("KNARR_BUILD", os.path.join(TOP, "build"))


class Master(lab.Master):
    """A knarr-master with directories of its own, in a temporary folder."""

    def __init__(self, *args, folder=None, bind="127.0.0.1"):
        super().__init__(folder or tempfile.mkdtemp(prefix="knarr-test-"), options=args, bind=bind)

    @property
    def proc(self):
        return self.daemon.p

    def start(self, timeout=20.0):
        Path(self.log_path).write_bytes(b"")
        return super().start(timeout)

    def stop(self):
        if self.running():
            assert super().stop() == 0, self.log()

    def remove(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        """Started here; at the end it has to stop in good order. Nothing of it stays."""
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, kind, *_):
        try:
            if not kind:
                self.stop()
        finally:
            self.remove()

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
    with Master("--no-scheduler", "--no-controllers") as m:
        m.api("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        yield m
