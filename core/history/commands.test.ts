/** The commands that ask the past, from outside: on a saved file, against a running page, and what they refuse. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openLive } from '../../nodes/sinks/live/server.ts';
import { cli, freePort } from '../../test/contract/cli.ts';
import { dayRules, onDay, recordedDay } from '../../test/fixtures/day.ts';
import type { Event } from '../event.ts';
import type { Received } from '../history.ts';
import { memoryHistory } from '../testing/history.ts';
import { testServices } from '../testing/services.ts';
import { toLine } from './line.ts';

// Each is a process; from source, on a busy machine, one takes seconds to start.
vi.setConfig({ testTimeout: 60_000 });
const folder = mkdtempSync(join(tmpdir(), 'sluice-past-'));
const file = join(folder, 'night.jsonl');
const config = join(folder, 'new.yaml');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const night = recordedDay().filter(({ event }) => event.time < onDay('03:00:00') && event.key.includes('web-3'));
const cause = night[100] as Received;
const alert: Received = {
  received: cause.received,
  event: {
    ...cause.event,
    id: 'alert-1',
    kind: 'alert',
    source: '/acme/shop/prod/hub-1/threshold',
    causationid: cause.event.id,
    data: {
      rule: 'old',
      status: 'firing',
      severity: 'info',
      summary: 'old news',
      since: new Date(cause.event.time).toISOString(),
      evidence: [],
    },
  } as Event,
};
const kept = [...night, alert].sort((one, other) => one.received - other.received);

beforeAll(() => {
  writeFileSync(file, kept.map(toLine).join(''));
  const rules = { ...dayRules.rules, 'filesystem-space': { warning: { above: 0.9, clear: 0.88, for: '3m' } } };
  writeFileSync(config, JSON.stringify({ run: ['threshold'], nodes: [{ use: 'threshold', rules }] }));
});

it('tries a config on a saved file, and a filter beside it', async () => {
  const [changed, beside] = await Promise.all([
    cli(['backtest', config, '--from', file]),
    cli(['backtest', config, '--against', 'threshold', '--from', file, '--json']),
  ]);
  expect(changed.out).toMatch(/^new\.yaml would fire 1 \(fired 1\): 0 the same, 1 new, 1 gone\ncoverage: raw 2h59m/);
  expect(changed.out).toMatch(/new +2026-03-03 02:13:40 for \d+s +- +warning filesystem-space +web-3 filesystem \/data\n/);
  expect([changed.code, changed.err]).toEqual([0, expect.stringMatching(/^sluice: 2700 events of 2h59m in /)]);
  expect(JSON.parse(beside.out)).toMatchObject({ would: [{ rule: 'filesystem-space' }], did: [], compared: { gone: [] } });
});

it('says why and why not', async () => {
  const [byId, latest, silence] = await Promise.all([
    cli(['why', 'alert-1', '--from', file, '--json']),
    cli(['why', 'web-3/filesystem', '--from', file]),
    cli(['why-not', 'web-3/filesystem', '--at', '2026-03-03T02:12', '--from', file, '--config', config]),
  ]);
  expect(JSON.parse(byId.out)).toMatchObject({ rule: 'old', causes: [{ sort: 'event', event: { id: cause.event.id } }] });
  expect(latest.out).toMatch(/^info old on web-3, filesystem: old news\nIt fired at 2026-03-03 /);
  expect(silence.out).toMatch(
    /^No alert about web-3\/filesystem came .*; with the rules as they are now, one would have\.\n {2}web-3\/filesystem\.\/data: above 90 % for 3m12s, from 02:10:40; it fired at 02:13:40\. Rule filesystem-space/,
  );
});

it('proposes a rule, or says why there is none', async () => {
  const [short, none] = await Promise.all([
    cli(['propose', 'web-3/filesystem', '--from', file, '--config', config]),
    cli(['propose', 'app.nothing', '--from', file, '--json']),
  ]);
  expect(short.out).toMatch(
    /^coverage: raw 2h59m .*\n\nsystem\.filesystem\.utilization \(rw used\): 2700 values of 1 series\n {2}no rule: too little is/,
  );
  expect(short.out).toContain("today's rule filesystem-space fires 1 on the same past");
  expect(JSON.parse(none.out)).toMatchObject({ proposals: [] });
});

it('asks a running sluice as it asks a file', async () => {
  const server = await openLive(
    { host: '127.0.0.1', port: 0 },
    { seconds: 60, bytes: 1_048_576, viewers: 1 },
    testServices({ history: memoryHistory(kept) }),
  );
  try {
    const port = new URL(server.url).port;
    const [tried, told] = await Promise.all([
      cli(['backtest', config, '--since', '2026-03-01', '--port', port]),
      cli(['why', 'alert-1', '--port', port]),
    ]);
    expect(tried.out).toMatch(/^new\.yaml would fire 1 \(fired 1\): 0 the same, 1 new, 1 gone\n/);
    expect(told.out).toContain('The filter threshold on hub-1 decided it (no policy commit');
  } finally {
    await server.close();
  }
});

it('refuses what it cannot answer, in a line', async () => {
  const port = String(await freePort());
  const refused = await Promise.all([
    cli(['backtest', 'treshold', '--from', file]),
    cli(['backtest', 'threshold', '--from', join(folder, 'none')]),
    cli(['backtest', 'threshold', '--since', 'tea', '--from', file]),
    cli(['why', 'web-9/x', '--from', file]),
    cli(['why', 'x', '--port', port]),
    cli(['why-not', 'web-3', '--at', '25:99', '--from', file]),
    cli(['propose', 'web-3/x', '--alerts', '0', '--from', file]),
  ]);
  expect(refused.map(({ code }) => code)).toEqual([2, 2, 2, 1, 1, 2, 2]);
  expect(refused.map(({ err }) => err.trim().split('\n').length)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(refused.map(({ err }) => err)).toEqual([
    expect.stringContaining('there is no filter "treshold"'),
    expect.stringContaining('does not exist; write one with: sluice tap metric --save'),
    expect.stringContaining('--since "tea" is no time'),
    expect.stringContaining('no event is kept with the id web-9/x, and no alert there is about it'),
    expect.stringContaining(`nothing answers at http://127.0.0.1:${port}`),
    expect.stringContaining('--at "25:99" is no time'),
    expect.stringContaining('--alerts "0" is no rate; write a number above 0'),
  ]);
});
