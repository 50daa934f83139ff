/**
 * One viewer: a WebSocket, and how fast it reads. Nothing waits here for it but what its socket has taken, and a first frame that is
 * poured into it bit by bit.
 *
 * frames → socket. While more than `fullSocket` bytes are unread it gets nothing, and each time that this is so its turns become
 * rarer: from each turn to each 32nd, so that one who cannot keep up is told of more at once and less often, and not more than it can
 * read. Once it has read all, they come more often again.
 */
import type { Duplex } from 'node:stream';
import { messageOf } from 'sluice';
import type { WebSocket } from 'ws';
import { headOf, type Member, type Receiver, tail } from './flow.ts';
import type { Looker } from './looker.ts';
import { createPour } from './pour.ts';
import { RequestError } from './request.ts';

/** Bytes in a viewer's socket, beside what the kernel took, past which it is slow. */
const fullSocket = 65_536;
/**
 * Bytes that may be on their way to it. The kernels at both ends take megabytes before this process sees that nobody reads, so a ping
 * goes out behind every `asksEvery` bytes: its answer says that all before it was read. Of a first frame little is given until the first
 * answer, and twice as much after each, so that one who never reads costs next to nothing, also each time that it comes again.
 */
const window = { first: 65_536, largest: 1_048_576 };
const asksEvery = 32_768;
/** Times, 15 s each, that it may leave a question unanswered. */
const patience = 2;
/** Turns between two frames of the slowest: 0.8 s at 25 ms each. */
const rarest = 32;
/** A body that is smaller is copied behind each id; a larger one is sent as it is, in a message of several fragments. */
const smallBody = 65_536;

export interface Viewer extends Receiver {
  readonly looker: Looker;
  readonly socket: WebSocket;
  readonly members: Map<string | undefined, Member>;
  /** What it asked and was not looked at yet. */
  readonly requests: string[];
  /** Messages in this second. */
  messages: number;
  /** Seconds without a frame. */
  quiet: number;
  /** A turn begins: every 25 ms while there is news. */
  turn(count: number): void;
  say(value: unknown): void;
  /** Says what is wrong with what it asked. */
  refuse(thrown: unknown): void;
  /** Whether it answered any question of the last half a minute; and asks anew. Called each 15 s. */
  isThere(): boolean;
  /** Bytes that wait in this process. */
  readonly waiting: number;
  /** Whether it has read enough of earlier answers to be given more. */
  readonly mayAsk: boolean;
  /** Ends it at once, and what the kernel holds for it. */
  drop(): void;
}

export function createViewer(socket: WebSocket, raw: Duplex, looker: Looker): Viewer {
  let sent = 0;
  let every = 1;
  let mine = true;
  /** A first frame may be larger than what one may be late with: reading it is not slowness. */
  let reading = false;
  let questions = 0;
  /** What had been sent when a question was; those without an answer, oldest first. */
  const asked = new Map<string, number>();
  let read = 0;
  let askedAt = 0;
  let room = window.first;
  let misses = 0;
  let said: string[] = [];
  const write = (text: string) => socket.send(text, { binary: false });
  const ask = () => {
    if (socket.readyState !== socket.OPEN) return;
    askedAt = sent;
    asked.set(`${++questions}`, sent);
    socket.ping(`${questions}`);
  };
  const give = (bytes: number) => {
    sent += bytes;
    if (sent - askedAt >= asksEvery) ask();
  };
  const hasRoom = (most: number) => sent - read <= most && socket.bufferedAmount <= fullSocket;
  const pour = createPour({
    socket,
    hasRoom: () => hasRoom(room),
    given: give,
    over() {
      const late = said;
      said = [];
      late.forEach(write);
    },
  });
  const waiting = () => socket.bufferedAmount + pour.left;

  socket.on('pong', (answer: Buffer) => {
    const until = asked.get(answer.toString());
    // One that nobody asked for is no answer.
    if (until === undefined) return;
    for (const [question, at] of asked) if (at <= until) asked.delete(question);
    read = until;
    room = Math.min(window.largest, room * 2);
    misses = 0;
    pour.feed();
  });
  socket.on('ping', (asked: Buffer) => {
    // Answers to one who never reads them would pile up.
    viewer.messages++;
    if (waiting() <= fullSocket) socket.pong(asked);
  });

  const viewer: Viewer = {
    looker,
    socket,
    members: new Map(),
    requests: [],
    messages: 0,
    quiet: 0,
    get ready() {
      return mine && !pour.busy && socket.readyState === socket.OPEN && hasRoom(window.largest);
    },
    turn(count) {
      mine = count % every === 0;
      if (!mine) return;
      if (!pour.busy && hasRoom(window.largest)) {
        if (waiting() === 0 && every > 1) every /= 2;
        reading = false;
      } else if (!reading && every < rarest) every *= 2;
    },
    begin(first, id) {
      viewer.quiet = 0;
      reading = true;
      pour.add(first, id);
    },
    send(frame, id) {
      if (socket.readyState !== socket.OPEN) return;
      viewer.quiet = 0;
      if (frame.body.length < smallBody) {
        socket.send(frame.as(id), { binary: false });
        return give(frame.body.length);
      }
      raw.cork();
      socket.send(headOf(id), { binary: false, fin: false });
      socket.send(frame.body, { binary: false, fin: false });
      socket.send(tail, { binary: false, fin: true });
      give(frame.body.length);
      raw.uncork();
    },
    say(value) {
      const text = JSON.stringify(value);
      // Within a message of several fragments there is room for nothing else.
      if (pour.busy) said.push(text);
      else write(text);
      give(text.length);
    },
    fail(member, thrown) {
      const { id } = member;
      if (viewer.members.get(id) === member) viewer.members.delete(id);
      viewer.say({ ...(id !== undefined && { id }), error: messageOf(thrown) });
    },
    refuse(thrown) {
      const id = thrown instanceof RequestError ? thrown.id : undefined;
      viewer.say({ ...(id !== undefined && { id }), error: messageOf(thrown) });
    },
    isThere() {
      if (asked.size > 0) misses++;
      ask();
      return misses < patience;
    },
    get waiting() {
      return waiting();
    },
    get mayAsk() {
      return pour.left <= window.largest && hasRoom(window.largest);
    },
    drop() {
      // A reset, since what was sent and never read would be held by the kernel for minutes.
      if ('resetAndDestroy' in raw && typeof raw.resetAndDestroy === 'function') raw.resetAndDestroy();
      else socket.terminate();
    },
  };
  return viewer;
}
