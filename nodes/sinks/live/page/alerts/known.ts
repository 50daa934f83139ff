/**
 * The alerts that this page knows: those that live tells of, and pages of older ones as far as somebody asked for them.
 */
import type { Episode } from '../../episodes.ts';
import type { AlertsPage } from '../../pastalerts.ts';
import { cell } from '../parts/cell.ts';
import { now } from '../parts/time.ts';
import { isOver, merge } from './arrange.ts';

export interface AlertsFrame {
  readonly alerts?: readonly Episode[];
  readonly all?: true;
}
/** As page/wire/line.ts has it. */
type Ask = (request: { readonly alerts: Record<string, never> }, hear: (frame: AlertsFrame) => void) => unknown;

/** How far back the list reaches, and why not further. */
export type Past =
  | { readonly state: 'unasked' | 'asking' | 'whole'; readonly to: number | undefined }
  | { readonly state: 'more'; readonly to: number }
  | { readonly state: 'failed'; readonly to: number | undefined; readonly why: string };

/** As many as live keeps of what is over. */
const mostOver = 1_000;
const mostPast = 5_000;

const live = new Map<string, Episode>();
let older: readonly Episode[] = [];

/** Changes with every word about an alert. */
export const episodes = cell<readonly Episode[]>([]);
/** Whether live has said what it knows: before, an empty list means nothing. */
export const heard = cell(false);
export const past = cell<Past>({ state: 'unasked', to: undefined });

export function followAlerts(ask: Ask): void {
  ask({ alerts: {} }, ({ alerts, all }) => {
    if (!alerts) return;
    if (all) live.clear();
    for (const episode of alerts) {
      // What changed last stands last: the first that is over is the one to forget.
      live.delete(episode.id);
      live.set(episode.id, episode);
    }
    let over = [...live.values()].filter(isOver).length;
    for (const [id, episode] of live) {
      if (over <= mostOver) break;
      if (isOver(episode) && live.delete(id)) over--;
    }
    heard.set(true);
    show();
  });
}

function show(): void {
  episodes.set(merge(live.values(), older));
}

/** Another page of the past, from the store. */
export async function askOlder(): Promise<void> {
  if (past.value.state === 'asking' || past.value.state === 'whole') return;
  const { to } = past.value;
  past.set({ state: 'asking', to });
  try {
    const answer = await fetch(`api/alerts?${new URLSearchParams({ to: String(to ?? now() + 1) })}`);
    if (!answer.ok) throw new Error((await answer.text()).replace(/^sluice: live: /, '').trim());
    const page = (await answer.json()) as AlertsPage;
    older = [...older, ...page.alerts];
    show();
    const isFull = older.length >= mostPast;
    past.set(page.next !== undefined && !isFull ? { state: 'more', to: page.next } : { state: 'whole', to: page.next });
  } catch (thrown) {
    past.set({ state: 'failed', to, why: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

/** The event that an episode fired with, where only its state was heard: the store knows. */
export async function eventOf({ event, key, rule }: Episode): Promise<string | undefined> {
  if (event !== undefined) return event;
  const answer = await fetch(`api/alerts?${new URLSearchParams({ key, rule })}`);
  return answer.ok ? ((await answer.json()) as AlertsPage).alerts[0]?.event : undefined;
}
