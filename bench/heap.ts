// node bench/heap.ts FILE.heapsnapshot: what a heap holds, by kind of object, the largest first. The monitor writes one of its
// main thread at SIGUSR2 when it runs with --node-arg=--heapsnapshot-signal=SIGUSR2.

import { readFileSync } from 'node:fs';
import * as v from 'valibot';

const snapshotSchema = v.object({
  snapshot: v.object({
    meta: v.object({ node_fields: v.array(v.string()), node_types: v.array(v.unknown()) }),
  }),
  nodes: v.array(v.number()),
  strings: v.array(v.string()),
});

const shown = 40;
/** Names of strings and numbers are their values: they are summed up by type. */
const unnamed = new Set(['string', 'concatenated string', 'sliced string', 'number', 'code', 'hidden']);

interface Kind {
  count: number;
  bytes: number;
}

function kinds(file: string): Map<string, Kind> {
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const { snapshot, nodes, strings } = v.parse(snapshotSchema, parsed);
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const typeNames = v.parse(v.array(v.string()), types[0]);
  const at = (field: string): number => fields.indexOf(field);
  const [type, name, size] = [at('type'), at('name'), at('self_size')];
  const found = new Map<string, Kind>();
  for (let node = 0; node < nodes.length; node += fields.length) {
    const typeName = typeNames[nodes[node + type] ?? -1] ?? '';
    const own = unnamed.has(typeName) ? '' : ` ${(strings[nodes[node + name] ?? -1] ?? '').slice(0, 60)}`;
    const key = `${typeName}${own}`;
    const kind = found.get(key) ?? { count: 0, bytes: 0 };
    kind.count += 1;
    kind.bytes += nodes[node + size] ?? 0;
    found.set(key, kind);
  }
  return found;
}

const [, , file] = process.argv;
if (file === undefined) {
  process.stderr.write('node bench/heap.ts FILE.heapsnapshot\n');
  process.exitCode = 2;
} else {
  const found = [...kinds(file)].toSorted((a, b) => b[1].bytes - a[1].bytes);
  const total = found.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  process.stdout.write(`${(total / 1048576).toFixed(1)} MiB\n`);
  for (const [name, { count, bytes }] of found.slice(0, shown))
    process.stdout.write(
      `${(bytes / 1048576).toFixed(1).padStart(8)} MiB ${String(count).padStart(9)}  ${name}\n`,
    );
}
