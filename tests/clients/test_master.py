# SPDX-License-Identifier: Apache-2.0
"""The program knarr-master: wrong options, things in its way, signals, systemd's protocol."""
import http.client
import os
import signal
import socket
import subprocess
import threading

import pytest
from knarr_test import BUILD, Master, wait_for


def run(*args, timeout=10):
    return subprocess.run([os.path.join(BUILD, "knarr-master"), *args], capture_output=True,
                          text=True, timeout=timeout, check=False)


@pytest.mark.parametrize("args,code,says", [
    (["--nonsense"], 78, "unknown option --nonsense"),
    (["--prot", "1"], 78, "did you mean --port"),
    (["--port", "x"], 78, '--port: "x" is not a whole number'),
    (["--port", "70000"], 78, "--port: 70000 is no port"),
    (["--advertise-address", "m1.example"], 78, "--advertise-address: \"m1.example\" is no address"),
    (["--log-level", "loud"], 78, "--log-level"),
    (["--service-node-port-range", "5-4"], 78, "--service-node-port-range"),
    (["word"], 78, 'unexpected argument "word"'),
    (["--service-cidr", "10.0.0.0"], 78, '--service-cidr: "10.0.0.0" is no range of addresses'),
    (["--service-cidr", "10.96.0.0/30"], 78, "--service-cidr"),
    (["--cluster-cidr", "10.0.0"], 78, '--cluster-cidr: "10.0.0" is no range of addresses'),
    (["--cluster-cidr", "10.0.0.0/25"], 78, "--cluster-cidr"),
    (["--data-dir", "/proc/no/such"], 1, "--data-dir: cannot make /proc/no/such"),
])
def test_wrong_options(args, code, says):
    p = run(*args)
    assert p.returncode == code and says in p.stderr, p.stderr
    assert p.stderr.count("\n") == 1


@pytest.mark.parametrize("options,says", [
    (["--scheduler-config", "{bad}"], "--scheduler-config {bad}: "),
    (["--audit-log-path", "-", "--audit-policy-file", "{bad}"], "audit policy {bad}: "),
    (["--authentication-token-webhook-config-file", "{bad}"],
     "--authentication-token-webhook-config-file: {bad}: "),
    (["--oidc-issuer-url", "http://x", "--oidc-client-id", "y"], '--oidc-issuer-url: "http://x"'),
    (["--oidc-issuer-url", "https://x"], "--oidc-client-id: is needed"),
    (["--oidc-client-id", "y"], "need --oidc-issuer-url"),
])
def test_wrong_files(tmp_path, options, says):
    """A restart would not help: exit status 78, which systemd knows."""
    bad = str(tmp_path / "bad")
    (tmp_path / "bad").write_text("x: [\n")
    p = run("--data-dir", f"{tmp_path}/d", "--config-dir", f"{tmp_path}/e", "--bind", "127.0.0.1",
            "--port", "0", *[o.replace("{bad}", bad) for o in options])
    assert p.returncode == 78 and says.replace("{bad}", bad) in p.stderr, (p.returncode, p.stderr)


def test_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        p = run("--data-dir", f"{tmp_path}/d", "--config-dir", f"{tmp_path}/e", "--bind",
                "127.0.0.1", "--port", str(port))
    assert p.returncode == 1 and str(port) in p.stderr and "in use" in p.stderr


def test_damaged_key(tmp_path):
    pki = tmp_path / "d" / "pki"
    pki.mkdir(parents=True)
    (pki / "ca.key").write_text("rubbish")
    p = run("--data-dir", f"{tmp_path}/d", "--config-dir", f"{tmp_path}/e")
    assert p.returncode == 1 and "ca.key" in p.stderr
    assert (pki / "ca.key").read_text() == "rubbish"


def test_help_and_version():
    assert "--data-dir DIR" in run("--help").stdout
    assert run("--version").returncode == 0


def test_stop_ends_watches_and_tells_systemd(tmp_path, monkeypatch):
    path = f"{tmp_path}/notify"
    said = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as n:
        n.bind(path)

        def listen():
            while not said or said[-1] != "end":
                said.append(n.recv(4096).decode())

        listener = threading.Thread(target=listen)
        listener.start()
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        m = Master("--no-scheduler", "--no-controllers")
        p = subprocess.Popen(m.argv(), stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: said.count("WATCHDOG=1") > 1)
            assert said[0].startswith("READY=1")
            m.load_admin()
            c = m.connect()
            c.request("GET", "/api/v1/pods?watch=true")
            assert c.getresponse().status == 200
            p.send_signal(signal.SIGTERM)
            wait_for(lambda: "STOPPING=1" in said)
            assert p.wait(timeout=15) == 0
            c.close()
        finally:
            p.kill()
            m.remove()
            n.sendto(b"end", path)
            listener.join()


def test_stop_under_load():
    """Writers and watchers are cut off, nothing acknowledged is missing afterwards."""
    m = Master()
    acked = []

    def write(w):
        for i in range(100000):
            try:
                status, _ = m.api("POST", "/api/v1/namespaces/default/configmaps",
                                  {"metadata": {"name": f"w{w}-{i}"}})
            except OSError:
                return
            except http.client.HTTPException:
                return
            if status != 201:
                return
            acked.append(f"w{w}-{i}")

    try:
        m.start()
        threads = [threading.Thread(target=write, args=(w,)) for w in range(4)]
        for t in threads:
            t.start()
        wait_for(lambda: len(acked) > 50)
        m.stop()
        for t in threads:
            t.join()
        m.start()
        _, got = m.api("GET", "/api/v1/namespaces/default/configmaps")
        assert set(acked) <= {o["metadata"]["name"] for o in got["items"]}
        m.stop()
    finally:
        m.remove()
