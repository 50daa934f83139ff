/** The command line from outside: usage, errors, and every client command against a process that really runs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cli, freePort, startCli } from '../../test/contract/cli.ts';

// Each word is a process; from source, on a busy machine, one takes seconds to start.
vi.setConfig({ testTimeout: 60_000 });
const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('usage', () => {
  it('lists every command, and says its version', async () => {
    const { code, out } = await cli(['--help']);
    expect(code).toBe(0);
    for (const name of ['run', 'tap', 'emit', 'servers', 'nodes', 'graph', 'new', 'test', 'doctor'])
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect((await cli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.concurrent.each<[string, string[], RegExp]>([
    ['an unknown command', ['tapp', 'metric'], /^sluice: unknown command 'tapp'\n\(Did you mean tap\?\)/],
    ['an unknown flag', ['tap', 'metric', '--hots', 'a'], /^sluice: unknown option '--hots'\n\(Did you mean --host\?\)/],
    ['a missing argument', ['tap'], /^sluice: missing required argument 'kind'/],
    ['an unknown kind', ['tap', 'metrik'], /^sluice: "metrik" is no kind; did you mean "metric"\?\n$/],
    ['a count that is none', ['tap', 'metric', '--count', '0'], /^sluice: "0" is no count; write a whole number from 1\n$/],
    ['a time that is none', ['tap', 'metric', '--since', 'tea'], /^sluice: --since "tea" is no time; write 5m, or .*\n$/],
    [
      'a pattern beside fields',
      ['tap', 'metric', '--pattern', '#', '--host', 'a'],
      /^sluice: --pattern stands instead of the fields; leave one out\n$/,
    ],
    [
      'a field without a value',
      ['tap', 'metric', '--where', 'points.name'],
      /^sluice: --where "points.name" is none; write it as points.name=system.*\n$/,
    ],
    ['the shape of a part', ['tap', 'metric', '--shape', '--rate', '5'], /^sluice: --shape looks at all of them; leave out --rate\n$/],
    [
      'a fixture that is not there',
      ['test', 'threshold', '--given', '/none.jsonl'],
      /^sluice: \/none.jsonl does not exist; catch some events with: sluice tap .*\n$/,
    ],
    ['a metric without a value', ['emit', 'metric', '--name', 'a'], /^sluice: a metric needs both --name and --value\n$/],
    ['data that is not JSON', ['emit', 'log', '--data', '{'], /^sluice: --data is not JSON: .*\n$/],
    [
      'data that does not fit',
      ['emit', 'metric', '--data', '{"points":[{"name":"a"}]}'],
      /^sluice: data of metric: points.0.value is missing; write a number\n$/,
    ],
    ['data too deep', ['emit', 'state', '--data', '['.repeat(5000) + ']'.repeat(5000)], /^sluice: data: nested deeper than 64 levels\n$/],
  ])('refuses %s with exit 2', async (_, words, message) => {
    const { code, out, err } = await cli(words);
    expect(err).toMatch(message);
    expect([code, out]).toEqual([2, '']);
  });

  it('says how to start when nothing runs, in one line', async () => {
    const port = String(await freePort());
    const start = `start it with "sluice run" (npm start in a checkout)`;
    const asked = [['servers'], ['nodes'], ['graph'], ['tap', 'metric']].map((words) => cli([...words, '--port', port]));
    for (const { code, err } of await Promise.all(asked)) {
      expect([code, err]).toEqual([1, `sluice: nothing answers at http://127.0.0.1:${port}; ${start}, or name its port with --port\n`]);
    }
    const { code, err } = await cli(['emit', 'metric', '--name', 'a', '--value', '1', '--state', folder]);
    expect([code, err]).toEqual([1, `sluice: nothing runs on ${folder}; ${start}, or name its --state\n`]);
  });

  it('says where a config is wrong, and does not start', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'host: a\nplaec: a.b.c\n');
    const line = `${file}:2:1: "plaec" is no setting; did you mean "place"?`;
    expect(await cli(['run', file])).toEqual({ code: 1, out: '', err: `sluice: config: ${line}\n` });
    const doctor = await cli(['doctor', file]);
    expect([doctor.code, doctor.out]).toEqual([1, `fail  config   ${line}\n`]);
  });
});

describe('against a process that runs', () => {
  const state = join(folder, 'state');
  let port = '';
  let running: ReturnType<typeof startCli>;
  const ask = (...words: string[]) => cli([...words, '--port', port]);
  const emit = (...words: string[]) => cli(['emit', ...words, '--state', state]);

  beforeAll(async () => {
    port = String(await freePort());
    const env = { SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' };
    running = startCli(['run', '--state', state, '--port', port, '--only', 'cpu,live', '--place', 'acme.shop.test'], { env });
    await running.says(/ssh -L/);
  }, 60_000);
  afterAll(() => {
    running.signal('SIGKILL');
  });

  it('has said where it is, and how to come there over SSH', () => {
    expect(running.said()).toContain(`sluice: open http://127.0.0.1:${port}\n`);
    expect(running.said()).toMatch(new RegExp(`ssh -L ${port}:127\\.0\\.0\\.1:${port} \\S+@192\\.0\\.2\\.2\n`));
  });

  it('lists its nodes, its pipes and its servers', async () => {
    const [nodes, table, graph, pipes, servers] = await Promise.all([
      ask('nodes', '--json'),
      ask('nodes'),
      ask('graph'),
      ask('graph', '--json'),
      ask('servers', '--json'),
    ]);
    const cpu = expect.objectContaining({ name: 'cpu', sort: 'monitor', status: 'running' });
    expect(JSON.parse(nodes.out)).toEqual(expect.arrayContaining([cpu]));
    expect(table.out).toMatch(/^NODE +SORT +HOST +STATUS/);
    expect(table.out).toMatch(/^cpu +monitor +\S+ +running /m);
    expect(graph.out).toMatch(/^cpu +→ +metric +→ +live$/m);
    expect(JSON.parse(pipes.out)).toContainEqual({ kind: 'metric', from: ['cpu'], to: ['live'] });
    expect(JSON.parse(servers.out)).toBeInstanceOf(Array);
  });

  it('taps what flows, as lines and as JSON, and keeps it in a file', async () => {
    const file = join(folder, 'saved.ndjson');
    const asJson = await ask('tap', 'metric', '--resource', 'cpu', '--json', '--count', '2', '--save', file);
    const events = asJson.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; subject: string });
    expect(events).toHaveLength(2);
    for (const { type, subject } of events) expect([type, subject]).toEqual(['sluice.metric.v1', `acme.shop.test.${hostname()}.cpu`]);
    expect(
      readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(events.map((event) => ({ received: expect.any(Number), event })));
    // What was saved is a past to try rules on.
    const tried = await ask('backtest', 'threshold', '--from', file);
    expect([tried.code, tried.out]).toEqual([0, expect.stringMatching(/^threshold would fire 0 \(fired 0\)/)]);
    const lines = await ask('tap', 'metric', '--resource', 'cpu', '--count', '1', '--since', '1m');
    expect(lines.out).toMatch(/^\d\d:\d\d:\d\d\.\d{3} \S+ cpu {2}system\.cpu\.time\{cpu\.mode=user\} [\d.]+ s$/m);
  });

  it('emits by name and value, and from standard input', async () => {
    const { code, out } = await emit(
      'metric',
      '--resource',
      'queue.orders',
      '--name',
      'queue.length',
      '--value',
      '12',
      '--unit',
      '{item}',
      '--json',
    );
    expect(code).toBe(0);
    const { id } = JSON.parse(out) as { id: string };
    const tapped = await ask('tap', 'metric', '--resource', 'queue', '--since', '1m', '--count', '1', '--json');
    expect(JSON.parse(tapped.out)).toMatchObject({
      id,
      subject: `acme.shop.test.${hostname()}.queue.orders`,
      data: { points: [{ name: 'queue.length', value: 12, unit: '{item}' }] },
    });
    const other = await cli(['emit', 'incident', '--host', 'web.9', '--state', state], {
      input: '{"what":"login"}',
      env: { SLUICE_PLACE: 'acme.shop.test' },
    });
    expect([other.code, other.err]).toEqual([0, '']);
    const incident = await ask('tap', 'incident', '--host', 'web.9', '--since', '1m', '--count', '1', '--json');
    expect(JSON.parse(incident.out)).toMatchObject({ subject: 'acme.shop.test.web%2E9', data: { what: 'login' } });
  });

  it('shows hostile text and does not send it to the terminal', async () => {
    const body = '\u001b]0;owned\u0007\u001b[2J\u202egpj.exe\u009b31m <img onerror=alert(1)>\r\nsluice: all is well';
    const { code } = await emit('log', '--resource', 'evil', '--data', JSON.stringify({ lines: [{ body }] }));
    expect(code).toBe(0);
    const shown = await ask('tap', 'log', '--resource', 'evil', '--since', '1m', '--count', '1');
    expect(shown.out).toMatch(
      / evil {2}info ␛\]0;owned␇␛\[2J⟪U\+202E⟫gpj\.exe⟪U\+009B⟫31m <img onerror=alert\(1\)>␍␊sluice: all is well\n$/,
    );
    const json = await ask('tap', 'log', '--resource', 'evil', '--since', '1m', '--count', '1', '--json');
    expect(json.out).not.toMatch(/[\u202e\u009b]/);
    expect(JSON.parse(json.out)).toMatchObject({ data: { lines: [{ body }] } });
  });

  it('is known to the doctor', async () => {
    const { out } = await cli(['doctor', '--port', port, '--state', state, '--json']);
    const findings = JSON.parse(out) as { what: string; level: string; text: string }[];
    expect(findings.map(({ what }) => what)).toEqual(['config', 'node', 'state', 'port', 'bus', 'clock', 'journal']);
    expect(findings).toContainEqual({ what: 'port', level: 'ok', text: `sluice runs, at http://127.0.0.1:${port}` });
    expect(findings.filter(({ level }) => level === 'fail')).toEqual([]);
  });

  it('refuses a second process on the same state, in one line', async () => {
    const { code, err } = await cli(['run', '--state', state, '--port', String(await freePort()), '--only', 'cpu']);
    expect(code).toBe(1);
    expect(err).toMatch(/^sluice: .*\n$/);
  });

  it('ends cleanly on Ctrl-C, also when npm sends it twice', async () => {
    // Two signals of one name may arrive as one.
    running.signal('SIGINT');
    running.signal('SIGTERM');
    expect((await running.ended).code).toBe(0);
    expect((await ask('nodes')).err).toContain('nothing answers');
  });
});
