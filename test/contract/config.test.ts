/** The config of a process: what it accepts, what wins over what, and that each mistake is named with its place. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Config, checkNodeConfig, type Flags, loadConfig } from '../../core/config.ts';
import { ConfigError } from '../../core/errors.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const defaults = { state: '/tmp/sluice-state', host: 'this-host' };

/** A folder with a config file in it, and what else is given. */
function written(files: Record<string, string>): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  folders.push(folder);
  mkdirSync(join(folder, 'conf.d'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return { folder, file: join(folder, 'config.yaml') };
}

function load(text: string, more: { flags?: Flags; env?: NodeJS.ProcessEnv } = {}): Config {
  return loadConfig({ file: written({ 'config.yaml': text }).file, env: {}, defaults, ...more });
}

/** The lines of what is wrong, with the folder left out. */
function flaws(files: string | Record<string, string>, more: { flags?: Flags; env?: NodeJS.ProcessEnv } = {}): string[] {
  const { folder, file } = written(typeof files === 'string' ? { 'config.yaml': files } : files);
  return linesOf(() => loadConfig({ file, env: {}, defaults, ...more })).map((line) => line.replaceAll(`${folder}/`, ''));
}

function linesOf(run: () => unknown): string[] {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.message.split('\n');
    throw thrown;
  }
  return [];
}

describe('what is accepted', () => {
  it.each([
    ['no file', undefined],
    ['an empty file', ''],
    ['only comments', '# nothing yet\n'],
    ['empty settings', 'nodes:\nlabels:\n'],
  ])('%s means this machine, embedded', (_, text) => {
    const config = text === undefined ? loadConfig({ env: {}, defaults }) : load(text);
    expect(config).toMatchObject({
      place: { company: 'local', system: 'servers', environment: 'default' },
      host: 'this-host',
      bus: 'embedded',
      state: '/tmp/sluice-state',
      run: ['agent', 'hub'],
      heartbeat: 5000,
      nodes: [],
      settings: { live: { listen: '127.0.0.1:7400' }, logs: ['journal', '/var/log/syslog', '/var/log/messages', '/var/log/*.log'] },
    });
  });

  it('reads the example of the design', () => {
    const { folder, file } = written({
      'config.yaml': `place: acme.shop.prod
host: web-1                           # default: the system's own name
labels: {zone: eu-1a, rack: 12}
bus: [amqps://mq1/sluice, amqps://mq2/sluice]
identity: /etc/sluice/identity
state: /var/lib/sluice
run: [agent]
logs: [journal, /var/log/nginx/*.log]
keep: {raw: 7d, minute: 90d, hour: 2y, disk: 200GB}
linger: 5s
spool: {telemetry: 1GB}
live: {listen: "[::1]:7400"}
nodes:
  - {use: ./mine.ts, read: {kind: metric, environment: prod}, limit: 0.9}
  - use: cpu
    name: all-cores
    every: 1m30s
    isolate: worker
    perCore: true
  - {use: journal, enabled: false}
`,
    });
    const { nodes, ...config } = loadConfig({ file, env: {}, defaults });
    expect(config).toEqual({
      place: { company: 'acme', system: 'shop', environment: 'prod' },
      host: 'web-1',
      labels: { zone: 'eu-1a', rack: '12' },
      bus: ['amqps://mq1/sluice', 'amqps://mq2/sluice'],
      identity: '/etc/sluice/identity',
      state: '/var/lib/sluice',
      run: ['agent'],
      settings: {
        logs: ['journal', '/var/log/nginx/*.log'],
        live: { listen: '[::1]:7400' },
        output: 'text',
        state: '/var/lib/sluice',
        keep: { raw: 7 * 86_400_000, minute: 90 * 86_400_000, hour: 2 * 31_536_000_000, disk: 200e9 },
      },
      heartbeat: 5000,
      linger: 5000,
      spool: { telemetry: 1e9, durable: 256e6 },
      file,
    });
    expect(nodes.map(({ where, ...entry }) => ({ ...entry, at: where() }))).toEqual([
      {
        use: join(folder, 'mine.ts'),
        name: 'mine',
        enabled: true,
        read: { kind: 'metric', environment: 'prod' },
        config: { limit: 0.9 },
        at: `${file}:14:5`,
      },
      {
        use: 'cpu',
        name: 'all-cores',
        enabled: true,
        every: 90_000,
        isolate: 'worker',
        config: { perCore: true },
        at: `${file}:15:5`,
      },
      { use: 'journal', name: 'journal', enabled: false, config: {}, at: `${file}:20:5` },
    ]);
  });

  it('takes paths in a file as relative to it', () => {
    const { folder, file } = written({ 'config.yaml': 'state: here\nlogs: [./app.log, journal]\nidentity: id\n' });
    const config = loadConfig({ file, env: {}, defaults });
    expect(config.state).toBe(join(folder, 'here'));
    expect(config.settings.logs).toEqual([join(folder, 'app.log'), 'journal']);
    expect(config.identity).toBe(join(folder, 'id'));
  });

  it('lays conf.d over the file in order of name: mappings merge, nodes add up, other lists replace', () => {
    const { file } = written({
      'config.yaml': 'host: one\nlabels: {zone: a, rack: r1}\nlogs: [journal]\nnodes: [{use: cpu}]',
      'conf.d/20-late.yaml': 'host: three\nlogs: [/var/log/late.log]',
      'conf.d/10-early.yaml': 'host: two\nlabels: {rack: r2}\nnodes: [{use: memory}]',
      'conf.d/ignored.txt': 'host: four',
    });
    const config = loadConfig({ file, env: {}, defaults });
    expect(config.host).toBe('three');
    expect(config.labels).toEqual({ zone: 'a', rack: 'r2' });
    expect(config.settings.logs).toEqual(['/var/log/late.log']);
    expect(config.nodes.map(({ name }) => name)).toEqual(['cpu', 'memory']);
  });

  it('lets a flag win over the environment, and that over the file', () => {
    const text = 'host: file\nplace: a.b.file\nstate: /file\nlive: {listen: 0.0.0.0:1}\nbus: amqp://file';
    const env = { SLUICE_HOST: 'env', SLUICE_PORT: '2', SLUICE_PLACE: 'a.b.env', SLUICE_BUS: 'amqp://one, amqp://two', SLUICE_STATE: '' };
    expect(load(text)).toMatchObject({ host: 'file', bus: ['amqp://file'], settings: { live: { listen: '0.0.0.0:1' } } });
    expect(load(text, { env })).toMatchObject({
      host: 'env',
      place: { environment: 'env' },
      state: '/file',
      bus: ['amqp://one', 'amqp://two'],
      settings: { live: { listen: '0.0.0.0:2' }, state: '/file' },
    });
    expect(load(text, { env, flags: { host: 'flag', port: '3', bus: 'embedded', state: '/flag', only: 'cpu,live' } })).toMatchObject({
      host: 'flag',
      place: { environment: 'env' },
      state: '/flag',
      bus: 'embedded',
      run: ['cpu', 'live'],
      settings: { live: { listen: '0.0.0.0:3' }, state: '/flag' },
    });
  });
});

describe('what is refused, with its place', () => {
  it.each<[name: string, text: string, lines: string[]]>([
    ['a misspelt key', 'hots: web-1', ['config.yaml:1:1: "hots" is no setting; did you mean "host"?']],
    ['a misspelt key inside', '\nlive:\n  lisen: 127.0.0.1:1', ['config.yaml:3:3: "lisen" is no setting; did you mean "listen"?']],
    ['a wrong type', 'labels: [a]', ['config.yaml:1:1: labels is a list; write a mapping, as in {name: value}']],
    ['text for a list', 'run: agent', ['config.yaml:1:1: run is "agent"; write a list, as in [one, two]']],
    ['a wrong type in a list', 'logs:\n  - journal\n  - 7', ['config.yaml:3:5: logs.1 is 7; write text']],
    ['yes for true', 'nodes:\n  - use: cpu\n    enabled: yes', ['config.yaml:3:5: nodes.0.enabled is "yes"; write true or false']],
    [
      'a bad place',
      'place: acme.shop',
      ['config.yaml:1:1: place is "acme.shop"; write three words with dots between, as in acme.shop.prod'],
    ],
    [
      'a place with a wildcard',
      'place: a.b.*',
      ['config.yaml:1:1: place is "a.b.*"; write three words with dots between, as in acme.shop.prod'],
    ],
    [
      'a host with a slash',
      'host: a/b',
      ['config.yaml:1:1: host is "a/b"; write a name of at most 100 characters, without spaces or slashes'],
    ],
    ['a bad duration', 'heartbeat: 5 seconds', ['config.yaml:1:1: heartbeat is "5 seconds"; write a duration, as in 30s, 1m30s or 7d']],
    [
      'a number for a duration',
      'nodes: [{use: cpu, every: 5}]',
      ['config.yaml:1:20: nodes.0.every is 5; write a duration, as in 30s, 1m30s or 7d'],
    ],
    ['no time at all', 'heartbeat: 0s', ['config.yaml:1:1: heartbeat is "0s"; write a duration, as in 30s, 1m30s or 7d']],
    ['a bad size', 'keep: {disk: much}', ['config.yaml:1:8: keep.disk is "much"; write a size, as in 200GB']],
    ['a bad address', 'live: {listen: 7400}', ['config.yaml:1:8: live.listen is 7400; write address:port, as in 127.0.0.1:7400']],
    [
      'a port past the last',
      'live: {listen: "a:70000"}',
      ['config.yaml:1:8: live.listen is "a:70000"; write address:port, as in 127.0.0.1:7400'],
    ],
    [
      'another scheme',
      'bus: [http://mq1]',
      ['config.yaml:1:7: "http://mq1" is no broker; write embedded, or amqp:// and amqps:// addresses, as in [amqps://mq1/sluice]'],
    ],
    [
      'a number for the bus',
      'bus: 5',
      ['config.yaml:1:1: bus is 5; write embedded, or amqp:// and amqps:// addresses, as in [amqps://mq1/sluice]'],
    ],
    ['a node without use', 'nodes:\n  - name: x', ['config.yaml:2:5: nodes.0.use is missing; write text']],
    [
      'a kind that is none',
      'nodes: [{use: x, read: {kind: metrics}}]',
      ['config.yaml:1:25: nodes.0.read.kind is "metrics"; did you mean "metric"?'],
    ],
    ['a field that is none', 'nodes: [{use: x, read: {hots: a}}]', ['config.yaml:1:25: "hots" is no setting; did you mean "host"?']],
    [
      'a pattern that is none',
      'nodes: [{use: x, read: {pattern: web*}}]',
      [
        'config.yaml:1:25: nodes.0.read.pattern is "web*"; write words with dots between, where * and # stand for whole words, as in acme.#',
      ],
    ],
    ['an isolation that is none', 'nodes: [{use: x, isolate: process}]', ['config.yaml:1:18: nodes.0.isolate is "process"; write worker']],
    [
      'a name that cannot be one',
      'nodes: [{use: ./My_Node.ts}]',
      ['config.yaml:1:9: "My_Node" cannot be a node\'s name; add one, as in name: my-node'],
    ],
    [
      'two nodes of one name',
      'nodes:\n  - use: cpu\n  - use: ./cpu.ts',
      ['config.yaml:3:5: two nodes are named "cpu", the other at config.yaml:2:5; give one of them another name'],
    ],
    ['a key twice', 'host: a\nhost: b', ['config.yaml:2:1: this key stands here twice; remove one of the two']],
    ['a tab', 'live:\n\tlisten: x', ['config.yaml:2:1: a tab indents this line; use spaces']],
    ['a list', '- host', ['config.yaml:1:1: a config is a mapping; write lines such as "place: acme.shop.prod"']],
    ['two documents', 'host: a\n---\nhost: b', ['config.yaml:2:1: a second document begins; keep one in each file']],
    ['a key of the prototype', 'nodes: [{use: x, a: {__proto__: {b: 1}}}]', ['config.yaml:1:1: has a key named __proto__; simplify it']],
    [
      'several at once',
      'hots: a\nrun: []\nplace: x',
      [
        'config.yaml:3:1: place is "x"; write three words with dots between, as in acme.shop.prod',
        'config.yaml:2:1: run is an empty list; write at least 1 of them',
        'config.yaml:1:1: "hots" is no setting; did you mean "host"?',
      ],
    ],
  ])('%s', (_, text, lines) => {
    expect(flaws(text)).toEqual(lines.map((line) => `sluice: config: ${line}`));
  });

  it('never repeats a password', () => {
    for (const bus of ['[amqp://user:secret@mq1]', 'amqp://user:sec ret@', 'amqp://secret@mq1']) {
      const [line = ''] = flaws(`bus: ${bus}`);
      expect(line).toContain('an address holds credentials; leave them out here, and name their file in identity');
      expect(line).not.toContain('secret');
      expect(line).not.toContain('sec ret');
    }
    expect(flaws('', { env: { SLUICE_BUS: 'amqp://user:secret@mq1' } }).join()).not.toContain('secret');
  });

  it("never repeats a password that stands in a node's address", () => {
    const schema = z.object({ url: z.url({ protocol: /^https$/ }), password: z.number() });
    const { nodes } = load('nodes: [{use: ./mine.ts, name: mine, url: "ftp://user:sec/ret@host", password: secret}]');
    const [url, password] = linesOf(() => nodes[0] && checkNodeConfig(nodes[0], schema));
    expect(url).toContain('url is "…@host"');
    expect(password).toContain('password is not what it should be; write a number');
  });

  it('names both files when two of them name one node', () => {
    expect(flaws({ 'config.yaml': 'nodes: [{use: cpu}]', 'conf.d/a.yaml': '\nnodes: [{use: cpu}]' })).toEqual([
      'sluice: config: conf.d/a.yaml:2:9: two nodes are named "cpu", the other at config.yaml:1:9; give one of them another name',
    ]);
  });

  it('names the flag or the variable', () => {
    expect(flaws('', { env: { SLUICE_PORT: 'x' }, flags: { place: 'a' } })).toEqual([
      'sluice: config: SLUICE_PORT: port is "x"; write a port from 0 to 65535',
      'sluice: config: --place: place is "a"; write three words with dots between, as in acme.shop.prod',
    ]);
  });

  it('bounds aliases, depth and size', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...'bcdefghi'.split('').map((name, index) => {
        const before = `*${'abcdefgh'[index]}`;
        return `${name}: &${name} [${Array(10).fill(before).join(', ')}]`;
      }),
    ].join('\n');
    expect(flaws(bomb)[0]).toMatch(/^sluice: config: config.yaml:1:1: cannot be read .*alias.*; simplify it$/);
    expect(flaws(`a: ${'['.repeat(200)}${']'.repeat(200)}`)).toEqual([
      'sluice: config: config.yaml:1:1: nested deeper than 64 levels; simplify it',
    ]);
    expect(flaws(`a: ${'['.repeat(100_000)}`)[0]).toMatch(/^sluice: config: config.yaml:\d+:\d+: .*; (simplify|correct) it$/);
    expect(flaws(`# ${'x'.repeat(1_048_576)}`)).toEqual(['sluice: config: config.yaml: larger than 1 MiB; this is no config file']);
  });

  it('says that a file is absent, or a folder', () => {
    const missing = linesOf(() => loadConfig({ file: '/nowhere/config.yaml', env: {}, defaults }));
    expect(missing).toEqual([
      'sluice: config: /nowhere/config.yaml: cannot be read (ENOENT: no such file or directory); check the path and its permissions',
    ]);
    expect(linesOf(() => loadConfig({ file: tmpdir(), env: {}, defaults }))[0]).toContain('EISDIR');
  });
});

describe("a node's own config", () => {
  const schema = z.strictObject({
    limit: z.number().max(1),
    rules: z.array(z.strictObject({ name: z.string(), above: z.number().optional() })).default([]),
    mode: z.enum(['observe', 'enforce']).default('observe'),
    match: z.union([z.string(), z.strictObject({ field: z.string() })]).optional(),
  });
  const entryOf = (text: string) => {
    const [entry] = load(`nodes:\n  - use: hot\n${text.replace(/^/gm, '    ')}`).nodes;
    if (!entry) throw new Error('no entry');
    return entry;
  };
  const nodeFlaws = (text: string) => linesOf(() => checkNodeConfig(entryOf(text), schema)).map((line) => line.replace(/ \S*\//, ' '));

  it('is read with its defaults', () => {
    expect(checkNodeConfig(entryOf('limit: 0.9'), schema)).toEqual({ limit: 0.9, rules: [], mode: 'observe' });
  });

  it.each<[string, string, string[]]>([
    ['a missing key', 'mode: observe', ['config.yaml:2:5: hot: limit is missing; write a number']],
    ['a misspelt key', 'limti: 1\nlimit: 1', ['config.yaml:3:5: hot: "limti" is no setting; did you mean "limit"?']],
    ['a misspelt key of every node', 'limit: 1\nevry: 5s', ['config.yaml:4:5: hot: "evry" is no setting; did you mean "every"?']],
    ['too much', 'limit: 2', ['config.yaml:3:5: hot: limit is 2; write at most 1']],
    ['deep inside', 'limit: 1\nrules:\n  - name: a\n    abov: 1', ['config.yaml:6:9: hot: "abov" is no setting; did you mean "above"?']],
    ['a choice', 'limit: 1\nmode: other', ['config.yaml:4:5: hot: mode is "other"; write one of observe, enforce']],
    [
      'one form of several',
      'limit: 1\nmatch: {feild: a}',
      ['config.yaml:4:5: hot: match.field is missing; write text', 'config.yaml:4:13: hot: "feild" is no setting; did you mean "field"?'],
    ],
  ])('%s', (_, text, lines) => {
    expect(nodeFlaws(text)).toEqual(lines.map((line) => `sluice: config: ${line}`));
  });
});
