# SPDX-License-Identifier: Apache-2.0
"""What a pod's spec asks for, seen from inside its containers and in its status."""
import json
import shutil

import pytest
import yaml

from e2e_objects import IMAGE, apply, container_status, pod, service
from lab import cluster, wait_until  # noqa: F401  pylint: disable=unused-import


@pytest.fixture(scope="module")
def k(cluster):
    k = cluster.kubectl()
    yield k
    k.run("delete", "pod", "--all", "--timeout=60s")


def up(k, *pods):
    """Applies pods and waits until they are ready."""
    apply(k, *pods)
    for p in pods:
        k.run("wait", "--for=condition=Ready", f"pod/{p['metadata']['name']}", "--timeout=60s")


def ended(k, p):
    """Applies a pod, waits for its end; (phase, its log)."""
    name = p["metadata"]["name"]
    p["spec"].setdefault("restartPolicy", "Never")
    apply(k, p)
    phase = wait_until("it has ended", lambda: (
        lambda x: x if x in ("Succeeded", "Failed") else None)(
            k.json("get", "pod", name)["status"].get("phase")), 60)
    log = k.run("logs", name)
    return phase, log


def test_init_containers(k):
    p = pod("inits", "cat /d/*", {
        "volumes": [{"name": "d", "emptyDir": {}}],
        "initContainers": [
            {"name": f"i{n}", "image": IMAGE, "volumeMounts": [{"name": "d", "mountPath": "/d"}],
             "command": ["sh", "-c", f"n=$(ls /d | wc -l); echo $n > /d/{n}"]} for n in range(3)]},
        volumeMounts=[{"name": "d", "mountPath": "/d"}])
    assert ended(k, p) == ("Succeeded", "0\n1\n2\n")
    assert container_status(k, "inits", "i2")["state"]["terminated"]["reason"] == "Completed"


def test_failed_init_container(k):
    p = pod("badinit", "echo never", {"restartPolicy": "Never", "initContainers": [
        {"name": "i", "image": IMAGE, "command": ["sh", "-c", "exit 3"]}]})
    apply(k, p)
    k.run("wait", "--for=jsonpath={.status.phase}=Failed", "pod/badinit", "--timeout=30s")
    assert container_status(k, "badinit", "i")["state"]["terminated"]["exitCode"] == 3
    assert container_status(k, "badinit")["state"]["waiting"]["reason"] == "PodInitializing"


def test_environment(k):
    k.run("create", "configmap", "env", "--from-literal=A=1", "--from-literal=B=2")
    k.run("create", "secret", "generic", "env", "--from-literal=S=hidden")
    env = [{"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "B"}}},
           {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "env", "key": "S"}}},
           {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "no", "key": "S", "optional": True}}},
           {"name": "JOINED", "value": "$(KEY)-$(SECRET)-$$(KEY)-$(NOT)"},
           {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory",
                                                              "divisor": "1Mi"}}}]
    for name, path in (("NAME", "metadata.name"), ("SPACE", "metadata.namespace"),
                       ("IP", "status.podIP"), ("HOST", "status.hostIP"), ("NODE", "spec.nodeName"),
                       ("LABEL", "metadata.labels['app']")):
        env.append({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}})
    p = pod("env", "env; echo args $0 $@", env=env, args=["$(KEY)", "x"],
            envFrom=[{"configMapRef": {"name": "env"}, "prefix": "P_"}],
            resources={"limits": {"memory": "64Mi"}})
    p["metadata"]["labels"] = {"app": "l"}
    _, log = ended(k, p)
    got = dict(x.split("=", 1) for x in log.splitlines() if "=" in x)
    status = k.json("get", "pod", "env")["status"]
    want = {"P_A": "1", "P_B": "2", "KEY": "2", "SECRET": "hidden", "JOINED": "2-hidden-$(KEY)-$(NOT)",
            "CPU": "64", "NAME": "env", "SPACE": "default", "NODE": "n1", "LABEL": "l",
            "HOST": "10.99.0.2", "IP": status["podIP"], "KUBERNETES_SERVICE_HOST": "10.96.0.1",
            "HOSTNAME": "env"}
    assert {x: got.get(x) for x in want} == want
    assert "NONE" not in got and "args 2 x" in log


def test_missing_reference_waits(k):
    apply(k, pod("wants", "cat /c/a", {"restartPolicy": "Never"}, env=[
        {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "later", "key": "a"}}}]))
    wait_until("it says what it lacks", lambda: container_status(k, "wants")["state"]["waiting"][
        "reason"] == "CreateContainerConfigError")
    assert '"later" not found' in container_status(k, "wants")["state"]["waiting"]["message"]
    k.run("create", "configmap", "later", "--from-literal=a=b")
    wait_until("it runs once that is there",
               lambda: "terminated" in container_status(k, "wants")["state"], 90)


def test_volumes(k, cluster):
    k.run("create", "configmap", "vol", "--from-literal=a=one", "--from-literal=b=two")
    k.run("create", "secret", "generic", "vol", "--from-literal=s=hidden")
    host = cluster.dir / "host"
    host.mkdir()
    (host / "file").write_text("of the host\n")
    volumes = [
        {"name": "cm", "configMap": {"name": "vol"}},
        {"name": "sec", "secret": {"secretName": "vol", "defaultMode": 0o400}},
        {"name": "items", "configMap": {"name": "vol", "items": [{"key": "a", "path": "x/y"}]}},
        {"name": "down", "downwardAPI": {"items": [
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "all", "projected": {"sources": [
            {"configMap": {"name": "vol"}}, {"secret": {"name": "vol"}},
            {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}},
        {"name": "mem", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}},
        {"name": "host", "hostPath": {"path": str(host), "type": "Directory"}},
        {"name": "disk", "emptyDir": {}}]
    mounts = [{"name": v["name"], "mountPath": f"/v/{v['name']}"} for v in volumes]
    mounts += [{"name": "cm", "mountPath": "/etc/one", "subPath": "a"},
               {"name": "disk", "mountPath": "/sub", "subPath": "deep/er"},
               {"name": "host", "mountPath": "/ro", "readOnly": True}]
    p = pod("vol", spec={"volumes": volumes}, volumeMounts=mounts)
    p["metadata"]["labels"] = {"color": "red"}
    up(k, p)

    def sh(script):
        return k.run("exec", "vol", "--", "sh", "-c", script)
    assert sh("cd /v; cat cm/a cm/b sec/s items/x/y") == "onetwohiddenone"
    assert sh("stat -L -c %a /v/sec/s") == "400\n"
    assert 'color="red"' in sh("cat /v/down/labels")
    assert sh("cat /v/all/a /v/all/s /v/all/name") == "onehiddenvol"
    assert "tmpfs" in sh("grep ' /v/mem ' /proc/mounts")
    assert "8192k" in sh("grep ' /v/mem ' /proc/mounts") or "size=8192" in sh("grep ' /v/mem ' /proc/mounts")
    assert sh("cat /v/host/file; echo back > /v/host/new") == "of the host\n"
    assert (host / "new").read_text() == "back\n"
    assert "Read-only" in k.fails("exec", "vol", "--", "touch", "/ro/no")
    assert sh("cat /etc/one") == "one"
    assert sh("echo hi > /sub/f; cat /v/disk/deep/er/f") == "hi\n"
    # They follow what they show.
    k.run("patch", "configmap", "vol", "-p", '{"data":{"a":"ONE","c":"new"}}')
    k.run("patch", "secret", "vol", "-p", '{"stringData":{"s":"SEEN"}}')
    k.run("label", "pod", "vol", "color=blue", "--overwrite")
    wait_until("new content", lambda: sh("cat /v/cm/a /v/cm/c /v/sec/s /v/all/a") == "ONEnewSEENONE", 90)
    wait_until("new labels", lambda: 'color="blue"' in sh("cat /v/down/labels"), 90)
    assert sh("cat /etc/one") == "one"  # a subPath does not


def test_readiness_decides_about_endpoints(k):
    p = pod("ready", "touch /tmp/ok; sleep 3600", readinessProbe={
        "exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1, "failureThreshold": 1})
    p["metadata"]["labels"] = {"app": "ready"}
    apply(k, service("ready"))
    up(k, p)

    def endpoints():
        return [a["ip"] for s in k.json("get", "endpoints", "ready").get("subsets", [])
                for a in s.get("addresses", [])]
    ip = k.json("get", "pod", "ready")["status"]["podIP"]
    wait_until("it is an endpoint", lambda: endpoints() == [ip])
    k.run("exec", "ready", "--", "rm", "/tmp/ok")
    wait_until("it is none", lambda: endpoints() == [])
    assert "Readiness probe failed" in k.run("describe", "pod", "ready")
    k.run("exec", "ready", "--", "touch", "/tmp/ok")
    wait_until("it is one again", lambda: endpoints() == [ip])
    assert container_status(k, "ready")["restartCount"] == 0
    k.run("delete", "service", "ready")


def test_liveness_restarts(k):
    up(k, pod("live", "trap 'exit 0' TERM; touch /tmp/ok; while :; do sleep 0.1; done", livenessProbe={
        "exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1, "failureThreshold": 2,
        "initialDelaySeconds": 1}, spec={"terminationGracePeriodSeconds": 5}))
    k.run("exec", "live", "--", "rm", "/tmp/ok")
    wait_until("it was restarted", lambda: container_status(k, "live")["restartCount"] == 1)
    text = k.run("describe", "pod", "live")
    assert "Liveness probe failed" in text and "failed liveness probe, will be restarted" in text


def test_startup_probe_holds_the_others(k):
    apply(k, pod("startup", startupProbe={
        "exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 60},
        livenessProbe={"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1,
                       "failureThreshold": 1}))
    wait_until("its start is being probed",
               lambda: "Startup probe failed" in k.run("describe", "pod", "startup"))
    c = container_status(k, "startup")
    assert c["started"] is False and c["ready"] is False and c["restartCount"] == 0
    k.run("exec", "startup", "--", "touch", "/tmp/up")
    k.run("wait", "--for=condition=Ready", "pod/startup", "--timeout=30s")
    assert container_status(k, "startup")["restartCount"] == 0


def test_crash_loop(k):
    apply(k, pod("crash", "echo failing; exit 4"))
    wait_until("it is held back", lambda: container_status(k, "crash")["state"].get(
        "waiting", {}).get("reason") == "CrashLoopBackOff", 60)
    c = container_status(k, "crash")
    assert c["restartCount"] >= 1 and c["lastState"]["terminated"]["exitCode"] == 4
    assert "back-off" in c["state"]["waiting"]["message"]
    wait_until("an event says so", lambda: "Back-off restarting failed container" in k.run(
        "describe", "pod", "crash"))


@pytest.mark.parametrize("policy,code,phase,restarts", [
    ("Never", 5, "Failed", 0), ("Never", 0, "Succeeded", 0), ("OnFailure", 0, "Succeeded", 0)])
def test_restart_policies(k, policy, code, phase, restarts):
    name = f"{policy.lower()}{code}"
    got, _ = ended(k, pod(name, f"exit {code}", {"restartPolicy": policy}))
    assert got == phase and container_status(k, name)["restartCount"] == restarts


def test_out_of_memory(k):
    p = pod("oom", "x=$(head -c 200000000 /dev/zero | tr '\\0' y); echo survived",
            resources={"limits": {"memory": "24Mi"}})
    apply(k, {**p, "spec": {**p["spec"], "restartPolicy": "Never"}})
    wait_until("it ended", lambda: "terminated" in container_status(k, "oom")["state"], 60)
    end = container_status(k, "oom")["state"]["terminated"]
    assert end["reason"] == "OOMKilled" and end["exitCode"] == 137


def test_hooks_and_grace(k, cluster):
    folder = cluster.dir / "hooks"
    folder.mkdir()
    up(k, pod("hooks", "trap 'echo term >> /h/log; exit 0' TERM; while :; do sleep 0.1; done",
              {"terminationGracePeriodSeconds": 20,
               "volumes": [{"name": "h", "hostPath": {"path": str(folder)}}]},
              volumeMounts=[{"name": "h", "mountPath": "/h"}],
              lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "echo post >> /h/log"]}},
                         "preStop": {"exec": {"command": ["sh", "-c", "echo pre >> /h/log"]}}}))
    k.run("delete", "pod", "hooks", "--timeout=30s")
    assert (folder / "log").read_text() == "post\npre\nterm\n"


def test_security_context(k):
    _, log = ended(k, pod("secure", "id -u; id -g; id -G; grep CapEff /proc/self/status; "
                          "grep NoNewPrivs /proc/self/status; touch /x; touch /tmp/x && echo wrote",
                          {"securityContext": {"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000},
                           "volumes": [{"name": "t", "emptyDir": {}}]},
                          volumeMounts=[{"name": "t", "mountPath": "/tmp"}],
                          securityContext={"readOnlyRootFilesystem": True,
                                           "allowPrivilegeEscalation": False,
                                           "capabilities": {"drop": ["ALL"]}}))
    assert log.splitlines()[:2] == ["1000", "2000"] and "3000" in log.splitlines()[2]
    assert "CapEff:\t0000000000000000" in log and "NoNewPrivs:\t1" in log
    assert "Read-only file system" in log and "wrote" in log
    _, log = ended(k, pod("caps", "grep CapEff /proc/self/status", securityContext={
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}))
    assert log == "CapEff:\t0000000000001000\n"
    apply(k, pod("notroot", securityContext={"runAsNonRoot": True}))
    wait_until("it is refused", lambda: "will run as root" in container_status(k, "notroot")[
        "state"]["waiting"].get("message", ""))


def test_host_network(k, cluster):
    up(k, pod("hostnet", "httpd -f -p 8099", {"hostNetwork": True}))
    status = k.json("get", "pod", "hostnet")["status"]
    assert status["podIP"] == status["hostIP"] == cluster.ADDRESS
    assert "up0" in k.run("exec", "hostnet", "--", "ip", "link")
    assert cluster.node.on_host("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                                f"http://{cluster.ADDRESS}:8099/").stdout == "404"


def test_static_pod(k, cluster):
    path = cluster.node.manifests / "s.yaml"
    path.with_suffix(".tmp").write_text(yaml.safe_dump(pod("static", "echo static; sleep 3600")))
    path.with_suffix(".tmp").rename(path)
    wait_until("its mirror runs", lambda: k.json("get", "pod", "static-n1")["status"]["phase"] == "Running")
    assert "static" in k.run("logs", "static-n1")
    k.run("delete", "pod", "static-n1", "--wait=false")
    assert "running" in wait_until("the mirror is there again",
                                   lambda: container_status(k, "static-n1"))["state"]
    path.unlink()
    wait_until("it is gone", lambda: "not found" in k.call("get", "pod", "static-n1").stderr)


def test_api_from_within_a_pod(k, cluster):
    """With the mounted token and authority, by the service's name; curl comes from the host."""
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    hosts = [{"name": f"h{i}", "hostPath": {"path": h}} for i, h in enumerate(
        ("/usr/bin", "/usr/lib", "/usr/lib64"))]
    up(k, pod("api", spec={"volumes": hosts}, volumeMounts=[
        {"name": "h0", "mountPath": "/usr/bin", "readOnly": True},
        {"name": "h1", "mountPath": "/lib", "readOnly": True},
        {"name": "h2", "mountPath": "/lib64", "readOnly": True}]))
    out = k.run("exec", "api", "--", "sh", "-c", "cd /var/run/secrets/kubernetes.io/serviceaccount; "
                "ls; cat namespace; echo; /usr/bin/curl -sS --cacert ca.crt -H \"Authorization: Bearer "
                "$(cat token)\" https://kubernetes.default.svc/api/v1/namespaces/default/pods/api")
    assert out.startswith("ca.crt\nnamespace\ntoken\ndefault\n")
    got = json.loads(out[out.index("{"):])
    # It is known by name; what it may do is another matter.
    assert got["kind"] == "Pod" or ("system:serviceaccount:default:default" in got["message"]
                                    and got["code"] == 403), got
    out = k.run("exec", "api", "--", "sh", "-c", "/usr/bin/curl -sS --cacert "
                "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt -H 'Authorization: Bearer x' "
                "https://kubernetes.default.svc/api/v1/pods")
    assert json.loads(out)["code"] == 401


def test_proxy(k):
    """The API server has no route to pods: their node passes the request on."""
    p = pod("proxied", "mkdir /w; echo '<a href=\"/next\">x</a>' > /w/index.html; "
            "httpd -f -p 8080 -h /w", ports=[{"containerPort": 8080}])
    p["metadata"]["labels"] = {"app": "proxied"}
    up(k, p)
    base = "/api/v1/namespaces/default/pods/proxied/proxy"
    wait_until("it answers", lambda: k.run("get", "--raw", f"{base}/"), 30)
    assert k.run("get", "--raw", f"{base}/") == f'<a href="{base}/next">x</a>\n'
    apply(k, service("proxied"))
    path = "/api/v1/namespaces/default/services/proxied/proxy"
    wait_until("the service has its endpoint", lambda: k.run("get", "--raw", f"{path}/"), 30)
    assert k.run("get", "--raw", f"{path}/") == f'<a href="{path}/next">x</a>\n'
    node = k.json("get", "pod", "proxied")["spec"]["nodeName"]
    assert k.run("get", "--raw", f"/api/v1/nodes/{node}/proxy/healthz") == "ok"


def test_top(k):
    up(k, pod("busy", "while :; do :; done"), pod("lazy"))
    lines = k.run("top", "pod", "--no-headers").splitlines()
    used = {x.split()[0]: x.split()[1:] for x in lines}
    assert int(used["busy"][0].rstrip("m")) > 100 > int(used["lazy"][0].rstrip("m"))
    assert "busy" in k.run("top", "pod", "busy", "--containers")
    node = k.run("top", "node", "--no-headers").split()
    assert node[0] == k.json("get", "pod", "busy")["spec"]["nodeName"]
    assert int(node[1].rstrip("m")) > 100 and node[3].endswith("Mi"), node
    k.run("delete", "pod", "busy", "lazy", "--now")
    assert "not found" in k.fails("get", "--raw", "/apis/metrics.k8s.io/v1beta1/namespaces/"
                                  "default/pods/none")
