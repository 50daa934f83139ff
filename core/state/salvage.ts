/**
 * Reads an lmdb file page by page, trusting none of them: lmdb itself ends the process on many a damaged file. Each page must say its
 * own number and lie within bounds; what hangs below one that does not is lost, and the rest is whole.
 *
 *     meta pages ──▶ main tree ──▶ a tree for each database ──▶ leaves ──▶ entries
 *
 * The layout is that of lmdb's data version 2 (liblmdb 0.9.90, `mdb.c` of lmdb 3.5), 64 bits, little-endian. There are no
 * checksums: whether a value is one is for the caller to say.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** An entry as it stands there: keys and values as bytes. */
export type Raw = readonly [key: Buffer, value: Buffer];

export interface Snapshot {
  /** Whether all of it can be read, the list of free pages included. */
  readonly whole: boolean;
  /** Its databases by name: how many entries each should have, and those that can be read. */
  readonly databases: readonly { readonly name: string; readonly count: number; entries(): Iterable<Raw> }[];
}

interface Tree {
  readonly root: number;
  readonly depth: number;
  readonly count: number;
}

interface Meta {
  readonly pageSize: number;
  readonly transaction: number;
  readonly free: Tree;
  readonly main: Tree;
}

const magic = 0xbeefc0de;
const version = 2;
const header = 24;
const [branch, leaf, overflow] = [0x01, 0x02, 0x04];
const [big, sub] = [0x01, 0x02];
const noRoot = 2 ** 64 - 1;
const deepest = 32;
/** Where a meta page may begin, by the size of pages; amid the first is a copy of the last that was certainly on disk. */
const metaPlaces = [0, 2048, 4096, 8192, 16_384, 32_768, 65_536];

const number = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

/** Whether a value of a database of this name is one. */
export type Sane = (database: string, value: Buffer) => boolean;

/** An lmdb file, to be closed. */
export interface LmdbFile {
  /** What can be read of the latest state of it; of an earlier one, where of that less is lost. Undefined when of none. */
  best(sane: Sane): Snapshot | undefined;
  close(): void;
}

export function openLmdb(path: string): LmdbFile {
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  const read = (at: number, length: number): Buffer | undefined => {
    if (!Number.isSafeInteger(at) || at < 0 || length < 0 || at + length > size) return undefined;
    const bytes = Buffer.allocUnsafe(length);
    return readSync(file, bytes, 0, length, at) === length ? bytes : undefined;
  };
  const metas = (): Meta[] => {
    const found = metaPlaces.flatMap((at) => readMeta(read(at, header + 144), at !== 2048) ?? []);
    return found.sort((one, other) => other.transaction - one.transaction);
  };
  return {
    best(sane) {
      let best: { snapshot: Snapshot; lost: number } | undefined;
      for (const meta of metas()) {
        const { snapshot, lost } = snapshotOf(meta, read, sane);
        if (snapshot.whole) return { ...snapshot, whole: hasMetas(meta, read) };
        if (snapshot.databases.length > 0 && (!best || lost < best.lost)) best = { snapshot, lost };
      }
      return best?.snapshot;
    },
    close: () => closeSync(file),
  };
}

type Read = (at: number, length: number) => Buffer | undefined;

/** @param marked whether it bears the mark of lmdb: the copy of what was last flushed does not. */
function readMeta(page: Buffer | undefined, marked = true): Meta | undefined {
  if (!page || (marked && (page.readUInt32LE(header) !== magic || (page.readUInt32LE(header + 4) & 0xffff) !== version))) return undefined;
  const pageSize = page.readUInt32LE(header + 24);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  const tree = (at: number): Tree => readTree(page.subarray(at, at + 48));
  return { pageSize, transaction: number(page, header + 128), free: tree(header + 24), main: tree(header + 72) };
}

/** Whether lmdb finds a meta page wherever it looks for one: garbage there it would believe. */
function hasMetas({ pageSize, transaction }: Meta, read: Read): boolean {
  const plausible = (meta: Meta | undefined): boolean => meta?.pageSize === pageSize && meta.transaction <= transaction;
  const flushed = read(pageSize / 2, header + 144);
  const unused = flushed?.every((byte) => byte === 0) ?? false;
  return [0, pageSize].every((at) => plausible(readMeta(read(at, header + 144)))) && (unused || plausible(readMeta(flushed, false)));
}

const readTree = (record: Buffer): Tree => ({ depth: record.readUInt16LE(6), count: number(record, 32), root: number(record, 40) });

function snapshotOf({ pageSize, transaction, free, main }: Meta, read: Read, sane: Sane): { snapshot: Snapshot; lost: number } {
  let flaws = 0;
  const flaw = (): void => void flaws++;
  const seen = new Set<number>();
  /** All leaves' nodes below a page, in order. `visited`: each page belongs to one place only, or the tree is none. */
  function* nodes(page: number, level: number, visited: Set<number>, flawed: () => void): Generator<Node> {
    const bytes = visited.has(page) ? undefined : read(page * pageSize, pageSize);
    visited.add(page);
    const found = bytes && nodesOf(bytes, page, level > 1 ? branch : leaf, transaction);
    if (!found) return flawed();
    if (level <= 1) yield* found;
    else for (const { child } of found) yield* nodes(child, level - 1, visited, flawed);
  }
  function* entries({ root, depth }: Tree, visited: Set<number>, flawed: () => void): Generator<Node> {
    if (root === noRoot) return;
    if (depth < 1 || depth > deepest) return flawed();
    yield* nodes(root, depth, visited, flawed);
  }
  const bytesAt = (node: Node): Buffer | undefined => {
    if ((node.flags & big) === 0) return node.data;
    const page = node.data.length >= 8 ? number(node.data, 0) : -1;
    const top = read(page * pageSize, header);
    const pages = Math.ceil((header + node.size) / pageSize);
    if (!top || number(top, 0) !== page || (top.readUInt16LE(18) & overflow) === 0 || top.readUInt32LE(20) < pages) return undefined;
    return read(page * pageSize + header, node.size);
  };

  const count = (tree: Tree, fits: (value: Buffer) => boolean): number => {
    let found = 0;
    for (const node of entries(tree, seen, flaw)) {
      const value = bytesAt(node);
      if (value && fits(value)) found += 1;
      else flaw();
    }
    return found;
  };
  count(free, () => true);
  const databases: { name: string; tree: Tree }[] = [];
  for (const { key, data, flags } of entries(main, seen, flaw)) {
    if ((flags & sub) !== 0 && data.length >= 48) databases.push({ name: key.toString().replace(/\0$/, ''), tree: readTree(data) });
    else flaw();
  }
  let lost = 0;
  for (const { name, tree } of databases) {
    const missing = tree.count - count(tree, (value) => sane(name, value));
    lost += Math.max(0, missing);
    if (missing !== 0) flaw();
  }
  return {
    lost,
    snapshot: {
      whole: flaws === 0,
      databases: databases.map(({ name, tree }) => ({
        name,
        count: tree.count,
        *entries() {
          for (const node of entries(tree, new Set(), () => {})) {
            const value = bytesAt(node);
            if (value && sane(name, value)) yield [node.key, value] as const;
          }
        },
      })),
    },
  };
}

interface Node {
  readonly flags: number;
  readonly key: Buffer;
  /** Of a leaf: the value, or where it lies; `size` is the value's. */
  readonly data: Buffer;
  readonly size: number;
  /** Of a branch: the page below. */
  readonly child: number;
}

/** The nodes of a page; undefined when it is not the page that it should be. */
function nodesOf(page: Buffer, expected: number, sort: number, latest: number): Node[] | undefined {
  const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
  const room = page.length - header;
  if (number(page, 0) !== expected || (page.readUInt16LE(18) & 0xf) !== sort || number(page, 8) > latest) return undefined;
  if (lower > upper || upper > room || lower % 2 !== 0 || lower === 0) return undefined;
  const nodes: Node[] = [];
  for (let index = 0; index < lower / 2; index++) {
    const at = header + page.readUInt16LE(header + 2 * index);
    if (at < header + upper || at + 8 > page.length) return undefined;
    const [low, high, flags, keySize] = [0, 2, 4, 6].map((offset) => page.readUInt16LE(at + offset)) as [number, number, number, number];
    const size = low + high * 65_536;
    const from = at + 8 + keySize;
    const length = sort === branch ? 0 : (flags & big) !== 0 ? 8 : size;
    if (from + length > page.length) return undefined;
    const data = page.subarray(from, from + length);
    nodes.push({ flags, key: page.subarray(at + 8, from), data, size, child: size + flags * 2 ** 32 });
  }
  return nodes;
}
