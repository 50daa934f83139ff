/**
 * Reads what a program prints, a JSON object a line, as drafts.
 *
 * `{"name","value",…}` is a point; the points of one run share an event. `{"kind","key"?,"data"}` is a whole draft of kind
 * metric, log or incident, about the host that the program runs on. Each is judged as every reader on the bus will judge it. A
 * line that does not pass is counted and told, and the next is read.
 */
import { type DataInput, type Draft, fromWire, key, messageOf, Reject, unescapeWord, z } from 'sluice';

export type ExecDraft = Draft<'metric' | 'log' | 'incident'>;

/** The longest line, in bytes. */
export const maxLineBytes = 65_536;
const pointsPerEvent = 2000;

/** Text of a line, or undefined for one that was too long. */
type Line = string | undefined;

/** Cuts a stream into lines. Bytes that are no UTF-8 become U+FFFD. */
export function lineCutter() {
  const newline = 0x0a;
  let rest: Buffer = Buffer.alloc(0);
  let tooLong = false;
  const lineOf = (bytes: Buffer): Line => (tooLong || bytes.length > maxLineBytes ? undefined : bytes.toString('utf8').trim());
  return {
    push(chunk: Buffer): Line[] {
      const lines: Line[] = [];
      let bytes = Buffer.concat([rest, chunk]);
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline)) {
        lines.push(lineOf(bytes.subarray(0, end)));
        tooLong = false;
        bytes = bytes.subarray(end + 1);
      }
      // The rest of a line that is too long is not kept, only that there was one.
      tooLong ||= bytes.length > maxLineBytes;
      rest = tooLong ? Buffer.alloc(0) : bytes;
      return lines;
    },
    /** What came after the last newline. */
    end(): Line[] {
      return tooLong || rest.length > 0 ? [lineOf(rest)] : [];
    },
  };
}

export interface LineReader {
  read(lines: readonly Line[]): ExecDraft[];
  /** How many lines were refused so far, and what was wrong with the first. */
  readonly refused: number;
  readonly first: string;
}

/** Makes a reader whose points, and drafts that name no key, are about `resource`. */
export function lineReader(resource: readonly string[]): LineReader {
  let count = 0;
  let refused = 0;
  let first = '';
  return {
    read(lines) {
      const points: DataInput<'metric'>['points'] = [];
      const drafts: ExecDraft[] = [];
      for (const line of lines) {
        count += 1;
        if (line === '') continue;
        try {
          const draft = parseLine(line, resource);
          if (draft.kind === 'metric' && draft.key === resource) points.push(...draft.data.points);
          else drafts.push(draft);
        } catch (thrown) {
          if (refused++ === 0)
            first = `line ${count}: ${reasonOf(thrown)}: ${line === undefined ? '' : JSON.stringify(line.slice(0, 100))}`;
        }
      }
      for (let from = 0; from < points.length; from += pointsPerEvent) {
        drafts.push({ kind: 'metric', key: resource, data: { points: points.slice(from, from + pointsPerEvent) } });
      }
      return drafts;
    },
    get refused() {
      return refused;
    },
    get first() {
      return first;
    },
  };
}

const whole = z.strictObject({
  kind: z.enum(['metric', 'log', 'incident']),
  key: z.union([z.string(), z.array(z.string())]).optional(),
  data: z.unknown(),
});

/** @throws whatever is wrong with the line. */
function parseLine(line: Line, resource: readonly string[]): ExecDraft {
  if (line === undefined) throw new Reject(`longer than ${maxLineBytes} bytes`);
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Reject('not a JSON object');
  if (!Object.hasOwn(value, 'kind')) return judged('metric', resource, { points: [value] });
  const draft = whole.parse(value);
  return judged(draft.kind, draft.key === undefined ? resource : resourceOf(draft.key), draft.data);
}

/** The words of a resource: a list, or text with dots between, where a dot within a word is written %2E. */
export const resourceOf = (text: string | readonly string[]): readonly string[] =>
  typeof text === 'string' ? text.split('.').map(unescapeWord) : text;

/** Whether text names a resource that fits into a key. */
export function isResource(text: string): boolean {
  try {
    return key({ ...anywhere, resource: resourceOf(text) }) !== '';
  } catch {
    return false;
  }
}

const anywhere = { company: 'a', system: 'a', environment: 'a', host: 'a' };

/** Takes data through the reader that every event passes, and keeps what that makes of it. */
function judged(kind: ExecDraft['kind'], resource: readonly string[], data: unknown): ExecDraft {
  const subject = key({ ...anywhere, resource });
  const wire = { specversion: '1.0', type: `sluice.${kind}.v1`, id: '-', source: '/exec', time: '1970-01-01T00:00:00Z', subject, data };
  return { kind, key: resource, data: fromWire(wire, { kind, at: 0 }).data } as ExecDraft;
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof SyntaxError) return 'not JSON';
  if (thrown instanceof z.ZodError) return thrown.issues.map((issue) => [...issue.path, issue.message].join(': ')).join('; ');
  return messageOf(thrown).replace(/^sluice: (event: )?(data of sluice\.\w+\.v1: )?(points\.0\.)?/, '');
}
