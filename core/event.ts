/**
 * The envelope. On the wire an event is structured JSON with CloudEvents 1.0 attributes; in memory it is an {@link Event}
 * whose `kind` tells TypeScript what `data` holds. This file turns each into the other and trusts nothing that it reads.
 */
import { isAscii } from 'node:buffer';
import { hash } from 'node:crypto';
import { z } from 'zod';
import { Reject } from './errors.ts';
import { unfit } from './json.ts';
import { checkKey, checkPattern } from './key.ts';
import { type Data, isKind, type Kind, kindNames, kinds, scalar } from './kinds.ts';
import { isPlainEnvelope, isPlainMetric } from './plain.ts';

/** An immutable fact. Times are milliseconds since 1970. */
export type Event<K extends Kind = Kind> = {
  [Each in K]: {
    readonly id: string;
    readonly kind: Each;
    /** What it is about: `company.system.environment.host.resource…`. */
    readonly key: string;
    /** Who wrote it: `/company/system/environment/host/node`. */
    readonly source: string;
    readonly time: number;
    readonly data: Data<Each>;
    /** The writer's run. With `sequence`, gapless per source, boot, kind and key: a hole is counted loss. */
    readonly bootid?: string;
    readonly sequence?: number;
    readonly expirytime?: number;
    readonly partitionkey?: string;
    /** Lineage of a derived event: its trigger, and all that decided it (ids, or ranges `source/bootid/kind/key/from-to`). */
    readonly causationid?: string;
    readonly causes?: readonly string[];
    readonly nodeversion?: string;
    readonly confighash?: string;
    readonly policycommit?: string;
    readonly keyid?: string;
    readonly signature?: string;
    /** Nobody vouches for its source: the reader lets such events pass all the same. */
    readonly unverified?: boolean;
  };
}[K];

/** The largest event on the wire, in bytes. */
export const maxEventBytes = 1_048_576;
/** How far ahead of the reader an event may be dated: more than any time zone, less than any mistake of the year. */
export const maxAheadMs = 86_400_000;

const text = (max: number) => z.string().min(1).max(max);
const instant = z.iso.datetime({ offset: true });

/** The attributes of the envelope, as they stand on the wire. Others may be there: scalars, as CloudEvents has it. */
export const envelope = z
  .object({
    specversion: z.literal('1.0'),
    id: text(512),
    source: text(1024),
    type: text(64),
    time: instant,
    data: z.unknown(),
    subject: text(255).optional(),
    datacontenttype: z.literal('application/json').optional(),
    bootid: text(64).optional(),
    sequence: z
      .string()
      .regex(/^\d{1,19}$/)
      .optional(),
    expirytime: instant.optional(),
    partitionkey: text(255).optional(),
    causationid: text(512).optional(),
    causes: z.string().max(65_536).optional(),
    nodeversion: text(64).optional(),
    confighash: text(128).optional(),
    policycommit: text(128).optional(),
    keyid: text(255).optional(),
    signature: text(512).optional(),
  })
  .catchall(scalar);

/** An event's `type` on the wire, with the version of its data. */
export const typeOf = (kind: Kind): string => `sluice.${kind}.v1`;

const kindsByType = new Map(kindNames.map((kind) => [typeOf(kind), kind]));

function kindOfType(type: string): Kind {
  const kind = kindsByType.get(type);
  if (kind === undefined) throw new Reject(`event: type "${type.slice(0, 64)}" is unknown; it reads sluice.<kind>.v1`);
  return kind;
}

/** The wire form of an event, ready for `JSON.stringify`. */
export function toWire(event: Event): Record<string, unknown> {
  const { kind, key, time, sequence, expirytime, causes, data, ...rest } = event;
  return {
    specversion: '1.0',
    type: typeOf(kind),
    ...rest,
    subject: key,
    time: new Date(time).toISOString(),
    ...(sequence !== undefined && { sequence: formatSequence(sequence) }),
    ...(expirytime !== undefined && { expirytime: new Date(expirytime).toISOString() }),
    // CloudEvents attributes are scalars: ids hold no space, so a list is one string.
    ...(causes !== undefined && { causes: causes.join(' ') }),
    data,
  };
}

/** A sequence as it sorts: 16 digits hold every integer that JavaScript counts exactly. */
export const formatSequence = (sequence: number): string => String(sequence).padStart(16, '0');

export function encode(event: Event): string {
  return JSON.stringify(toWire(event));
}

/** What the reader knows when an event arrives. `key` and `kind` are the message's own, for events that do not say. */
export interface Arrival {
  readonly kind: Kind;
  readonly key?: string | undefined;
  /** Receiving clock, in milliseconds. */
  readonly at: number;
}

/** A message's events, each read or refused by itself: one bad event in a batch does not take the others with it. */
export function decodeAll(body: Buffer, batch: boolean, arrival: Arrival): (Event | { refused: Reject; raw: string })[] {
  let parsed: unknown;
  try {
    parsed = parseJson(body);
    if (batch && !Array.isArray(parsed)) throw new Reject('event: a batch is a JSON array of events');
  } catch (thrown) {
    return [{ refused: asReject(thrown), raw: body.toString('utf8', 0, 65_536) }];
  }
  const wires: unknown[] = batch ? (parsed as unknown[]) : [parsed];
  return wires.map((wire) => {
    try {
      return fromWire(wire, arrival);
    } catch (thrown) {
      // Too deep for JSON.stringify is too deep to quote.
      const raw = batch ? (unfit(wire) ? '' : JSON.stringify(wire)) : body.toString('utf8', 0, 65_536);
      return { refused: asReject(thrown), raw: raw.slice(0, 65_536) };
    }
  });
}

const asReject = (thrown: unknown) => (thrown instanceof Reject ? thrown : new Reject(`event: ${String(thrown)}`, { cause: thrown }));

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(body: Buffer): unknown {
  let source: string;
  try {
    // Nearly all is plain ASCII, which needs no decoding.
    source = isAscii(body) ? body.toString('latin1') : utf8.decode(body);
  } catch (cause) {
    throw new Reject('event: not UTF-8', { cause });
  }
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new Reject(`event: not JSON: ${cause instanceof Error ? cause.message.slice(0, 200) : ''}`, { cause });
  }
}

/** Reads one event from its wire form. @throws Reject with what is wrong with it. */
export function fromWire(wire: unknown, arrival: Arrival): Event {
  // Nearly everything is plain, and what is plain and flat needs neither a walk nor a schema.
  const plain = isPlainEnvelope(wire);
  const flat = plain && isPlainMetric(wire.data);
  const flaw = flat ? undefined : unfit(wire);
  if (flaw) throw new Reject(`event: ${flaw}`);
  const attributes = plain ? (wire as z.output<typeof envelope>) : checkEnvelope(wire);
  const { id, source, type, subject, time, data } = attributes;
  const kind = kindOfType(type);
  if (kind !== arrival.kind) throw new Reject(`event: type ${type} came through the ${arrival.kind} exchange`);
  const key = subject ?? arrival.key ?? '';
  checkKey(key);
  const at = Date.parse(time);
  // A heartbeat's clock is what the roster judges: a wrong one is an alert there, not a lost server.
  if (kind !== 'heartbeat' && at > arrival.at + maxAheadMs)
    throw new Reject(`event: time ${time} is more than a day ahead; set the writer's clock`);
  const event: Record<string, unknown> = {
    id,
    kind,
    key,
    source,
    time: at,
    data: flat && kind === 'metric' ? data : checkData(kind, data),
  };
  // One by one: taking the rest apart and spreading it again costs more than all the checks.
  for (const name of Object.keys(attributes)) {
    const value = attributes[name];
    if (value !== undefined && !settled.has(name)) event[name] = read(name, value);
  }
  return event as Event;
}

/** The attributes that have their place in an event already, or none: a stranger's `kind` is not the event's. */
const settled = new Set(['specversion', 'id', 'source', 'type', 'subject', 'time', 'data', 'datacontenttype', 'kind', 'key']);

/** The value of an attribute that was checked, as an event has it. */
function read(name: string, value: unknown): unknown {
  if (name === 'sequence') return Number(value);
  if (name === 'expirytime') return Date.parse(String(value));
  return name === 'causes' ? String(value).split(' ') : value;
}

/** @throws Reject when the attributes are no CloudEvent's. */
function checkEnvelope(wire: unknown): z.output<typeof envelope> {
  const checked = envelope.safeParse(wire);
  if (!checked.success) throw new Reject(`event: ${explain(checked.error)}`);
  return checked.data;
}

/** @throws Reject when the data are not what the kind carries. */
function checkData(kind: Kind, data: unknown): Data {
  const checked = kinds[kind].schema.safeParse(data);
  if (!checked.success) throw new Reject(`event: data of ${typeOf(kind)}: ${explain(checked.error)}`);
  return checked.data;
}

/** The first thing that is wrong, with the path to it. */
function explain(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'does not fit its schema';
  return issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message;
}

const digest = (...parts: (string | number)[]) => hash('sha256', parts.join('\0'), 'base64url').slice(0, 22);

/** An original's id: a function of where it stands in its writer's stream. */
export const originalId = (source: string, bootid: string, kind: Kind, key: string, sequence: number): string =>
  digest('original', source, bootid, kind, key, sequence);

/** A derived event's id: of its node, its input and its index among that input's drafts, so that doing it again makes the same event. */
export const derivedId = (node: string, input: string, index: number): string => digest('derived', node, input, index);

/** The id of a derived event whose draft says what it is, whichever input led to it. */
export const identityId = (node: string, kind: Kind, identity: string): string => digest('identity', node, kind, identity);

/** A topic: a kind with a pattern of keys. */
export interface Topic {
  readonly kind: Kind;
  readonly pattern: string;
}

/** @throws Reject when the kind or the pattern is none. */
export function topic(kind: string, pattern = '#'): Topic {
  if (!isKind(kind)) throw new Reject(`topic: "${kind}" is no kind; the kinds are ${Object.keys(kinds).join(', ')}`);
  checkPattern(pattern);
  return { kind, pattern };
}
