/**
 * The way in for programs on the same machine, in any language: a Unix socket in the state directory, which only its owner
 * can open. A line of JSON in, a line of JSON out.
 *
 *     {"emit": {"kind": "metric", "key": ["queue"], "data": {…}}}   →   {"ok": "<id>"}  or  {"error": "…"}
 *     {"ledger": {}}   →   {"ok": {"lost": [{node, source, boot, kind, key, lost, repeats, gaps, moved}…], "heard": […]}}
 *     {"replay": {"node": "threshold", "letter": "<id>", "kind": "metric", "event": "{…}"}}   →   {"ok": "handled"}  or  {"ok": "refused"}
 *     {"backup": {}}   →   {"ok": "<a folder with a copy of the history, to be moved away>"}
 *     {"restore": {}}   →   {"ok": "<the folder where the history before it is now>"}
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { unfit } from '../json.ts';
import { kinds } from '../kinds.ts';
import type { Draft } from '../node.ts';
import type { Context } from './context.ts';
import { emit as publish } from './emitting.ts';
import { readLetter } from './replay.ts';

export const controlSocket = (state: string): string => join(state, 'control.sock');

/** The longest line that is taken: an event of the largest size, with room for its envelope. */
const maxLineBytes = 2 * 1024 * 1024;
const maxConnections = 64;
/** Lines of one connection that may wait for their answers before more are read. */
const maxAsked = 1000;

const request = z
  .strictObject({
    emit: z
      .strictObject({
        kind: z.enum(Object.keys(kinds) as [keyof typeof kinds, ...(keyof typeof kinds)[]]),
        key: z.union([z.string(), z.array(z.string())]).default([]),
        data: z.unknown(),
        ttl: z.number().positive().optional(),
      })
      .optional(),
    ledger: z.strictObject({}).optional(),
    replay: z.strictObject({ node: z.string(), letter: z.string().max(512), kind: z.string(), event: z.string() }).optional(),
    backup: z.strictObject({}).optional(),
    restore: z.strictObject({}).optional(),
  })
  .refine((asked) => Object.keys(asked).length === 1, 'ask for one thing: emit, ledger, replay, backup or restore');

export interface Control {
  close(): Promise<void>;
}

/** Listens, or says why it cannot and goes without: no node depends on it. */
export async function startControl(context: Context, state: string): Promise<Control> {
  const path = controlSocket(state);

  const ofHistory = (what: 'backup' | 'restore'): Promise<string> => {
    const work = context.keeping[what];
    if (!work) throw new Error('this process keeps no history; ask the one that runs the node store');
    return work();
  };
  /** Who did it is who may open the socket: the owner of this process. */
  const replay = async ({ node, letter, kind, event }: { node: string; letter: string; kind: string; event: string }): Promise<string> => {
    const read = readLetter(kind, event, context.receiving());
    const data = { who: userInfo().username, did: 'dead.replay', to: node, detail: { letter, event: read.id } };
    await context.committer.commit({
      events: [context.authorOf('sluice').original({ kind: 'audit', key: ['dead', node], data }, context.clock.now())],
    });
    return (await context.replays.replay(node, letter, read)) ? 'handled' : 'refused';
  };
  const answer = async (line: string): Promise<object> => {
    try {
      const parsed: unknown = JSON.parse(line);
      const flaw = unfit(parsed);
      if (flaw) throw new Error(flaw);
      const { emit, ledger, replay: letter, restore } = request.parse(parsed);
      if (letter) return { ok: await replay(letter) };
      if (ledger) return { ok: context.ledger.state() };
      if (!emit) return { ok: await ofHistory(restore ? 'restore' : 'backup') };
      return { ok: await publish(context, emit as Draft) };
    } catch (thrown) {
      const issue = thrown instanceof z.ZodError ? thrown.issues[0] : undefined;
      return { error: issue ? `${issue.path.join('.')}: ${issue.message}` : messageOf(thrown) };
    }
  };

  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (sockets.size >= maxConnections) return void socket.destroy();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    serve(socket, answer);
  });
  try {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
    chmodSync(path, 0o600);
  } catch (thrown) {
    context.report('warn', `control: ${path} cannot be opened, so "sluice emit" will not work: ${messageOf(thrown)}`);
  }
  server.on('error', () => {});
  return {
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function serve(socket: Socket, answer: (line: string) => Promise<object>): void {
  let rest = Buffer.alloc(0);
  let answered: Promise<unknown> = Promise.resolve();
  let asked = 0;
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
      // What is asked together is committed together; it is answered in the order asked.
      const answering = answer(line);
      if (++asked >= maxAsked) socket.pause();
      answered = answered.then(async () => {
        socket.write(`${JSON.stringify(await answering)}\n`);
        if (--asked < maxAsked) socket.resume();
      });
    }
    if (rest.length > maxLineBytes) socket.end(`${JSON.stringify({ error: `a line is longer than ${maxLineBytes} bytes` })}\n`);
  });
}
