# SPDX-License-Identifier: Apache-2.0
"""Debian's python3-kubernetes, unmodified: typed and dynamic calls, watches that resume."""
import threading
import time

import pytest
from knarr_test import wait_for

kubernetes = pytest.importorskip("kubernetes", reason="no python3-kubernetes")
from kubernetes import client, config, dynamic, watch  # noqa: E402
from kubernetes.client.rest import ApiException  # noqa: E402


@pytest.fixture(scope="module")
def api(master):
    return config.new_client_from_config(str(master.kubeconfig))


@pytest.fixture(scope="module")
def core(api):
    return client.CoreV1Api(api)


def config_map(name, labels=None, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


def test_everyday(core, api):
    made = core.create_namespaced_config_map("default", config_map("py", a="1"))
    assert made.metadata.uid and made.metadata.creation_timestamp
    core.patch_namespaced_config_map("py", "default", {"data": {"b": "2"}})
    got = core.read_namespaced_config_map("py", "default")
    assert got.data == {"a": "1", "b": "2"}
    got.data["c"] = "3"
    core.replace_namespaced_config_map("py", "default", got)
    with pytest.raises(ApiException) as e:
        core.replace_namespaced_config_map("py", "default", got)
    assert e.value.status == 409
    names = [x.metadata.name for x in core.list_namespaced_config_map("default").items]
    assert "py" in names
    core.delete_namespaced_config_map("py", "default")
    with pytest.raises(ApiException) as e:
        core.read_namespaced_config_map("py", "default")
    assert e.value.status == 404
    assert client.VersionApi(api).get_code().git_version.startswith("v1.")
    assert "apps" in [g.name for g in client.ApisApi(api).get_api_versions().groups]


def test_deployment_and_scale(api):
    apps = client.AppsV1Api(api)
    labels = {"app": "py"}
    body = client.V1Deployment(
        metadata=client.V1ObjectMeta(name="py"),
        spec=client.V1DeploymentSpec(
            replicas=1, selector=client.V1LabelSelector(match_labels=labels),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels=labels),
                spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="x")]))))
    made = apps.create_namespaced_deployment("default", body)
    assert made.spec.strategy.rolling_update.max_surge == "25%"
    scale = apps.read_namespaced_deployment_scale("py", "default")
    scale.spec.replicas = 4
    assert apps.replace_namespaced_deployment_scale("py", "default", scale).spec.replicas == 4
    apps.delete_namespaced_deployment("py", "default", propagation_policy="Background")


def test_pages(core):
    for i in range(7):
        core.create_namespaced_config_map("default", config_map(f"page{i}", {"py": "page"}))
    seen, token = [], None
    while True:
        got = core.list_namespaced_config_map("default", label_selector="py=page", limit=3,
                                              _continue=token)
        seen += [x.metadata.name for x in got.items]
        token = got.metadata._continue
        if not token:
            break
    assert seen == [f"page{i}" for i in range(7)]


def test_watch_goes_on_after_a_cut(master, core):
    """An informer: lists, watches from there, is cut off, resumes where it was."""
    start = core.list_namespaced_config_map("default").metadata.resource_version
    got, stop = [], threading.Event()

    def run():
        version = start
        while not stop.is_set():
            w = watch.Watch()
            for ev in w.stream(core.list_namespaced_config_map, "default",
                               label_selector="py=watch", resource_version=version,
                               timeout_seconds=1):  # the server ends it every second
                version = ev["object"].metadata.resource_version
                got.append((ev["type"], ev["object"].metadata.name))
    t = threading.Thread(target=run, daemon=True)
    t.start()
    for i in range(8):
        core.create_namespaced_config_map("default", config_map(f"w{i}", {"py": "watch"}))
        time.sleep(0.3)
    core.delete_namespaced_config_map("w0", "default")
    wait_for(lambda: len(got) >= 9, timeout=15)
    stop.set()
    t.join(10)
    assert got == [("ADDED", f"w{i}") for i in range(8)] + [("DELETED", "w0")]


def test_dynamic(api):
    d = dynamic.DynamicClient(api)
    kind = d.resources.get(api_version="networking.k8s.io/v1", kind="NetworkPolicy")
    kind.create({"metadata": {"name": "dyn"}, "spec": {"podSelector": {}}}, namespace="default")
    assert kind.get("dyn", "default").spec.policyTypes == ["Ingress"]
    kind.patch({"metadata": {"labels": {"c": "d"}}}, "dyn", "default",
               content_type="application/merge-patch+json")
    assert kind.get("dyn", "default").metadata.labels["c"] == "d"
    kind.delete("dyn", "default")
