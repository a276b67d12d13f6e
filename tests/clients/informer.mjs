// SPDX-License-Identifier: Apache-2.0
// An informer of @kubernetes/client-node over ConfigMaps with a label, started again 50 ms after each
// failure. A line of JSON for each thing it says; "list" by stdin is answered with its cache.
import readline from "node:readline";
import * as k8s from "@kubernetes/client-node";

const kc = new k8s.KubeConfig();
kc.loadFromFile(process.env.KUBECONFIG);
const core = kc.makeApiClient(k8s.CoreV1Api);
const say = (o) => process.stdout.write(JSON.stringify(o) + "\n");
const namespace = "default", labelSelector = "in=formed";

const informer = k8s.makeInformer(kc, "/api/v1/namespaces/default/configmaps", () => {
  say({ event: "relist" });
  return core.listNamespacedConfigMap({ namespace, labelSelector });
}, labelSelector);
for (const event of ["add", "update", "delete"])
  informer.on(event, (o) => say({ event, name: o.metadata.name, rv: o.metadata.resourceVersion }));
informer.on("connect", () => say({ event: "connect" }));
informer.on("error", (e) => {
  say({ event: "error", code: e?.code ?? e?.statusCode ?? null });
  setTimeout(() => informer.start().catch(() => {}), 50);
});
informer.start().catch(() => {});

for await (const line of readline.createInterface({ input: process.stdin }))
  if (line === "list")
    say({ event: "cache", items: Object.fromEntries(informer.list().map(
      (o) => [o.metadata.name, o.metadata.resourceVersion])) });
process.exit(0);
