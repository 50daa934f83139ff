/**
 * The deadline up to which messages wait for company: one for all kinds, at the multiples of `linger`, and a timer only while something
 * waits. Where between two multiples it lies depends on the host: a fleet's deadlines spread, and come after its sampling.
 *
 *     sampled  │·        │·         each whole second
 *     sent     │   ▲     │   ▲      web-1
 *              │      ▲  │      ▲   web-2
 */
import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Origin } from './author.ts';

/** From 0 to 1, as a part of `linger`. Known from place and host, so that it stays where it is. */
export function phaseOf({ place, host }: Pick<Origin, 'place' | 'host'>): number {
  const [first = 0] = hash('sha256', `${place.company}.${place.system}.${place.environment}.${host}`, 'buffer');
  return 0.2 + (0.7 * first) / 256;
}

/** @param linger in milliseconds. The result asks for the next deadline, if none is on its way; at it, `reached` is called once. */
export function createDeadline(clock: Clock, linger: number, phase: number, reached: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const since = (clock.now() - phase * linger) % linger;
    clock.after(linger - since, () => {
      waiting = false;
      reached();
    });
  };
}
