/**
 * What may be asked: one statement that only reads, of the views and of nothing else. DuckDB itself parses it, and what it
 * understood is judged, not the text. The database's own locks (no files, a read-only transaction) stand behind this.
 */
import { Reject } from 'sluice';
import { viewNames } from './views.ts';

/** Functions that make rows of nothing else than what they are given. */
const tableFunctions = new Set(['range', 'generate_series', 'unnest', 'json_each', 'json_tree']);
/** They make gigabytes of one value at once, where no limit is looked at, or say things about this machine. */
const refusedFunctions = new Set([
  'repeat',
  'lpad',
  'rpad',
  'bar',
  'format',
  'printf',
  'getenv',
  'write_log',
  'current_setting',
  'nextval',
]);

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
  const named = new Set<string>(viewNames);
  const read: string[] = [];
  const stack: unknown[] = [...statements];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    const part = node as Record<string, unknown>;
    // Common table expressions are names of the statement's own.
    if (Array.isArray(part.map))
      for (const entry of part.map as { key?: unknown }[]) if (typeof entry.key === 'string') named.add(entry.key.toLowerCase());
    if (part.type === 'BASE_TABLE')
      read.push(part.schema_name || part.catalog_name ? `${part.schema_name}.${part.table_name}` : String(part.table_name).toLowerCase());
    if (part.type === 'TABLE_FUNCTION') {
      const name = nameOf(part.function);
      if (!tableFunctions.has(name)) throw new Reject(`query: ${name} is not for here; ${remedy}`);
    }
    if (part.class === 'FUNCTION' && refusedFunctions.has(nameOf(part)))
      throw new Reject(`query: the function ${nameOf(part)} is not for here; leave it out`);
    for (const child of Object.values(part)) if (typeof child === 'object' && child !== null) stack.push(child);
  }
  const strange = read.find((name) => !named.has(name));
  if (strange !== undefined) throw new Reject(`query: there is no ${strange}; ${remedy}`);
}

const nameOf = (part: unknown): string =>
  typeof part === 'object' && part !== null && 'function_name' in part ? String(part.function_name).toLowerCase() : '';
