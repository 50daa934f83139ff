/**
 * The channels that are open, and who is in each: what came is made into one frame for all who keep up. One who cannot take it now is
 * behind from there on, and is told where things stand once it can. All that is kept for one who waits is a number.
 *
 * events → channels → frames to their members.
 */
import type { Event, Kind, Topic } from 'sluice';
import type { Body, Channel, ChannelSort, Long } from './channel.ts';
import type { Looker } from './looker.ts';
import type { Entry } from './memory.ts';
import { canonical } from './request.ts';

/** Whoever gets frames: a viewer's socket. */
export interface Receiver {
  /** Whether it can take a frame in this turn. */
  readonly ready: boolean;
  send(frame: Frame, id: string | undefined): void;
  /** Sends a first frame, at the pace at which it is read. Until it has gone the receiver is not ready. */
  begin(first: Body | Long, id: string | undefined): void;
  /** Its request came to nothing, or its channel did. */
  fail(member: Member, thrown: unknown): void;
}

/** A body that goes to several, who may know it by different ids. Under each it is encoded once. */
export interface Frame {
  readonly body: Body;
  as(id: string | undefined): Buffer;
}

export interface Member {
  readonly receiver: Receiver;
  readonly id: string | undefined;
  readonly shared: Shared;
}

interface Shared {
  readonly key: string;
  readonly channel: Channel;
  readonly members: Map<Member, Place>;
  /** The first frame, for those who join within the same second. */
  first: { readonly body: Body | Long; readonly mark: number } | undefined;
}

/** Where a member stands. `behind` is the mark after which it got nothing. */
interface Place {
  joining: boolean;
  behind: number | undefined;
}

export interface Flow {
  /** @throws SluiceError what the channel's sort says of the request */
  join(receiver: Receiver, id: string | undefined, sort: ChannelSort, request: unknown, looker: Looker, after: string | undefined): Member;
  leave(member: Member): void;
  take(event: Event, entry: Entry): void;
  tick(): void;
  /** Sends what is new. True while there is, or was, something: then another frame may follow soon. */
  flush(): boolean;
  /** Says that nothing is new. */
  idle(member: Member): boolean;
  /** All that anyone looks at, each topic once. */
  topics(): Topic[];
  readonly size: number;
  /** Events that were left out for slow viewers so far. */
  readonly dropped: number;
}

/** A first frame smaller than this is made anew for each who joins. */
const smallFrame = 16_384;

export function createFlow(): Flow {
  const all = new Map<string, Shared>();
  /** Those that take events, by kind: most channels look on, or at one kind. Found anew when one comes or goes. */
  let takers = new Map<Kind, readonly Shared[]>();
  let droppedBefore = 0;

  const close = (shared: Shared) => {
    all.delete(shared.key);
    takers = new Map();
    droppedBefore += shared.channel.dropped ?? 0;
    shared.channel.close?.();
  };
  const leave = (member: Member) => {
    const { shared } = member;
    if (shared.members.delete(member) && shared.members.size === 0) close(shared);
  };
  /** A channel that throws ends, and no other: its members are told. */
  const guard = <Result>(shared: Shared, work: () => Result): Result | undefined => {
    try {
      return work();
    } catch (thrown) {
      const members = [...shared.members.keys()];
      shared.members.clear();
      close(shared);
      for (const member of members) member.receiver.fail(member, thrown);
      return undefined;
    }
  };

  const deliver = (shared: Shared): boolean => {
    const { channel, members } = shared;
    const { waiting } = channel;
    const takers: [Member, Place][] = [];
    let behind = false;
    for (const [member, place] of members) {
      if (!place.joining && member.receiver.ready) takers.push([member, place]);
      else {
        if (waiting) place.behind ??= channel.mark();
        behind ||= place.behind !== undefined;
      }
    }
    const frame = waiting ? createFrame(channel.next()) : undefined;
    for (const [{ receiver, id }, place] of takers) {
      if (place.behind !== undefined) {
        receiver.send(createFrame(channel.catchUp(place.behind)), id);
        place.behind = undefined;
        behind = true;
      } else if (frame) receiver.send(frame, id);
    }
    return waiting || behind;
  };

  return {
    join(receiver, id, sort, request, looker, after) {
      const key = `${sort.name}\n${looker.part}\n${canonical(request)}`;
      let shared = all.get(key);
      if (shared) deliver(shared);
      else {
        shared = { key, channel: sort.open(request, looker), members: new Map(), first: undefined };
        all.set(key, shared);
        takers = new Map();
      }
      const { channel, members } = shared;
      const member: Member = { receiver, id, shared };
      const place: Place = { joining: true, behind: undefined };
      members.set(member, place);
      const mark = channel.mark();
      const begin = (body: Body | Long, from: number) => {
        if (!members.has(member)) return;
        place.joining = false;
        place.behind = channel.mark() === from ? undefined : from;
        receiver.begin(body, id);
      };
      const known = after === undefined ? shared.first : undefined;
      if (known) {
        begin(known.body, known.mark);
        return member;
      }
      try {
        const body = channel.long?.(after) ?? channel.snapshot(after);
        if (body instanceof Promise) {
          body.then(
            (made) => begin(made, mark),
            (thrown: unknown) => {
              if (!members.has(member)) return;
              leave(member);
              receiver.fail(member, thrown);
            },
          );
        } else {
          if (after === undefined && (!Buffer.isBuffer(body) || body.length > smallFrame)) shared.first = { body, mark };
          begin(body, mark);
        }
      } catch (thrown) {
        leave(member);
        throw thrown;
      }
      return member;
    },
    leave,
    take(event, entry) {
      let found = takers.get(event.kind);
      if (!found) {
        found = [...all.values()].filter(({ channel }) => channel.take && (channel.kinds?.has(event.kind) ?? true));
        takers.set(event.kind, found);
      }
      for (const shared of found) guard(shared, () => shared.channel.take?.(event, entry));
    },
    tick() {
      for (const shared of all.values()) {
        shared.first = undefined;
        guard(shared, () => shared.channel.tick?.());
      }
    },
    flush() {
      let busy = false;
      for (const shared of all.values()) if (guard(shared, () => deliver(shared))) busy = true;
      return busy;
    },
    idle({ receiver, id, shared }) {
      const body = guard(shared, () => shared.channel.idle);
      if (body) receiver.send(createFrame(body), id);
      return body !== undefined;
    },
    topics() {
      const topics = [...all.values()].flatMap(({ channel }) => channel.topics);
      return [...new Map(topics.map((topic) => [`${topic.kind} ${topic.pattern}`, topic])).values()];
    },
    get size() {
      return all.size;
    },
    get dropped() {
      return [...all.values()].reduce((sum, { channel }) => sum + (channel.dropped ?? 0), droppedBefore);
    },
  };
}

function createFrame(body: Body): Frame {
  const encoded = new Map<string | undefined, Buffer>();
  return {
    body,
    as(id) {
      let frame = encoded.get(id);
      if (!frame) {
        frame = Buffer.concat([headOf(id), body, tail]);
        encoded.set(id, frame);
      }
      return frame;
    },
  };
}

/** What stands before a body, and after it. */
export const headOf = (id: string | undefined): Buffer => Buffer.from(id === undefined ? '{' : `{"id":${JSON.stringify(id)},`);
export const tail = Buffer.from('}');
