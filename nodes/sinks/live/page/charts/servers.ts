/** The servers that one can choose from, with their labels: asked for once, when charts are opened. */
import { cell } from '../parts/cell.ts';

export interface Known {
  /** Keys of servers, with their hosts and labels. */
  readonly servers: ReadonlyMap<string, { readonly host: string; readonly labels: Readonly<Record<string, string>> }>;
  /** Names of labels with their values. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

export const knownServers = cell<Known>({ servers: new Map(), labels: new Map() });

interface State {
  /** `acme.shop.prod.web-1.server`, with a word after it where it is a process's. */
  readonly key: string;
  readonly host: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Where servers have more labels than this, the first are enough to group by. */
const mostLabels = 12;

export async function readServers(): Promise<void> {
  try {
    const answer = await fetch('api/servers', { cache: 'no-store' });
    if (!answer.ok) return;
    const states = (await answer.json()) as readonly State[];
    const labels = new Map<string, Set<string>>();
    for (const state of states) {
      for (const [name, value] of Object.entries(state.labels ?? {})) {
        if (!labels.has(name) && labels.size >= mostLabels) continue;
        labels.set(name, (labels.get(name) ?? new Set()).add(value));
      }
    }
    const ids = states.map(({ key, host, labels: own = {} }) => [key.split('.').slice(0, 4).join('.'), { host, labels: own }] as const);
    knownServers.set({ servers: new Map(ids), labels });
  } catch {
    // The line says that sluice is away; without names one still has the search.
  }
}
