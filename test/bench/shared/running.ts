/** A sluice that runs as its users run it, with one node more, for as long as something is measured at its page. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../core/clock.ts';
import { freePort, listening } from '../../fixtures/rabbitmq.ts';

const command = fileURLToPath(new URL('../../../dist/core/cli/main.js', import.meta.url));
/** Until its page opens. */
const startMs = 30_000;

/** @param node the file of a node in test/bench/nodes @throws when dist/ is not built, or its page does not open */
export async function withSluice<Result>(node: string, measure: (port: number) => Promise<Result>): Promise<Result> {
  if (!existsSync(command)) throw new Error('dist/ is not built; npm run build');
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const port = await freePort();
  const use = fileURLToPath(new URL(`../nodes/${node}`, import.meta.url));
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ host: 'bench', nodes: [{ use }] }));
  const words = ['run', join(folder, 'config.yaml'), '--port', String(port), '--state', join(folder, 'state')];
  const env = { ...process.env, INVOCATION_ID: 'bench', NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [command, ...words], { stdio: ['ignore', 'ignore', 'inherit'], env });
  process.once('exit', () => child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const deadline = systemClock.monotonic() + startMs;
    while (!(await listening(port))) {
      if (child.exitCode !== null || systemClock.monotonic() > deadline) throw new Error('sluice run did not open its page');
      await systemClock.sleep(100);
    }
    return await measure(port);
  } finally {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true });
  }
}
