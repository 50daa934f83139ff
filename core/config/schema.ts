/**
 * What a process's config file may say, as one zod schema: the file is checked with it, and the JSON Schema that editors
 * complete from (`docs/protocol/config.schema.json`) is generated from it. Nothing has a default here: files, environment
 * and flags are laid over each other first (`core/config.ts`).
 */
import { z } from 'zod';
import { duration } from '../clock.ts';
import { checkPattern, type Place } from '../key.ts';
import { kindNames } from '../kinds.ts';
import { readPart } from '../part.ts';
import { slots } from '../slot.ts';

/** Text that means something else: `read` gives the meaning, or undefined when it is none. */
function meaning<Value>(read: (text: string) => Value | undefined, hint: string, description: string) {
  return z
    .string({ error: hint })
    .transform((text, context): Value => {
      const value = read(text);
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: hint });
      return z.NEVER;
    })
    .meta({ description });
}

const positive = (ms: number | undefined) => (ms !== undefined && ms > 0 ? ms : undefined);
const span = (description: string) => meaning((text) => positive(duration(text)), 'write a duration, as in 30s, 1m30s or 7d', description);

/** How long messages may wait for company. */
const maxLinger = 60_000;
const lingerHint = 'write a duration of at most 60s, as in 1s, 500ms or 0';
const linger = z
  .union([z.string(), z.number()], { error: lingerHint })
  .transform((value, context): number => {
    const ms = typeof value === 'number' ? value : value === '0' ? 0 : duration(value);
    if (ms !== undefined && ms >= 0 && ms <= maxLinger) return ms;
    context.addIssue({ code: 'custom', message: lingerHint });
    return z.NEVER;
  })
  .meta({
    description:
      'How long metrics, logs and stats wait for company, so that one message carries them; milliseconds, or as in 5s. 0 sends at once. Default: 1s on RabbitMQ, else 0.',
  });

const word = /^[\p{L}\p{N}_-]{1,63}$/u;

function readPlace(text: string): Place | undefined {
  const [company, system, environment, ...more] = text.split('.');
  if (!company || !system || !environment || more.length > 0) return undefined;
  return [company, system, environment].every((part) => word.test(part)) ? { company, system, environment } : undefined;
}

const byteUnits: Record<string, number> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

function readSize(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s?(B|kB|MB|GB|TB)$/.exec(text) ?? [];
  return amount && unit ? Math.round(Number(amount) * (byteUnits[unit] ?? 1)) : undefined;
}

/** Less would not hold one event. */
const leastSpool = 1e6;
const roomy = (size: number | undefined) => (size !== undefined && size >= leastSpool ? size : undefined);
const room = (description: string) =>
  meaning((text) => roomy(readSize(text)), 'write a size of at least 1MB, as in 256MB', description).optional();

/** A broker's address: scheme, host, port and virtual host, and nothing else. */
function readBroker(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const plain = /^amqps?:$/.test(url.protocol) && url.hostname !== '' && url.search === '' && url.hash === '';
  return plain && url.username === '' && url.password === '' && /^(\/[^/]*)?$/.test(url.pathname) ? text : undefined;
}

/** The host and port of `127.0.0.1:7400` or `[::1]:7400`. */
export function readListen(text: string): { host: string; port: number } | undefined {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^\s:/@]+):(\d{1,5})$/i.exec(text) ?? [];
  return host && Number(port) < 65_536 ? { host, port: Number(port) } : undefined;
}

const pageName = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253})$/i;

/** `https://name` or `https://name:port`, and nothing after it. */
export const isOrigin = (text: string): boolean =>
  URL.canParse(text) && new URL(text).protocol === 'https:' && new URL(text).origin === text;

const busHint = 'write embedded, or amqp:// and amqps:// addresses, as in [amqps://mq1/sluice]';
export const nodeName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'write lower-case letters, digits and hyphens, a letter first')
  .meta({ description: "A node's name: lower-case letters, digits and hyphens." });

const place = meaning(
  readPlace,
  'write three words with dots between, as in acme.shop.prod',
  'company.system.environment, as in acme.shop.prod',
);
const host = z
  .string()
  .regex(/^[^\s/\p{C}]{1,100}$/u, 'write a name of at most 100 characters, without spaces or slashes')
  .meta({ description: "This host's name. Default: the system's own." });
const path = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'), 'write a path');
const bus = z
  .union([z.string(), z.array(z.string()).min(1)], { error: busHint })
  .transform((value, context): 'embedded' | string[] => {
    const addresses = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
    if (addresses.length === 1 && addresses[0] === 'embedded') return 'embedded';
    addresses.forEach((address, index) => {
      if (readBroker(address) !== undefined) return;
      // What has an @ may hold a password: it is not repeated.
      const message = address.includes('@')
        ? 'an address holds credentials; leave them out here, and name their file in identity'
        : `"${address}" is no broker; ${busHint}`;
      context.addIssue({ code: 'custom', message, path: Array.isArray(value) ? [index] : [], params: { whole: true } });
    });
    return addresses;
  })
  .meta({ description: 'embedded (the default), or the addresses of one RabbitMQ cluster, without credentials.' });

const part = z
  .string()
  .refine(
    (text) => text === '*' || readPart(text) !== undefined,
    'write a part of the tree, as in acme.shop or acme.shop.prod.web-1, or "*"',
  );

/** A node of the process. What is not named here is the node's own config. */
const nodeEntry = z
  .looseObject({
    use: z.string().min(1).max(4096).meta({ description: "A built-in node's name, a file such as ./mine.ts, or an npm package." }),
    name: nodeName.optional(),
    enabled: z.boolean().optional().meta({ description: 'false leaves the node out, also one that runs by default.' }),
    read: z
      .strictObject({
        kind: z.enum(kindNames).optional(),
        company: z.string().min(1).optional(),
        system: z.string().min(1).optional(),
        environment: z.string().min(1).optional(),
        host: z.string().min(1).optional(),
        resource: z.string().min(1).optional(),
        pattern: z
          .string()
          .min(1)
          .refine(isPattern, 'write words with dots between, where * and # stand for whole words, as in acme.#')
          .optional(),
      })
      .optional()
      .meta({ description: 'Narrows what the node reads: a missing field matches anything.' }),
    every: span('How often a monitor samples, as in 5s.').optional(),
    partitions: z.int().min(1).max(slots).optional().meta({
      description: 'Lets several processes share the node over a broker: its work is parted in so many. All of them say the same number.',
    }),
    isolate: z.enum(['worker']).optional().meta({ description: 'worker: the node gets a thread of its own.' }),
  })
  .meta({ description: 'One node. Other keys are its own config.' });

function isPattern(text: string): boolean {
  try {
    checkPattern(text);
    return true;
  } catch {
    return false;
  }
}

/** The keys of an entry that are the runtime's; all others go to the node. */
export const entryKeys: readonly string[] = Object.keys(nodeEntry.shape);

const label = z.union([z.string().max(255), z.number(), z.boolean()], { error: 'write text, as in {zone: eu-1a}' }).transform(String);

/** A whole config file. */
export const fileSchema = z
  .strictObject({
    place: place.optional(),
    host: host.optional(),
    labels: z
      .record(z.string().min(1).max(255), label)
      .optional()
      .meta({ description: 'Announced with each heartbeat: zone, rack, role …' }),
    bus: bus.optional(),
    identity: path.optional().meta({ description: 'Where the credentials for the bus are kept.' }),
    trust: z
      .strictObject({
        users: z
          .record(z.string().min(1).max(255), part)
          .optional()
          .meta({ description: 'What users may speak for whose name is no place, as in {collector: acme.shop}.' }),
        upstreams: z
          .record(
            z.string().refine((text) => readBroker(text) !== undefined, 'write the address of the upstream, as in amqps://mq.site-b'),
            part,
          )
          .optional()
          .meta({ description: 'What a site may speak for whose broker is federated with ours, as in {"amqps://mq.site-b": acme.b}.' }),
        unverified: z
          .enum(['accept', 'refuse'])
          .optional()
          .meta({ description: 'What becomes of events without a user that the broker vouches for.' }),
      })
      .optional()
      .meta({ description: 'Who is believed on a broker. Users that are named after a place speak for that place.' }),
    state: path.optional().meta({ description: 'The directory of state and spool.' }),
    linger: linger.optional(),
    spool: z
      .strictObject({
        telemetry: room('Metrics, logs, stats, incidents, heartbeats and states: past it the oldest is dropped, counted. Default 256MB.'),
        durable: room('The kinds that are never lost: past it their writers wait. Default 256MB.'),
      })
      .optional()
      .meta({ description: 'The most that may wait on disk while the bus is away.' }),
    run: z.array(nodeName).min(1).optional().meta({ description: 'agent, hub, or names of nodes. Default: agent and hub.' }),
    logs: z.array(z.string().min(1).max(4096)).optional().meta({ description: 'journal, and globs of files.' }),
    keep: z
      .strictObject({
        raw: span('How long every event is kept.').optional(),
        minute: span('How long values by the minute are kept.').optional(),
        hour: span('How long values by the hour are kept.').optional(),
        disk: meaning(readSize, 'write a size, as in 200GB', 'The most that history may take on disk.').optional(),
      })
      .optional()
      .meta({ description: 'How long history is kept.' }),
    live: z
      .strictObject({
        listen: meaning(
          (text) => (readListen(text) ? text : undefined),
          'write address:port, as in 127.0.0.1:7400',
          "The page's address and port. Beyond loopback it needs tls or behind, and tokens: sluice token new --look viewer.",
        ).optional(),
        tls: z
          .strictObject({
            cert: path.meta({ description: 'Its certificate, with those between it and its authority, in PEM.' }),
            key: path.meta({ description: 'Its private key, in PEM.' }),
          })
          .optional()
          .meta({ description: 'Serves the page over TLS. Both files are read anew when they change.' }),
        names: z
          .array(z.string().regex(pageName, 'write a name as browsers ask for it, as in sluice.example.com'))
          .min(1)
          .optional()
          .meta({ description: 'With tls: the names by which the page may be asked for. Default: those of the certificate.' }),
        behind: z
          .string()
          .refine(isOrigin, 'write where the proxy shows the page, as in https://sluice.example.com')
          .optional()
          .meta({ description: 'A proxy has TLS and shows the page there, and nowhere else: the only Host and Origin that are welcome.' }),
      })
      .optional()
      .meta({ description: 'The live page.' }),
    heartbeat: span('The time between heartbeats. Default 5s.')
      .refine((ms) => ms <= 86_400_000, 'write a duration of at most 1d')
      .optional(),
    nodes: z.array(nodeEntry).optional().meta({ description: 'Nodes beyond those that run by default, or with other settings.' }),
  })
  .meta({ title: 'sluice config', description: 'What one sluice process runs. An empty file means this machine, embedded.' });

/** What flags and `SLUICE_…` variables may set, each as text. */
export const overrides = z.strictObject({
  port: meaning(
    (text) => (/^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined),
    'write a port from 0 to 65535',
    'A port.',
  ).optional(),
  state: path.optional(),
  host: host.optional(),
  place: place.optional(),
  bus: bus.optional(),
  only: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(nodeName))
    .optional(),
});

export type FileSettings = z.output<typeof fileSchema>;
export type Overrides = z.output<typeof overrides>;
