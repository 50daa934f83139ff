/** What a person gets who configures what cannot work: exit 1, one line that says what and where and what to do, and no stack. */

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { afterwards, canMount, type Ended, folder, mounting, site, sluice, start, until } from './run.ts';
import { mountTmpfs } from './tmpfs.ts';

/** Checks the end of a process that was configured wrongly. */
function refused({ code, out, err }: Ended, line: RegExp): void {
  expect(err).toMatch(line);
  expect(err.trim().split('\n'), err).toHaveLength(1);
  expect(err).toMatch(/^sluice: /);
  expect(err).not.toMatch(/^\s+at /m);
  expect(out).toBe('');
  expect(code).toBe(1);
}

/** Runs a config file to its end. */
function run(at: string, yaml: string, ...words: string[]): Promise<Ended> {
  const file = join(at, 'config.yaml');
  writeFileSync(file, yaml);
  return sluice(['run', file, '--state', join(at, 'state'), '--port', '0', ...words], { cwd: at });
}

describe('a config that cannot work', () => {
  const wrong: [what: string, yaml: string, says: RegExp][] = [
    ['a misspelt key', 'host: web-1\nheartbeet: 5s\n', /config\.yaml:2:1: .*heartbeet.*heartbeat/],
    ["a misspelt key of a node's own", 'nodes:\n  - use: roster\n    mised: 3\n', /config\.yaml:3:5: roster: .*mised.*missed/],
    ['a mistyped value', 'host: web-1\nheartbeat: often\n', /config\.yaml:2:1: heartbeat is "often"; write a duration, as in 30s/],
    [
      "a mistyped value of a node's own",
      'nodes:\n  - use: roster\n    missed: many\n',
      /config\.yaml:3:5: roster: missed is "many"; write a number/,
    ],
    [
      'two nodes of one name',
      'nodes:\n  - use: exec\n    command: [a]\n  - use: exec\n    command: [b]\n',
      /config\.yaml:4:5: two nodes are named "exec", the other at .*:2:5; give/,
    ],
    [
      'a pattern that is none',
      'nodes:\n  - use: roster\n    read: {pattern: web*}\n',
      /config\.yaml:3:12: .*pattern is "web\*"; write words .*stand for whole words/,
    ],
    ['an unknown node', 'nodes:\n  - use: treshold\n', /config\.yaml:2:5: there is no node treshold; did you mean threshold/],
    ['an unknown node to run', 'run: [agent, hob]\n', /run: there is no role or node hob; .*hub/],
    ['a file that is not there', 'nodes:\n  - use: ./mine.ts\n', /config\.yaml:2:5: .*mine\.ts does not exist/],
    ['what is no YAML', 'nodes: [\n', /config\.yaml:\d+:\d+: /],
  ];

  let ends: Ended[] = [];
  beforeAll(async () => {
    ends = await Promise.all(wrong.map(([, yaml]) => run(folder(), yaml)));
  });
  for (const [index, [what, , says]] of wrong.entries()) it(`refuses ${what}`, () => refused(ends[index] as Ended, says));

  it('refuses a config file that is not there', async () => {
    refused(await sluice(['run', '/nowhere/config.yaml']), /\/nowhere\/config\.yaml: cannot be read \(ENOENT.*\); check the path/);
  });
});

describe('a place that cannot be had', () => {
  it('names a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    afterwards(() => server.close());
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    refused(await run(folder(), 'run: [live]\n', '--port', port), new RegExp(`live: 127\\.0\\.0\\.1:${port} is taken; .*--port`));
  });

  it('names a state directory that is a file', async () => {
    const at = folder();
    writeFileSync(join(at, 'state'), '');
    refused(await run(at, 'run: [live]\n'), /state: .*\/state cannot be written: .*; choose another with --state/);
  });

  it('names the process that has the state already', async () => {
    const running = await site({ config: { run: ['live'] } });
    await until('the page', () => running.get('/healthz'));
    refused(
      await sluice(['run', running.config, '--state', running.state, '--port', '0']),
      new RegExp(`state: ${running.state} is in use by process ${running.pid}; stop it, or choose another with --state`),
    );
    // The first has not noticed.
    expect(await running.get('/healthz')).toMatchObject({ status: 'ok' });
    expect(await running.stop()).toMatchObject({ code: 0 });
  });

  it.skipIf(!canMount)(mounting('names a state directory on a disk that is read-only'), async () => {
    const at = folder();
    mountTmpfs(join(at, 'state'), 'size=64k,ro');
    refused(await run(at, 'run: [live]\n'), /state: .*\/state cannot be written: .*read-only.*; choose another with --state/i);
  });

  it.skipIf(!canMount)(mounting('names a state directory on a disk without any room'), async () => {
    const at = folder();
    mountTmpfs(join(at, 'state'), 'size=8k');
    writeFileSync(join(at, 'state', 'big'), Buffer.alloc(8192));
    refused(await run(at, 'run: [live]\n'), /state: .*\/state cannot be (used|written): .*(room|--state)/i);
  });
});

describe('a command line that cannot work', () => {
  it('ends with 2, and says what there is', async () => {
    for (const [words, says] of [
      [['tap', 'metrc'], /"metrc" is no kind; did you mean "metric"/],
      [['emit', 'metric', '--name', 'a', '--value', 'much'], /--value "much" is no number/],
      [['rum'], /unknown command 'rum'/],
    ] as const) {
      const { code, err } = await sluice(words);
      expect(err).toMatch(says);
      expect(err).not.toMatch(/^\s+at /m);
      expect(code).toBe(2);
    }
  });

  it('says that nothing answers where nothing runs', async () => {
    const at = folder();
    mkdirSync(join(at, 'state'));
    const ended = await start(['servers', '--port', '1'], { cwd: at }).ended;
    refused(ended, /nothing answers at http:\/\/127\.0\.0\.1:1; start it with "sluice run"/);
  });
});
