# SPDX-License-Identifier: Apache-2.0
"""The kinds beyond workloads, as kubectl makes, prints and explains them."""
import pytest
from lab import ALL_VERSIONS
from operation_objects import NAMES, OBJECTS, STATUSES
from test_operations import rows


@pytest.fixture(scope="module")
def k(master):
    return master.kubectl


def test_component_statuses(k):
    p = k("get", "componentstatuses")
    assert "scheduler" in p.stdout and "Healthy" in p.stdout
    assert "v1 ComponentStatus is deprecated in v1.19+" in p.stderr
    assert k("get", "cs", "etcd-0", "-o", "jsonpath={.conditions[0].status}").stdout == "True"
    assert "not found" in k("get", "cs", "x", check=False).stderr


def test_service_range_is_an_object(k):
    assert k("get", "servicecidr", "kubernetes", "-o", "jsonpath={.spec.cidrs[0]} "
             "{.status.conditions[0].type}").stdout == "10.96.0.0/16 Ready"


@pytest.mark.parametrize("version", list(ALL_VERSIONS))
def test_created_by_kubectl(k, version):
    """Typed clients: their bodies and (from 1.33) their answers are protobuf."""
    n = "v" + version.replace(".", "-")

    def run(*args):
        return k(*args, version=version).stdout
    run("create", "namespace", n)
    run("create", "ingress", "web", "-n", n, "--rule=a.example/x*=svc:80,tls=cert", "--class=c")
    run("create", "quota", "q", "-n", n, "--hard=pods=3,requests.cpu=2")
    run("create", "priorityclass", n, "--value=10")
    run("create", "poddisruptionbudget", "p", "-n", n, "--selector=a=b", "--min-available=1")
    run("create", "deployment", "d", "-n", n, "--image=x", "--replicas=0")
    run("autoscale", "deployment", "d", "-n", n, "--max=3", "--cpu-percent=70")
    run("create", "role", "r", "-n", n, "--verb=get", "--resource=pods")
    run("create", "cronjob", "c", "-n", n, "--image=x", "--schedule=0 0 * * *")
    run("create", "serviceaccount", "default", "-n", n)
    if version != "1.22":  # which has no such command
        assert run("create", "token", "default", "-n", n).count(".") == 2
    assert run("auth", "can-i", "create", "pods").strip() == "yes"
    out = run("get", "ingress,quota,hpa,pdb,cronjob", "-n", n)
    for text in ("a.example", "80, 443", "pods: 0/3" if "pods: 0/3" in out else "q ", "Deployment/d",
                 "0 0 * * *"):
        assert text in out, out
    desc = run("describe", "ingress", "web", "-n", n)
    assert "a.example" in desc and "svc:80" in desc
    run("describe", "hpa", "d", "-n", n)
    run("label", "ingress", "web", "-n", n, "x=y")
    run("annotate", "quota", "q", "-n", n, "x=y")
    run("patch", "hpa", "d", "-n", n, "-p", '{"spec":{"maxReplicas":5}}')
    assert run("get", "hpa", "d", "-n", n, "-o", "jsonpath={.spec.maxReplicas}") == "5"


@pytest.mark.parametrize("version", list(ALL_VERSIONS))
def test_explain(k, version):
    for what in ("ingress.spec.rules.http.paths.backend", "pvc.spec.resources", "limits.spec",
                 "networkpolicy.spec.ingress.from", "storageclass.provisioner",
                 "validatingwebhookconfiguration.webhooks.clientConfig", "flowschema.spec",
                 "hpa.spec", "csidriver.spec", "runtimeclass.handler"):
        assert "FIELD" in k("explain", what, version=version).stdout, what


def test_resources_are_listed(k):
    out = k("api-resources").stdout
    for name in ("persistentvolumes ", "ingresses ", "horizontalpodautoscalers ", "csinodes ",
                 "validatingadmissionpolicies ", "flowschemas ", "resourceclaims ", "apiservices ",
                 "servicecidrs ", "volumeattributesclasses "):
        assert name in out, name


KINDS = {
    "pv": ("""{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv},
      spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce, ReadOnlyMany],
      storageClassName: fast, hostPath: {path: /x}, claimRef: {namespace: ns, name: c}}}""",
           "pv 1Gi RWO,ROX Retain Pending ns/c fast <unset>"),
    "pvc": ("""{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec:
      {accessModes: [ReadWriteOnce], storageClassName: s, resources: {requests: {storage: 1Gi}}}}""",
            "c Pending s <unset>"),
    "storageclass": ("""{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast,
      annotations: {storageclass.kubernetes.io/is-default-class: "true"}},
      provisioner: example.com/x}""",
                     "fast (default) example.com/x Delete Immediate false"),
    "ingressclass": ("""{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: i},
      spec: {controller: a.example/b, parameters: {apiGroup: g.example, kind: P, name: m}}}""",
                     "i a.example/b P.g.example/m"),
    "netpol": ("""{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: np}, spec:
      {podSelector: {matchLabels: {a: b}}, policyTypes: [Ingress]}}""", "np a=b"),
    "limitrange": ("""{apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec:
      {limits: [{type: Pod, max: {cpu: "2"}}]}}""", "l 20"),
    "csidriver": ("""{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: d.example},
      spec: {attachRequired: false}}""", "d.example false false false <unset> false Persistent"),
    "validatingwebhookconfiguration": (
        """{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration,
      metadata: {name: w}, webhooks: [{name: a.b.c, sideEffects: None, admissionReviewVersions: [v1],
      clientConfig: {url: "https://h/x"}}]}""", "w 1"),
    "flowschema": ("""{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: FlowSchema,
      metadata: {name: zz}, spec: {priorityLevelConfiguration: {name: p}}}""", "zz p 1000 <none>"),
    "prioritylevelconfiguration": (
        """{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: PriorityLevelConfiguration,
      metadata: {name: zz}, spec: {type: Limited, limited: {limitResponse: {type: Queue}}}}""",
        "zz Limited 30 64 8 50"),
    "runtimeclass": ("""{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: r},
      handler: h}""", "r h"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_columns(k, kind):
    manifest, want = KINDS[kind]
    k("apply", "-f", "-", stdin=manifest)
    k("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    name = want.split()[0]
    line = " ".join(k("get", kind, name, "--no-headers").stdout.split())
    assert line.startswith(want), line
    assert "configured" not in k("apply", "-f", "-", stdin=manifest).stdout
    k("delete", kind, name, "--wait=false")


def test_described(master):
    """Go's typed clients read every kind; kubectl 1.35 asks for protobuf."""
    posts = {r.kind: r for r in rows() if r.verb == "post" and not r.sub}
    kinds = {k: v for k, v in OBJECTS.items() if k in posts and k != "CustomResourceDefinition"}
    said = []
    for i, (kind, rest) in enumerate(kinds.items()):
        name = NAMES.get(kind, "all-{}")
        name = name(60000 + i) if callable(name) else name.format(i)
        rest = OBJECTS.get(f"{posts[kind].group}/{kind}", rest)
        rest = rest(name) if callable(rest) else rest
        path = posts[kind].path.replace("{namespace}", "default")
        status, got = master.api("POST", path, {"metadata": {
            "name": name, "labels": {"app": "described"}, "annotations": {"a.example/b": "c"}}, **rest})
        assert status == 201, got
        if kind in STATUSES:
            master.api("PATCH", f"{path}/{name}/status", {"status": STATUSES[kind]},
                       "application/merge-patch+json")
        what = path.rsplit("/", 1)[1]
        if posts[kind].group:
            what += f".{posts[kind].version}.{posts[kind].group}"
        p = master.kubectl("describe", f"{what}/{name}", check=False)
        if p.returncode or name not in p.stdout:
            said.append(f"{kind}: {p.stdout}{p.stderr}")
        p = master.kubectl("get", f"{what}/{name}", "-o", "wide", check=False)
        if p.returncode:
            said.append(f"{kind}: {p.stderr}")
    assert len(kinds) > 45 and not said, "\n".join(said)
