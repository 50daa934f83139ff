/**
 * The viewers: everyone with a WebSocket on `/api/live`. Each says what it wants and gets it in frames, as fast as it reads.
 *
 * entries → frames. The first event after a pause leaves at once; in a stream of them a frame leaves every `pace` ms. A viewer
 * whose socket is full is passed over until it drains, so none holds up another; one that answers no ping for half a minute is
 * let go. Bounded: viewers, subscriptions and messages of each, bytes that wait for each.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf, SluiceError, type Topic } from 'sluice';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Entry, Memory } from './memory.ts';
import type { Present } from './present.ts';
import { createStream, type Stream, snapshot } from './stream.ts';
import { readRequest } from './subscription.ts';

/** Milliseconds between frames: half of what an eye takes for immediate is left for the wire and the drawing. */
const pace = 25;
/** Bytes in a viewer's socket past which it is slow, and gets nothing more until it drains. */
const fullSocket = 1_048_576;
/** Bytes that may wait for one subscription of a slow viewer. */
const waitingBytes = 4_194_304;
/** Bytes of the past in one snapshot: a browser reads them in a tenth of a second. */
const snapshotBytes = 8_388_608;
/** A viewer's message is a subscription; the longest sensible one is far smaller. */
const maxPayload = 65_536;
const maxSubscriptions = 16;
const maxMessagesPerTick = 50;
/** Ticks (seconds) of quiet after which a viewer hears that the line is alive. */
const idleTicks = 5;
const pingTicks = 15;
/** Ticks after which it is said again what the viewers look at. */
const lookTicks = 10;

export interface Viewers {
  /** Takes an HTTP upgrade that the guard let pass. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  publish(entry: Entry): void;
  tick(): void;
  close(): void;
  readonly count: number;
  /** Events that were dropped for slow viewers so far. */
  readonly dropped: number;
}

interface Viewer {
  readonly socket: WebSocket;
  readonly streams: Map<string | undefined, Stream>;
  messages: number;
  quiet: number;
  answered: boolean;
}

/** @param look tells that somebody looks at these topics, each time for some ticks more than pass until it is said again. */
export function createViewers(
  memory: Memory,
  present: Present,
  maxViewers: number,
  look: (topics: readonly Topic[]) => void = () => {},
): Viewers {
  const server = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false, clientTracking: false });
  const viewers = new Set<Viewer>();
  let dropped = 0;
  let ticks = 0;
  let immediate: NodeJS.Immediate | undefined;
  let pacing: NodeJS.Timeout | undefined;

  const say = (viewer: Viewer, text: string | Buffer) => viewer.socket.send(text, { binary: false });
  /** Sends what waits. True while there is, or was, something: then another frame may follow soon. */
  const flush = (): boolean => {
    let busy = false;
    for (const viewer of viewers) {
      for (const stream of viewer.streams.values()) {
        if (!stream.waiting) continue;
        busy = true;
        if (viewer.socket.bufferedAmount > fullSocket) continue;
        viewer.quiet = 0;
        say(viewer, stream.next());
      }
    }
    return busy;
  };
  const keepPace = () => {
    pacing = setTimeout(() => {
      pacing = undefined;
      if (flush()) keepPace();
    }, pace);
  };
  const wake = () => {
    if (pacing || immediate) return;
    immediate = setImmediate(() => {
      immediate = undefined;
      flush();
      keepPace();
    });
  };

  const subscribe = (viewer: Viewer, text: string) => {
    const request = readRequest(text);
    if ('unsubscribe' in request) {
      if (!viewer.streams.delete(request.unsubscribe))
        throw new SluiceError(`live: there is no subscription "${request.unsubscribe}" to end`);
      return;
    }
    const { subscribe: subscription } = request;
    if (!viewer.streams.has(subscription.id) && viewer.streams.size >= maxSubscriptions)
      throw new SluiceError(`live: ${maxSubscriptions} subscriptions are the most on one socket; give several topics as an array`);
    if (viewer.socket.bufferedAmount > fullSocket)
      throw new SluiceError('live: earlier answers were not read yet; read them, then subscribe');
    viewer.streams.set(
      subscription.id,
      createStream(subscription, waitingBytes, (count) => (dropped += count)),
    );
    look(subscription.topics);
    say(viewer, snapshot(subscription, present.entries(), memory.entries(subscription.kinds), memory.now, snapshotBytes));
  };

  /** All that anyone looks at, each topic once. */
  const looked = (): Topic[] => {
    const topics = [...viewers].flatMap(({ streams }) => [...streams.values()].flatMap(({ subscription }) => subscription.topics));
    return [...new Map(topics.map((topic) => [`${topic.kind} ${topic.pattern}`, topic])).values()];
  };

  const receive = (viewer: Viewer, text: string) => {
    if (++viewer.messages > maxMessagesPerTick) return viewer.socket.close(1008, 'too many messages; subscribe once, then listen');
    try {
      subscribe(viewer, text);
    } catch (thrown) {
      say(viewer, JSON.stringify({ error: messageOf(thrown) }));
    }
  };

  const welcome = (socket: WebSocket) => {
    const viewer: Viewer = { socket, streams: new Map(), messages: 0, quiet: 0, answered: true };
    viewers.add(viewer);
    socket.on('message', (data: Buffer, binary) => (binary ? socket.close(1003, 'text only, as JSON') : receive(viewer, data.toString())));
    socket.on('pong', () => {
      viewer.answered = true;
    });
    socket.on('close', () => viewers.delete(viewer));
    // What goes wrong on a socket (too large a frame, a reset) ends that socket, and `close` follows.
    socket.on('error', () => {});
  };

  const ping = (viewer: Viewer) => {
    if (!viewer.answered) return viewer.socket.terminate();
    viewer.answered = false;
    viewer.socket.ping();
  };

  return {
    accept(request, socket, head) {
      if (viewers.size >= maxViewers)
        return refuse(socket, '503 Service Unavailable', `sluice: live: ${maxViewers} viewers are connected already; close one`);
      server.handleUpgrade(request, socket, head, welcome);
    },
    publish(entry) {
      if (viewers.size === 0) return;
      for (const viewer of viewers) for (const stream of viewer.streams.values()) stream.offer(entry);
      wake();
    },
    tick() {
      ticks++;
      if (ticks % lookTicks === 0 && viewers.size > 0) look(looked());
      for (const viewer of viewers) {
        viewer.messages = 0;
        if (++viewer.quiet >= idleTicks && viewer.socket.bufferedAmount === 0) {
          viewer.quiet = 0;
          for (const stream of viewer.streams.values()) say(viewer, stream.next());
        }
        if (ticks % pingTicks === 0) ping(viewer);
      }
    },
    close() {
      clearImmediate(immediate);
      clearTimeout(pacing);
      for (const { socket } of viewers) {
        socket.close(1001, 'sluice stops');
        // A viewer that does not answer the goodbye holds nobody up.
        setTimeout(() => socket.terminate(), 200).unref();
      }
      server.close();
    },
    get count() {
      return viewers.size;
    },
    get dropped() {
      return dropped;
    },
  };
}

/** Ends an upgrade with a plain answer. */
export function refuse(socket: Duplex, status: string, reason: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
  );
}
