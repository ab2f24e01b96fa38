// Which shard a region belongs to: rendezvous hashing with bounded load. It follows from the names of the regions and the
// number of shards alone, so that all replicas come to the same answer without asking each other.

/** What each region and shard have for each other decides; the strongest pairs come first. */
interface Pair {
  readonly name: string;
  readonly shard: number;
  readonly score: number;
}

/**
 * The shard of every region, by name. No shard has more than ⌈regions / count⌉ of them. A region that comes or goes moves
 * few others: those that the bound had turned away from their first choice.
 */
export function assignRegions(names: Iterable<string>, count: number): ReadonlyMap<string, number> {
  const unique = [...new Set(names)];
  const bound = Math.ceil(unique.length / count);
  const pairs = unique.flatMap((name) => pairsOf(name, count)).toSorted(strongestFirst);
  const assigned = new Map<string, number>();
  const loads = Array.from({ length: count }, () => 0);
  for (const { name, shard } of pairs) {
    const load = loads[shard] ?? bound;
    if (assigned.has(name) || load >= bound) continue;
    assigned.set(name, shard);
    loads[shard] = load + 1;
  }
  return assigned;
}

function pairsOf(name: string, count: number): readonly Pair[] {
  const hash = hashOf(name);
  return Array.from({ length: count }, (_, shard) => ({
    name,
    shard,
    score: mixed(hash ^ mixed(shard + 1)),
  }));
}

function strongestFirst(a: Pair, b: Pair): number {
  return b.score - a.score || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.shard - b.shard);
}

/** FNV-1a of the UTF-16 units: quick, and the same everywhere. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}

/** The last step of MurmurHash3: each bit of the input changes half of the output. */
function mixed(value: number): number {
  let mix = value;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}
