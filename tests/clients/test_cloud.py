# SPDX-License-Identifier: Apache-2.0
"""Cloud providers in a real master: load balancers and nodes, and programs that misbehave."""
import shutil
import subprocess
from pathlib import Path

import pytest
from knarr_test import BUILD, Master
from lab import wait_for
from test_controllers import MERGE, Node, items

TOP = Path(__file__).resolve().parents[2]
SERVICES = "/api/v1/namespaces/default/services"
TAINT = "node.cloudprovider.kubernetes.io/uninitialized"


def service(name, **spec):
    return {"metadata": {"name": name}, "spec": {
        "type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 80}], **spec}}


def ingress(m, name):
    _, s = m.api("GET", f"{SERVICES}/{name}")
    return [i.get("ip") or i.get("hostname")
            for i in s.get("status", {}).get("loadBalancer", {}).get("ingress", [])]


def events(m, name, reason):
    return [e["message"] for e in items(m, "/api/v1/namespaces/default/events")
            if e["involvedObject"]["name"] == name and e["reason"] == reason]


def run(folder, provider, conf):
    """A master with a provider and two nodes that exist only as API objects."""
    (folder / "conf.yaml").write_text(conf)
    m = Master("--cloud", provider, "--cloud-config", str(folder / "conf.yaml"))
    m.start()
    nodes = [Node(m, n) for n in ("n1", "n2")]
    for n in nodes:
        n.start()
    return m, nodes


def over(m, nodes):
    for n in nodes:
        n.over = True
        n.join()
    m.stop()
    m.remove()


@pytest.fixture
def metal(tmp_path):
    m, nodes = run(tmp_path, "metal", """
machines: [{name: n1, zone: a, type: big}, {name: n2, zone: b}]
pools: [{name: p, addresses: [192.0.2.10-192.0.2.11]}]
""")
    m.inventory = tmp_path / "conf.yaml"
    yield m
    over(m, nodes)


@pytest.fixture
def program(tmp_path):
    """A provider whose text the test writes: program("echo ...")."""
    script = tmp_path / "provider"

    def write(text):
        new = tmp_path / "new"
        new.write_text("#!/bin/sh\n" + text + "\n")
        new.chmod(0o755)
        new.rename(script)
    write("echo '{}'")
    m, nodes = run(tmp_path, "exec", f"command: [{script}]\ntimeoutSeconds: 1\n"
                   "features: [instances, loadBalancers]\nmaxOutput: 10000\n")
    m.program = write
    yield m
    over(m, nodes)


def test_metal(metal):
    m = metal
    assert m.api("POST", SERVICES, service("one"))[0] == 201
    assert m.api("POST", SERVICES, service("two", loadBalancerIP="192.0.2.11"))[0] == 201
    wait_for(lambda: ingress(m, "one") and ingress(m, "two"))
    assert (ingress(m, "one"), ingress(m, "two")) == (["192.0.2.10"], ["192.0.2.11"])
    _, s = m.api("GET", SERVICES + "/one")
    assert s["metadata"]["finalizers"] == ["service.kubernetes.io/load-balancer-cleanup"]
    assert s["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.10", "ipMode": "VIP"}]
    wait_for(lambda: m.api("GET", SERVICES + "/one")[1]["metadata"].get("annotations", {}).get(
        "knarr.io/announced-by") in ("n1", "n2"))
    # what people see
    out = m.kubectl("get", "service", "one", version="1.35").stdout
    assert "LoadBalancer" in out and "192.0.2.10" in out
    assert "Ensured load balancer" in m.kubectl("describe", "service", "one",
                                                version="1.35").stdout
    # none is left: said on the object; one that goes makes room
    assert m.api("POST", SERVICES, service("three"))[0] == 201
    wait_for(lambda: events(m, "three", "SyncLoadBalancerFailed"))
    assert "no address is free in any pool" in events(m, "three", "SyncLoadBalancerFailed")[0]
    m.api("DELETE", SERVICES + "/two")
    wait_for(lambda: m.api("GET", SERVICES + "/two")[0] == 404)
    wait_for(lambda: ingress(m, "three") == ["192.0.2.11"], 15)
    # no longer a load balancer
    m.api("PATCH", SERVICES + "/one", {"spec": {"type": "ClusterIP"}}, MERGE)
    wait_for(lambda: not m.api("GET", SERVICES + "/one")[1]["metadata"].get("finalizers"))
    _, s = m.api("GET", SERVICES + "/one")
    assert s["status"]["loadBalancer"] == {}
    assert "knarr.io/announced-by" not in s["metadata"].get("annotations", {})


def test_metal_nodes(metal):
    m = metal

    def node(name):
        return m.api("GET", "/api/v1/nodes/" + name)[1]
    wait_for(lambda: node("n1")["spec"].get("providerID") == "metal://n1")
    labels = node("n1")["metadata"]["labels"]
    assert labels["topology.kubernetes.io/zone"] == "a"
    assert labels["node.kubernetes.io/instance-type"] == "big"
    code, _ = m.api("POST", "/api/v1/nodes", {"metadata": {"name": "n3"}, "spec": {"taints": [
        {"key": TAINT, "value": "true", "effect": "NoSchedule"}]}})
    assert code == 201
    # not in the inventory, never ready: its machine is gone
    wait_for(lambda: m.api("GET", "/api/v1/nodes/n3")[0] == 404)
    m.inventory.write_text("machines: [{name: n1}, {name: n2}, {name: n4, zone: c}]")
    m.api("POST", "/api/v1/nodes", {"metadata": {"name": "n4"}, "spec": {"taints": [
        {"key": TAINT, "value": "true", "effect": "NoSchedule"}]}})
    wait_for(lambda: TAINT not in str(node("n4")["spec"].get("taints")))
    assert node("n4")["metadata"]["labels"]["topology.kubernetes.io/zone"] == "c"


def test_program(program):
    m = program
    m.program("""q=$(cat); case $1 in
instance) echo '{"exists": true, "providerID": "my://x", "zone": "z9"}';;
ensure*) echo "$q" | grep -q '"nodes":.{"name":"n1"' && echo '{"ingress": [{"hostname": "lb.example"}]}';;
*) echo '{}';; esac""")
    m.api("POST", SERVICES, service("web"))
    wait_for(lambda: ingress(m, "web") == ["lb.example"], 20)
    wait_for(lambda: m.api("GET", "/api/v1/nodes/n1")[1]["spec"].get("providerID") == "my://x", 20)
    m.api("DELETE", SERVICES + "/web")
    wait_for(lambda: m.api("GET", SERVICES + "/web")[0] == 404)


@pytest.mark.parametrize("name,text,says", [
    ("hangs", "sleep 600", "gave no answer in 1 s"),
    ("rubbish", "echo 'Segmentation fault'", "gave no JSON object"),
    ("much", "yes", "printed more than 10000 bytes"),
    ("fails", "echo no credentials >&2; exit 3", "ended with status 3: no credentials"),
    ("dies", "kill -SEGV $$", "was killed by signal 11"),
    ("lies", "echo '{\"ingress\":[{\"ip\":\"1.2.3\"}]}'", "ingress: ip is no address"),
    ("refuses", "echo '{\"error\":\"quota used up\"}'", "quota used up"),
])
def test_bad_program(program, name, text, says):
    """A clear event, and nothing changed; the master serves on."""
    m = program
    m.program(text)
    m.api("POST", SERVICES, service(name))
    wait_for(lambda: events(m, name, "SyncLoadBalancerFailed"), 15)
    assert says in events(m, name, "SyncLoadBalancerFailed")[0]
    assert ingress(m, name) == []
    assert m.api("GET", "/api/v1/nodes/n1")[1]["spec"].get("providerID") is None
    assert m.api("GET", "/readyz")[0] == 200


def test_example(tmp_path):
    """The example does what its page says."""
    (tmp_path / "machines").write_text("n1 z1\nn2 z2\n")
    (tmp_path / "addresses").write_text("192.0.2.1\n192.0.2.2\n")
    shutil.copy(TOP / "examples/cloud/provider.sh", tmp_path / "provider.sh")
    m, nodes = run(tmp_path, "exec", f"command: [{tmp_path}/provider.sh, {tmp_path}]\n"
                   "features: [instances, loadBalancers]\n")
    try:
        m.api("POST", SERVICES, service("a"))
        m.api("POST", SERVICES, service("b"))
        wait_for(lambda: ingress(m, "a") and ingress(m, "b"), 20)
        assert sorted(ingress(m, "a") + ingress(m, "b")) == ["192.0.2.1", "192.0.2.2"]
        wait_for(lambda: m.api("GET", "/api/v1/nodes/n2")[1]["metadata"]["labels"].get(
            "topology.kubernetes.io/zone") == "z2", 20)
        m.api("DELETE", SERVICES + "/a")
        wait_for(lambda: m.api("GET", SERVICES + "/a")[0] == 404)
        assert len((tmp_path / "taken").read_text().splitlines()) == 1
    finally:
        over(m, nodes)


@pytest.mark.parametrize("args,conf,says", [
    (["--cloud", "magic"], None, '--cloud: "magic" is none of metal, exec'),
    (["--cloud", "metal"], None, "--cloud metal needs --cloud-config"),
    (["--cloud-config", "/etc/hosts"], None, "--cloud-config goes with --cloud"),
    (["--cloud", "metal"], "machines: [{nam: n1}]", 'machines[0]: "nam" is no key of it'),
    (["--cloud", "exec"], "command: [sh]\nfeatures: [instances]",
     'command[0]: "sh" is no absolute path'),
])
def test_wrong_options(tmp_path, args, conf, says):
    if conf:
        (tmp_path / "c").write_text(conf)
        args = [*args, "--cloud-config", str(tmp_path / "c")]
    p = subprocess.run([BUILD + "/knarr-master", "--data-dir", str(tmp_path / "d"), "--config-dir",
                        str(tmp_path), "--bind", "127.0.0.1", "--port", "0", *args],
                       capture_output=True, text=True, timeout=20, check=False)
    assert p.returncode == 78 and says in p.stderr
    assert not (tmp_path / "d").exists()
