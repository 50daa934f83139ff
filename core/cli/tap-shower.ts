/**
 * How `sluice tap` shows what it sees: each event, or with `--shape` what they are like, as a table that is drawn anew each second on a
 * terminal, and once at the end elsewhere.
 */
import { systemClock } from '../clock.ts';
import { type Event, toWire } from '../event.ts';
import { type ProbeReport, probing } from '../shape/probing.ts';
import type { Field } from '../shape/shape.ts';
import type { Where } from '../where.ts';
import { describeEvent } from './describe.ts';
import { type Cell, json, type Paint, paintFor, print, remark, table } from './screen.ts';

export interface Shower {
  show(event: Event): Promise<void>;
  /** So many were left out, for the rate that was asked for. */
  skip(count: number): void;
  end(): Promise<void>;
}

export interface ShowerOptions {
  readonly shape: boolean;
  readonly json: boolean;
  readonly where: Where | undefined;
}

const everyMs = 1000;
/** How often it is said how many were left out. */
const sayMs = 5000;

export function createShower({ shape, json: asJson, where }: ShowerOptions): Shower {
  const paint = paintFor(process.stdout);
  let skipped = 0;
  let said = systemClock.monotonic();
  const saySkipped = () => {
    if (skipped > 0) remark(`sluice: tap: ${skipped} events were not shown, since more came than --rate lets through`);
    skipped = 0;
    said = systemClock.monotonic();
  };
  const skip = (count: number) => {
    skipped += count;
    if (skipped > 0 && systemClock.monotonic() - said >= sayMs) saySkipped();
  };
  if (!shape)
    return {
      show: (event) => print(asJson ? `${json(toWire(event))}\n` : describeEvent(event, paint)),
      skip,
      end: async () => saySkipped(),
    };

  const probe = probing({ where });
  const isLive = process.stdout.isTTY === true && !asJson;
  const draw = async () => {
    const rows = (process.stdout.rows ?? 24) - 2;
    const lines = describeShape(probe.report(), paint).split('\n');
    // Home, and what was there before is gone; the last line that fits.
    await print(`\x1b[H\x1b[2J${lines.slice(0, rows).join('\n')}\n`);
  };
  const cancel = systemClock.every(everyMs, () => {
    probe.tick();
    if (isLive) void draw();
  });
  return {
    show: async (event) => probe.take(event),
    skip,
    async end() {
      cancel();
      const report = probe.report();
      await print(asJson ? `${json(report, 2)}\n` : `${isLive ? '\x1b[H\x1b[2J' : ''}${describeShape(report, paint)}`);
    },
  };
}

/** A report as a table. What comes from events is a stranger's, and made inert by the table. */
export function describeShape({ events, partial, fields, more, counts, keys, sources }: ProbeReport, paint: Paint): string {
  const seconds = counts.slice(-10);
  const rate = seconds.length === 0 ? 0 : seconds.reduce((sum, count) => sum + count, 0) / seconds.length;
  const head = `${paint.bold(`${events} ${events === 1 ? 'event' : 'events'}`)}, ${Number(rate.toPrecision(3))} a second${partial > 0 ? `, ${partial} of them too large to be seen whole` : ''}\n`;
  if (events === 0) return head;
  const rows = fields
    .filter(isLeaf)
    .map((field): Cell[] => [
      [field.path, paint.bold],
      Object.keys(field.types).join(' | '),
      share(field.events / events),
      `${field.estimated ? '~' : ''}${field.distinct}`,
      describeValues(field),
    ]);
  const tops = [
    ...keys.slice(0, 5).map(({ value, count }) => ['about', value, String(count)]),
    ...sources.slice(0, 5).map(({ value, count }) => ['from', value, String(count)]),
  ];
  return `${head}\n${table(['FIELD', 'TYPE', 'IN', 'VALUES', 'SUCH AS'], rows, paint)}${more ? 'and more fields than are told apart\n' : ''}\n${table(['', 'MOST', 'EVENTS'], tops, paint)}`;
}

/** What only holds others says nothing by itself. */
const isLeaf = ({ types }: Field): boolean => Object.keys(types).some((type) => type !== 'object' && type !== 'list');

const share = (part: number): string => (part >= 0.9995 ? 'all' : `${Number((part * 100).toPrecision(2))} %`);

function describeValues({ range, values, distinct }: Field): string {
  const short = (value: number) => String(Number(value.toPrecision(5)));
  if (range && distinct > 8) return `${short(range.min)} … ${short(range.max)}, mean ${short(range.mean)}`;
  const text = values.map(({ value, cut }) => `${String(value).slice(0, 32)}${cut || String(value).length > 32 ? '…' : ''}`).join('  ');
  return text.length > 90 ? `${text.slice(0, 89)}…` : text;
}
