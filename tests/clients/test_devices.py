# SPDX-License-Identifier: Apache-2.0
"""Devices by ResourceClaims in a real master, as kubectl sees them; nodes and drivers that exist only
as API objects."""
import pytest
import yaml
from knarr_test import Master, wait_for
from test_controllers import PODS, Node, at_work, items

GROUP = "/apis/resource.k8s.io/v1"
CLAIMS = GROUP + "/namespaces/{}/resourceclaims"
DRIVER = "gpu.knarr.test"


def device(name, model, memory):
    return {"name": name, "attributes": {"model": {"string": model}, "numa": {"int": int(name[-1]) // 2}},
            "capacity": {"memory": {"value": memory}}}


def slice_of(node, *devices):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice",
            "metadata": {"name": f"{node}-gpus"}, "spec": {
                "driver": DRIVER, "nodeName": node, "devices": list(devices),
                "pool": {"name": node, "generation": 1, "resourceSliceCount": 1}}}


OBJECTS = [
    {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {
        "selectors": [{"cel": {"expression": f'device.driver == "{DRIVER}"'}}],
        "config": [{"opaque": {"driver": DRIVER, "parameters": {"sharing": "none"}}}]}},
    slice_of("n1", *(device(f"gpu-{i}", "small", "16Gi") for i in range(2))),
    slice_of("n2", *(device(f"gpu-{i}", "large", "80Gi") for i in range(4))),
]
LARGE = f'device.attributes["{DRIVER}"].model == "large" && ' \
        f'device.capacity["{DRIVER}"].memory.compareTo(quantity("40Gi")) >= 0'


def spec(count=1, selector=None, **more):
    exact = {"deviceClassName": "gpu", "count": count, "allocationMode": "ExactCount"}
    if selector:
        exact["selectors"] = [{"cel": {"expression": selector}}]
    return {"devices": {"requests": [{"name": "gpu", "exactly": exact}], **more}}


def template(name, s):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": name},
            "spec": {"metadata": {"labels": {"made": "yes"}}, "spec": s}}


def pod_spec(**source):
    return {"terminationGracePeriodSeconds": 0, "resourceClaims": [{"name": "gpu", **source}],
            "containers": [{"name": "c", "image": "a", "resources": {"claims": [{"name": "gpu"}]}}]}


def pod(name, **source):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod_spec(**source)}


def apply(m, ns, *objs):
    m.kubectl("-n", ns, "apply", "-f", "-", stdin="---\n".join(yaml.safe_dump(o) for o in objs))


@pytest.fixture(scope="module")
def m():
    with Master() as m:
        with at_work(*(Node(m, n) for n in ("n1", "n2"))):
            apply(m, "default", *OBJECTS)
            wait_for(lambda: not any(n["spec"].get("taints") for n in items(m, "/api/v1/nodes")), 30)
            yield m


@pytest.fixture
def ns(m, request):
    name = "t-" + request.node.name.replace("_", "-")[:50]
    assert m.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    wait_for(lambda: m.api("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")[0] == 200, 30)
    yield name
    m.api("DELETE", f"/api/v1/namespaces/{name}")
    wait_for(lambda: m.api("GET", f"/api/v1/namespaces/{name}")[0] == 404, 60)


def node_of(m, ns, name):
    return m.api("GET", PODS.format(ns) + "/" + name)[1]["spec"].get("nodeName")


def given(claim):
    return [(r["pool"], r["device"])
            for r in claim.get("status", {}).get("allocation", {}).get("devices", {}).get("results", [])]


def test_template(m, ns):
    """A pod's claim is made, allocated, reserved, shown, and gone with the pod."""
    apply(m, ns, template("large", spec(2, LARGE, constraints=[{"matchAttribute": f"{DRIVER}/numa"}])),
          pod("p", resourceClaimTemplateName="large"))
    wait_for(lambda: node_of(m, ns, "p"), 30)
    assert node_of(m, ns, "p") == "n2"
    claim, = items(m, CLAIMS.format(ns))
    assert claim["metadata"]["name"].startswith("p-gpu-") and claim["metadata"]["labels"] == {"made": "yes"}
    assert given(claim) == [("n2", "gpu-0"), ("n2", "gpu-1")]
    assert claim["status"]["reservedFor"][0]["name"] == "p"
    assert claim["status"]["allocation"]["devices"]["config"][0]["source"] == "FromClass"
    line = m.kubectl("-n", ns, "get", "resourceclaims", "--no-headers").stdout.split()
    assert line[:2] == [claim["metadata"]["name"], "allocated,reserved"], line
    status = m.api("GET", PODS.format(ns) + "/p")[1]["status"]["resourceClaimStatuses"]
    assert status == [{"name": "gpu", "resourceClaimName": claim["metadata"]["name"]}]
    m.kubectl("-n", ns, "delete", "pod", "p", "--timeout=30s")
    wait_for(lambda: not items(m, CLAIMS.format(ns)), 30)


def test_each_device_once(m, ns):
    """More replicas than devices: each device goes to one pod, on its node; the others wait, and say why."""
    apply(m, ns, template("any", spec()), {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
            "replicas": 8, "selector": {"matchLabels": {"a": "d"}}, "template": {
                "metadata": {"labels": {"a": "d"}}, "spec": pod_spec(resourceClaimTemplateName="any")}}})

    def held():
        return [d for c in items(m, CLAIMS.format(ns)) for d in given(c)]
    wait_for(lambda: len(held()) == 6, 60)
    assert len(set(held())) == 6

    def told():
        return [c["message"] for p in items(m, PODS.format(ns)) for c in p["status"].get("conditions", [])
                if c["type"] == "PodScheduled" and c["status"] == "False"]
    wait_for(lambda: len(told()) == 2, 30)
    assert told()[0] == "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, " \
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    for c in items(m, CLAIMS.format(ns)):
        for pool, _ in given(c):
            assert node_of(m, ns, c["status"]["reservedFor"][0]["name"]) == pool
    # What one gives back, another gets.
    first = next(c["status"]["reservedFor"][0]["name"] for c in items(m, CLAIMS.format(ns)) if given(c))
    m.kubectl("-n", ns, "scale", "deployment", "d", "--replicas=7")
    m.kubectl("-n", ns, "delete", "pod", first, "--timeout=30s")
    wait_for(lambda: len(told()) == 1, 60)
    wait_for(lambda: len(held()) == 6, 60)
    now = held()
    assert len(set(now)) == len(now)


def test_shared(m, ns):
    """One claim of two pods: both run where it is, and it is given back after the last."""
    apply(m, ns, {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "k"},
                  "spec": spec(selector=f'device.attributes["{DRIVER}"].model == "small"')},
          pod("a", resourceClaimName="k"), pod("b", resourceClaimName="k"))
    wait_for(lambda: node_of(m, ns, "a") and node_of(m, ns, "b"), 30)
    assert node_of(m, ns, "a") == node_of(m, ns, "b") == "n1"

    def look():
        return m.api("GET", CLAIMS.format(ns) + "/k")[1]
    assert {r["name"] for r in look()["status"]["reservedFor"]} == {"a", "b"}
    # It is not taken away under them.
    m.kubectl("-n", ns, "delete", "resourceclaim", "k", "--wait=false")
    assert look()["metadata"]["deletionTimestamp"]
    m.kubectl("-n", ns, "delete", "pod", "a", "--timeout=30s")
    wait_for(lambda: [r["name"] for r in look()["status"]["reservedFor"]] == ["b"], 30)
    m.kubectl("-n", ns, "delete", "pod", "b", "--timeout=30s")
    wait_for(lambda: m.api("GET", CLAIMS.format(ns) + "/k")[0] == 404, 30)


def test_refused(m, ns):
    """What validation and admission refuse, with Kubernetes' words."""
    def refusal(obj):
        p = m.kubectl("-n", ns, "apply", "-f", "-", stdin=yaml.safe_dump(obj), check=False)
        assert p.returncode != 0
        return p.stderr
    claim = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "r"}}
    text = refusal({**claim, "spec": spec(selector="device.driver + 1 == 2")})
    assert "spec.devices.requests[0].exactly.selectors[0].cel.expression: Invalid value" in text
    assert "compilation failed" in text and "no matching overload" in text
    admin = spec()
    admin["devices"]["requests"][0]["exactly"]["adminAccess"] = True
    text = refusal({**claim, "spec": admin})
    assert "admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the " \
        "containing namespace" in text
    # In a namespace that is marked for it, a device that is in use may be looked after.
    m.kubectl("label", "namespace", ns, "resource.kubernetes.io/admin-access=true")
    admin["devices"]["requests"][0]["exactly"].update(allocationMode="All", count=0)
    apply(m, ns, {**claim, "metadata": {"name": "user"}, "spec": spec(4, LARGE)}, pod("u", resourceClaimName="user"))
    wait_for(lambda: node_of(m, ns, "u"), 30)
    admin["devices"]["requests"][0]["exactly"]["selectors"] = [{"cel": {"expression": LARGE}}]
    apply(m, ns, {**claim, "metadata": {"name": "admin"}, "spec": admin}, pod("a", resourceClaimName="admin"))
    wait_for(lambda: node_of(m, ns, "a") == "n2", 30)
    got = m.api("GET", CLAIMS.format(ns) + "/admin")[1]
    assert len(given(got)) == 4 and all(r["adminAccess"] for r in got["status"]["allocation"]["devices"]["results"])
