/** Asks the server for log lines of the past. */

import { queryOf } from './asked.ts';
import type { Counts, Line } from './roll.ts';

export interface Page {
  /** Newest first. */
  readonly lines: readonly Line[];
  /** How far was looked, in milliseconds since 1970. */
  readonly searched: number;
  readonly more: boolean;
}

export interface Around {
  readonly line: Line;
  readonly before: readonly Line[];
  readonly after: readonly Line[];
}

export interface Counted {
  readonly from: number;
  readonly to: number;
  /** Milliseconds of a step. */
  readonly step: number;
  readonly counts: readonly Counts[];
}

type Wanted = Readonly<Record<string, unknown>>;

export const askLines = (wanted: Wanted, where: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Page> =>
  ask(`api/logs?${new URLSearchParams([...queryOf(wanted), ...Object.entries(where)])}`, signal);

/** undefined where it cannot be told now: then the tail's own counts are all there is. */
export const countsIn = (wanted: Wanted, from: number, to: number, steps: number, signal: AbortSignal): Promise<Counted | undefined> => {
  const where: [string, string][] = [
    ['from', String(Math.round(from))],
    ['to', String(Math.round(to))],
    ['steps', String(steps)],
  ];
  return ask<Counted>(`api/logs/counts?${new URLSearchParams([...queryOf(wanted), ...where])}`, signal).catch(() => undefined);
};

export const askAround = (id: string, line: number, signal: AbortSignal): Promise<Around> =>
  ask(`api/logs/context?${new URLSearchParams({ id, line: String(line), lines: '25' })}`, signal);

/** @throws Error with what the server says is wrong */
async function ask<Answer>(path: string, signal: AbortSignal): Promise<Answer> {
  const answer = await fetch(path, { signal, cache: 'no-store' });
  if (!answer.ok) throw new Error(plain(await answer.text()) || `sluice answered ${answer.status}`);
  return (await answer.json()) as Answer;
}

/** What went wrong, without saying of whom it is. */
export const plain = (message: string): string =>
  message
    .trim()
    .slice(0, 500)
    .replace(/^(sluice: )?(live: )?(logs: )?/, '');
