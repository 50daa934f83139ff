/**
 * Numbers from a feed into a store that has its metrics in VictoriaMetrics, which is killed at random moments and started again.
 * In the end every number is there once, though VictoriaMetrics had answered for some that its disk never saw.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { remoteHistory } from '../../core/history/remote.ts';
import { freePort } from '../fixtures/rabbitmq.ts';
import { hasVictoria, startVictoria, type VictoriaServer, withoutVictoria } from '../fixtures/victoria.ts';
import { seeded } from './kill.ts';

const short = process.env.SLUICE_SHORT !== undefined;
const kills = short ? 3 : 20;
const seed = Number(process.env.SLUICE_SEED ?? 7);
const until = short ? 30_000 : 150_000;

const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
const feed = fileURLToPath(new URL('../fixtures/kill/feed.ts', import.meta.url));

let child: ChildProcess | undefined;
let server: VictoriaServer | undefined;
const folder = mkdtempSync(join(tmpdir(), 'sluice-victoria-kill-'));
afterEach(async () => {
  child?.kill('SIGKILL');
  await server?.remove();
  rmSync(folder, { recursive: true, force: true });
});

const found = hasVictoria();
describe.skipIf(!found)(found ? 'a store in VictoriaMetrics' : `a store in VictoriaMetrics, ${withoutVictoria}`, () => {
  it(`has every number once, though VictoriaMetrics is killed ${kills} times while it takes them`, async () => {
    const random = seeded(seed);
    server = await startVictoria('-dedup.minScrapeInterval=1ms');
    const port = await freePort();
    mkdirSync(join(folder, 'state'));
    const nodes = [
      { use: feed, until, step: 7 },
      { use: 'store', victoria: { url: server.url } },
    ];
    writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ host: 'web-1', run: ['feed', 'store', 'live'], nodes }));
    let said = '';
    const running = spawn(process.execPath, [main, 'run', join(folder, 'config.yaml'), '--state', join(folder, 'state')], {
      env: { ...process.env, SLUICE_PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = running;
    running.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const history = remoteHistory(`http://127.0.0.1:${port}`);
    const numbers = async (): Promise<number[]> => {
      const all: number[] = [];
      for await (const { event } of history.read({ kind: 'metric', pattern: '*.*.*.*.feed.#' }, 0, Number.POSITIVE_INFINITY))
        if (event.kind === 'metric') all.push(...event.data.points.map(({ value }) => value));
      return all;
    };
    // Killed only while it takes them.
    const begun = performance.now() + 60_000;
    while ((await numbers().catch(() => [])).length === 0 && performance.now() < begun) await pause(100);
    for (let kill = 0; kill < kills; kill++) {
      await pause(random() * 1500);
      await server.kill();
      await server.start();
    }
    let all: number[] = [];
    const deadline = performance.now() + 200_000;
    while (all.length < until && running.exitCode === null && performance.now() < deadline) {
      await pause(2000);
      all = await numbers().catch(() => []);
    }
    expect(all.length, said.slice(-2000)).toBe(until);
    const [[here] = []] = (await history.query("SELECT count(*) FROM events WHERE kind = 'metric' AND resource LIKE 'feed.%'")).rows;
    const over = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGTERM');
    await over;
    const again = [...said.matchAll(/written again \((\d+) batches\)/g)].map(([, batches]) => Number(batches));
    console.log(
      `killed ${kills} times (seed ${seed}); ${until} numbers, ${until - Number(here)} of them in VictoriaMetrics alone; batches written again: ${again.join(', ')}`,
    );
    expect(new Set(all).size).toBe(until);
    expect(Number(here)).toBeLessThan(until);
    expect(again.length).toBeGreaterThan(0);
  });
});
