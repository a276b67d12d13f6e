# SPDX-License-Identifier: Apache-2.0
"""Lists and watches: which options go together, where a watch begins, what it shows when objects come
into and out of its sight, bookmarks, Tables, and a revision that is too old."""
import base64
import concurrent.futures
import json
from urllib.parse import quote

import pytest

CMS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
END = {"k8s.io/initial-events-end": "true"}


def make(m, name, labels=None, data=None):
    status, got = m.api("POST", CMS, {"metadata": {"name": name, "labels": labels}, "data": data})
    assert status == 201, got
    return int(got["metadata"]["resourceVersion"])


def patch(m, name, **body):
    status, got = m.api("PATCH", f"{CMS}/{name}", body, MERGE)
    assert status == 200, got
    return got


def remove(m, *names):
    for n in names:
        assert m.api("DELETE", f"{CMS}/{n}")[0] == 200


def events(m, query, accept="application/json"):
    """All of a watch that the server ends after a second."""
    status, headers, data = m.raw("GET", f"{CMS}?watch=true&timeoutSeconds=1&{query}", headers={"Accept": accept})
    assert status == 200, data
    return [json.loads(line) for line in data.splitlines()]


def all_events(m, *queries):
    """The same of several at the same time."""
    with concurrent.futures.ThreadPoolExecutor(len(queries)) as pool:
        return list(pool.map(lambda q: events(m, *q) if isinstance(q, tuple) else events(m, q), queries))


def kinds(got):
    return [(e["type"], e["object"]["metadata"].get("name")) for e in got]


MATCH = "resourceVersionMatch: "
UNLESS = MATCH + "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
CONTINUE = MATCH + "Forbidden: resourceVersionMatch is forbidden when continue is provided"
NOT_OLDER = MATCH + "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
WATCH = MATCH + "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"


@pytest.mark.parametrize("query, why", [
    ("resourceVersionMatch=Exact", [UNLESS]),
    ("resourceVersionMatch=NotOlderThan", [UNLESS]),
    ("resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=x", [CONTINUE]),
    ("resourceVersionMatch=Exact&resourceVersion=0",
     [MATCH + 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"']),
    ("resourceVersionMatch=Newest&resourceVersion=1",
     [MATCH + 'Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""']),
    ("sendInitialEvents=true", ["sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"]),
    ("watch=true&sendInitialEvents=true", [NOT_OLDER]),
    ("watch=true&sendInitialEvents=false", [NOT_OLDER]),
    ("watch=true&sendInitialEvents=true&resourceVersionMatch=Exact",
     [NOT_OLDER, MATCH + 'Unsupported value: "Exact": supported values: "NotOlderThan"']),
    ("watch=true&resourceVersionMatch=NotOlderThan", [WATCH]),
    ("watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=x", [CONTINUE]),
])
def test_options_that_do_not_go_together(master, query, why):
    status, got = master.api("GET", f"{CMS}?{query}")
    assert status == 422 and got["reason"] == "Invalid", got
    want = why[0] if len(why) == 1 else f"[{', '.join(why)}]"
    assert got["message"] == f'ListOptions.meta.k8s.io "" is invalid: {want}'
    if "watch" not in query:
        assert master.api("DELETE", f"{CMS}?{query}")[0] == 422


def test_lists_of_a_revision(master):
    make(master, "l1")
    rv = make(master, "l2")

    def names(query):
        status, got = master.api("GET", f"{CMS}?{query}")
        assert status == 200, got
        return [o["metadata"]["name"] for o in got["items"]], int(got["metadata"]["resourceVersion"])
    for query in ("", "resourceVersion=0", f"resourceVersion={rv}", "resourceVersion=0&resourceVersionMatch=NotOlderThan",
                  f"resourceVersion={rv}&resourceVersionMatch=NotOlderThan",
                  f"resourceVersion={rv}&resourceVersionMatch=Exact"):
        assert names(query) == (["l1", "l2"], rv), query
    status, page = master.api("GET", f"{CMS}?limit=1")
    assert status == 200
    patch(master, "l1", data={"x": "1"})
    now = make(master, "l3")
    remove(master, "l2")
    # The rows of "Resource versions": https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
    exact, not_older = "&resourceVersionMatch=Exact", "&resourceVersionMatch=NotOlderThan"
    newest = ["l1", "l3"]
    for query, want in (("", newest), ("resourceVersion=0", newest), (f"resourceVersion={rv}", newest),
                        ("limit=9", newest), ("limit=9&resourceVersion=0", newest),
                        (f"limit=9&resourceVersion={rv}", ["l1", "l2"]),
                        (f"resourceVersion={rv}" + exact, ["l1", "l2"]),
                        (f"limit=9&resourceVersion={rv}" + exact, ["l1", "l2"]),
                        (f"resourceVersion={now}" + exact, ["l1", "l2", "l3"]),
                        ("resourceVersion=0" + not_older, newest), ("limit=9&resourceVersion=0" + not_older, newest),
                        (f"resourceVersion={rv}" + not_older, newest),
                        (f"limit=9&resourceVersion={rv}" + not_older, newest)):
        got, at = names(query)
        assert got == want, query
        assert at > now if want == newest else at in (rv, now), query
    token = f"continue={quote(page['metadata']['continue'])}"
    assert names(token) == names(token + "&resourceVersion=0") == (["l2"], rv)
    status, got = master.api("GET", f"{CMS}?{token}&resourceVersion={rv}")
    assert status == 400 and got["message"] == "specifying resource version is not allowed when using continue", got
    # The objects are those of then, whatever form they are wanted in.
    path = f"{CMS}?resourceVersion={rv}{exact}"
    _, then = master.api("GET", path)
    assert "data" not in then["items"][0] and "x" in master.api("GET", f"{CMS}/l1")[1]["data"]
    _, table = master.api("GET", path, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    assert [r["cells"][:2] for r in table["rows"]] == [["l1", 0], ["l2", 0]]
    # Its pages go on there, with the count of what is left, unless there is a selector.
    _, first = master.api("GET", path + "&limit=1")
    assert first["metadata"]["remainingItemCount"] == 1
    assert names("continue=" + quote(first["metadata"]["continue"])) == (["l2"], rv)
    _, first = master.api("GET", path + "&limit=1&labelSelector=!nobody")
    assert "remainingItemCount" not in first["metadata"] and first["metadata"]["continue"]
    status, got = master.api("GET", f"{CMS}?resourceVersion={rv + 10**6}")
    assert status == 504 and got["reason"] == "Timeout", got
    assert got["details"]["causes"] == [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    status, got = master.api("GET", f"{CMS}?resourceVersion=abc")
    assert status == 400, got
    for query in ("limit=9&", "resourceVersionMatch=Exact&"):
        status, got = master.api("GET", f"{CMS}?{query}resourceVersion={rv + 10**6}")
        assert status == 504 and got["details"]["retryAfterSeconds"] == 1, got
    remove(master, "l1", "l3")


def token_of(rev, key):
    return base64.urlsafe_b64encode(f"{rev} {key}".encode()).decode().rstrip("=")


def test_what_is_too_old(master):
    names = [f"t{i}" for i in range(4)]
    for name in names:
        make(master, name)
    key = "/core/configmaps/default/t1"
    # More than the window holds.
    big = {"data": {"x": "y" * 900_000}}
    for i in range(20):
        patch(master, "t0", **big, metadata={"labels": {"i": str(i)}})
    status, got = master.api("GET", f"{CMS}?resourceVersion=1&resourceVersionMatch=Exact")
    assert status == 410 and got["reason"] == "Expired"
    assert got["message"] == "The resourceVersion for the provided list is too old."
    status, got = master.api("GET", f"{CMS}?limit=2&continue={token_of(1, key)}")
    assert status == 410 and got["reason"] == "Expired", got
    assert "use the continue token in this response" in got["message"]
    # With what comes in its place the list goes on at the newest revision.
    status, page = master.api("GET", f"{CMS}?limit=1&continue={got['metadata']['continue']}")
    assert [o["metadata"]["name"] for o in page["items"]] == ["t2"]
    _, page = master.api("GET", f"{CMS}?limit=1&continue={page['metadata']['continue']}")
    assert [o["metadata"]["name"] for o in page["items"]] == ["t3"]
    remove(master, *names)


def test_where_a_watch_begins(master):
    rv = make(master, "b1", {"b": "1"})
    only = "labelSelector=b%3D1&"
    initial = [("ADDED", "b1")]
    # From nothing, or from 0, the present state comes first; its end is marked for who takes bookmarks.
    queries = ("", "resourceVersion=0", "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
               f"sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion={rv}")
    for got in all_events(master, *[only + q for q in queries]):
        assert kinds(got) == initial
    for got in all_events(master, *[only + q + "&allowWatchBookmarks=true" for q in queries]):
        assert kinds(got) == initial + [("BOOKMARK", None)]
        mark = got[-1]["object"]
        assert mark["kind"] == "ConfigMap" and mark["metadata"]["annotations"] == END
        assert int(mark["metadata"]["resourceVersion"]) >= rv
    # Without it what was is not told, and from a revision only what came after.
    assert all_events(master, only + "sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
                      only + f"resourceVersion={rv}") == [[], []]
    patch(master, "b1", data={"x": "1"})
    assert kinds(events(master, only + f"resourceVersion={rv}")) == [("MODIFIED", "b1")]
    status, got = master.api("GET", f"{CMS}?watch=true&resourceVersion={rv + 10**6}")
    assert status == 504, got
    remove(master, "b1")


def test_into_and_out_of_sight(master):
    rv = make(master, "s1", {"s": "in"}, {"v": "1"})
    out = patch(master, "s1", metadata={"labels": {"s": "out"}}, data={"v": "2"})
    back = patch(master, "s1", metadata={"labels": {"s": "in"}}, data={"v": "3"})
    patch(master, "s1", data={"v": "4"})
    remove(master, "s1")
    query = f"resourceVersion={rv}&labelSelector=s%3Din"
    whole, partial = all_events(master, query, (query, PARTIAL))
    for got in (whole, partial):
        assert kinds(got) == [("DELETED", "s1"), ("ADDED", "s1"), ("MODIFIED", "s1"), ("DELETED", "s1")]
        # It goes as the watcher knew it, at the revision of the change; so does what is deleted.
        assert got[0]["object"]["metadata"]["labels"] == {"s": "in"}
        assert got[0]["object"]["metadata"]["resourceVersion"] == out["metadata"]["resourceVersion"]
        assert got[1]["object"]["metadata"]["resourceVersion"] == back["metadata"]["resourceVersion"]
        revisions = [int(e["object"]["metadata"]["resourceVersion"]) for e in got]
        assert revisions == sorted(set(revisions)) and revisions[-1] > revisions[-2]
    assert [e["object"]["data"]["v"] for e in whole] == ["1", "3", "4", "4"]
    # The same by a field: a pod that comes to a node, for the watcher of that node.
    pods = "/api/v1/namespaces/default/pods"
    status, pod = master.api("POST", pods, {"metadata": {"name": "s"}, "spec": {
        "containers": [{"name": "c", "image": "x"}]}})
    assert status == 201, pod
    assert master.api("POST", f"{pods}/s/binding", {"target": {"kind": "Node", "name": "n1"}})[0] == 201
    got = master.watch(f"{pods}?resourceVersion={pod['metadata']['resourceVersion']}&fieldSelector=spec.nodeName%3Dn1")
    assert kinds(got) == [("ADDED", "s")]
    got = master.watch(f"{pods}?resourceVersion={pod['metadata']['resourceVersion']}&fieldSelector=spec.nodeName%3D")
    assert kinds(got) == [("DELETED", "s")] and not got[0]["object"]["spec"].get("nodeName")
    master.api("DELETE", f"{pods}/s", {"gracePeriodSeconds": 0})


def test_tables(master):
    rv = make(master, "t1", {"t": "1"})
    query = "labelSelector=t%3D1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    got = events(master, query, TABLE)
    assert [e["type"] for e in got] == ["ADDED", "BOOKMARK"]
    first, mark = (e["object"] for e in got)
    assert first["kind"] == mark["kind"] == "Table" and first["apiVersion"] == "meta.k8s.io/v1"
    assert [c["name"] for c in first["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert not mark.get("columnDefinitions")  # said once
    assert first["rows"][0]["cells"][:2] == ["t1", 0] or first["rows"][0]["cells"][:2] == ["t1", "0"]
    assert first["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    row = mark["rows"][0]
    assert len(row["cells"]) == 3 and row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["annotations"] == END
    # Out of sight is a row as it was.
    patch(master, "t1", metadata={"labels": {"t": "2"}})
    got = events(master, f"resourceVersion={rv}&labelSelector=t%3D1&includeObject=Object", TABLE)
    assert [e["type"] for e in got] == ["DELETED"]
    assert got[0]["object"]["rows"][0]["object"]["metadata"]["labels"] == {"t": "1"}
    remove(master, "t1")


def test_bookmark_before_the_end(master):
    """Who is sent away has a revision to come back with, though nothing came that it could see."""
    rv = make(master, "k1")
    c = master.connect()
    try:
        c.request("GET", f"{CMS}?watch=true&timeoutSeconds=3&allowWatchBookmarks=true&resourceVersion={rv}"
                         "&labelSelector=nothing")
        r = c.getresponse()
        later = make(master, "k2")
        got = [json.loads(line) for line in r.read().splitlines()]
    finally:
        c.close()
    assert [e["type"] for e in got] == ["BOOKMARK"]
    assert int(got[0]["object"]["metadata"]["resourceVersion"]) >= later
    assert "annotations" not in got[0]["object"]["metadata"]
    remove(master, "k1", "k2")


def test_too_old(master):
    """The revision is from before what the server remembers: 410 as an event, then from anew."""
    make(master, "o1")
    for i in range(38):  # of 32 MiB
        status, got = master.api("PUT", f"{CMS}/o1", {"metadata": {"name": "o1"}, "data": {"x": chr(65 + i) * 900_000}})
        assert status == 200, got
    got = events(master, "resourceVersion=1")
    assert [e["type"] for e in got] == ["ERROR"]
    said = got[0]["object"]
    assert (said["kind"], said["code"], said["reason"]) == ("Status", 410, "Expired")
    assert said["message"].startswith("too old resource version: 1 (")
    now = master.api("GET", f"{CMS}?limit=1")[1]["metadata"]["resourceVersion"]
    assert not events(master, f"resourceVersion={now}")
    remove(master, "o1")
