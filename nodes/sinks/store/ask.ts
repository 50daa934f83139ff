/**
 * Asks what was kept: the sluice that runs on this machine, over HTTP, whose answer is checked like any stranger's word; or the
 * files, where none runs.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, type Json, messageOf, type QueryLimits, SluiceError, z } from 'sluice';

/** How a page's server is asked: as `fetch` does, by path. */
export interface Way {
  readonly base: string;
  readonly elsewhere?: boolean;
  ask(path: string, init: { method: string; headers: Record<string, string>; body: string; signal: AbortSignal }): Promise<Response>;
}

const answer = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.custom<Json>((value) => value !== undefined))),
  cut: z.boolean(),
});

/** Undefined when nothing answers there, or keeps no history. @throws SluiceError with what it refused. */
export async function askRunning(way: Way | string, sql: string, limits: QueryLimits): Promise<Answer | undefined> {
  const { base, ask }: Way =
    typeof way === 'string' ? { base: `http://${way}`, ask: (path, init) => fetch(`http://${way}${path}`, init) } : way;
  const url = `${base}/api/query`;
  const response = await ask('/api/query', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql, ...limits }),
    signal: AbortSignal.timeout(limits.time + 10_000),
  }).catch((thrown: unknown) => {
    if (thrown instanceof Error && thrown.name === 'TimeoutError') throw new SluiceError(`${url} did not answer in time; raise --timeout`);
    if (thrown instanceof SluiceError) throw thrown;
    return undefined;
  });
  if (!response || response.status === 503) return undefined;
  const text = await response.text();
  if (!response.ok) throw new SluiceError(text.trim().slice(0, 1000) || `${url} answered ${response.status}`);
  try {
    return answer.parse(JSON.parse(text));
  } catch (cause) {
    throw new SluiceError(`${url} is no sluice of this version (${messageOf(cause).slice(0, 100)}); name its port with --port`, { cause });
  }
}

/** Where a history is: whom to ask, and the state that holds it. */
export interface Whereabouts {
  readonly way: Way;
  readonly state: string;
  readonly now: () => number;
}

/** Asks the sluice that runs, or opens the history that no process holds. */
export async function askHistory(sql: string, limits: QueryLimits, { way, state, now }: Whereabouts): Promise<Answer> {
  const answer = await askRunning(way, sql, limits);
  if (answer) return answer;
  if (way.elsewhere)
    throw new SluiceError(
      `nothing at ${way.base} keeps history, or nothing answers there; look whether sluice runs there with the node store`,
    );
  const folder = join(state, 'history');
  if (!existsSync(join(folder, 'recent.duckdb')))
    throw new SluiceError(`no sluice at ${way.base} keeps history, and ${folder} holds none; start sluice, or name its --state`);
  const [{ openArchive }, { keepAll }] = await Promise.all([import('./archive.ts'), import('./tiers.ts')]);
  // Looking is no reason to delete anything.
  const say = (text: string): void => void process.stderr.write(`sluice: store: ${text}\n`);
  const archive = await openArchive({ folder, keep: keepAll, now, say });
  try {
    return await archive.history.query(sql, limits);
  } finally {
    await archive.close();
  }
}
