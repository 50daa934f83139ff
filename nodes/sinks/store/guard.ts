/**
 * What may be asked: one statement that only reads, of the views and of nothing else. DuckDB itself parses it, and what it
 * understood is judged, not the text. The database's own locks (no files, a read-only transaction) stand behind this.
 */
import { Reject } from 'sluice';
import { viewNames } from './views.ts';

/** Functions that make rows of nothing else than what they are given. */
const tableFunctions = new Set(['range', 'generate_series', 'unnest', 'json_each', 'json_tree']);
/**
 * They make gigabytes of one value at once, where no limit is looked at (some while the statement is only planned, where nothing
 * interrupts it), or say things about this machine. `range` and `generate_series` in FROM are streams, and may be had.
 */
const refusedFunctions = new Set([
  'repeat',
  'lpad',
  'rpad',
  'bar',
  'format',
  'printf',
  // They tell of the least and the greatest value that a file holds, whoever may see it, or wait while a connection is taken.
  ...['stats', 'json_serialize_plan', 'sleep_ms'],
  'getenv',
  'write_log',
  'current_setting',
  'nextval',
  'range',
  'generate_series',
  'list_resize',
  'array_resize',
  'bitstring',
  // With a lambda, a list becomes as many lists, or doubles at each of its elements.
  ...['list_transform', 'array_transform', 'list_apply', 'array_apply', 'apply', 'list_reduce', 'array_reduce', 'reduce'],
]);
/** What they put in may be put in for each character. */
const replacing = new Set(['replace', 'regexp_replace']);
const longestReplacement = 16;

const remedy = 'write one SELECT over the views points, events, logs, alerts, audit and servers';

/** @param parsed what `json_serialize_sql` made of it. @throws Reject when it is anything but one statement that reads. */
export function checkStatement(parsed: string): void {
  const {
    error,
    error_message: why,
    statements = [],
  } = JSON.parse(parsed) as { error: boolean; error_message?: string; statements?: unknown[] };
  if (error) {
    const reads = /only select/i.test(why ?? '') ? 'it does more than read' : `it cannot be understood: ${why?.split('\n')[0]}`;
    throw new Reject(`query: ${reads}; ${remedy}`);
  }
  if (statements.length !== 1) throw new Reject(`query: it has ${statements.length} statements; ${remedy}`);
  const stack: Within[] = statements.map((node) => ({ node, named: new Set<string>(viewNames) }));
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (typeof next.node !== 'object' || next.node === null) continue;
    const part = next.node as Record<string, unknown>;
    const { named, bodies } = withExpressions(part, next.named);
    stack.push(...bodies);
    // What is described is looked at as what is read; without it, it is the list of all that is there.
    if (part.type === 'SHOW_REF' && !part.query) throw new Reject(`query: it asks which tables there are; ${remedy}`);
    if (part.type === 'BASE_TABLE') {
      const name = String(part.table_name).toLowerCase();
      if (part.schema_name || part.catalog_name || !named.has(name))
        throw new Reject(`query: there is no ${part.schema_name ? `${part.schema_name}.` : ''}${name}; ${remedy}`);
    }
    if (part.type === 'TABLE_FUNCTION') {
      const name = nameOf(part.function);
      if (!tableFunctions.has(name)) throw new Reject(`query: ${name} is not for here; ${remedy}`);
    }
    if (part.class === 'FUNCTION' && refusedFunctions.has(nameOf(part)))
      throw new Reject(`query: the function ${nameOf(part)} is not for here; leave it out`);
    if (part.class === 'FUNCTION' && replacing.has(nameOf(part))) checkReplacement(part);
    const inside = part.type === 'TABLE_FUNCTION' ? { ...part, function: argumentsOf(part.function) } : part;
    for (const [name, child] of Object.entries(inside))
      if (name !== 'cte_map' && typeof child === 'object' && child !== null) stack.push({ node: child, named });
  }
}

/** A part of a statement, and the names that mean a view or an expression there. Any other may be a file or a table of ours. */
interface Within {
  readonly node: unknown;
  readonly named: ReadonlySet<string>;
}

/** A query's common table expressions: each knows those before it, itself only where it is recursive; the query knows all. */
function withExpressions(query: Record<string, unknown>, outside: ReadonlySet<string>): { named: ReadonlySet<string>; bodies: Within[] } {
  const { map } = (query.cte_map ?? {}) as { map?: unknown };
  if (!Array.isArray(map) || map.length === 0) return { named: outside, bodies: [] };
  const bodies: Within[] = [];
  let named = outside;
  for (const { key, value } of map as { key: string; value: { query?: { node?: { type?: string } } } }[]) {
    const after = new Set([...named, key.toLowerCase()]);
    bodies.push({ node: value, named: value.query?.node?.type === 'RECURSIVE_CTE_NODE' ? after : named });
    named = after;
  }
  return { named, bodies };
}

/** What a function is given; itself it was judged already. */
const argumentsOf = (part: unknown): unknown =>
  typeof part === 'object' && part !== null && 'children' in part ? part.children : undefined;

const nameOf = (part: unknown): string =>
  typeof part === 'object' && part !== null && 'function_name' in part ? String(part.function_name).toLowerCase() : '';

/** A short text, into what no other of its sort has made longer. */
function checkReplacement(part: Record<string, unknown>): void {
  const name = nameOf(part);
  const [text, , by] = Array.isArray(part.children) ? (part.children as Record<string, unknown>[]) : [];
  const { value } = (by?.value ?? {}) as { value?: unknown };
  if (by?.class !== 'CONSTANT' || String(value ?? '').length > longestReplacement)
    throw new Reject(`query: ${name} puts in a text of at most ${longestReplacement} characters here; shorten it`);
  const within: unknown[] = [text];
  for (let node = within.pop(); node !== undefined; node = within.pop()) {
    if (replacing.has(nameOf(node))) throw new Reject(`query: ${name} is not for what another replacement made; write one pattern`);
    if (typeof node === 'object' && node !== null)
      within.push(...Object.values(node).filter((child) => typeof child === 'object' && child !== null));
  }
}
