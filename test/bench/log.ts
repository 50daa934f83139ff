/**
 * Prints how many log lines a second one core reads, parses and makes drafts of, beside Node's readline that only splits
 * the same file into lines. Bounded: one file of 40 MB at a time.
 */
import { createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { follow } from '../../nodes/monitors/log/follow.ts';
import type { Bench, Figure } from './shared/figure.ts';

const formats: Readonly<Record<string, (index: number, time: string) => string>> = {
  'RFC 3164': (index) =>
    `Oct 11 22:14:${String(index % 60).padStart(2, '0')} web-1 sshd[${index % 30000}]: Failed password for invalid user admin from 203.0.113.${index % 250} port 40022 ssh2`,
  'RFC 5424': (index, time) =>
    `<38>1 ${time} web-1 sshd ${index % 30000} - [origin ip="203.0.113.${index % 250}"] Failed password for root`,
  'JSON lines': (index, time) => `{"level":"info","time":"${time}","msg":"request completed","status":200,"path":"/orders/${index}"}`,
  application: (index, time) =>
    `${time} WARN  [worker-${index % 8}] orders: retrying order ${index} after a timeout of the payment service`,
  'access log': (index) =>
    `203.0.113.${index % 250} - - [11/Oct/2026:22:14:15 +0000] "GET /orders/${index} HTTP/1.1" 200 5316 "-" "curl/8"`,
};

export default {
  doc: 'log lines a second that one core reads, parses and makes drafts of',
  async run(size) {
    const count = size === 'short' ? 20_000 : 300_000;
    const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-log-'));
    const path = join(folder, 'bench.log');
    try {
      const makers = Object.values(formats);
      const mixed = await measure('all formats, mixed', path, count, (index, time) => makers[index % makers.length]?.(index, time) ?? '');
      const figures: Figure[] = [{ ...mixed, budget: { least: 200_000 } }];
      for (const [name, make] of Object.entries(formats)) figures.push(await measure(name, path, count, make));
      return figures;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
} satisfies Bench;

async function measure(what: string, path: string, count: number, make: (index: number, time: string) => string): Promise<Figure> {
  const start = Date.UTC(2026, 9, 11);
  // Ten thousand lines a second, as a busy server writes them.
  const lines = Array.from({ length: count }, (_, index) => make(index, new Date(start + index / 10).toISOString()));
  writeFileSync(path, `${lines.join('\n')}\n`);
  const bytes = Math.round(statSync(path).size / count);
  const yardstick = { what: 'readline, which only splits', value: await rate(() => splitOnly(path)) };
  return { what, value: await rate(() => readAll(path, count)), unit: 'lines/s', yardstick, of: `${bytes} bytes a line` };
}

/** Lines a second; the better of two, since the first also compiles. */
async function rate(run: () => Promise<number>): Promise<number> {
  let best = 0;
  for (let turn = 0; turn < 2; turn++) {
    const began = performance.now();
    best = Math.max(best, ((await run()) / (performance.now() - began)) * 1000);
  }
  return best;
}

async function readAll(path: string, lines: number): Promise<number> {
  const enough = new AbortController();
  let count = 0;
  for await (const { drafts } of follow(
    { globs: [path], start: 'beginning', beat: 1000, patience: 300 },
    undefined,
    enough.signal,
    console.error,
  )) {
    for (const draft of drafts) count += draft.data.lines.length;
    if (count >= lines) enough.abort();
  }
  return count;
}

async function splitOnly(path: string): Promise<number> {
  let count = 0;
  for await (const _ of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) count += 1;
  return count;
}
