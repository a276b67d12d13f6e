# SPDX-License-Identifier: Apache-2.0
"""Services of two families (KEP-563): what the API fills in, refuses, gives out and takes back."""
import ipaddress
import subprocess

import pytest
from knarr_test import BUILD, Master
from lab import free_port, wait_until

NET = "/apis/networking.k8s.io/v1"
CIDRS, ADDRESSES = f"{NET}/servicecidrs", f"{NET}/ipaddresses"
SERVICES = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"
V4, V6 = ipaddress.ip_network("10.97.0.0/24"), ipaddress.ip_network("fd00:97::/108")
SELECT = {"selector": {"app": "a"}}


def start(*args):
    m = Master("--no-scheduler", *args)
    m.start()
    return m


@pytest.fixture(scope="module")
def dual():
    m = start("--service-cidr", f"{V4},{V6}", "--cluster-cidr", "10.245.0.0/16,fd00:245::/48",
              "--node-cidr-mask-size-ipv4", "25")
    try:
        yield m
        m.stop()
    finally:
        m.remove()


@pytest.fixture(scope="module")
def six():
    """A cluster of IPv6 alone, the master's own port too."""
    m = Master("--no-scheduler", "--service-cidr", str(V6), "--cluster-cidr", "fd00:245::/56",
               "--peer-port", str(free_port()), bind="::1")
    try:
        m.start()
        yield m
        m.stop()
    finally:
        m.remove()


def make(m, name, code=201, **spec):
    status, got = m.api("POST", SERVICES, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}})
    assert status == code, got
    return got


def patch(m, name, code=200, **spec):
    status, got = m.api("PATCH", f"{SERVICES}/{name}", {"spec": spec}, MERGE)
    assert status == code, got
    return got


def families(got):
    """Policy, families and to which range each address belongs, which have to fit."""
    s = got["spec"]
    ips = s.get("clusterIPs") or []
    kinds = ["None" if ip == "None" else "4" if ipaddress.ip_address(ip) in V4 else "6" for ip in ips]
    assert all(k != "6" or ipaddress.ip_address(ip) in V6 for k, ip in zip(kinds, ips))
    assert s.get("clusterIP") == (ips[0] if ips else None)
    return s.get("ipFamilyPolicy"), "".join(f[-1] for f in s.get("ipFamilies") or []), "".join(kinds)


def causes(got):
    return [f"{c['field']}: {c['message']}" for c in got["details"]["causes"]]


def address(m, ip):
    status, got = m.api("GET", f"{ADDRESSES}/{ip}")
    return got if status == 200 else None


def test_kubernetes(dual):
    """One family, the primary one; the range is one object with both."""
    got = wait_until("kubernetes", lambda: (lambda r: r[0] == 200 and r[1])(dual.api("GET", f"{SERVICES}/kubernetes")))
    assert families(got) == ("SingleStack", "4", "4") and got["spec"]["clusterIP"] == "10.97.0.1"
    assert dual.api("GET", f"{CIDRS}/kubernetes")[1]["spec"]["cidrs"] == [str(V4), str(V6)]


@pytest.mark.parametrize("spec, want", [
    ({}, ("SingleStack", "4", "4")),
    ({"ipFamilyPolicy": "PreferDualStack"}, ("PreferDualStack", "46", "46")),
    ({"ipFamilyPolicy": "RequireDualStack"}, ("RequireDualStack", "46", "46")),
    ({"ipFamilies": ["IPv6"]}, ("SingleStack", "6", "6")),
    ({"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack"}, ("RequireDualStack", "64", "64")),
    ({"ipFamilies": ["IPv6"], "ipFamilyPolicy": "PreferDualStack"}, ("PreferDualStack", "64", "64")),
    ({"clusterIP": "fd00:97::77"}, ("SingleStack", "6", "6")),
    ({"clusterIP": "FD00:97:0::78", "ipFamilyPolicy": "PreferDualStack"}, ("PreferDualStack", "64", "64")),
    ({"clusterIP": "10.97.0.77", "clusterIPs": ["10.97.0.77", "fd00:97::79"], "ipFamilyPolicy": "RequireDualStack"},
     ("RequireDualStack", "46", "46")),
    ({"clusterIP": "None", **SELECT}, ("SingleStack", "4", "None")),
    ({"clusterIP": "None", "ipFamilyPolicy": "PreferDualStack", **SELECT}, ("PreferDualStack", "46", "None")),
    ({"clusterIP": "None"}, ("RequireDualStack", "46", "None")),
    ({"clusterIP": "None", "ipFamilies": ["IPv6"]}, ("RequireDualStack", "64", "None")),
    ({"clusterIP": "None", "ipFamilyPolicy": "SingleStack"}, ("SingleStack", "4", "None")),
    ({"type": "ExternalName", "externalName": "a.b"}, (None, "", "")),
])
def test_create(dual, spec, want):
    got = make(dual, "one", **spec)
    try:
        assert families(got) == want
        for ip in got["spec"].get("clusterIPs") or []:
            if ip == "None":
                continue
            a = ipaddress.ip_address(ip)
            labels = address(dual, str(a))["metadata"]["labels"]
            assert labels == {"ipaddress.kubernetes.io/ip-family": f"IPv{a.version}",
                              "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
    finally:
        assert dual.api("DELETE", f"{SERVICES}/one")[0] == 200
    for ip in got["spec"].get("clusterIPs") or []:
        assert ip == "None" or address(dual, str(ipaddress.ip_address(ip))) is None


TWO_IPS = "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified"
TWO_FAMILIES = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"


@pytest.mark.parametrize("spec, want", [
    ({"ipFamilies": ["IPv4", "IPv6"]}, [f'spec.ipFamilyPolicy: Invalid value: "SingleStack": {TWO_FAMILIES}']),
    ({"clusterIP": "10.97.0.9", "clusterIPs": ["10.97.0.9", "fd00:97::9"]},
     [f'spec.ipFamilyPolicy: Invalid value: "SingleStack": {TWO_IPS}']),
    ({"ipFamilies": ["IPv4", "IPv4"], "ipFamilyPolicy": "RequireDualStack"},
     ['spec.ipFamilies[1]: Duplicate value: "IPv4"']),
    ({"ipFamilies": ["IPv5"]}, ['spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"']),
    ({"clusterIPs": ["10.97.0.9"]}, [
        'spec.clusterIPs: Invalid value: ["10.97.0.9"]: must be empty when `clusterIP` is not specified']),
    ({"clusterIP": "10.97.0.9", "clusterIPs": ["10.97.0.9", "10.97.0.8"], "ipFamilyPolicy": "RequireDualStack"}, [
        'spec.clusterIPs: Invalid value: ["10.97.0.9","10.97.0.8"]: may specify no more than one IP for each IP family'
    ]),
    ({"clusterIP": "10.97.0.9", "ipFamilies": ["IPv6"]}, [
        'spec.clusterIPs[0]: Invalid value: "10.97.0.9": expected an IPv6 value as indicated by `ipFamilies[0]`']),
    ({"clusterIP": "fd00:98::1"}, [
        'spec.clusterIPs: Invalid value: ["fd00:98::1"]: failed to allocate IP fd00:98::1: '
        'the provided network does not match the current range']),
    ({"clusterIP": "fd00:97::", }, [
        'spec.clusterIPs: Invalid value: ["fd00:97::"]: failed to allocate IP fd00:97::: '
        'the provided network does not match the current range']),
    ({"type": "ExternalName", "externalName": "a.b", "ipFamilies": ["IPv4"]},
     ["spec.ipFamilies: Forbidden: may not be set for ExternalName services"]),
])
def test_refused(dual, spec, want):
    assert causes(make(dual, "no", 422, **spec)) == want


def test_taken_in_any_spelling(dual):
    make(dual, "first", clusterIP="fd00:97::abc")
    assert causes(make(dual, "second", 422, clusterIP="FD00:0097::0ABC")) == [
        'spec.clusterIPs: Invalid value: ["FD00:0097::0ABC"]: failed to allocate IP FD00:0097::0ABC: '
        'provided IP is already allocated']
    dual.api("DELETE", f"{SERVICES}/first")


def test_upgrade_and_downgrade(dual):
    first = make(dual, "u", **SELECT)
    one = first["spec"]["clusterIP"]
    # Nothing gives a Service a family by itself, nor takes one.
    assert families(patch(dual, "u", sessionAffinity="ClientIP")) == ("SingleStack", "4", "4")
    got = patch(dual, "u", ipFamilyPolicy="PreferDualStack")
    assert families(got) == ("PreferDualStack", "46", "46") and got["spec"]["clusterIP"] == one
    two = got["spec"]["clusterIPs"][1]
    assert address(dual, one) and address(dual, two)["spec"]["parentRef"]["name"] == "u"
    # A PUT that leaves all of it out keeps all of it.
    bare = {k: v for k, v in got["spec"].items() if not k.startswith(("clusterIP", "ipFamil"))}
    status, put = dual.api("PUT", f"{SERVICES}/u", {"metadata": got["metadata"], "spec": bare})
    assert status == 200 and families(put) == ("PreferDualStack", "46", "46"), put
    assert put["spec"]["clusterIPs"] == [one, two]

    must = "must be 'SingleStack' to release the secondary"
    assert causes(patch(dual, "u", 422, ipFamilies=["IPv4"])) == [
        f'spec.ipFamilyPolicy: Invalid value: "PreferDualStack": {must} IP family']
    assert causes(patch(dual, "u", 422, clusterIPs=[one])) == [
        f'spec.ipFamilyPolicy: Invalid value: "PreferDualStack": {must} cluster IP']
    # The first family is for good.
    assert causes(patch(dual, "u", 422, ipFamilies=["IPv6", "IPv4"])) == [
        f'spec.clusterIPs[{i}]: Invalid value: "{ip}": expected an IPv{v} value as indicated by `ipFamilies[{i}]`'
        for i, ip, v in ((0, one, 6), (1, two, 4))]
    assert "may not change once set" in str(causes(patch(dual, "u", 422, clusterIPs=[one, "fd00:97::6"])))
    got = patch(dual, "u", ipFamilyPolicy="SingleStack")
    assert families(got) == ("SingleStack", "4", "4") and got["spec"]["clusterIP"] == one
    assert address(dual, one) and address(dual, two) is None
    # A second one of choice.
    got = patch(dual, "u", ipFamilyPolicy="RequireDualStack", clusterIPs=[one, "fd00:97::5"])
    assert got["spec"]["clusterIPs"] == [one, "fd00:97::5"] and address(dual, "fd00:97::5")
    # To a name, and back.
    got = patch(dual, "u", type="ExternalName", externalName="a.b")
    assert families(got) == (None, "", "") and not address(dual, one) and not address(dual, "fd00:97::5")
    got = patch(dual, "u", type="ClusterIP", externalName=None, ipFamilyPolicy="PreferDualStack")
    assert families(got) == ("PreferDualStack", "46", "46")
    assert all(address(dual, ip) for ip in got["spec"]["clusterIPs"])
    dual.api("DELETE", f"{SERVICES}/u")


def test_more_ranges(dual):
    """A ServiceCIDR of IPv6, and one of both: used at once, and kept while they are."""
    status, got = dual.api("POST", CIDRS, {"metadata": {"name": "more"}, "spec": {
        "cidrs": ["fd00:99::/120", "10.99.0.0/28"]}})
    assert status == 201, got
    wait_until("Ready", lambda: any(c["type"] == "Ready" and c["status"] == "True" for c in (
        dual.api("GET", f"{CIDRS}/more")[1].get("status") or {}).get("conditions", [])))
    got = make(dual, "m", clusterIP="10.99.0.5", clusterIPs=["10.99.0.5", "fd00:99::ff"],
               ipFamilyPolicy="RequireDualStack")
    assert address(dual, "fd00:99::ff")
    # Lost by hand, it is made again by the controller.
    assert dual.api("DELETE", f"{ADDRESSES}/fd00:99::ff")[0] == 200
    wait_until("the address is back", lambda: address(dual, "fd00:99::ff"))
    dual.api("DELETE", f"{CIDRS}/more")
    wait_until("in use", lambda: any(c["type"] == "Ready" and c["reason"] == "Terminating" for c in dual.api(
        "GET", f"{CIDRS}/more")[1]["status"]["conditions"]))
    dual.api("DELETE", f"{SERVICES}/m")
    wait_until("the range is gone", lambda: dual.api("GET", f"{CIDRS}/more")[0] == 404)


def test_node_ranges(dual):
    for name in ("na", "nb"):
        assert dual.api("POST", "/api/v1/nodes", {"metadata": {"name": name}})[0] == 201
    got = [wait_until("ranges", lambda n=n: dual.api("GET", f"/api/v1/nodes/{n}")[1]["spec"].get("podCIDRs"))
           for n in ("na", "nb")]
    assert sorted(got) == [["10.245.0.0/25", "fd00:245::/64"], ["10.245.0.128/25", "fd00:245:0:1::/64"]]
    text = dual.kubectl("describe", "node", "na").stdout
    assert "PodCIDRs" in text and "fd00:245:" in text


def pod(m, name, *ips, ready=True):
    """A pod as an agent reports it."""
    pods = "/api/v1/namespaces/default/pods"
    status, got = m.api("POST", pods, {"metadata": {"name": name, "labels": {"app": "a"}}, "spec": {
        "nodeName": "na", "containers": [{"name": "c", "image": "i"}]}})
    assert status == 201, got
    status, got = m.api("PATCH", f"{pods}/{name}/status", {"status": {
        "phase": "Running", "podIP": ips[0], "podIPs": [{"ip": i} for i in ips], "hostIP": "10.0.0.1",
        "hostIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
        "conditions": [{"type": "Ready", "status": str(ready)}]}}, MERGE)
    assert status == 200, got
    return got


def slices(m, service):
    got = m.api("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
                       f"?labelSelector=kubernetes.io/service-name%3D{service}")[1]["items"]
    return sorted((s["addressType"], sorted(a for e in s["endpoints"] or [] for a in e["addresses"]),
                   s["metadata"]["labels"].get("service.kubernetes.io/headless")) for s in got)


def test_endpoints(dual):
    make(dual, "both", ipFamilyPolicy="RequireDualStack", **SELECT)
    make(dual, "six", ipFamilies=["IPv6"], **SELECT)
    make(dual, "head", clusterIP="None", ipFamilyPolicy="PreferDualStack", ipFamilies=["IPv6"], **SELECT)
    pod(dual, "p", "10.245.0.9", "fd00:245::9")
    pod(dual, "q", "10.245.0.10")
    both = [("IPv4", ["10.245.0.10", "10.245.0.9"], None), ("IPv6", ["fd00:245::9"], None)]
    wait_until("slices of both", lambda: slices(dual, "both") == both)
    wait_until("slices of six", lambda: slices(dual, "six") == [("IPv6", ["fd00:245::9"], None)])
    wait_until("slices of head", lambda: slices(dual, "head") == [(*s[:2], "") for s in both])

    def endpoints(name):
        got = dual.api("GET", f"/api/v1/namespaces/default/endpoints/{name}")[1]
        return sorted(a["ip"] for s in got.get("subsets") or [] for a in s.get("addresses", []))
    # Endpoints know one family, the first of the Service.
    wait_until("Endpoints", lambda: endpoints("both") == ["10.245.0.10", "10.245.0.9"])
    assert endpoints("six") == ["fd00:245::9"] and endpoints("head") == ["fd00:245::9"]
    patch(dual, "both", ipFamilyPolicy="SingleStack")
    wait_until("one family", lambda: slices(dual, "both") == both[:1])
    # The address of a pod is the first, in columns and selectors.
    assert "10.245.0.9 " in dual.kubectl("get", "pod", "p", "-o", "wide").stdout
    assert dual.kubectl("get", "pods", "-o", "name", "--field-selector", "status.podIP=10.245.0.9").stdout == "pod/p\n"


def test_single_stack_refuses(six):
    """A cluster of one family: what Prefer takes, and what Require may not."""
    assert families(make(six, "p", ipFamilyPolicy="PreferDualStack")) == ("PreferDualStack", "6", "6")
    assert causes(make(six, "r", 422, ipFamilyPolicy="RequireDualStack")) == [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'
    ]
    assert causes(make(six, "f", 422, ipFamilies=["IPv4"])) == [
        'spec.ipFamilies[0]: Invalid value: "IPv4": not configured on this cluster']
    assert causes(make(six, "i", 422, clusterIP="10.97.0.5")) == [
        'spec.clusterIPs[0]: Invalid value: ["10.97.0.5"]: IPv4 is not configured on this cluster']
    # Without a selector nobody needs an address of it.
    assert families(make(six, "h", clusterIP="None")) == ("RequireDualStack", "64", "None")


def test_single_stack_six(six):
    assert "https://[::1]:" in six.kubectl("cluster-info").stdout
    got = six.api("GET", f"{SERVICES}/kubernetes")[1]
    assert families(got) == ("SingleStack", "6", "6") and got["spec"]["clusterIP"] == "fd00:97::1"
    assert six.api("POST", "/api/v1/nodes", {"metadata": {"name": "n"}})[0] == 201
    wait_until("range", lambda: six.api("GET", "/api/v1/nodes/n")[1]["spec"].get("podCIDRs") == ["fd00:245::/64"])


def test_second_family_comes_later():
    """A master of one family that is started anew with two: what was there stays as it was."""
    m = Master("--no-scheduler", "--service-cidr", str(V4), "--cluster-cidr", "10.245.0.0/16")
    try:
        m.start()
        make(m, "old", ipFamilyPolicy="PreferDualStack")
        m.stop()
        m.options[2], m.options[4] = f"{V4},{V6}", "10.245.0.0/16,fd00:245::/48"
        m.start()
        wait_until("both ranges", lambda: m.api("GET", f"{CIDRS}/kubernetes")[1]["spec"]["cidrs"] == [str(V4), str(V6)])
        assert families(make(m, "new", ipFamilyPolicy="PreferDualStack")) == ("PreferDualStack", "46", "46")
        assert families(patch(m, "old", sessionAffinity="ClientIP")) == ("PreferDualStack", "4", "4")
        assert families(patch(m, "old", ipFamilyPolicy="RequireDualStack")) == ("RequireDualStack", "46", "46")
    finally:
        m.remove()


def test_second_master_by_ipv6(six):
    """Its token's command names the first one as [::1]:PORT; they reach each other by such addresses."""
    def knarrctl(m, *args):
        p = subprocess.run([f"{BUILD}/knarrctl", *args], env={"KUBECONFIG": str(m.kubeconfig)}, capture_output=True,
                           text=True, check=False)
        assert p.returncode == 0, p.stderr
        return p.stdout

    words = knarrctl(six, "token", "create", "--master", "--print-join").split()
    url = words[words.index("join") + 1]
    assert url == f"https://[::1]:{six.port}"
    opt = dict(zip(words, words[1:]))
    m = Master("--join", url, "--token", opt["--token"], "--ca-hash", opt["--ca-hash"], "--name", "second",
               "--peer-port", str(free_port()), "--no-scheduler", bind="::1")
    try:
        m.start()
        assert m.api("GET", f"{SERVICES}/kubernetes")[1]["spec"]["ipFamilies"] == ["IPv6"]
        make(m, "by-second")
        wait_until("seen by the first", lambda: six.api("GET", f"{SERVICES}/by-second")[0] == 200)
        assert "[::1]:" in knarrctl(m, "member", "list")
        knarrctl(six, "member", "remove", "second")
    finally:
        m.remove()


@pytest.mark.parametrize("option, value, why", [
    ("--service-cidr", "10.0.0.0/16,10.1.0.0/16", "one of each family"),
    ("--service-cidr", "fd00::/48", "prefix of 64 to 125"),
    ("--service-cidr", "10.96.0.0/16,fd00::/108,fd01::/108", "more than two"),
    ("--cluster-cidr", "10.244.0.0/16;fd00::/48", "no range of addresses"),
    ("--cluster-cidr", "10.244.0.0/28", "prefix of 0 to 24"),
    ("--node-cidr-mask-size-ipv6", "0", "from 1 to"),
    ("--advertise-address", "fd00::1", "is of IPv6, but the first range of --service-cidr is of IPv4"),
])
def test_options(option, value, why):
    m = Master(option, value)
    try:
        p = subprocess.run(m.argv(), capture_output=True, text=True, timeout=30, check=False)
        assert p.returncode != 0 and option in p.stderr and why in p.stderr, p.stderr
    finally:
        m.remove()
