/**
 * What a probe caught, to be played again: a file with a JSON event a line, as `sluice tap --save` and the page's probe write it.
 */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigError, messageOf } from '../errors.ts';
import { readLine } from '../history/line.ts';
import type { Received } from '../history.ts';

/** A fixture is read whole; the past in a larger file is for `sluice backtest --from`. */
const maxBytes = 64 * 1_048_576;

/** Its events in the order received. @throws ConfigError with the file and line of what is wrong */
export function readFixture(file: URL | string): Received[] {
  const path = pathOf(file);
  const text = attempt(path, () => {
    const { size } = statSync(path);
    if (size > maxBytes) throw new Error(`${size} bytes; at most ${maxBytes} are played, take a part of it`);
    return readFileSync(path, 'utf8');
  });
  const events: Received[] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const read = attempt(`${path}:${index + 1}`, () => readLine(line, before));
    before = Math.max(before, read.received);
    events.push({ event: read.event, received: before });
  }
  if (events.length === 0) throw new ConfigError(`${path}: holds no event; catch some with: sluice tap <kind> --save ${path}`);
  return events;
}

function pathOf(file: URL | string): string {
  if (typeof file === 'string' && !file.startsWith('file:')) return file;
  return attempt(String(file), () => fileURLToPath(file));
}

function attempt<Result>(where: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw new ConfigError(`${where}: ${messageOf(cause).replace(/^sluice: (history: )?/, '')}`, { cause });
  }
}
