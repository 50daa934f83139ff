import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Coverage, type Event, key, originalId, type Point, Reject } from 'sluice';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasVictoria, startVictoria, type VictoriaServer, withoutVictoria } from '../../../../test/fixtures/victoria.ts';
import { type Archive, openArchive } from '../archive.ts';
import store from '../store.ts';
import { keepAll } from '../tiers.ts';
import { createClient } from './client.ts';
import { selectorOf } from './past.ts';
import { besides } from './spans.ts';
import { type Victoria, withVictoria } from './victoria.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

/** VictoriaMetrics keeps a month, so the tests are of today; on a whole second, well in the past of a slow test. */
const start = Math.floor(new Date(Date.UTC(2026, 0, 1)).getTime() / 1000) * 1000;
/** Looks at whether it was started anew come when a test asks for them alone. */
const never = 2 ** 30;

interface Bench {
  readonly archive: Archive;
  readonly said: string[];
  readonly time: { now: number };
}

async function bench(victoria: Victoria, now: number, settleMs = never): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-victoria-store-'));
  const said: string[] = [];
  const time = { now };
  const own = await openArchive({ folder, keep: keepAll, say: (text) => said.push(text), now: () => time.now });
  const archive = withVictoria(own, victoria, { now: () => time.now, say: (text) => said.push(text), settleMs });
  undo.push(async () => {
    await archive.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { archive, said, time };
}

/** A metric event as the runtime makes one. */
function metric(about: string, sequence: number, time: number, points: readonly Point[], boot = 'boot-1'): Event<'metric'> {
  const source = `/acme/shop/prod/${about.split('.')[3]}/mix`;
  const id = originalId(source, boot, 'metric', about, sequence);
  return { id, kind: 'metric', key: about, source, time, bootid: boot, sequence, data: { points: [...points] } };
}
const usage = (value: number): Point[] => [
  { name: 'system.cpu.utilization', value, unit: '1', attributes: { 'cpu.mode': 'user', 'cpu.logical_number': 0 } },
  { name: 'system.cpu.time', value: value * 100, type: 'counter', unit: 's' },
];

async function all(archive: Archive, pattern = '#', from = 0, to = Number.POSITIVE_INFINITY): Promise<Event[]> {
  const found: Event[] = [];
  for await (const { event } of archive.history.read({ kind: 'metric', pattern }, from, to)) found.push(event);
  return found;
}

/** Events as they come back: their points in the order of their series, an empty set of attributes as none, numbers to 12 digits. */
const sorted = (events: readonly Event[]) =>
  events.map((event) => {
    if (event.kind !== 'metric') return event;
    const points = event.data.points.map(({ attributes, value, ...point }) => ({
      ...point,
      value: Number(value.toPrecision(12)),
      ...(Object.keys(attributes ?? {}).length > 0 && { attributes }),
    }));
    return { ...event, data: { points: points.toSorted((one, other) => (wordsOf(one) < wordsOf(other) ? -1 : 1)) } };
  });
const wordsOf = ({ name, unit, type, attributes }: Omit<Point, 'value'>): string =>
  JSON.stringify([name, unit, type, Object.entries(attributes ?? {}).sort()]);

/** VictoriaMetrics shows what it took within seconds. */
async function shown(url: string): Promise<void> {
  await createClient(url).flush();
}

describe('what needs no server', () => {
  it.each([['ftp://127.0.0.1/'], ['http://user:secret@127.0.0.1:8428'], ['http://127.0.0.1:8428/?password=secret'], ['127.0.0.1:8428']])(
    'refuses the address %s',
    (url) => {
      const created = () => store.create(store.config.parse({ folder: 'history', victoria: { url } }));
      expect(created).toThrow(/victoria.url (is no address|holds credentials)/);
      // What may hold a password is not repeated.
      expect(created).not.toThrow(/secret/);
    },
  );

  it('asks for as few series as a pattern allows, and never for those of others', () => {
    expect(selectorOf('#')).toBe('{source!="",company!=""}');
    expect(selectorOf('acme.*.prod.web-1.filesystem.#')).toBe(
      '{source!="",company!="",company="acme",environment="prod",host="web-1",resource=~"filesystem(\\\\..*)?"}',
    );
    expect(selectorOf('acme.#.web-1')).toBe('{source!="",company!="",company="acme"}');
    expect(selectorOf('*.*.*.web%2E1')).toBe('{source!="",company!=""}');
  });

  it('knows the past raw wherever one of both does, and says where it is metrics alone', () => {
    const kept: Coverage[] = [
      { from: 10, to: 50, resolution: 'minute' },
      { from: 50, to: 80, resolution: 'raw' },
    ];
    expect(
      besides(kept, [
        { from: 0, to: 20 },
        { from: 40, to: 60 },
        { from: 90, to: 95 },
      ]),
    ).toEqual([
      { from: 0, to: 10, resolution: 'raw', only: ['metric'] },
      { from: 10, to: 20, resolution: 'raw' },
      { from: 20, to: 40, resolution: 'minute' },
      { from: 40, to: 50, resolution: 'raw' },
      { from: 50, to: 80, resolution: 'raw' },
      { from: 90, to: 95, resolution: 'raw', only: ['metric'] },
    ]);
  });

  it('takes a refusal of lines for good, and everything else for what passes; it follows nobody elsewhere', async () => {
    let answer: [status: number, text: string] = [200, ''];
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      const state = request.url === '/metrics';
      response.writeHead(state ? 200 : answer[0], { location: 'http://127.0.0.1:1/' });
      response.end(state ? 'process_start_time_seconds 1\n' : answer[1]);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    undo.push(() => server.close());
    const bound = server.address();
    const url = `http://127.0.0.1:${bound && typeof bound === 'object' ? bound.port : 0}`;
    const folder = mkdtempSync(join(tmpdir(), 'sluice-victoria-identity-'));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const identity = join(folder, 'identity');
    writeFileSync(identity, 'username: sluice\npassword: secret\n', { mode: 0o644 });
    const { archive } = await bench({ url, identity }, start);
    const event = metric('acme.shop.prod.web-1.cpu', 1, start, usage(0.5));
    await expect(archive.write([event])).rejects.toThrow(/identity can be read by others; chmod 600 it/);
    expect(asked).toEqual([]);
    chmodSync(identity, 0o600);
    await archive.write([event]);
    expect(new Set(asked)).toEqual(new Set([`Basic ${Buffer.from('sluice:secret').toString('base64')}`]));
    for (const [status, text, permanent, message] of [
      [400, 'bad line', true, /answers 400: bad line/],
      [413, '', true, /answers 413/],
      [429, 'slow down', false, /answers 429: slow down/],
      [503, 'read-only', false, /answers 503: read-only/],
      [401, '', false, /answers 401; see its credentials/],
      [302, '', false, /sends elsewhere \(302\)/],
    ] as const) {
      answer = [status, text];
      const thrown = await archive.write([metric('acme.shop.prod.web-1.cpu', 2, start + 1, usage(1))]).catch((error: unknown) => error);
      expect(thrown instanceof Reject, String(thrown)).toBe(permanent);
      expect(String(thrown)).toMatch(message);
    }
    answer = [204, ''];
    await archive.write([metric('acme.shop.prod.web-1.cpu', 2, start + 1, usage(1))]);
  });

  it('refuses a value that is no number, and says when nothing answers', async () => {
    const { archive } = await bench({ url: 'http://127.0.0.1:9' }, start);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const thrown = await archive.write([metric('acme.shop.prod.web-1.cpu', 1, start, usage(value))]).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(Reject);
      expect(String(thrown)).toMatch(/value of system.cpu.utilization is no number/);
    }
    await expect(archive.write([metric('acme.shop.prod.web-1.cpu', 1, start, usage(1))])).rejects.toThrow(
      /VictoriaMetrics at http:\/\/127.0.0.1:9 does not answer/,
    );
  });
});

const found = hasVictoria();
describe.skipIf(!found)(found ? 'with VictoriaMetrics' : `with VictoriaMetrics, ${withoutVictoria}`, () => {
  let server: VictoriaServer;
  /** The server's own time: what is too old for it, it drops. */
  let now: number;
  /** Each test is about a system of its own. */
  let tests = 0;
  const place = () => `acme.t${tests}.prod`;
  beforeAll(async () => {
    server = await startVictoria();
    now = Math.floor((await createClient(server.url).state()).now / 1000) * 1000 - 3_600_000;
  }, 60_000);
  afterAll(() => server?.remove());
  afterEach(() => {
    tests += 1;
  });

  it('gives back events as they were, in the order received, with all that a record cannot say', async () => {
    const { archive, time } = await bench(server, now);
    const about = (host: string) => `${place()}.${host}.cpu`;
    const plain = metric(about('web-1'), 1, now - 500, usage(0.5));
    const late = metric(about('web-3'), 9, now - 700_000, usage(0.1));
    const odd: Event<'metric'>[] = [
      { ...metric(about('web-2'), 1, now - 400, usage(0.2)), id: 'of its own' },
      { ...metric(about('web-2'), 2, now - 300, usage(0.3)), causationid: 'm1', causes: ['m1'], nodeversion: '1' },
      metric(about('web-2'), 3, now - 200, [{ name: 'timed', value: 1, time: new Date(now - 1000).toISOString() }]),
      metric(about('web-2'), 4, now - 100, [...usage(0.4), ...usage(0.6)]),
      metric(about('web-1'), 2, now - 500, usage(0.6)),
      late,
    ];
    await archive.write([plain, ...odd]);
    time.now += 1000;
    const second = metric(about('web-1'), 3, time.now - 200, usage(0.7));
    const ahead = metric(about('web-4'), 1, time.now + 4000, usage(0.8));
    await archive.write([ahead, second]);
    await shown(server.url);
    const pattern = `${place()}.#`;
    const events = await all(archive, pattern);
    expect(sorted(events.slice(-2))).toEqual(sorted([ahead, second].toSorted((one, other) => one.time - other.time)));
    expect(sorted(events).toSorted((one, other) => (one.id < other.id ? -1 : 1))).toEqual(
      sorted([plain, ...odd, second, ahead]).toSorted((one, other) => (one.id < other.id ? -1 : 1)),
    );
    expect((await all(archive, pattern, now, now + 1)).length).toBe(7);
    expect(await all(archive, pattern, now + 1, now + 1000)).toEqual([]);
    expect((await all(archive, `${place()}.web-1.#`)).map(({ id }) => id)).toEqual(
      [odd[4]?.id, plain.id, second.id].toSorted((one) => (one === second.id ? 1 : 0)),
    );
    // What is kept whole elsewhere is found by its id at once; the others near what they led to.
    expect((await archive.history.byId('of its own'))?.event).toEqual(odd[0]);
    expect(await archive.history.byId(second.id)).toBeUndefined();
    const led = { ...plain, id: 'alert', time: time.now };
    expect(sorted([(await archive.history.byId(second.id, led))?.event ?? led])).toEqual(sorted([second]));
    expect((await archive.history.byId(second.id, led))?.received).toBe(time.now);
    await expect(archive.history.query('SELECT * FROM points')).rejects.toThrow(/points are in VictoriaMetrics; ask it in MetricsQL/);
    const [known] = await archive.history.coverage(now - 60_000, now + 60_000);
    expect(known?.resolution).toBe('raw');
  });

  it('shows once what is delivered again', async () => {
    const first = await bench(server, now);
    const events = [1, 2, 3].map((step) => metric(`${place()}.web-1.cpu`, step, now + step, usage(step)));
    await first.archive.write(events.slice(0, 2));
    const second = await bench(server, now + 5000);
    await second.archive.write(events);
    await shown(server.url);
    expect(sorted(await all(second.archive, `${place()}.#`))).toEqual(sorted(events));
  });

  it('has any name, text, number and key come back as they were', { timeout: 60_000 }, async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom(
        '',
        ' ',
        ',',
        '=',
        '\\',
        '"',
        '\n',
        '\r\n',
        '\0',
        'a\\',
        '\\n',
        '"7"',
        '7',
        'true',
        '1e5',
        'null',
        '#',
        'é😀',
        ' a ',
        '\ud800',
      ),
    );
    // The store's own rows hold no half of a character in a name or a unit.
    const whole = text.filter((each) => each.isWellFormed());
    const name = whole.filter((each) => each !== '' && each !== '__proto__');
    const value = fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true, min: 1e-6, max: 1e12 }).map((each) => Number(each.toPrecision(12))),
    );
    const scalar = fc.oneof(text, value, fc.boolean());
    const point = fc.record(
      {
        name: fc.oneof(name, fc.constantFrom('host', 'sluice.event.delay', 'value')),
        value,
        unit: whole,
        type: fc.constantFrom('gauge' as const, 'counter' as const, 'updown' as const),
        attributes: fc.dictionary(fc.oneof(name, fc.constantFrom('host', 'unit', 'db', 'attribute.x', '__name__', 'le')), scalar, {
          maxKeys: 25,
        }),
      },
      { requiredKeys: ['name', 'value'] },
    );
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((each) => each.isWellFormed());
    const { archive } = await bench(server, now);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(word, word, fc.array(point, { minLength: 1, maxLength: 6 })), { minLength: 1, maxLength: 30 }),
        async (drawn) => {
          round += 1;
          const [company, from] = [`c${tests}-${round}`, now + round * 1000];
          const events = drawn.map(([host, resource, points], index) => {
            const about = key({ company, system: 's', environment: 'e', host, resource: [resource] });
            return metric(about, index, from - 500 + index, points);
          });
          await archive.write(events);
          await shown(server.url);
          const inOrder = (list: readonly Event[]) => sorted(list).toSorted((one, other) => one.time - other.time);
          expect(inOrder(await all(archive, `${company}.#`, from - 60_000, from + 60_000))).toEqual(inOrder(events));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('tells how series went: gauges by their mean and ends, counters by their rate', async () => {
    const { archive } = await bench(server, now);
    const from = Math.floor((now - 120_000) / 10_000) * 10_000;
    const where = place();
    const events = Array.from({ length: 60 }, (_, index) => metric(`${where}.web-1.cpu`, index + 1, from + index * 1000, usage(index)));
    await archive.write([...events, metric(`${where}.web-2.cpu`, 1, from, usage(5))]);
    await shown(server.url);
    const asked = { from, to: from + 70_000, step: 10_000, most: 100, servers: [`${where}.web-1`] };
    const gauges = await archive.history.series({
      ...asked,
      metric: 'system.cpu.utilization',
      attributes: { 'cpu.mode': ['user'], 'cpu.logical_number': ['0'] },
    });
    expect(gauges.series.map(({ key, attributes, unit, type }) => [key, attributes, unit, type])).toEqual([
      [`${where}.web-1.cpu`, { 'cpu.mode': 'user', 'cpu.logical_number': 0 }, '1', 'gauge'],
    ]);
    const [{ mean, low, high } = { mean: [], low: [], high: [] }] = gauges.series;
    expect([...mean]).toEqual([4.5, 14.5, 24.5, 34.5, 44.5, 54.5, Number.NaN]);
    expect([low[1], high[1]]).toEqual([10, 19]);
    const { series } = await archive.history.series({ ...asked, metric: 'system.cpu.time' });
    expect(series.map(({ type, unit }) => [type, unit])).toEqual([['counter', 's']]);
    for (const rate of series[0]?.mean.slice(1, 6) ?? []) expect(rate).toBeCloseTo(100, 6);
    expect(await archive.history.series({ ...asked, servers: ['none.of.these.here'], metric: 'system.cpu.time' })).toMatchObject({
      series: [],
    });
  });

  it('says what VictoriaMetrics knows beyond its own folder, and that it is metrics alone', async () => {
    const { archive } = await bench(server, now);
    const day = 86_400_000;
    await archive.write([metric(`${place()}.web-1.cpu`, 1, now, usage(1))]);
    await shown(server.url);
    const spans = await archive.history.coverage(0, Number.POSITIVE_INFINITY);
    expect(spans.length).toBeGreaterThan(0);
    for (const { only, resolution } of spans) expect([resolution, only]).toEqual(['raw', ['metric']]);
    expect(spans[0]?.from).toBeGreaterThan(now - day);
    expect(spans.some(({ from, to }) => from <= now && now < to)).toBe(true);
    expect(await archive.history.coverage(0, now - 20 * day)).toEqual([]);
  });
});

describe.skipIf(!found)(found ? 'VictoriaMetrics in trouble' : `VictoriaMetrics in trouble, ${withoutVictoria}`, () => {
  it('writes again what a kill took from it, and holds while it is away or full', { timeout: 60_000 }, async () => {
    const server = await startVictoria();
    undo.push(() => server.remove());
    const { now } = await createClient(server.url).state();
    // Longer than the second for which it has what it took in its memory alone.
    const { archive, said } = await bench(server, now, 2000);
    const events = Array.from({ length: 60 }, (_, index) => metric('acme.shop.prod.web-1.cpu', index + 1, now - 600 + index, usage(index)));
    for (const event of events.slice(0, 30)) await archive.write([event]);
    await server.kill();
    await expect(archive.write(events.slice(30, 40))).rejects.toThrow(/does not answer/);
    await server.start('-storage.minFreeDiskSpaceBytes=1000000GB');
    await expect(archive.write(events.slice(30, 40))).rejects.toThrow(/answers 503.*read-only/);
    await server.kill();
    await server.start();
    await archive.write(events.slice(30, 50));
    await server.kill();
    await server.start('-dedup.minScrapeInterval=1ms');
    await archive.write(events.slice(50));
    await expect.poll(() => shown(server.url).then(async () => (await all(archive)).length), { timeout: 30_000 }).toBe(events.length);
    expect(sorted(await all(archive))).toEqual(sorted(events));
    expect(said.join('\n')).toMatch(/started anew; .* written again/);
  });

  it('gives nothing to one that would thin it or rename it', { timeout: 60_000 }, async () => {
    const server = await startVictoria('-dedup.minScrapeInterval=30s');
    undo.push(() => server.remove());
    const { archive } = await bench(server, start);
    const events = [metric('acme.shop.prod.web-1.cpu', 1, start, usage(1))];
    await expect(archive.write(events)).rejects.toThrow(/keeps one point for each 30s; start it with -dedup.minScrapeInterval=1ms/);
    const renaming = await startVictoria('-influxSkipSingleField');
    undo.push(() => renaming.remove());
    const other = await bench(renaming, start);
    await expect(other.archive.write(events)).rejects.toThrow(
      /changes the names that it is given; start it without -influxSkipSingleField/,
    );
  });
});
