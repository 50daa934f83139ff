/**
 * What a viewer may say, whichever sort of channel it speaks to. Everything here comes from a stranger's socket.
 *
 *     {"id": "a1", "<sort>": <request>, "after": "<last>"}
 *     {"unsubscribe": "a1"}
 */
import { SluiceError, z } from 'sluice';
import type { ChannelSort } from './channel.ts';

const id = z.string().min(1).max(64);
const envelope = z.looseObject({ id: id.optional(), after: z.string().max(64).optional() });
const goodbye = z.strictObject({ unsubscribe: id });

export type Request =
  | { readonly id: string | undefined; readonly sort: ChannelSort; readonly request: unknown; readonly after: string | undefined }
  | { readonly unsubscribe: string };

const usage = 'it reads {"subscribe": {"kind": "metric", "host": "web-1"}}';

/** Reads a viewer's message. @throws SluiceError with what is wrong with it and how it should read, and the id that it named. */
export function readRequest(text: string, sorts: readonly ChannelSort[]): Request {
  const message = parseJson(text);
  if (typeof message === 'object' && message !== null && 'unsubscribe' in message) return check(goodbye, message);
  const { id, after, ...asked } = check(envelope, message);
  return tellWhose(id, () => {
    const words = Object.keys(asked);
    const sort = sorts.find(({ name }) => name === words[0]);
    if (!sort || words.length > 1)
      throw new SluiceError(`live: one of ${sorts.map(({ name }) => name).join(', ')} is to be asked for, not ${said(words)}; ${usage}`);
    return { id, sort, request: check(sort.request, asked[sort.name], sort.name), after };
  });
}

/** An error in answer to a request that had an id. */
export class RequestError extends SluiceError {
  readonly id: string;
  constructor(id: string, cause: Error) {
    super(cause.message.replace(/^sluice: /, ''), { cause });
    this.id = id;
  }
}

/** Does what a request asks for: what it throws names that request. */
export function tellWhose<Result>(id: string | undefined, work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    throw id !== undefined && thrown instanceof SluiceError ? new RequestError(id, thrown) : thrown;
  }
}

const said = (words: readonly string[]) => (words.length === 0 ? 'nothing' : words.slice(0, 5).join(' and ').slice(0, 100));

function check<Schema extends z.ZodType>(schema: Schema, value: unknown, within?: string): z.output<Schema> {
  const checked = schema.safeParse(value);
  if (!checked.success) throw new SluiceError(`live: ${within === undefined ? '' : `${within}: `}${explain(checked.error)}; ${usage}`);
  return checked.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SluiceError(`live: that is not JSON; ${usage}`, { cause });
  }
}

/** The deepest complaint: of a union, the branch that came nearest. */
function explain(error: z.ZodError): string {
  let issue = error.issues[0];
  const path: PropertyKey[] = [];
  while (issue) {
    path.push(...issue.path);
    const nearest: z.core.$ZodIssue | undefined =
      issue.code === 'invalid_union' ? [...issue.errors].sort((one, other) => depth(other) - depth(one))[0]?.[0] : undefined;
    if (!nearest) break;
    issue = nearest;
  }
  const text = issue?.message ?? 'does not fit';
  return path.length > 0 ? `${path.map(String).join('.')}: ${text}` : text;
}

const depth = (issues: readonly z.core.$ZodIssue[]) => Math.max(0, ...issues.map((issue) => issue.path.length));

/** The same text for the same request, whatever the order of its fields. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}
