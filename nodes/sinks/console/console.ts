/**
 * Shows on the terminal what a person there wants to know as it happens: alerts with what to do, incidents, servers that
 * are found, fall silent or say goodbye, and nodes that fail.
 *
 * alert, incident, state → lines of text, coloured where there is a terminal and no NO_COLOR; or JSON, one event a line.
 *
 * It shows, and keeps nothing: while its reader is behind, the oldest events give way. Once its reader is gone (a closed
 * pipe) it writes no more.
 */
import type { Writable } from 'node:stream';
import { defineSink, type Event, encode, inertJson, type Writing, z } from 'sluice';
import { lines } from './lines.ts';

type Shown = 'alert' | 'incident' | 'state';

const config = z.strictObject({
  /** `text` for people; `json` for programs: each event whole, as it is on the wire. */
  format: z.enum(['text', 'json']).default('text'),
});

export default defineSink({
  name: 'console',
  doc: 'Shows alerts, incidents and servers on the terminal as they come, for people or as JSON.',
  config,
  in: [{ kind: 'alert' }, { kind: 'incident' }, { kind: 'state' }],
  reads: 'recent',
  configure: ({ output }) => ({ format: output }),
  create: (given) => writingTo(() => process.stdout, given, process.env),
});

/** Where it writes, and whether that is a terminal. */
export type Output = Writable & { readonly isTTY?: boolean };

/** The sink on any stream; `open` is asked at the start. */
export function writingTo(open: () => Output, { format }: z.output<typeof config>, env: NodeJS.ProcessEnv): Writing<Shown> {
  let output: Output | undefined;
  let show: (event: Event<Shown>) => string | undefined;
  /** Its reader is gone, or it was stopped: what waits for it goes on. */
  let closed: Promise<void>;
  let close = () => {};
  const gone = () => {
    output = undefined;
    close();
  };
  return {
    start() {
      if (output) return;
      const stream = open();
      const colours = stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb' ? 'on' : 'off';
      show = format === 'json' ? (event) => inertJson(encode(event)) : lines({ colours });
      closed = new Promise((resolve) => {
        close = resolve;
      });
      stream.on('error', gone);
      output = stream;
    },
    stop() {
      // The listener for errors stays until the stream ends: a late one must not end the process.
      close();
      output = undefined;
    },
    async write(events) {
      if (!output) return;
      const text = events.flatMap((event) => show(event) ?? []).map((line) => `${line}\n`);
      if (text.length === 0 || output.write(text.join(''))) return;
      const stream = output;
      let drained = () => {};
      await Promise.race([
        closed,
        new Promise<void>((resolve) => {
          drained = resolve;
          stream.once('drain', resolve);
        }),
      ]);
      stream.off('drain', drained);
    },
  };
}
