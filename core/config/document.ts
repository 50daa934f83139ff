/**
 * A YAML file that knows where each of its values stands. Bytes → plain values and `file:line:column` of any path in them.
 * Bounded: one mebibyte, a hundred aliases, the depth that events may have. Throws nothing: what is wrong is listed.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { messageOf } from '../errors.ts';
import { unfit } from '../json.ts';

export type Path = readonly PropertyKey[];

/** Values together with the place of each, for errors. */
export interface Layer {
  readonly values: Record<string, unknown>;
  where(path: Path): string;
  /** What made it unreadable: whole lines, each with its place. */
  readonly flaws: readonly string[];
}

const maxBytes = 1_048_576;

/** Reads the text of a config file. `file` is its name in errors. */
export function readYaml(file: string, text: string): Layer {
  const broken = (...flaws: string[]): Layer => ({ values: {}, where: () => file, flaws });
  if (Buffer.byteLength(text) > maxBytes) return broken(`${file}: larger than 1 MiB; this is no config file`);
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
    const flaws = [...document.errors, ...document.warnings];
    if (flaws.length > 0) return broken(...flaws.map((flaw) => `${at(flaw.pos[0])}: ${explain(flaw.code, flaw.message)}`));
    const values: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
    const unsound = unfit(values);
    if (unsound) return broken(`${file}:1:1: ${unsound}; simplify it`);
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      return broken(`${file}:1:1: a config is a mapping; write lines such as "place: acme.shop.prod"`);
    return { values: values as Record<string, unknown>, where: (path) => at(offsetOf(document, path)), flaws: [] };
  } catch (thrown) {
    // Aliases past the bound, or nesting that ends the parser's stack.
    return broken(`${file}:1:1: cannot be read (${messageOf(thrown)}); simplify it`);
  }
}

function explain(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands here twice; remove one of the two';
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line; use spaces';
  if (code === 'MULTIPLE_DOCS') return 'a second document begins; keep one in each file';
  if (code === 'TAG_RESOLVE_FAILED') return `${message}; remove the tag`;
  return `not YAML (${message.split('\n')[0]}); correct it`;
}

/** Where the value at a path stands: its key in a mapping, its first character in a list; else what is nearest above. */
function offsetOf(document: Document, path: Path): number {
  const resolve = (node: unknown) => (isAlias(node) ? node.resolve(document) : node);
  let node: unknown = document.contents;
  let offset = (document.contents as Node | null)?.range?.[0] ?? 0;
  for (const step of path) {
    const container = resolve(node);
    if (isMap(container)) {
      const pair = container.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === String(step));
      if (!pair) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(container)) {
      node = container.items[Number(step)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
