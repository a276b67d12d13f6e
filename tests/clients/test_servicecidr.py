# SPDX-License-Identifier: Apache-2.0
"""Where Services get their addresses: several ranges, an IPAddress for each, and ranges that go."""
import pytest
from knarr_test import Master
from lab import wait_until

NET = "/apis/networking.k8s.io/v1"
CIDRS, ADDRESSES = f"{NET}/servicecidrs", f"{NET}/ipaddresses"
SERVICES = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"


@pytest.fixture(scope="module")
def small():
    """A master whose own range has six addresses; the first is that of the Service kubernetes."""
    with Master("--no-scheduler", "--service-cidr", "10.97.0.0/29") as m:
        yield m


def service(m, name, ip=None, code=201, **spec):
    spec = {"ports": [{"port": 80}], **({"clusterIP": ip} if ip else {}), **spec}
    status, got = m.api("POST", SERVICES, {"metadata": {"name": name}, "spec": spec})
    assert status == code, got
    return got


def cidr(m, name, *ranges):
    status, got = m.api("POST", CIDRS, {"metadata": {"name": name}, "spec": {"cidrs": list(ranges)}})
    assert status == 201, got
    return got


def ready(m, name):
    """(status, reason, message) of the condition Ready."""
    got = m.api("GET", f"{CIDRS}/{name}")[1]
    for c in (got.get("status") or {}).get("conditions", []):
        if c["type"] == "Ready":
            return c["status"], c["reason"], c["message"]
    return None


def gone(m, path):
    return m.api("GET", path)[0] == 404


def remove(m, *names):
    for n in names:
        assert m.api("DELETE", f"{SERVICES}/{n}")[0] == 200


def test_kubernetes_service(small):
    """What the master makes itself is as what users make."""
    got = wait_until("its IPAddress", lambda: (lambda r: r[0] == 200 and r[1])(
        small.api("GET", f"{ADDRESSES}/10.97.0.1")))
    assert got["spec"]["parentRef"] == {"resource": "services", "namespace": "default", "name": "kubernetes"}
    assert got["metadata"]["labels"] == {"ipaddress.kubernetes.io/ip-family": "IPv4",
                                         "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
    wait_until("finalizer", lambda: FINALIZER in small.api("GET", f"{CIDRS}/kubernetes")[1]["metadata"]
               .get("finalizers", []))
    assert ready(small, "kubernetes") == ("True", "", "Kubernetes Service CIDR is ready")


def test_addresses_go_with_services(small):
    ip = service(small, "one")["spec"]["clusterIP"]
    status, got = small.api("GET", f"{ADDRESSES}/{ip}")
    assert status == 200 and got["spec"]["parentRef"]["name"] == "one" and got["metadata"]["uid"]
    # Headless and ExternalName: none. Changing to ExternalName gives it back, and takes another.
    service(small, "headless", "None")
    service(small, "ext", type="ExternalName", externalName="example.com")
    status, got = small.api("PATCH", f"{SERVICES}/one", {"spec": {
        "type": "ExternalName", "externalName": "example.com", "clusterIP": "", "clusterIPs": None}}, MERGE)
    assert status == 200 and gone(small, f"{ADDRESSES}/{ip}"), got
    status, got = small.api("PATCH", f"{SERVICES}/one", {"spec": {
        "type": "ClusterIP", "externalName": None, "ports": [{"port": 80}]}}, MERGE)
    assert status == 200, got
    back = got["spec"]["clusterIP"]
    assert not gone(small, f"{ADDRESSES}/{back}")
    # Nothing is left of a dry run, nor of one that was refused.
    before = len(small.api("GET", ADDRESSES)[1]["items"])
    small.api("POST", SERVICES + "?dryRun=All", {"metadata": {"name": "dry"}, "spec": {"ports": [{"port": 80}]}})
    service(small, "one", code=409)
    assert len(small.api("GET", ADDRESSES)[1]["items"]) == before
    remove(small, "one", "headless", "ext")
    assert gone(small, f"{ADDRESSES}/{back}")


def refusal(got):
    return [c["message"] for c in got["details"]["causes"]]


def test_refusals(small):
    def text(ip, why):
        return [f'Invalid value: ["{ip}"]: failed to allocate IP {ip}: {why}']
    other = "the provided network does not match the current range"
    for ip in ("10.98.0.5", "10.97.0.0", "10.97.0.7"):  # of no range, the network's, the broadcast one
        assert refusal(service(small, "no", ip, 422)) == text(ip, other)
    taken = "provided IP is already allocated"
    assert refusal(service(small, "no", "10.97.0.1", 422)) == text("10.97.0.1", taken)
    # Somebody else has an address, a gateway say.
    status, _ = small.api("POST", ADDRESSES, {"metadata": {"name": "10.97.0.2"}, "spec": {"parentRef": {
        "group": "gateway.example.com", "resource": "gateways", "namespace": "default", "name": "g"}}})
    assert status == 201
    assert refusal(service(small, "no", "10.97.0.2", 422)) == text("10.97.0.2", taken)
    got = [service(small, f"s{i}")["spec"]["clusterIP"] for i in range(4)]
    assert sorted(got) == [f"10.97.0.{i}" for i in range(3, 7)]
    full = service(small, "no", code=500)
    assert full["reason"] == "InternalError"
    assert full["message"] == "Internal error occurred: failed to allocate a serviceIP: range is full"
    # A further range, and the same call works at once.
    cidr(small, "more", "10.99.0.0/28")
    more = service(small, "more")
    assert more["spec"]["clusterIP"].startswith("10.99.0.")
    mine = "10.99.0.13" if more["spec"]["clusterIP"] == "10.99.0.14" else "10.99.0.14"
    assert service(small, "mine", mine)["spec"]["clusterIPs"] == [mine]
    small.api("DELETE", f"{ADDRESSES}/10.97.0.2")
    remove(small, *[f"s{i}" for i in range(4)])


def test_range_stays_while_in_use(small):
    wait_until("Ready", lambda: ready(small, "more") == ("True", "", "Kubernetes Service CIDR is ready"))
    wait_until("finalizer", lambda: small.api("GET", f"{CIDRS}/more")[1]["metadata"].get("finalizers") == [FINALIZER])
    status, got = small.api("DELETE", f"{CIDRS}/more")
    assert status == 200 and got["metadata"]["deletionTimestamp"], got
    why = ("False", "Terminating", "There are still IPAddresses referencing the ServiceCIDR, please remove "
           "them or create a new ServiceCIDR")
    wait_until("Terminating", lambda: ready(small, "more") == why)
    # Nothing more comes out of it.
    got = service(small, "late", "10.99.0.13", 422)
    assert "does not match the current range" in got["message"]
    remove(small, "more")
    assert ready(small, "more") == why
    remove(small, "mine")
    wait_until("gone", lambda: gone(small, f"{CIDRS}/more"))


def test_range_in_a_larger_one(small):
    cidr(small, "inner", "10.99.1.0/28")
    service(small, "in", "10.99.1.3")
    wait_until("finalizer", lambda: small.api("GET", f"{CIDRS}/inner")[1]["metadata"].get("finalizers"))
    small.api("DELETE", f"{CIDRS}/inner")
    wait_until("Terminating", lambda: ready(small, "inner")[0] == "False")
    cidr(small, "outer", "10.99.0.0/16")
    wait_until("gone", lambda: gone(small, f"{CIDRS}/inner"))
    assert not gone(small, f"{ADDRESSES}/10.99.1.3")
    out = small.kubectl("get", "ipaddress").stdout
    assert "10.99.1.3" in out and "services/default/in" in out
    remove(small, "in")
    small.api("DELETE", f"{CIDRS}/outer")
    wait_until("gone", lambda: gone(small, f"{CIDRS}/outer"))


def test_repair(small):
    """An address that was deleted, or taken for somebody else's, comes back."""
    service(small, "mend", "10.97.0.5")
    first = small.api("GET", f"{ADDRESSES}/10.97.0.5")[1]["metadata"]["uid"]
    assert small.api("DELETE", f"{ADDRESSES}/10.97.0.5")[0] == 200
    again = wait_until("repair", lambda: (lambda r: r[0] == 200 and r[1])(small.api("GET", f"{ADDRESSES}/10.97.0.5")))
    assert again["metadata"]["uid"] != first and again["spec"]["parentRef"]["name"] == "mend"
    wait_until("event", lambda: [e for e in small.api("GET", "/api/v1/namespaces/default/events")[1]["items"]
                                 if e["reason"] == "ClusterIPNotAllocated" and e["message"] ==
                                 "Cluster IP [IPv4]: 10.97.0.5 is not allocated; repairing"])
    small.api("PATCH", f"{ADDRESSES}/10.97.0.5", {"metadata": {"labels": None}}, MERGE)
    wait_until("labels", lambda: small.api("GET", f"{ADDRESSES}/10.97.0.5")[1]["metadata"].get("labels"))
    remove(small, "mend")
    # One that nobody could have: made for a Service which has another address.
    service(small, "mend", "10.97.0.4")
    small.api("POST", ADDRESSES, {"metadata": {"name": "10.97.0.6", "labels": {
        "ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}},
        "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "mend"}}})
    wait_until("cleaned up", lambda: gone(small, f"{ADDRESSES}/10.97.0.6"))
    remove(small, "mend")
    assert gone(small, f"{ADDRESSES}/10.97.0.4")
