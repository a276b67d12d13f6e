# SPDX-License-Identifier: Apache-2.0
"""knarr-agent on real containers: a master and an agent in a network namespace of their own."""
import io
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time

import pytest

from lab import VERSIONS, client

BUILD = os.path.abspath(os.environ.get(
    "KNARR_BUILD", os.path.join(os.path.dirname(__file__), "../../build")))


def wait_for(what, timeout=20.0, step=0.05):
    end = time.monotonic() + timeout
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(step)


def archive(path, rootfs):
    """A docker archive of the rootfs, named busybox."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as t:
        t.add(rootfs, arcname=".")
    data = layer.getvalue()
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest()]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["busybox:latest"],
                            "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as t:
        for name, body in (("manifest.json", manifest), ("config.json", config),
                           ("layer.tar", data)):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            t.addfile(info, io.BytesIO(body))


class Cluster:
    """Master and agent below one directory; every path, cgroup and link is its own."""

    def __init__(self, rootfs):
        self.dir = tempfile.mkdtemp(prefix="knarr-agent-", dir="/var/tmp")
        self.name = f"kna{os.getpid()}"
        self.netns = ["nsenter", f"--net=/run/netns/{self.name}"]
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        subprocess.run([*self.netns, "ip", "link", "set", "lo", "up"], check=True)
        tar = os.path.join(self.dir, "busybox.tar")
        archive(tar, rootfs)
        subprocess.run([f"{BUILD}/tests/node/image-tool", f"{self.dir}/data/images",
                        f"{BUILD}/knarr-image-helper", "import", tar],
                       check=True, capture_output=True)
        self.kubeconfig = f"{self.dir}/etc/admin.conf"
        self.manifests = f"{self.dir}/manifests"
        os.makedirs(self.manifests)
        self.master = self.agent = None

    def start_master(self):
        log = open(f"{self.dir}/master.log", "ab")
        self.master = subprocess.Popen(
            [*self.netns, f"{BUILD}/knarr-master", "--data-dir", f"{self.dir}/master",
             "--config-dir", f"{self.dir}/etc", "--bind", "127.0.0.1", "--advertise-address",
             "127.0.0.1"], stdout=log, stderr=log)
        wait_for(lambda: "ready after" in open(f"{self.dir}/master.log").read())

    def start_agent(self, *args, kubeconfig=None):
        log = open(f"{self.dir}/agent.log", "ab")
        self.agent = subprocess.Popen(
            [*self.netns, f"{BUILD}/knarr-agent", "--root", self.dir, "--node-name", "n1",
             "--kubeconfig", kubeconfig or self.kubeconfig, "--cgroup-root", self.name,
             "--libexec-dir", BUILD, "--data-dir", f"{self.dir}/data", "--run-dir",
             f"{self.dir}/run", "--log-dir", f"{self.dir}/logs", "--static-pods", self.manifests,
             "--pod-cidr", "10.244.0.0/24", "--node-ip", "127.0.0.1", "--log-level", "debug",
             *args], stdout=log, stderr=log)
        wait_for(lambda: self.agent.poll() is not None or "node n1" in self.log())
        assert self.agent.poll() is None, self.log()

    def log(self):
        with open(f"{self.dir}/agent.log", encoding="utf-8", errors="replace") as f:
            return f.read()

    def kill_agent(self):
        self.agent.kill()
        self.agent.wait()

    def stop_agent(self):
        self.agent.send_signal(signal.SIGTERM)
        assert self.agent.wait(timeout=15) == 0, self.log()[-4000:]

    def kubectl(self, *args, check=True, stdin=None, timeout=60):
        path = shutil.which("kubectl") or client("kubectl", list(VERSIONS)[-1])
        p = subprocess.run([*self.netns, path, *args],
                           env=dict(os.environ, KUBECONFIG=self.kubeconfig, HOME=self.dir),
                           input=stdin, capture_output=True, text=True, timeout=timeout,
                           check=False)
        if check:
            assert p.returncode == 0, f"kubectl {' '.join(args)}\n{p.stdout}{p.stderr}"
        return p.stdout

    def apply(self, *objs):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objs)})
        self.kubectl("apply", "--validate=false", "-f", "-", stdin=text)

    def pod(self, name):
        return json.loads(self.kubectl("get", "pod", name, "-o", "json"))

    def phase(self, name, *phases, timeout=20):
        wait_for(lambda: self.pod(name)["status"].get("phase") in phases, timeout)
        return self.pod(name)

    def remove(self):
        """Ends everything by the agent itself, then looks whether something is left."""
        for p in (self.agent, self.master):
            if p and p.poll() is None:
                p.kill()
                p.wait()
        for base, _, files in os.walk("/sys/fs/cgroup", topdown=False):
            if f"/{self.name}" not in base:
                continue
            if "cgroup.procs" in files:
                for pid in open(f"{base}/cgroup.procs").read().split():
                    try:
                        os.kill(int(pid), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
        time.sleep(0.3)
        for base, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
            if f"/{self.name}" in base:
                try:
                    os.rmdir(base)
                except OSError:
                    pass
        mounts = [line.split()[1] for line in open("/proc/mounts") if self.dir in line]
        for m in reversed(mounts):
            subprocess.run(["umount", "-l", m], check=False)
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(rootfs):
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        pytest.skip("no BTF in this kernel")
    for tool in ("ip", "nsenter"):
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}")
    c = Cluster(rootfs)
    try:
        c.start_master()
        c.start_agent()
        wait_for(lambda: " Ready " in c.kubectl("get", "nodes", check=False))
        yield c
    finally:
        c.remove()


def pod(name, script, spec=None, **container):
    c = {"name": "c", "image": "busybox", "imagePullPolicy": "IfNotPresent",
         "command": ["sh", "-c", script]}
    c.update(container)
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
            "spec": {"containers": [c], "terminationGracePeriodSeconds": 1, **(spec or {})}}


def test_runs_and_reports(cluster):
    cluster.apply(pod("run", "echo out; echo err >&2; sleep 1000"))
    p = cluster.phase("run", "Running")
    wait_for(lambda: cluster.pod("run")["status"]["containerStatuses"][0]["ready"])
    p = cluster.pod("run")
    s = p["status"]
    assert s["podIP"].startswith("10.244.0.") and s["hostIP"] == "127.0.0.1"
    assert s["qosClass"] == "BestEffort"
    assert {c["type"]: c["status"] for c in s["conditions"]} == {
        "PodScheduled": "True", "PodReadyToStartContainers": "True", "Initialized": "True",
        "Ready": "True", "ContainersReady": "True"}
    c = s["containerStatuses"][0]
    assert c["containerID"].startswith("knarr://") and c["imageID"].startswith("sha256:")
    assert "running" in c["state"]
    assert sorted(cluster.kubectl("logs", "run").split()) == ["err", "out"]
    assert cluster.kubectl("exec", "run", "--", "hostname").strip() == "run"


def test_exit_codes_and_restarts(cluster):
    cluster.apply(pod("ok", "echo done > /dev/termination-log", {"restartPolicy": "Never"}),
                  pod("bad", "exit 7", {"restartPolicy": "Never"}),
                  pod("loop", "exit 3"))
    t = cluster.phase("ok", "Succeeded")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (t["exitCode"], t["reason"], t["message"]) == (0, "Completed", "done\n")
    t = cluster.phase("bad", "Failed")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (t["exitCode"], t["reason"]) == (7, "Error")
    wait_for(lambda: cluster.pod("loop")["status"]["containerStatuses"][0]["restartCount"] == 1)
    wait_for(lambda: cluster.pod("loop")["status"]["containerStatuses"][0]["state"]
             .get("waiting", {}).get("reason") == "CrashLoopBackOff")
    c = cluster.pod("loop")["status"]["containerStatuses"][0]
    assert c["lastState"]["terminated"]["exitCode"] == 3


def test_init_sidecar_env_volumes(cluster):
    cm = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"},
          "data": {"k": "v1"}}
    p = pod("wide", "cat /w/f; echo $A; id; cat /cm/k; sleep 1000", {
        "initContainers": [
            {"name": "i1", "image": "busybox", "imagePullPolicy": "Never",
             "command": ["sh", "-c", "echo one > /w/f"],
             "volumeMounts": [{"name": "w", "mountPath": "/w"}]},
            {"name": "side", "image": "busybox", "imagePullPolicy": "Never",
             "restartPolicy": "Always", "command": ["sleep", "1000"]},
            {"name": "i2", "image": "busybox", "imagePullPolicy": "Never",
             "command": ["sh", "-c", "echo two >> /w/f"],
             "volumeMounts": [{"name": "w", "mountPath": "/w"}]}],
        "securityContext": {"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000},
        "volumes": [{"name": "w", "emptyDir": {}}, {"name": "cm", "configMap": {"name": "cm"}}]},
        env=[{"name": "B", "value": "x"}, {"name": "A", "value": "$(B)-$(NONE)"}],
        volumeMounts=[{"name": "w", "mountPath": "/w"}, {"name": "cm", "mountPath": "/cm"}])
    cluster.apply(cm, p)
    cluster.phase("wide", "Running")
    lines = wait_for(lambda: (cluster.kubectl("logs", "wide", "-c", "c") + "\n").split("\n")
                     if "v1" in cluster.kubectl("logs", "wide", "-c", "c") else None)
    assert lines[:3] == ["one", "two", "x-$(NONE)"]
    assert "uid=1000" in lines[3] and "gid=2000" in lines[3] and "3000" in lines[3]
    cluster.kubectl("patch", "cm", "cm", "--type=merge", "-p", '{"data":{"k":"v2"}}')
    wait_for(lambda: cluster.kubectl("exec", "wide", "-c", "c", "--", "cat", "/cm/k") == "v2")
    st = {c["name"]: c for c in cluster.pod("wide")["status"]["initContainerStatuses"]}
    assert st["side"]["started"] and "running" in st["side"]["state"]


def test_waiting_reasons(cluster):
    cluster.apply(pod("nocmd", "", command=["/nope"]),
                  pod("never", "true", image="127.0.0.1:1/none", imagePullPolicy="Never"),
                  pod("nopull", "true", image="127.0.0.1:1/none"),
                  pod("badname", "true", image="UPPER CASE"),
                  pod("nocm", "true", {"volumes": [{"name": "v", "configMap": {"name": "no"}}]},
                      volumeMounts=[{"name": "v", "mountPath": "/v"}]))

    def reason(name):
        s = cluster.pod(name)["status"].get("containerStatuses", [{}])[0]
        return s.get("state", {}).get("waiting", {}).get("reason")
    wait_for(lambda: reason("nocmd") in ("RunContainerError", "CrashLoopBackOff"))
    wait_for(lambda: reason("never") == "ErrImageNeverPull")
    wait_for(lambda: reason("nopull") in ("ErrImagePull", "ImagePullBackOff"))
    wait_for(lambda: reason("badname") == "InvalidImageName")
    wait_for(lambda: 'configmap "no" not found' in cluster.kubectl("get", "events"))
    cluster.kubectl("create", "configmap", "no", "--from-literal=a=b")
    wait_for(lambda: cluster.pod("nocm")["status"]["phase"] == "Running")


def test_probes_kill_and_oom(cluster):
    cluster.apply(
        pod("sick", "touch /tmp/ok; sleep 2; rm /tmp/ok; sleep 1000",
            livenessProbe={"exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1,
                           "failureThreshold": 1, "initialDelaySeconds": 1}),
        pod("oom", "head -c 100000000 /dev/zero | sort", {"restartPolicy": "Never"},
            resources={"limits": {"memory": "16Mi"}}),
        pod("late", "sleep 1000", {"activeDeadlineSeconds": 1, "restartPolicy": "Never"}))
    wait_for(lambda: cluster.pod("sick")["status"]["containerStatuses"][0]["restartCount"] >= 1)
    s = cluster.phase("oom", "Failed")["status"]
    assert s["containerStatuses"][0]["state"]["terminated"]["reason"] == "OOMKilled"
    s = cluster.phase("late", "Failed")["status"]
    assert s["reason"] == "DeadlineExceeded"


def test_agent_killed(cluster):
    """Pids stay, and what ended meanwhile has its exit code in the next agent."""
    mark = 1000000 + os.getpid()  # other runs on this machine have their own
    cluster.apply(pod("keep", f"sleep {mark}"),
                  pod("ends", "sleep 2; exit 42", {"restartPolicy": "Never"}))
    cluster.phase("keep", "Running")
    cluster.phase("ends", "Running")
    before = subprocess.run(["pgrep", "-f", f"^sleep {mark}"], capture_output=True).stdout
    cluster.kill_agent()
    time.sleep(3)
    cluster.start_agent()
    t = cluster.phase("ends", "Failed")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert t["exitCode"] == 42
    assert cluster.pod("keep")["status"]["containerStatuses"][0]["restartCount"] == 0
    assert before and before == subprocess.run(["pgrep", "-f", f"^sleep {mark}"],
                                               capture_output=True).stdout
    assert cluster.kubectl("exec", "keep", "--", "echo", "alive") == "alive\n"
    cluster.stop_agent()
    cluster.start_agent()
    assert "bug:" not in cluster.log()


def test_static_pod(cluster):
    path = os.path.join(cluster.manifests, "s.json")
    with open(path, "w") as f:
        json.dump(pod("st", "sleep 1000"), f)
    with open(os.path.join(cluster.manifests, "broken.yaml"), "w") as f:
        f.write("kind: Pod\nmetadata: [")
    cluster_pod = wait_for(lambda: cluster.kubectl("get", "pod", "st-n1", "-o", "json",
                                                   check=False))
    assert "kubernetes.io/config.mirror" in json.loads(cluster_pod)["metadata"]["annotations"]
    cluster.phase("st-n1", "Running")
    assert "broken.yaml" in cluster.log()
    os.unlink(path)
    wait_for(lambda: not cluster.kubectl("get", "pod", "st-n1", "--ignore-not-found"))


def test_nothing_is_left(cluster):
    cluster.kubectl("delete", "pod", "--all", "--grace-period=1", timeout=60)
    wait_for(lambda: not os.listdir(f"{cluster.dir}/data/pods"))
    left = [line for line in open("/proc/mounts") if f"{cluster.dir}/data" in line]
    assert not left
    links = subprocess.run([*cluster.netns, "ip", "-br", "link"], capture_output=True,
                           text=True).stdout
    wait_for(lambda: "kn" not in "".join(
        x.split()[0] for x in subprocess.run([*cluster.netns, "ip", "-br", "link"],
                                             capture_output=True, text=True
                                             ).stdout.splitlines()), 5), links


@pytest.mark.parametrize("args,message", [
    (["--pod-cidr", "x"], "--pod-cidr"),
    (["--node-name", "UPPER"], "--node-name"),
    (["--node-ip", "1.2.3"], "--node-ip"),
    (["--port", "99999"], "--port"),
    (["--log-level", "loud"], "--log-level"),
    (["--join", "https://x"], "--token"),
    (["--nonsense"], "--nonsense"),
    (["extra"], "options only"),
])
def test_bad_options(args, message):
    p = subprocess.run([f"{BUILD}/knarr-agent", *args], capture_output=True, text=True, timeout=10)
    assert p.returncode == 2 and message in p.stderr


def test_without_root():
    if os.geteuid() != 0:
        pytest.skip("is about dropping root")
    p = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", f"{BUILD}/knarr-agent"],
                       capture_output=True, text=True, timeout=10)
    assert p.returncode == 1 and "must run as root" in p.stderr
