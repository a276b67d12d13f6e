# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks in Python share: figures, a real knarr-master, load, etcd, the disk's pace."""
import atexit
import base64
import http.client
import json
import mmap
import os
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("KNARR_BUILD", os.path.join(TOP, "build"))
QUICK = os.environ.get("KNARR_BENCH_QUICK") == "1"
APILOAD = os.path.join(BUILD, "tests", "bench", "apiload")
# On a real disk: /tmp may be memory.
DISK = os.environ.get("KNARR_BENCH_DIR", "/var/tmp")
_cleanups = []


def figure(name, value, unit, peer=None, peer_value=None):
    ratio = value / peer_value if peer_value else None
    print(json.dumps({"name": name, "value": round(value, 4), "unit": unit,
                      "peer": peer if peer_value else None,
                      "peer_value": round(peer_value, 4) if peer_value else None,
                      "ratio": round(ratio, 4) if ratio is not None else None}), flush=True)


def say(text):
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr, flush=True)


def skip(why):
    say(f"skipped: {why}")
    sys.exit(77)


def cleanup(fn, *args):
    _cleanups.append((fn, args))


def _clean():
    while _cleanups:
        fn, args = _cleanups.pop()
        try:
            fn(*args)
        except Exception as e:  # the others still have to go
            say(f"cleaning up: {e}")


atexit.register(_clean)
for _s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_s, lambda *_: sys.exit(1))


def folder():
    d = tempfile.mkdtemp(prefix="knarr-bench-", dir=DISK)
    cleanup(shutil.rmtree, d, True)
    return d


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def end(p, sig=signal.SIGTERM):
    if p.poll() is None:
        p.send_signal(sig)
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def wait_for(what, timeout=30, step=0.02):
    until = time.monotonic() + timeout
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > until:
            raise RuntimeError(f"not within {timeout} s: {what.__name__}")
        time.sleep(step)


def memory_kb(pid, *what):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return sum(int(x.split()[1]) for x in f if x.split(":")[0] in what)


def rss_kb(pid):
    return memory_kb(pid, "Rss")


def private_kb(pid):
    """What would come free if the process ended: no code that others have mapped too."""
    return memory_kb(pid, "Private_Clean", "Private_Dirty")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    # schedstat has nanoseconds where stat has ticks of 10 ms.
    try:
        total = 0
        for t in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{t}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total / 1e9
    except (OSError, ValueError):
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Master:
    """A knarr-master on loopback with a folder of its own; start() again after stop()."""

    def __init__(self, *options, address="127.0.0.1"):
        self.address = address
        self.binary = os.path.join(BUILD, "knarr-master")
        if not os.access(self.binary, os.X_OK):
            skip("knarr-master is not built")
        self.dir, self.options, self.port, self.p = folder(), options, free_port(), None
        self.kubeconfig = os.path.join(self.dir, "etc", "admin.conf")
        self.log = os.path.join(self.dir, "log")
        cleanup(self.kill)

    def start(self):
        """Seconds from exec until /readyz answered 200."""
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.p = subprocess.Popen(
                [self.binary, "--data-dir", self.dir + "/data", "--config-dir", self.dir + "/etc",
                 "--bind", self.address, "--advertise-address", self.address, "--port",
                 str(self.port), *self.options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        while True:
            if self.p.poll() is not None or time.monotonic() - began > 120:
                with open(self.log, encoding="utf-8", errors="replace") as f:
                    raise RuntimeError("knarr-master did not start:\n" + f.read()[-2000:])
            try:
                c = http.client.HTTPSConnection(self.address, self.port, context=anyone,
                                                timeout=60)
                c.request("GET", "/readyz")
                if c.getresponse().status == 200:
                    c.close()
                    return time.monotonic() - began
                c.close()
            except OSError:
                pass
            time.sleep(0.001)

    def stop(self):
        end(self.p)

    def kill(self):
        if self.p:
            end(self.p, signal.SIGKILL)

    def rss_kb(self):
        return rss_kb(self.p.pid)

    def connection(self):
        pki = os.path.join(self.dir, "data", "pki")
        ctx = ssl.create_default_context(cafile=os.path.join(pki, "ca.crt"))
        ctx.load_cert_chain(os.path.join(pki, "admin.crt"), os.path.join(pki, "admin.key"))
        return http.client.HTTPSConnection(self.address, self.port, context=ctx, timeout=60)

    def api(self, method, path, obj=None, type="application/json"):
        c = self.connection()
        try:
            c.request(method, path, json.dumps(obj) if obj is not None else None,
                      {"Content-Type": type} if obj is not None else {})
            r = c.getresponse()
            return r.status, json.loads(r.read() or b"null")
        finally:
            c.close()

    def account(self):
        """Pods need the default service account; without controllers nobody else makes it."""
        path = "/api/v1/namespaces/default/serviceaccounts"
        wait_for(lambda: self.api("GET", path + "/default")[0] == 200 or
                 self.api("POST", path, {"metadata": {"name": "default"}})[0] == 201)

    def load(self, *args):
        return apiload(self.kubeconfig, *args)


def apiload(kubeconfig, *args):
    if not os.access(APILOAD, os.X_OK):
        skip("tests/bench/apiload is not built: make bench-build")
    p = subprocess.run([APILOAD, kubeconfig, *map(str, args)], stdout=subprocess.PIPE, check=False)
    if p.returncode not in (0, 1) or not p.stdout:
        raise RuntimeError(f"apiload {' '.join(map(str, args))}: {p.returncode}")
    return json.loads(p.stdout)


def fdatasync_rate(directory, seconds):
    """Syncs a second of 1 KB written into blocks that exist already: the disk's own pace."""
    path = os.path.join(directory, "sync-loop")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for _ in range(16):
            os.write(fd, bytes(1 << 20))
        os.fsync(fd)
        block, n = memoryview(mmap.mmap(-1, 1024)), 0
        began = now = time.monotonic()
        while now - began < seconds:
            os.pwrite(fd, block, (n % 15000) * 1024)
            os.fdatasync(fd)
            n, now = n + 1, time.monotonic()
        return n / (now - began)
    finally:
        os.close(fd)
        os.unlink(path)


class Etcd:
    """One etcd on loopback over TLS, served with the master's certificate; None where not installed."""

    @staticmethod
    def available():
        return shutil.which("etcd") is not None

    def __init__(self, master):
        self.dir, self.port = folder(), free_port()
        peer = f"http://127.0.0.1:{free_port()}"
        pki = os.path.join(master.dir, "data", "pki")
        pair = next((c for c in ("server", "apiserver", "serving")
                     if os.path.exists(f"{pki}/{c}.crt")), None)
        if not pair:
            raise RuntimeError(f"no serving certificate among {os.listdir(pki)}")
        url = f"https://127.0.0.1:{self.port}"
        with open(self.dir + "/log", "wb") as log:
            self.p = subprocess.Popen(
                ["etcd", "--name", "bench", "--data-dir", self.dir + "/data",
                 "--cert-file", f"{pki}/{pair}.crt", "--key-file", f"{pki}/{pair}.key",
                 "--listen-client-urls", url, "--advertise-client-urls", url,
                 "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", f"bench={peer}"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env=dict(os.environ, ETCD_UNSUPPORTED_ARCH="arm64"))
        cleanup(end, self.p, signal.SIGKILL)
        self.kubeconfig = self.dir + "/kubeconfig"
        with open(f"{pki}/ca.crt", "rb") as f:
            ca = base64.b64encode(f.read()).decode()
        with open(self.kubeconfig, "w", encoding="ascii") as f:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                       "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                       "users": [{"name": "u", "user": {}}],
                       "clusters": [{"name": "c", "cluster": {
                           "server": url, "certificate-authority-data": ca}}]}, f)
        wait_for(self._answers, 20)

    def _answers(self):
        if self.p.poll() is not None:
            with open(self.dir + "/log", encoding="utf-8", errors="replace") as f:
                raise RuntimeError("etcd did not start: " + f.read()[-500:])
        try:
            return apiload(self.kubeconfig, "etcd", 1, 0.05)["requests"] > 0
        except RuntimeError:
            return False

    def load(self, clients, seconds):
        return apiload(self.kubeconfig, "etcd", clients, seconds)

    def stop(self):
        end(self.p)


def paired(rounds, *kinds):
    """Runs the kinds in turn, `rounds` times; a list of medians, one a kind (None stays None)."""
    got = [[] for _ in kinds]
    for _ in range(rounds):
        for values, fn in zip(got, kinds):
            if fn:
                values.append(fn())
    return [statistics.median(v) if v else None for v in got]
