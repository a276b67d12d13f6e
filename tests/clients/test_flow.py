# SPDX-License-Identifier: Apache-2.0
"""Priority and fairness: requests are sorted into levels, and a greedy one delays itself only."""
import json
import threading

import pytest
from knarr_test import Master, VERSIONS, wait_for

API = "/apis/flowcontrol.apiserver.k8s.io/v1"
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler", "--no-controllers") as master:
        for user in ("greedy", "modest"):
            master.api("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
                "metadata": {"name": user},
                "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"kind": "User", "name": user}]})
        yield master


def level(m, name, shares, response):
    status, got = m.api("POST", f"{API}/prioritylevelconfigurations", {
        "metadata": {"name": name}, "spec": {"type": "Limited", "limited": {
            "nominalConcurrencyShares": shares, "limitResponse": response}}})
    assert status == 201, got
    return got["metadata"]["uid"]


def schema(m, name, level_name, user, precedence=50):
    status, got = m.api("POST", f"{API}/flowschemas", {
        "metadata": {"name": name}, "spec": {
            "priorityLevelConfiguration": {"name": level_name}, "matchingPrecedence": precedence,
            "distinguisherMethod": {"type": "ByUser"}, "rules": [{
                "subjects": [{"kind": "User", "user": {"name": user}}],
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
                                   "clusterScope": True, "namespaces": ["*"]}]}]}})
    assert status == 201, got
    return got["metadata"]["uid"]


def as_user(m, user, method, path, obj=None):
    body = json.dumps(obj).encode() if obj else None
    return m.raw(method, path, body, {"Impersonate-User": user, "Content-Type": "application/json"})


def test_what_every_cluster_has(m):
    names = {x["metadata"]["name"]: x["spec"] for x in m.api("GET", f"{API}/flowschemas")[1]["items"]}
    assert {"exempt", "probes", "system-nodes", "service-accounts", "global-default", "catch-all"} <= set(names)
    assert names["exempt"]["matchingPrecedence"] == 1
    levels = {x["metadata"]["name"]: x["spec"]
              for x in m.api("GET", f"{API}/prioritylevelconfigurations")[1]["items"]}
    assert levels["exempt"]["type"] == "Exempt"
    assert levels["workload-low"]["limited"]["nominalConcurrencyShares"] == 100
    for version in VERSIONS:
        if version != "1.24":  # knows only older versions of the group
            assert "workload-low" in m.kubectl("get", "flowschemas", version=version).stdout


def test_sorted(m):
    status, headers, _ = m.raw("GET", MAPS)
    got = m.api("GET", f"{API}/flowschemas/exempt")[1]["metadata"]["uid"]
    assert status == 200 and headers["X-Kubernetes-PF-FlowSchema-UID"] == got
    lvl = level(m, "tested", 5, {"type": "Queue", "queuing": {"queues": 8, "handSize": 2,
                                                             "queueLengthLimit": 10}})
    uid = schema(m, "tested", "tested", "modest")

    def sorted_so():
        h = as_user(m, "modest", "GET", MAPS)[1]
        return (h["X-Kubernetes-PF-FlowSchema-UID"], h["X-Kubernetes-PF-PriorityLevel-UID"]) == (uid, lvl)
    wait_for(sorted_so)
    other = as_user(m, "someone", "GET", MAPS)
    assert other[0] == 403 and other[1]["X-Kubernetes-PF-FlowSchema-UID"] != uid
    assert 'apiserver_flowcontrol_dispatched_requests_total{priority_level="tested"}' in \
        m.raw("GET", "/metrics")[2].decode()
    m.api("DELETE", f"{API}/flowschemas/tested")
    wait_for(lambda: not sorted_so())
    m.api("DELETE", f"{API}/prioritylevelconfigurations/tested")


def crowd(m, user, threads, each):
    """Statuses of many creates at once."""
    got = []

    def one(i):
        for j in range(each):
            got.append(as_user(m, user, "POST", MAPS, {"metadata": {"generateName": f"{user}-{i}-{j}-"}}))
    ts = [threading.Thread(target=one, args=(i,)) for i in range(threads)]
    for t in ts:
        t.start()
    return ts, got


def test_full_level_refuses(m):
    level(m, "narrow", 0, {"type": "Reject"})
    schema(m, "narrow", "narrow", "greedy")
    wait_for(lambda: as_user(m, "greedy", "GET", MAPS)[0] == 429)
    status, headers, body = as_user(m, "greedy", "POST", MAPS, {"metadata": {"generateName": "g-"}})
    assert status == 429 and headers["Retry-After"] == "1"
    assert json.loads(body)["reason"] == "TooManyRequests"
    assert as_user(m, "modest", "GET", MAPS)[0] == 200
    m.api("DELETE", f"{API}/flowschemas/narrow")
    m.api("DELETE", f"{API}/prioritylevelconfigurations/narrow")


def test_queues(m):
    """All of a crowd get through a level of one seat, one after the other."""
    level(m, "slow", 1, {"type": "Queue", "queuing": {"queues": 4, "handSize": 1, "queueLengthLimit": 100}})
    schema(m, "slow", "slow", "greedy")
    ts, got = crowd(m, "greedy", 24, 5)
    for _ in range(10):
        assert as_user(m, "modest", "GET", MAPS)[0] == 200
    for t in ts:
        t.join()
    assert {g[0] for g in got} == {201} and len(got) == 120
    text = m.raw("GET", "/metrics")[2].decode()
    assert 'apiserver_flowcontrol_current_executing_requests{priority_level="slow"} 0' in text
    assert 'apiserver_flowcontrol_current_inqueue_requests{priority_level="slow"} 0' in text
    assert 'apiserver_flowcontrol_nominal_limit_seats{priority_level="slow"} 3' in text
    m.api("DELETE", f"{API}/flowschemas/slow")
    m.api("DELETE", f"{API}/prioritylevelconfigurations/slow")
    m.api("DELETE", MAPS)


def test_memory_of_lists(m):
    """Answers that are made for one client are bounded together, as long as nobody reads them."""
    for i in range(12):
        status, _ = m.api("POST", MAPS, {"metadata": {"name": f"big{i}", "labels": {"big": "1"}}, "data": {"x": "y" * 900_000}})
        assert status == 201
    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    path = MAPS + "?labelSelector=big%3D1&includeObject=Object"
    slow = []
    try:
        for _ in range(9):  # of 10 MB each; the rest of it is in nobody's buffers
            c = m.connect()
            c.request("GET", path, headers=table)
            slow.append(c)
        wait_for(lambda: m.raw("GET", path, headers=table)[0] == 429)
        status, headers, data = m.raw("GET", path, headers=table)
        assert status == 429 and headers["Retry-After"] == "1", data
        assert json.loads(data)["reason"] == "TooManyRequests"
        # What is stored anyway costs nothing.
        assert m.raw("GET", MAPS)[0] == 200
    finally:
        for c in slow:
            c.close()
    wait_for(lambda: m.raw("GET", path, headers=table)[0] == 200)
    assert m.api("DELETE", MAPS + "?labelSelector=big%3D1")[0] == 200
