/** Why an alert came that a log line caused, through the filters themselves: the line is named, be it one of hundreds. */
import { expect, it } from 'vitest';
import type { Event } from '../event.ts';
import type { Received } from '../history.ts';
import { type AnyFilter, defineFilter, table, z } from '../node.ts';
import { memoryHistory } from '../testing/history.ts';
import { replay } from './replay.ts';
import { why } from './why.ts';

const start = Date.UTC(2026, 2, 3);
const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
const fatal = 'Out of memory: killed process 4242 (postgres)';
const refused = 'Failed password for root from 192.0.2.7';

/** Alerts on the line itself. */
const killed = defineFilter({
  name: 'killed',
  doc: 'Tells of a process that the kernel killed.',
  config: z.strictObject({}),
  in: [{ kind: 'log' }],
  out: ['alert'],
  tables: {},
  create: () => ({
    event({ id, key, time, data }) {
      const line = data.lines.find(({ body }) => body.includes('Out of memory'));
      return line ? [alertOf('killed', key, time, id, line.body)] : [];
    },
  }),
});

/** Makes incidents of refused logins, one for each who failed three times. */
const knock = defineFilter({
  name: 'knock',
  doc: 'Tells who is refused three times.',
  config: z.strictObject({}),
  in: [{ kind: 'log' }],
  out: ['incident'],
  tables: { refusals: table(z.array(z.string()), { bound: 100 }) },
  create: (_, { refusals }) => ({
    event({ id, key, data }) {
      const who = data.lines.map(({ body }) => /^Failed password .* from (\S+)$/.exec(body)?.[1]).find((each) => each !== undefined);
      if (who === undefined) return [];
      const causes = [...(refusals.get(who) ?? []), id];
      refusals.set(who, causes);
      return causes.length === 3 ? [{ kind: 'incident' as const, key, causes, data: { what: 'refused logins', who } }] : [];
    },
  }),
});

/** Alerts on an incident. */
const alarm = defineFilter({
  name: 'alarm',
  doc: 'Makes an alert of each incident.',
  config: z.strictObject({}),
  in: [{ kind: 'incident' }],
  out: ['alert'],
  tables: {},
  create: () => ({ event: ({ id, key, time, data }) => [alertOf('refused-logins', key, time, id, `${data.what} from ${data.who}`)] }),
});

function alertOf(rule: string, key: string, time: number, id: string, summary: string) {
  const data = {
    rule,
    status: 'firing' as const,
    severity: 'critical' as const,
    summary,
    since: new Date(time).toISOString(),
    evidence: [id],
  };
  return { kind: 'alert' as const, key, data };
}

/** A log's events, a second apart, each with a line between many others of another sort. */
const logOf = (resource: string, bodies: readonly string[], around: number): Received[] =>
  bodies.map((body, index) => {
    const other = (count: number) =>
      Array.from({ length: count }, (_, line) => ({ severity: 'info' as const, body: `request ${line} served` }));
    const time = start + index * 1000;
    const event: Event<'log'> = {
      id: `${resource}${index}`,
      kind: 'log',
      key: `acme.shop.prod.web-1.log.${resource}`,
      source: '/acme/shop/prod/web-1/log',
      time,
      data: { lines: [...other(around), { severity: 'info', body }, ...other(around)] },
    };
    return { event, received: time };
  });

/** What the filters make of a log, and why the alert among it came. */
async function toldOf(log: readonly Received[], ...nodes: AnyFilter[]) {
  const made: Received[] = [];
  const filters = nodes.map((node) => ({ name: node.name, node, config: {}, confighash: 'abc', reads: node.in }));
  const span = { from: start, to: start + 60_000 };
  const coverage = [{ ...span, resolution: 'raw' as const }];
  await replay(memoryHistory(log), { about, filters }, coverage, span, (event, received) => made.push({ event, received }));
  const alerts = made.filter(({ event }) => event.kind === 'alert');
  expect(alerts).toHaveLength(1);
  return why(memoryHistory([...log, ...made]), (alerts[0] as Received).event);
}

it('names the line that an alert came of', async () => {
  const told = await toldOf(logOf('kern', ['all is well', fatal], 0), killed);
  expect(told).toMatchObject({ rule: 'killed', filter: { name: 'killed', host: 'hub-1' }, causes: [{ event: { id: 'kern1' } }] });
  expect(told.sentences.slice(-2)).toEqual(['It was decided by the log of 00:00:01 about web-1, log kern (kern1):', `  info: ${fatal}`]);
});

it('names it first among hundreds', async () => {
  const told = await toldOf(logOf('kern', [fatal], 200), killed);
  expect(told.sentences.slice(-6)).toEqual([
    `  info: ${fatal}`,
    ...Array.from({ length: 4 }, (_, line) => `  info: request ${line} served`),
    '  and 396 more lines',
  ]);
});

it('leads from an alert through its incident to each of the lines', async () => {
  const told = await toldOf(logOf('auth', [refused, 'all is well', refused, refused], 100), knock, alarm);
  expect(told.causes).toMatchObject([
    { event: { data: { who: '192.0.2.7' } }, causes: [{ event: { id: 'auth0' } }, { event: { id: 'auth2' } }, { event: { id: 'auth3' } }] },
  ]);
  expect(told.sentences.filter((line) => line === `    info: ${refused}`)).toHaveLength(3);
  expect(told.sentences).toContain('  It rests on the log of 00:00:00 about web-1, log auth (auth0):');
  expect(told.sentences).toContain('  It was decided by the log of 00:00:03 about web-1, log auth (auth3):');
});
