/**
 * Says one thing to the sluice that runs on a state directory, through the socket in it (`core/runtime/control.ts`). A line
 * of JSON out, a line of JSON back: mostly the id of what it made.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { SluiceError } from '../errors.ts';

const reply = z.union([z.object({ ok: z.unknown().refine((value) => value !== undefined) }), z.object({ error: z.string() })]);

/** No process has this state. */
export class NothingRuns extends SluiceError {}

/**
 * @param timeoutMs how long the other end may take
 * @throws SluiceError with what the other end says is wrong; NothingRuns when there is none
 */
export async function sendControl(state: string, request: object, timeoutMs = 10_000): Promise<string> {
  return z.string().parse(await askControl(state, request, timeoutMs));
}

/** The same, where the answer is more than a line: to be checked by whoever asks. */
export async function askControl(state: string, request: object, timeoutMs = 10_000): Promise<unknown> {
  const path = join(state, 'control.sock');
  const socket = connect(path);
  try {
    await once(socket, 'connect').catch((cause: unknown) => {
      throw new NothingRuns(`nothing runs on ${state}; start it with "sluice run" (npm start in a checkout), or name its --state`, {
        cause,
      });
    });
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const answer = reply.parse(JSON.parse(line));
      if ('error' in answer) throw new SluiceError(answer.error);
      return answer.ok;
    }
    throw new SluiceError(`the process on ${state} does not answer; look at what it says, or start it again`);
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}
