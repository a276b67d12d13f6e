# SPDX-License-Identifier: Apache-2.0
"""A small operator as people write them: it keeps a Deployment for each WebApp, reports through the
status subresource by server-side apply, and cleans up behind a finalizer. It knows the API only over
HTTPS: list, watch with bookmarks, resume, relist when the server says 410."""
import json
import threading

GROUP = "apps.example.com"
FINALIZER = "apps.example.com/cleanup"
APPS = f"/apis/{GROUP}/v2"


class Operator(threading.Thread):
    def __init__(self, m):
        super().__init__(daemon=True)
        self.m, self.cache, self.over, self.relists = m, {}, threading.Event(), 0

    def stop(self):
        self.over.set()
        self.join()

    def run(self):
        rv = None
        while not self.over.is_set():
            if rv is None:
                rv = self.relist()
                continue
            try:
                rv = self.watch(rv)
            except (OSError, ValueError):  # cut off: go on where it was
                continue

    def relist(self):
        self.relists += 1
        status, got = self.m.api("GET", f"{APPS}/webapps?limit=500")
        if status != 200:
            self.over.wait(0.1)
            return None
        for o in got["items"]:
            self.seen(o)
        return got["metadata"]["resourceVersion"]

    def watch(self, rv):
        c = self.m.connect()
        try:
            c.request("GET", f"{APPS}/webapps?watch=true&allowWatchBookmarks=true&timeoutSeconds=2&resourceVersion={rv}")
            r = c.getresponse()
            if r.status == 410:
                return None
            for line in r:
                ev = json.loads(line)
                if ev["type"] == "ERROR":
                    return None
                rv = ev["object"]["metadata"]["resourceVersion"]
                if ev["type"] in ("ADDED", "MODIFIED"):
                    self.seen(ev["object"])
        finally:
            c.close()
        return rv

    def seen(self, o):
        ns, name = o["metadata"]["namespace"], o["metadata"]["name"]
        at = f"{APPS}/namespaces/{ns}/webapps/{name}"
        if "deletionTimestamp" in o["metadata"]:
            self.clean_up(o, ns, name, at)
            return
        if FINALIZER not in o["metadata"].get("finalizers", []):
            self.m.api("PATCH", at, {"metadata": {"resourceVersion": o["metadata"]["resourceVersion"],
                                                  "finalizers": [FINALIZER]}},
                       content_type="application/merge-patch+json")
            return
        self.deployment(o, ns, name)
        self.report(o, at)

    def deployment(self, o, ns, name):
        self.m.api("PATCH", f"/apis/apps/v1/namespaces/{ns}/deployments/{name}?fieldManager=webapp&force=true", {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {
                "name": name, "ownerReferences": [{"apiVersion": f"{GROUP}/v2", "kind": "WebApp", "name": name,
                                                   "uid": o["metadata"]["uid"], "controller": True}]},
            "spec": {"replicas": o["spec"]["replicas"], "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
                         {"name": "web", "image": o["spec"]["container"]["image"]}]}}}},
                   content_type="application/apply-patch+yaml")

    def report(self, o, at):
        gen = o["metadata"]["generation"]
        if o.get("status", {}).get("observedGeneration") == gen:
            return
        self.m.api("PATCH", f"{at}/status?fieldManager=webapp&force=true", {
            "apiVersion": f"{GROUP}/v2", "kind": "WebApp", "metadata": {"name": o["metadata"]["name"]},
            "status": {"observedGeneration": gen, "replicas": o["spec"]["replicas"],
                       "selector": f'app={o["metadata"]["name"]}',
                       "conditions": [{"type": "Ready", "status": "True"}]}},
                   content_type="application/apply-patch+yaml")

    def clean_up(self, o, ns, name, at):
        if FINALIZER not in o["metadata"].get("finalizers", []):
            return
        self.m.api("POST", f"/api/v1/namespaces/{ns}/configmaps", {"metadata": {"name": f"{name}-cleaned"}})
        self.m.api("PATCH", at, {"metadata": {"finalizers": None}}, content_type="application/merge-patch+json")


def definition(hooks):
    def schema(spec):
        return {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {
            "spec": {"type": "object", "properties": spec, "x-kubernetes-validations": [
                {"rule": "self.replicas <= self.maxReplicas",
                 "messageExpression": "'at most %d replicas'.format([self.maxReplicas])"}]},
            "status": {"type": "object", "properties": {
                "observedGeneration": {"type": "integer"}, "replicas": {"type": "integer"},
                "selector": {"type": "string"},
                "conditions": {"type": "array", "x-kubernetes-list-type": "map",
                               "x-kubernetes-list-map-keys": ["type"], "items": {
                                   "type": "object", "required": ["type", "status"], "properties": {
                                       "type": {"type": "string"}, "status": {"type": "string"}}}}}}}}}
    counts = {"replicas": {"type": "integer", "default": 1, "minimum": 0},
              "maxReplicas": {"type": "integer", "default": 5, "x-kubernetes-validations": [
                  {"rule": "self >= oldSelf", "message": "may not shrink"}]}}
    subs = {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                                    "labelSelectorPath": ".status.selector"}}
    columns = [{"name": "Image", "type": "string", "jsonPath": ".spec.container.image"},
               {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'}]
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"webapps.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced",
                     "names": {"plural": "webapps", "kind": "WebApp", "shortNames": ["wa"]},
                     "conversion": {"strategy": "Webhook", "webhook": {
                         "conversionReviewVersions": ["v1"],
                         "clientConfig": {"url": hooks.url + "/convert", "caBundle": hooks.ca}}},
                     "versions": [
                         {"name": "v1", "served": True, "storage": False, "subresources": subs,
                          "schema": schema({**counts, "image": {"type": "string"}})},
                         {"name": "v2", "served": True, "storage": True, "subresources": subs,
                          "additionalPrinterColumns": columns,
                          "schema": schema({**counts, "container": {"type": "object", "properties": {
                              "image": {"type": "string"}}}})}]}}


def convert(req):
    out = []
    for o in req["objects"]:
        o = json.loads(json.dumps(o))
        if req["desiredAPIVersion"].endswith("/v2") and "image" in o["spec"]:
            o["spec"]["container"] = {"image": o["spec"].pop("image")}
        elif req["desiredAPIVersion"].endswith("/v1") and "container" in o["spec"]:
            o["spec"]["image"] = o["spec"].pop("container").get("image", "")
        o["apiVersion"] = req["desiredAPIVersion"]
        out.append(o)
    return {"convertedObjects": out, "result": {"status": "Success"}}
