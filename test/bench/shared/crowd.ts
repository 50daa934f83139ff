/**
 * Many viewers of one page's server, in a process of their own: `crowd.ts <port> <readers>`. The readers take every frame and note how
 * late its oldest event is. `{stuck: n}` adds such as ask for everything and then never read; let go, they come again.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';

export type Order = { readonly stuck: number } | { readonly report: true };
export interface Seen {
  /** Of each frame since the last report, how old its oldest event was, in milliseconds. */
  readonly late: readonly number[];
  readonly frames: number;
  /** Events that the readers were too slow for, as they were told. */
  readonly dropped: number;
  /** Stuck viewers that are connected now, and how often one was let go. */
  readonly stuck: number;
  readonly letGo: number;
}

const [port = '', readers = ''] = process.argv.slice(2);
const everything = ['heartbeat', 'metric', 'log', 'alert', 'state'].map((kind) => ({ kind }));
let late: number[] = [];
let frames = 0;
let dropped = 0;
let letGo = 0;
let wanted = 0;
const stuck = new Set<Socket>();

function read(): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/live`, { perMessageDeflate: false });
  socket.on('message', (data: Buffer) => {
    frames++;
    // An object for each event would measure this process.
    const at = data.indexOf('"time":"');
    const lost = /"dropped":(\d+)/.exec(data.toString('latin1', Math.max(0, data.length - 120)));
    dropped += Number(lost?.[1] ?? 0);
    if (at > 0 && data[2] === 0x65) late.push(Date.now() - Date.parse(data.toString('latin1', at + 8, at + 32)));
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => socket.send(JSON.stringify({ subscribe: { kind: 'metric', since: '0s' } })));
    socket.once('message', () => resolve());
    socket.once('close', () => reject(new Error('a viewer that reads was let go')));
    socket.once('error', reject);
  });
}

/** Speaks WebSocket by hand, since a library would read. */
function stick(): void {
  const socket = connect(Number(port), '127.0.0.1');
  stuck.add(socket);
  socket.once('data', () => {
    socket.pause();
    const text = Buffer.from(JSON.stringify({ id: 'all', subscribe: everything }));
    const head = Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 255]);
    // A mask of zeros leaves the text as it is.
    socket.write(Buffer.concat([head, Buffer.alloc(4), text]));
  });
  socket.on('error', () => {});
  // One who does not read does not see that it was let go either: writing tells.
  const asking = setInterval(() => socket.write(Buffer.from([0x89, 0x80, 0, 0, 0, 0])), 5000);
  socket.once('close', () => {
    clearInterval(asking);
    stuck.delete(socket);
    letGo++;
    setTimeout(() => stuck.size < wanted && stick(), 500);
  });
  const lines = [
    'GET /api/live HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
  ];
  socket.write(`${lines.join('\r\n')}\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`);
}

for (let opened = 0; opened < Number(readers); opened++) await read();
process.on('message', (order: Order) => {
  if ('stuck' in order) {
    wanted = order.stuck;
    while (stuck.size < wanted) stick();
    if (wanted === 0) for (const socket of stuck) socket.destroy();
    return;
  }
  process.send?.({ late, frames, dropped, stuck: stuck.size, letGo } satisfies Seen);
  late = [];
  frames = 0;
  dropped = 0;
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');
