/**
 * The past in a file: a JSON event a line, in the order received, such as `sluice tap --save` writes. Read from its start
 * each time and never held whole, so that a large file is slow and not fatal. A line that is no event is told, and passed over.
 */
import { createReadStream, existsSync } from 'node:fs';
import { messageOf, Reject, UsageError } from '../errors.ts';
import { typeOf } from '../event.ts';
import type { History, Received } from '../history.ts';
import { matcher } from '../key.ts';
import type { Kind } from '../kinds.ts';
import { readLine } from './line.ts';
import { linesOf } from './split.ts';

const manyFlaws = 5;
/** The first that looks like a type is the event's: it stands before all that a stranger may write. */
const typeInLine = /"(sluice\.[a-z]+\.v1)"/;
const receivedInLine = /^\{"received":(\d{1,15}),/;

/** @throws UsageError when there is no such file */
export function fileHistory(file: string, tell: (flaw: string) => void): History {
  if (!existsSync(file)) throw new UsageError(`${file} does not exist; write one with: sluice tap metric --save ${file}`);
  const told = new Set<number>();

  /** What `read` makes of every line; undefined passes it over. */
  async function* each<Result>(read: (line: string) => Result | undefined): AsyncGenerator<Result> {
    let number = 0;
    for await (const line of linesOf(createReadStream(file))) {
      number += 1;
      const result = line.trim() === '' ? undefined : attempt(line, number, read);
      if (result !== undefined) yield result;
    }
  }
  function attempt<Result>(line: string, number: number, read: (line: string) => Result | undefined): Result | undefined {
    try {
      return read(line);
    } catch (thrown) {
      if (!(thrown instanceof Reject)) throw thrown;
      if (told.size < manyFlaws && !told.has(number))
        tell(`${file}:${number}: ${messageOf(thrown).replace(/^sluice: /, '')}; it is passed over`);
      told.add(number);
      return undefined;
    }
  }
  /** Events, of one kind where it is named: those of others are left unread. */
  function events(kind?: Kind): AsyncGenerator<Received> {
    const type = kind && typeOf(kind);
    let before = Number.NEGATIVE_INFINITY;
    return each((line) => {
      const written = type && typeInLine.exec(line)?.[1];
      if (written && written !== type) return undefined;
      const read = readLine(line, before);
      before = read.received;
      return read;
    });
  }

  return {
    async *read({ kind, pattern }, from, to) {
      const matches = matcher(pattern);
      for await (const one of events(kind))
        if (one.event.kind === kind && one.received >= from && one.received < to && matches(one.event.key)) yield one;
    },
    async byId(id) {
      for await (const one of events()) if (one.event.id === id) return one;
      return undefined;
    },
    query: () => Promise.reject(new Reject('history: a file answers no SQL; ask a running sluice, or read the file with DuckDB')),
    async coverage(from, to) {
      let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for await (const received of each((line) => Number(receivedInLine.exec(line)?.[1] ?? readLine(line, last).received))) {
        first = Math.min(first, received);
        last = Math.max(last, received);
      }
      return first < to && last >= from ? [{ from: Math.max(from, first), to: Math.min(to, last + 1), resolution: 'raw' }] : [];
    },
  };
}
