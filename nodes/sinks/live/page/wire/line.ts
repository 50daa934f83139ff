/**
 * The line to sluice: one WebSocket for all that the page asks for. It comes back by itself, says honestly whether it is there, and asks
 * again for everything that is still wanted, from where each stream stood.
 *
 * requests → frames, each to whoever asked for it.
 */
import { type Cell, cell } from '../parts/cell.ts';
import { now, setServerTime } from '../parts/time.ts';

export type LineState =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** `retry` is when the next attempt comes, in milliseconds since 1970. */
  | { readonly state: 'lost'; readonly since: number; readonly retry: number };

/** What every frame may carry beside what its sort says. */
export interface Frame {
  readonly error?: string;
  /** Where the stream stands: what it goes on from after a break. */
  readonly last?: string;
  /** After a break: how much of what came meanwhile is in this frame. */
  readonly resumed?: 'all' | 'some' | 'none';
}

export interface Note {
  /** The first frame of an answer: a snapshot. It comes again after each break, and replaces what was known unless `resumed` says otherwise. */
  readonly first: boolean;
  /** Milliseconds since 1970 when this stream was last heard before the break that is over now; undefined without one. */
  readonly silentSince: number | undefined;
}

export type Hear<Each> = (frame: Each & Frame, note: Note) => void;

export interface Line {
  readonly state: Cell<LineState>;
  /** Asks for `{"<sort>": request}`, again after each break, until `end` is called. */
  ask<Each = unknown>(request: Readonly<Record<string, unknown>>, hear: Hear<Each>): () => void;
}

export interface LineOptions {
  /** Opens a socket; may take its time, as for a ticket. Rejects when there is none to be had now. */
  readonly open?: () => WebSocket | Promise<WebSocket>;
}

/** sluice speaks at least each 5 s: after this long the line is dead, whatever the browser thinks. */
const silence = 15_000;
const firstRetry = 500;
const lastRetry = 10_000;

interface Stream {
  readonly request: Readonly<Record<string, unknown>>;
  readonly hear: Hear<unknown>;
  last: string | undefined;
  /** When it was heard last; undefined before the first frame. */
  heard: number | undefined;
  /** Nothing was heard since it was asked for on this socket. */
  fresh: boolean;
  /** It was refused, or came to an end: on this socket there is nothing to leave. */
  over: boolean;
}

export function createLine({ open = openSocket }: LineOptions = {}): Line {
  const state = cell<LineState>({ state: 'connecting' });
  const streams = new Map<string, Stream>();
  let socket: WebSocket | undefined;
  let attempts = 0;
  let count = 0;
  let retrying: ReturnType<typeof setTimeout> | undefined;

  const send = (value: unknown) => {
    if (socket?.readyState === 1) socket.send(JSON.stringify(value));
  };
  const askFor = (id: string, stream: Stream) => {
    stream.fresh = true;
    stream.over = false;
    send({ id, ...stream.request, ...(stream.last !== undefined && { after: stream.last }) });
  };
  const hear = (frame: Frame & { readonly id?: string }) => {
    const stream = frame.id === undefined ? undefined : streams.get(frame.id);
    if (!stream) {
      // Of a stream that ended frames may still be under way.
      if (frame.id === undefined && frame.error !== undefined) console.error(frame.error);
      return;
    }
    const note = { first: stream.fresh, silentSince: stream.fresh ? stream.heard : undefined };
    stream.fresh = false;
    stream.over = frame.error !== undefined;
    stream.last = frame.last ?? stream.last;
    stream.heard = now();
    stream.hear(frame, note);
  };

  const lose = () => {
    socket = undefined;
    const wait = Math.min(lastRetry, firstRetry * 2 ** attempts++) * (0.8 + 0.4 * Math.random());
    const since = state.value.state === 'lost' ? state.value.since : now();
    state.set({ state: 'lost', since, retry: now() + wait });
    retrying = setTimeout(connect, wait);
  };

  const follow = (opened: WebSocket) => {
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      clearTimeout(watchdog);
      opened.close();
      lose();
    };
    const watch = () => {
      clearTimeout(watchdog);
      // Closing a line that is dead takes the browser its time; the next one need not wait for it.
      watchdog = setTimeout(end, silence);
    };
    const begin = () => {
      socket = opened;
      attempts = 0;
      state.set({ state: 'live' });
      for (const [id, stream] of streams) askFor(id, stream);
    };
    watch();
    opened.onmessage = ({ data }: MessageEvent<string>) => {
      if (over) return;
      watch();
      hear(JSON.parse(data) as Frame);
    };
    opened.onclose = end;
    if (opened.readyState === 1) begin();
    else opened.onopen = begin;
  };

  const connect = async () => {
    retrying = undefined;
    try {
      follow(await open());
    } catch {
      lose();
    }
  };
  /** What kept the page from its server may be over: no need to wait. */
  const hasten = () => {
    if (retrying === undefined) return;
    clearTimeout(retrying);
    void connect();
  };
  if (typeof addEventListener === 'function') addEventListener('online', hasten);
  void connect();

  return {
    state,
    ask(request, hear) {
      const id = `a${++count}`;
      const stream: Stream = { request, hear: hear as Hear<unknown>, last: undefined, heard: undefined, fresh: true, over: false };
      streams.set(id, stream);
      askFor(id, stream);
      return () => {
        if (streams.delete(id) && !stream.over) send({ unsubscribe: id });
      };
    },
  };
}

/** The page's own socket. Its server's clock is asked for at the same time: ages are told by that. */
function openSocket(): WebSocket {
  const socket = new WebSocket(new URL('api/live', location.href.replace(/^http/, 'ws')));
  socket.addEventListener('open', () => {
    fetch('healthz', { cache: 'no-store' }).then(
      (answer) => setServerTime(answer.headers.get('date')),
      () => {},
    );
  });
  return socket;
}
