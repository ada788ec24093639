// Writes github.json: of GitHub's published description the operations in operations.txt, each as it is, with all that it
// refers to. The whole has more than a thousand, and takes the proxy half a minute. Prints what it dropped; fails when an
// operation is not there, for then GitHub no longer promises what we call.

import { readFileSync, writeFileSync } from 'node:fs';

const here = (name) => new URL(name, import.meta.url);
const published = 'node_modules/@octokit/openapi/generated/api.github.com.json';
const whole = JSON.parse(readFileSync(here(published), 'utf8'));
const wanted = readFileSync(here('operations.txt'), 'utf8').split('\n').filter(Boolean);
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

const { paths, components, 'x-webhooks': webhooks, ...rest } = whole;
const kept = {};
const dropped = [];
const missing = new Set(wanted);
for (const [path, item] of Object.entries(paths)) {
  const names = methods.filter((method) => item[method]);
  const ours = names.filter((method) => missing.delete(`${method.toUpperCase()} ${path}`));
  dropped.push(...names.filter((method) => !ours.includes(method)).map(() => path));
  // What stands beside the methods, such as parameters of all of them, belongs to each.
  const others = Object.entries(item).filter(([name]) => !methods.includes(name) || ours.includes(name));
  if (ours.length > 0) kept[path] = Object.fromEntries(others);
}
if (missing.size > 0) throw new Error(`GitHub's description lacks: ${[...missing].join(', ')}`);

// Any string of this form, for discriminators name schemas without the word `$ref`.
const referred = {};
function follow(node) {
  if (typeof node === 'string' && node.startsWith('#/components/')) {
    const [kind, name] = node.split('/').slice(2);
    const found = components[kind]?.[name];
    if (!found) throw new Error(`GitHub's description refers to what it does not have: ${node}`);
    referred[kind] ??= {};
    if (referred[kind][name]) return;
    referred[kind][name] = found;
    follow(found);
  } else if (node && typeof node === 'object') {
    Object.values(node).forEach(follow);
  }
}
follow(kept);
writeFileSync(here('github.json'), JSON.stringify({ ...rest, paths: kept, components: referred }, null, 1));

const count = (groups) => Object.values(groups).reduce((sum, group) => sum + Object.keys(group).length, 0);
const groups = {};
for (const path of dropped) {
  const group = `/${path.split('/')[1]}`;
  groups[group] = (groups[group] ?? 0) + 1;
}
const most = Object.entries(groups).sort(([, a], [, b]) => b - a);
console.log(`kept ${wanted.length} operations of ${wanted.length + dropped.length}, whole`);
console.log(`dropped ${dropped.length}: ${most.map(([group, times]) => `${group} ${times}`).join(', ')}`);
console.log(`dropped ${count(components) - count(referred)} of ${count(components)} components, and ${Object.keys(webhooks).length} webhooks`);
