/**
 * What the hub remembers of tokens and of the servers that it let in: a small file each, in a folder that only its owner may
 * read. A token's file is written by `sluice token`, a server's by `sluice hub enrol` alone, so that neither waits for the
 * other; each is replaced whole. No secret is in any of them.
 *
 *     tokens/<id>.json       its part of the tree, its end, how often it may be used
 *     servers/<name>.json    who it is, a hash of what it proves itself with, and by which tokens it came
 *     audit/<id>.json        an event that says what was decided, until the broker has it
 */
import {
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, SluiceError, z } from 'sluice';

const instant = z.iso.datetime();

const tokenRecord = z.strictObject({
  id: z.string(),
  /** `acme`, `acme.shop`, `acme.shop.prod` or one server of it. */
  scope: z.string(),
  made: instant,
  ends: instant,
  /** How many servers may come by it; null: any number. */
  uses: z.int().positive().nullable(),
  /** Whether a server may take the name of one that is there. */
  replace: z.boolean(),
  revoked: instant.optional(),
});

const serverRecord = z.strictObject({
  user: z.string(),
  /** SHA-256 of the proof, in hexadecimal. */
  proof: z.string(),
  came: z.array(z.strictObject({ token: z.string(), at: instant, proof: z.string() })),
});

export type TokenRecord = z.output<typeof tokenRecord>;
export type ServerRecord = z.output<typeof serverRecord>;

export interface Records {
  tokens(): TokenRecord[];
  token(id: string): TokenRecord | undefined;
  putToken(token: TokenRecord): void;
  servers(): ServerRecord[];
  server(user: string): ServerRecord | undefined;
  putServer(server: ServerRecord): void;
  forgetServer(user: string): boolean;
  /** What waits to be published, oldest first. */
  audits(): { readonly name: string; readonly text: string }[];
  /** @throws SluiceError when too many wait */
  putAudit(name: string, event: object): void;
  dropAudit(name: string): void;
}

/** The most events that may wait: a broker that takes none for so long is looked at first. */
const mostAudits = 10_000;
/** The most comings of one server that are remembered; more would only grow the file. */
const mostComings = 100;

/** @param folder is made with its first record */
export function openRecords(folder: string): Records {
  const path = (sort: 'tokens' | 'servers' | 'audit', name: string) => join(folder, sort, `${encodeURIComponent(name)}.json`);
  return {
    tokens: () => readAll(join(folder, 'tokens'), tokenRecord),
    token: (id) => read(path('tokens', id), tokenRecord),
    putToken: (token) => write(path('tokens', token.id), token),
    servers: () => readAll(join(folder, 'servers'), serverRecord),
    server: (user) => read(path('servers', user), serverRecord),
    putServer: (server) => write(path('servers', server.user), { ...server, came: server.came.slice(-mostComings) }),
    forgetServer(user) {
      if (read(path('servers', user), serverRecord) === undefined) return false;
      rmSync(path('servers', user));
      return true;
    },
    audits: () =>
      namesIn(join(folder, 'audit'))
        .slice(0, 100)
        .map((name) => ({
          name: decodeURIComponent(name.slice(0, -'.json'.length)),
          text: readFileSync(join(folder, 'audit', name), 'utf8'),
        })),
    putAudit(name, event) {
      if (namesIn(join(folder, 'audit')).length >= mostAudits)
        throw new SluiceError(`enrolment: ${mostAudits} records wait for the broker; see to it that it and a hub with the node store run`);
      write(path('audit', name), event);
    },
    dropAudit: (name) => rmSync(path('audit', name), { force: true }),
  };
}

/** How many servers came by a token. One that was forgotten gives its use back. */
export function usesOf(id: string, servers: readonly ServerRecord[]): number {
  return servers.flatMap(({ came }) => came).filter(({ token }) => token === id).length;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return [];
    throw unreadable(folder, thrown);
  }
}

const readAll = <Schema extends z.ZodType>(folder: string, schema: Schema): z.output<Schema>[] =>
  namesIn(folder).flatMap((name) => read(join(folder, name), schema) ?? []);

function read<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    throw unreadable(file, thrown);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    // Not taken for absent: a token that is not known to have ended would have none.
    throw new SluiceError(`enrolment: ${file} is damaged; take it back from a backup, or remove it and make a new token`, { cause });
  }
}

function write(file: string, record: object): void {
  const folder = dirname(file);
  const root = dirname(folder);
  makeLike(root, dirname(root));
  makeLike(folder, root);
  const next = `${file}.new`;
  const descriptor = openSync(next, 'w', 0o600);
  try {
    writeSync(descriptor, `${JSON.stringify(record, undefined, 2)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  giveLike(next, folder);
  renameSync(next, file);
}

function makeLike(folder: string, above: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
    giveLike(folder, above);
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } else if (codeOf(thrown) !== 'EEXIST') throw unreadable(folder, thrown);
  }
}

/** What root writes must stay readable to whoever answers. */
function giveLike(path: string, like: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(like);
  chownSync(path, uid, gid);
}

const codeOf = (thrown: unknown): unknown => (thrown instanceof Error && 'code' in thrown ? thrown.code : undefined);

const unreadable = (path: string, cause: unknown): SluiceError =>
  new SluiceError(`enrolment: ${path} cannot be used (${messageOf(cause).split(',')[0]}); run this as root on the hub`, { cause });
