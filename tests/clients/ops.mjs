// SPDX-License-Identifier: Apache-2.0
// Runs operations with @kubernetes/client-node: a line of JSON {op, args, type} comes in by stdin, a
// line {status, body} or {missing: true} goes out. `op` is the operation's id in Kubernetes' OpenAPI.
import readline from "node:readline";
import * as k8s from "@kubernetes/client-node";

const kc = new k8s.KubeConfig();
kc.loadFromFile(process.env.KUBECONFIG);

const prefixes = Object.keys(k8s).filter((n) => n.endsWith("Api") && k8s[n].prototype)
  .map((n) => n.slice(0, -3)).sort((a, b) => b.length - a.length);
const clients = {};

// listCoreV1NamespacedPod -> CoreV1Api.listNamespacedPod
function find(op) {
  const verb = op.match(/^[a-z]+/)[0];
  for (const p of prefixes) {
    if (!op.startsWith(verb + p)) continue;
    const method = verb + op.slice(verb.length + p.length) + "WithHttpInfo";
    if (!k8s[p + "Api"].prototype[method]) continue;
    clients[p] ??= kc.makeApiClient(k8s[p + "Api"]);
    return clients[p][method].bind(clients[p]);
  }
  return null;
}

// The library's models hold times as Dates.
function revive(_, v) {
  if (typeof v !== "string" || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(v)) return v;
  return v.includes(".") ? new k8s.V1MicroTime(v) : new Date(v);
}

async function run({ op, args, type }) {
  const call = find(op);
  if (!call) return { missing: true };
  try {
    const got = await call(args, type ? k8s.setHeaderOptions("Content-Type", type) : undefined);
    return { status: got.httpStatusCode, body: got.data ?? null };
  } catch (e) {
    return { status: e.code ?? 0, body: e.body ?? String(e.stack ?? e) };
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await run(JSON.parse(line, revive))) + "\n");
}
