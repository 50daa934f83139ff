/**
 * Sends long frames to one viewer bit by bit, each bit once it has room for it. What a frame lists stays where it is remembered: one that
 * is never read holds no copy of it.
 *
 * a long frame → a WebSocket message of several fragments. Nothing else may be said to the viewer until `busy` is over.
 */
import { SluiceError } from 'sluice';
import type { WebSocket } from 'ws';
import type { Body, Long } from './channel.ts';
import { headOf, tail } from './flow.ts';

/** Bytes that are copied at a time. */
const chunkBytes = 32_768;
/** Frames that may wait for each other: as many as one viewer may have asked for. */
const maxWaiting = 64;

export interface Pour {
  /** Gives more, as far as there is room. */
  feed(): void;
  add(first: Body | Long, id: string | undefined): void;
  readonly busy: boolean;
  /** Bytes that were not given to the socket yet. */
  readonly left: number;
}

export interface Pouring {
  readonly socket: WebSocket;
  /** Whether it may be given more now. */
  hasRoom(): boolean;
  /** So many bytes were given. */
  given(bytes: number): void;
  /** All was given. */
  over(): void;
}

export function createPour({ socket, hasRoom, given, over }: Pouring): Pour {
  const frames: { readonly chunks: Generator<Chunk, void>; left: number }[] = [];

  const feed = () => {
    for (let frame = frames[0]; frame && socket.readyState === socket.OPEN && hasRoom(); frame = frames[0]) {
      const chunk = frame.chunks.next().value;
      if (!chunk) break;
      frame.left -= chunk.data.length;
      if (chunk.last) frames.shift();
      socket.send(chunk.data, { binary: false, fin: chunk.last }, feed);
      given(chunk.data.length);
      if (frames.length === 0) over();
    }
  };

  return {
    feed,
    add(first, id) {
      if (frames.length >= maxWaiting) throw new SluiceError('live: too much was asked for at once; read what comes first');
      frames.push({ chunks: chunksOf(first, id), left: Buffer.isBuffer(first) ? first.length : first.bytes });
      if (frames.length === 1) feed();
    },
    get busy() {
      return frames.length > 0;
    },
    get left() {
      return frames.reduce((sum, frame) => sum + Math.max(1, frame.left), 0);
    },
  };
}

interface Chunk {
  readonly data: Buffer;
  readonly last: boolean;
}

function* chunksOf(first: Body | Long, id: string | undefined): Generator<Chunk, void> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for (const part of partsOf(first, id)) {
    if (bytes > 0 && bytes + part.length > chunkBytes) {
      yield { data: parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts), last: false };
      parts = [];
      bytes = 0;
    }
    parts.push(part);
    bytes += part.length;
  }
  yield { data: Buffer.concat(parts), last: true };
}

function* partsOf(first: Body | Long, id: string | undefined): Generator<Buffer, void> {
  yield headOf(id);
  if (Buffer.isBuffer(first)) yield first;
  else yield* first.parts();
  yield tail;
}
