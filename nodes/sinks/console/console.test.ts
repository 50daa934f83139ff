/** The console on a stream of the test's, and in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Event, fromWire } from 'sluice';
import { expect, test } from 'vitest';
import { writingTo } from './console.ts';

const time = new Date(2026, 0, 1, 12, 0, 7).getTime();
let number = 0;
const event = <K extends 'alert' | 'incident' | 'state'>(kind: K, key: string, data: Event<K>['data']) =>
  ({ id: `e${++number}`, kind, key: `acme.shop.prod.${key}`, source: '/acme/shop/prod/hub/x', time, data }) as Event<K>;

const full = (more: Partial<Event<'alert'>['data']> = {}) =>
  event('alert', 'web-1.filesystem./var', {
    rule: 'filesystem-space',
    status: 'firing',
    severity: 'critical',
    summary: '/var is 97 % full (limit 95 %)',
    action: 'free space',
    since: new Date(time).toISOString(),
    evidence: [],
    ...more,
  });
/** A state as the roster judges it; without a cause it is only said again. */
const server = (status: string, more = {}) => ({ ...again(status, more), causationid: 'beat' });
const again = (status: string, more = {}) =>
  event('state', 'web-1.server', {
    of: 'server',
    value: {
      ...{ company: 'acme', system: 'shop', environment: 'prod', host: 'web-1', status, boot: 'b1', interval: 5, labels: {}, versions: {} },
      ...{ since: '2026-01-01T00:00:00.000Z', seen: '2026-01-01T00:00:00.000Z', first: '2026-01-01T00:00:00.000Z' },
      ...more,
    },
  });
const node = (status: string, error?: string) =>
  event('state', 'web-1.node.cpu', {
    of: 'node',
    value: {
      ...{
        name: 'cpu',
        use: 'cpu',
        sort: 'monitor',
        doc: 'x',
        host: 'web-1',
        process: 'p',
        status,
        since: 'x',
        in: [],
        out: [],
        errors: 1,
      },
      ...{ events: { in: 0, out: 0, dead: 0, dropped: 0 }, ...(error && { error }) },
    },
  });

async function shown(
  events: Event<'alert' | 'incident' | 'state'>[],
  { format = 'text' as 'text' | 'json', isTTY = false, env = {} } = {},
) {
  const stream = Object.assign(new PassThrough({ highWaterMark: 1 << 20 }), { isTTY });
  const sink = writingTo(() => stream, { format }, env);
  await sink.start?.();
  for (const each of events) await sink.write([each]);
  await sink.stop?.();
  return String(stream.read() ?? '');
}

test('an alert says when, how bad, where, what and what to do', async () => {
  expect(await shown([full(), full({ status: 'resolved', summary: '/var is 10 % full (limit 90 %)' })])).toBe(
    [
      '12:00:07 FIRING   critical web-1 /var is 97 % full (limit 95 %)',
      '         → free space',
      '12:00:07 RESOLVED critical web-1 /var is 10 % full (limit 90 %)',
      '',
    ].join('\n'),
  );
});

test('a state is told when it changes, however often it is announced', async () => {
  const out = await shown([
    ...[server('alive'), server('alive'), server('silent', { reason: 'no heartbeat, and no goodbye' })],
    ...[server('alive', { reason: 'heard again' }), server('alive', { boot: 'b2', reason: 'restarted without a goodbye' })],
    ...[server('retired', { reason: 'stopped' }), event('state', 'web-1.server', { of: 'server', value: null })],
    ...[node('running'), node('failing', 'no /proc'), node('failing', 'no /proc'), node('running')],
    event('state', 'web-1.alert.x', { of: 'alert', value: null }),
    event('state', 'web-1.thing', { of: 'something', value: 1 }),
  ]);
  expect(out.split('\n').map((line) => line.slice(9))).toEqual([
    'SERVER   alive    web-1 found',
    'SERVER   silent   web-1 no heartbeat, and no goodbye',
    'SERVER   alive    web-1 heard again',
    'SERVER   alive    web-1 restarted without a goodbye',
    'SERVER   retired  web-1 stopped',
    'SERVER   gone     web-1 forgotten',
    'NODE     failing  web-1 cpu: no /proc',
    'NODE     running  web-1 cpu is well again',
    '',
  ]);
});

test('what comes about a silent server is held, and shown when it is heard again, if it still fires', async () => {
  const disk = full({ rule: 'disk' });
  const out = await shown([
    ...[server('alive'), server('silent'), full(), disk, full({ rule: 'memory', summary: 'memory is full' })],
    ...[
      { ...disk, id: 'over', data: { ...disk.data, status: 'resolved' as const } },
      event('alert', 'web-1.server', { ...full().data, rule: 'silent', summary: 'web-1 is silent' }),
    ],
    server('alive', { reason: 'heard again' }),
    full({ summary: 'and now' }),
  ]);
  expect(
    out
      .split('\n')
      .filter((line) => !line.startsWith(' '))
      .map((line) => line.slice(9)),
  ).toEqual([
    'SERVER   alive    web-1 found',
    'SERVER   silent   web-1 ',
    'FIRING   critical web-1 web-1 is silent',
    'SERVER   alive    web-1 heard again',
    'FIRING   critical web-1 /var is 97 % full (limit 95 %)',
    'FIRING   critical web-1 memory is full',
    'FIRING   critical web-1 and now',
    '',
  ]);
});

test('what is only said again after a restart is no news, unless something is wrong', async () => {
  expect(await shown([again('retired', { reason: 'SIGINT' }), server('alive', { reason: 'started again' })])).toMatch(
    /^\S+ SERVER {3}alive {4}web-1 started again\n$/,
  );
  expect(await shown([again('alive')])).toBe('');
  expect(await shown([again('silent', { reason: 'no heartbeat, and no goodbye' })])).toContain('silent   web-1 no heartbeat');
});

test('colours on a terminal alone, and never against NO_COLOR', async () => {
  expect(await shown([full()], { isTTY: true })).toContain('\x1b[31m');
  for (const options of [{ isTTY: false }, { isTTY: true, env: { NO_COLOR: '1' } }, { isTTY: true, env: { TERM: 'dumb' } }])
    expect(await shown([full()], options)).not.toContain('\x1b');
});

test('hostile text is shown and obeyed by nobody', async () => {
  const hostile = '\x1b]0;owned\x07\x1b[2J\u202Egnp.exe\r\nFIRING \u009b31m';
  const incident = event('incident', 'web-1.log', { what: hostile, who: '\x1b[31m', severity: 'info' });
  const out = await shown([full({ summary: hostile, action: hostile }), incident, server('alive', { host: hostile, reason: hostile })]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(out.replaceAll('\n', '')).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
  expect(out).toContain('␛]0;owned␇␛[2J⟪U+202E⟫gnp.exe␍␊FIRING ⟪U+009B⟫31m');
  expect(out.trimEnd().split('\n')).toHaveLength(4);
});

test('as JSON each line is the event as it stands on the wire, and as harmless', async () => {
  const sent = full({ summary: 'a\x1b[2J\u202E\u{1F600}\u{E0041}' });
  const out = await shown([sent], { format: 'json', isTTY: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(out.trimEnd()).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]|\u{E0041}/u);
  expect(fromWire(JSON.parse(out), { kind: 'alert', at: time })).toEqual(sent);
});

test('it waits for a slow reader, and for none that is gone', async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const sink = writingTo(() => stream, { format: 'text' }, {});
  await sink.start?.();
  let written = false;
  const writing = Promise.resolve(sink.write([full()])).then(() => {
    written = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toBe(false);
  stream.read();
  await writing;
  const stuck = sink.write([full()]);
  stream.destroy(Object.assign(new Error('closed'), { code: 'EPIPE' }));
  await stuck;
  await sink.write([full()]);
});

test('a closed pipe ends neither the process nor the sink', async () => {
  const script = `
    import sink from ${JSON.stringify(fileURLToPath(new URL('./console.ts', import.meta.url)))};
    const event = ${JSON.stringify(full())};
    const writing = sink.create({ format: 'text' });
    writing.start();
    for (let count = 0; count < 200; count++) { await writing.write([event]); await new Promise((next) => setImmediate(next)); }
    await writing.stop(); await writing.stop();
    process.stderr.write('survived');
  `;
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { cwd: root });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [first] = await once(child.stdout, 'data');
  expect(String(first)).toContain('FIRING   critical web-1');
  child.stdout.destroy();
  const [code] = await once(child, 'close');
  expect(errors).toBe('survived');
  expect(code).toBe(0);
});
