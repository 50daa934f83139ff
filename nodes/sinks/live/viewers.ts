/**
 * The viewers: everyone with a WebSocket on `/api/live`. Each says what it wants and gets it in frames, as fast as it reads.
 *
 * events → frames. The first event after a pause leaves at once; in a stream of them a frame leaves every `pace` ms. A viewer
 * whose socket is full is passed over until it drains, so none holds up another; one that has read nothing for half a minute is let
 * go. Requests are answered one at a time, in turns, between frames. Bounded: viewers, channels and messages of each.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Event, SluiceError, type Topic } from 'sluice';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ChannelSort } from './channel.ts';
import { createFlow } from './flow.ts';
import { anyone, type Looker } from './looker.ts';
import type { Entry } from './memory.ts';
import { RequestError, readRequest, tellWhose } from './request.ts';
import { createViewer, type Viewer } from './viewer.ts';

/** Milliseconds between frames: half of what an eye takes for immediate is left for the wire and the drawing. */
const pace = 25;
/** A viewer's message is a request; the longest sensible one is far smaller. */
const maxPayload = 65_536;
const maxChannels = 64;
/** Viewers who look with one token: a person's tabs, or a wall of screens. */
const maxOfOne = 32;
const maxMessagesPerTick = 160;
/** Characters of what it asked and was not answered yet. */
const maxAsked = 262_144;
/** Ticks (seconds) of quiet after which a viewer hears that the line is alive. */
const idleTicks = 5;
const pingTicks = 15;
/** Ticks after which it is said again what the viewers look at. */
const lookTicks = 10;

export interface Viewers {
  /** Takes an HTTP upgrade that the guard let pass, for one who looks. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, looker: Looker): void;
  publish(event: Event, entry: Entry): void;
  tick(): void;
  close(): void;
  /** Ends the sockets of these: what they may see has changed. */
  dismiss(who: (looker: Looker) => boolean): void;
  readonly count: number;
  /** Channels that are open for them. */
  readonly channels: number;
  /** Events that were dropped for slow viewers so far. */
  readonly dropped: number;
}

/**
 * @param look tells that somebody looks at these topics, each time for some ticks more than pass until it is said again
 * @param refused hears of what could not be answered
 */
export function createViewers(
  sorts: readonly ChannelSort[],
  maxViewers: number,
  look: (topics: readonly Topic[]) => void = () => {},
  refused: (looker: Looker, thrown: unknown) => void = () => {},
): Viewers {
  const server = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false, clientTracking: false, autoPong: false });
  const viewers = new Set<Viewer>();
  const asking = new Set<Viewer>();
  const flow = createFlow();
  let ticks = 0;
  let turns = 0;
  let immediate: NodeJS.Immediate | undefined;
  let pacing: NodeJS.Timeout | undefined;
  let answering: NodeJS.Immediate | undefined;

  const flush = (): boolean => {
    turns++;
    for (const viewer of viewers) viewer.turn(turns);
    answerSoon();
    return flow.flush() || asking.size > 0;
  };
  const keepPace = () => {
    pacing = setTimeout(() => {
      pacing = undefined;
      if (flush()) keepPace();
    }, pace);
  };
  const wake = () => {
    if (pacing || immediate || viewers.size === 0) return;
    immediate = setImmediate(() => {
      immediate = undefined;
      flush();
      keepPace();
    });
  };

  const answer = (viewer: Viewer, text: string) => {
    const request = readRequest(text, sorts);
    if ('unsubscribe' in request) {
      const member = viewer.members.get(request.unsubscribe);
      if (!member) throw new SluiceError(`live: there is no subscription "${request.unsubscribe}" to end`);
      viewer.members.delete(request.unsubscribe);
      return flow.leave(member);
    }
    const { id, sort, request: wanted, after } = request;
    tellWhose(id, () => {
      const before = viewer.members.get(id);
      if (!before && viewer.members.size >= maxChannels)
        throw new SluiceError(`live: ${maxChannels} subscriptions are the most on one socket; give several topics as an array`);
      const member = flow.join(viewer, id, sort, wanted, viewer.looker, after);
      if (before) flow.leave(before);
      viewer.members.set(id, member);
      const { topics } = member.shared.channel;
      if (topics.length > 0) look(topics);
    });
    // A channel that was opened late, or one that catches up, has news.
    wake();
  };

  /** One request of each in turn, with room between for frames: a flood of them is its sender's own loss. */
  const answerNext = () => {
    answering = undefined;
    const viewer = [...asking].find(({ mayAsk }) => mayAsk);
    // All have to read first; it is seen again each turn.
    if (!viewer) return wake();
    asking.delete(viewer);
    const text = viewer.requests.shift();
    if (viewer.requests.length > 0) asking.add(viewer);
    try {
      if (text !== undefined) answer(viewer, text);
    } catch (thrown) {
      viewer.refuse(thrown);
      refused(viewer.looker, thrown instanceof RequestError ? thrown.cause : thrown);
    }
    answerSoon();
  };
  const answerSoon = () => {
    if (asking.size > 0) answering ??= setImmediate(answerNext);
  };

  const receive = (viewer: Viewer, text: string) => {
    const asked = viewer.requests.reduce((sum, { length }) => sum + length, text.length);
    if (++viewer.messages > maxMessagesPerTick || asked > maxAsked) {
      viewer.requests.length = 0;
      return viewer.socket.close(1008, 'too many messages; subscribe once, then listen');
    }
    viewer.requests.push(text);
    asking.add(viewer);
    answerSoon();
  };

  const forget = (viewer: Viewer) => {
    viewers.delete(viewer);
    asking.delete(viewer);
    viewer.requests.length = 0;
    for (const member of viewer.members.values()) flow.leave(member);
    viewer.members.clear();
  };

  const welcome = (socket: WebSocket, raw: Duplex, looker: Looker) => {
    const viewer = createViewer(socket, raw, looker);
    viewers.add(viewer);
    socket.on('message', (data: Buffer, binary) => (binary ? socket.close(1003, 'text only, as JSON') : receive(viewer, data.toString())));
    socket.on('close', () => forget(viewer));
    // What goes wrong on a socket (too large a frame, a reset) ends that socket, and `close` follows.
    socket.on('error', () => {});
  };

  const sayAlive = (viewer: Viewer) => {
    viewer.quiet = 0;
    const said = [...viewer.members.values()].filter((member) => flow.idle(member));
    if (said.length === 0) viewer.say({});
  };

  return {
    accept(request, socket, head, looker) {
      if (viewers.size >= maxViewers)
        return refuse(socket, '503 Service Unavailable', `sluice: live: ${maxViewers} viewers are connected already; close one`);
      if (looker !== anyone && [...viewers].filter((viewer) => viewer.looker === looker).length >= maxOfOne)
        return refuse(
          socket,
          '429 Too Many Requests',
          `sluice: live: ${maxOfOne} viewers look with this token already; close one, or make another token`,
        );
      server.handleUpgrade(request, socket, head, (opened) => welcome(opened, socket, looker));
    },
    publish(event, entry) {
      if (viewers.size === 0) return;
      flow.take(event, entry);
      wake();
    },
    tick() {
      ticks++;
      flow.tick();
      wake();
      if (ticks % lookTicks === 0 && viewers.size > 0) look(flow.topics());
      for (const viewer of viewers) {
        viewer.messages = 0;
        if (++viewer.quiet >= idleTicks && viewer.waiting === 0) sayAlive(viewer);
        if (ticks % pingTicks === 0 && !viewer.isThere()) viewer.drop();
      }
    },
    dismiss(who) {
      for (const viewer of viewers) if (who(viewer.looker)) viewer.socket.close(1008, 'what may be seen here has changed; come back');
    },
    close() {
      clearImmediate(immediate);
      clearImmediate(answering);
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
    get channels() {
      return flow.size;
    },
    get dropped() {
      return flow.dropped;
    },
  };
}

/** Ends an upgrade with a plain answer. */
export function refuse(socket: Duplex, status: string, reason: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
  );
}
