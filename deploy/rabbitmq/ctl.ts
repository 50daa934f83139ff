/**
 * RabbitMQ's own tool on the broker's machine, by lists of arguments. It needs no password and no plugin: whoever may read the
 * cluster's cookie may do everything.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, SluiceError } from 'sluice';

const run = promisify(execFile);
const patienceMs = 120_000;
const maxAnswerBytes = 64 * 1024 * 1024;

/** Runs `rabbitmqctl`, and gives what it prints. */
export type Control = (...args: string[]) => Promise<string>;

export const control: Control = async (...args) => {
  try {
    const { stdout } = await run('rabbitmqctl', ['--quiet', ...args], { timeout: patienceMs, maxBuffer: maxAnswerBytes });
    return stdout;
  } catch (thrown) {
    const said = thrown instanceof Error && 'stderr' in thrown ? String(thrown.stderr).trim().split('\n').slice(0, 3).join(' ') : '';
    throw new SluiceError(
      `broker: rabbitmqctl ${args[0]} failed (${(said || messageOf(thrown)).slice(0, 300)}); run this as root on a broker's machine, with RabbitMQ running`,
      { cause: thrown },
    );
  }
};

/** Adds what the definitions say, and takes nothing away. They may hold passwords, so the file is this process's own. */
export async function importDefinitions(ask: Control, definitions: object): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-broker-'));
  try {
    const file = join(folder, 'definitions.json');
    writeFileSync(file, JSON.stringify(definitions), { mode: 0o600 });
    await ask('import_definitions', file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
