# SPDX-License-Identifier: Apache-2.0
"""The agent against programs of others: HTTPS and gRPC servers, a registry with passwords; and a
certificate that soon ends."""
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from e2e_objects import apply, pod
from lab import Cluster, wait_until

REGISTRY = f"{Cluster.ADDRESS}:5000"
HERE = os.path.dirname(__file__)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    c = Cluster(tmp_path_factory.mktemp("cluster"), master_options=[
        "--cluster-signing-duration", "30s"])
    try:
        c.start(nodes=0)
        c.add_node("n1", join=True, options=["--plain-http", REGISTRY])
        yield c
    except BaseException:
        print(c.logs())
        c.force()
        raise
    left = c.stop()
    assert not left, "left behind:\n" + "\n".join(left)


def in_cluster(cluster, *argv, **kw):
    return subprocess.Popen(["nsenter", f"--net=/run/netns/{cluster.netns}", "--", *map(str, argv)],
                            text=True, **kw)


@pytest.fixture(scope="module")
def servers(cluster):
    if subprocess.run(["/usr/bin/python3", "-c", "import grpc"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs python3-grpcio")
    cert, key = cluster.dir / "cert.pem", cluster.dir / "key.pem"
    # Nobody the agent knows, for another name, and over: probes do not look at that.
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                    "/CN=else.where", "-keyout", key, "-out", cert], check=True,
                   stderr=subprocess.DEVNULL)
    log = open(cluster.dir / "servers.log", "w", encoding="utf-8")
    p = in_cluster(cluster, "/usr/bin/python3", f"{HERE}/probe_servers.py", cert, key, 8443, 9090,
                   stdin=subprocess.PIPE, stdout=log, stderr=log)
    p.log = cluster.dir / "servers.log"
    wait_until("the servers", lambda: "ready" in p.log.read_text())
    yield p
    p.stdin.close()
    p.kill()
    p.wait()


def probed(name, probe, **more):
    """On the node's network, where the servers are."""
    return pod(name, spec={"hostNetwork": True}, readinessProbe={"periodSeconds": 1, **probe}, **more)


def ready(k, name):
    return next((c["status"] for c in k.json("get", "pod", name)["status"].get("conditions", [])
                 if c["type"] == "Ready"), "") == "True"


def events(k, name):
    return [e["message"] for e in k.json("get", "events")["items"]
            if e["involvedObject"]["name"] == name]


def tell(servers, word):
    servers.stdin.write(word + "\n")
    servers.stdin.flush()


PROBES = {
    "https": {"httpGet": {"scheme": "HTTPS", "port": 8443, "path": "/ok"}},
    "https-headers": {"httpGet": {"scheme": "HTTPS", "port": 8443, "path": "/picky",
                                  "httpHeaders": [{"name": "X-Probe", "value": "yes"}]}},
    "https-redirect": {"httpGet": {"scheme": "HTTPS", "port": 8443, "path": "/redirect"}},
    "grpc": {"grpc": {"port": 9090}},
    "grpc-service": {"grpc": {"port": 9090, "service": "web"}},
}


def test_probes_over_tls_and_grpc(cluster, servers):
    k = cluster.kubectl()
    apply(k, *[probed(name, p) for name, p in PROBES.items()])
    for name in PROBES:
        k.run("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")
    said = servers.log.read_text()
    assert "https /ok kube-probe/1.34 HTTP/1.1" in said and "grpc web" in said and "grpc -" in said
    assert "https error" not in said, said  # each connection asks something
    tell(servers, "bad")
    for name in ("https", "grpc", "grpc-service"):
        wait_until(f"{name} is not ready", lambda: not ready(k, name))
    assert ready(k, "https-headers")
    assert any("HTTP probe failed with statuscode: 500" in m for m in events(k, "https"))
    assert any('service unhealthy (responded with "NOT_SERVING")' in m for m in events(k, "grpc"))
    tell(servers, "good")
    for name in PROBES:
        k.run("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")
    k.run("delete", "pod", *PROBES, "--timeout=60s")


WRONG = {
    "https-to-grpc": ({"httpGet": {"scheme": "HTTPS", "port": 9090, "path": "/ok"}}, "https://"),
    "http-to-https": ({"httpGet": {"port": 8443, "path": "/ok"}}, "http://"),
    "grpc-to-https": ({"grpc": {"port": 8443}}, "health rpc failed|timeout"),
    "grpc-unknown": ({"grpc": {"port": 9090, "service": "unknown"}}, "grpc status 5"),
    "https-closed": ({"httpGet": {"scheme": "HTTPS", "port": 8444, "path": "/"}}, "refused"),
    "grpc-closed": ({"grpc": {"port": 9091}}, "refused"),
}


def test_probes_of_what_is_not_there(cluster, servers):
    """An answer of another kind, or none, fails with a sentence; the agent goes on."""
    k = cluster.kubectl()
    apply(k, *[probed(name, p) for name, (p, _) in WRONG.items()])
    for name, (_, text) in WRONG.items():
        wait_until(f"{name} is told", lambda: any(
            re.search(text, m) for m in events(k, name) if "Readiness probe" in m))
        assert not ready(k, name)
    k.run("delete", "pod", *WRONG, "--timeout=60s")
    assert cluster.node.daemon.running()


def test_liveness_by_grpc_restarts(cluster, servers):
    k = cluster.kubectl()
    apply(k, pod("alive", spec={"hostNetwork": True}, livenessProbe={
        "grpc": {"port": 9090}, "periodSeconds": 1, "failureThreshold": 2}))
    k.run("wait", "--for=condition=Ready", "pod/alive", "--timeout=30s")
    tell(servers, "bad")
    wait_until("it is restarted", lambda: k.json("get", "pod", "alive")["status"][
        "containerStatuses"][0]["restartCount"] >= 1)
    tell(servers, "good")
    k.run("delete", "pod", "alive", "--timeout=60s")


# ---- a registry that asks for a name and a password ----

@pytest.fixture(scope="module")
def registry(cluster):
    for tool in ("docker-registry", "htpasswd", "skopeo"):
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}")
    d = cluster.dir / "registry"
    d.mkdir()
    users = subprocess.run(["htpasswd", "-Bbn", "ann", "right"], capture_output=True, text=True,
                           check=True).stdout
    (d / "htpasswd").write_text(users)
    (d / "config.yml").write_text(f"""version: 0.1
storage: {{filesystem: {{rootdirectory: {d}/data}}}}
http: {{addr: "{REGISTRY}"}}
auth: {{htpasswd: {{realm: knarr, path: {d}/htpasswd}}}}
""")
    log = open(d / "log", "w", encoding="utf-8")
    p = in_cluster(cluster, "docker-registry", "serve", d / "config.yml", stdout=log, stderr=log)
    copy = ["nsenter", f"--net=/run/netns/{cluster.netns}", "--", "skopeo", "--insecure-policy",
            "copy", "--dest-tls-verify=false", "--dest-creds", "ann:right",
            f"docker-archive:{cluster.hello}", f"docker://{REGISTRY}/private/hello:1"]
    wait_until("the image is pushed", lambda: subprocess.run(
        copy, capture_output=True, check=False).returncode == 0)
    yield p
    p.terminate()
    p.wait(10)


def docker_config(name, user, password, **more):
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    text = json.dumps({"auths": {REGISTRY: {"auth": auth}}})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(text.encode()).decode()}, **more}


def private(name, *secrets, **spec):
    p = pod(name, spec={"imagePullSecrets": [{"name": s} for s in secrets], **spec})
    p["spec"]["containers"][0].update(image=f"{REGISTRY}/private/hello:1", imagePullPolicy="Always")
    return p


def waits_for(k, name):
    c = k.json("get", "pod", name)["status"].get("containerStatuses", [{}])[0]
    w = c.get("state", {}).get("waiting", {})
    return w.get("reason"), w.get("message", "")


def test_pull_secrets(cluster, registry):
    k = cluster.kubectl()
    apply(k, docker_config("wrong", "ann", "left"), docker_config("good", "ann", "right"))
    apply(k, private("nobody"), private("stranger", "wrong"), private("friend", "good"),
          private("both", "wrong", "good"), private("early", "later"))
    for name in ("friend", "both"):
        k.run("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")
    for name in ("nobody", "stranger", "early"):
        wait_until(f"{name} is refused", lambda: waits_for(k, name)[0] in (
            "ErrImagePull", "ImagePullBackOff"))
        assert any(re.search("401|[Uu]nauthorized|credentials", m) for m in events(k, name)), events(k, name)
    # Also when the back-off is over and the image is there, pulled by those who may.
    time.sleep(12)
    for name in ("nobody", "stranger", "early"):
        assert waits_for(k, name)[0] in ("ErrImagePull", "ImagePullBackOff"), waits_for(k, name)
    # A secret that comes later is tried by itself, as soon as the back-off is over.
    apply(k, docker_config("later", "ann", "right"))
    k.run("wait", "--for=condition=Ready", "pod/early", "--timeout=40s")
    k.run("delete", "pod", "nobody", "stranger", "friend", "both", "early", "--timeout=60s")


def test_pull_secrets_of_the_service_account(cluster, registry):
    k = cluster.kubectl()
    k.run("patch", "serviceaccount", "default", "-p", '{"imagePullSecrets":[{"name":"good"}]}')
    apply(k, private("trusted"))
    k.run("wait", "--for=condition=Ready", "pod/trusted", "--timeout=30s")
    k.run("patch", "serviceaccount", "default", "-p", '{"imagePullSecrets":null}')
    k.run("delete", "pod", "trusted", "--timeout=60s")


def test_no_password_in_any_message(cluster, registry):
    """Neither in logs, nor in events, nor on any command line."""
    k = cluster.kubectl()
    text = cluster.node.daemon.log.read_text() + k.run("get", "events", "-A", "-o", "yaml")
    for word in ("right", base64.b64encode(b"ann:right").decode()):
        assert not re.search(rf"\b{word}\b", text)


# ---- the node's own certificate ----

def certificate(node):
    import yaml
    kc = yaml.safe_load((node.root / "etc/knarr/agent.conf").read_text())
    return kc["users"][0]["user"]["client-certificate-data"]


def test_the_certificate_is_renewed(cluster):
    """It is good for half a minute: after two of them the node is still there, and no container
    has noticed."""
    k, n = cluster.kubectl(), cluster.node
    apply(k, pod("steady"))
    k.run("wait", "--for=condition=Ready", "pod/steady", "--timeout=30s")
    pids = n.container_pids("sleep")
    seen = {certificate(n)}
    until = time.monotonic() + 65
    while time.monotonic() < until:
        seen.add(certificate(n))
        node = k.json("get", "node", "n1")
        assert next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready") == "True"
        time.sleep(0.5)
    assert len(seen) >= 3
    assert n.container_pids("sleep") == pids
    assert k.json("get", "pod", "steady")["status"]["containerStatuses"][0]["restartCount"] == 0
    k.run("logs", "steady")
    # A master that is away when it is due: it is renewed when it is back, if not too late.
    last = certificate(n)
    cluster.master.daemon.signal(signal.SIGSTOP)
    time.sleep(12)
    cluster.master.daemon.signal(signal.SIGCONT)
    wait_until("it is renewed again", lambda: certificate(n) != last)
    k.run("delete", "pod", "steady", "--timeout=60s")
