/**
 * A node that several processes share: each runs an instance of it, works out its own share of the partitions, takes those that
 * nobody holds any more, and lets go of those that are another's. Nothing is lost or doubled by being wrong about who is there:
 * that is decided by each partition's changelog (`owner.ts`). Being wrong only costs a move.
 */
import { randomBytes } from 'node:crypto';
import { ConfigError, messageOf } from '../../errors.ts';
import type { Delivery as Class } from '../../kinds.ts';
import { kinds } from '../../kinds.ts';
import type { Context, Placed, Running } from '../context.ts';
import { topicsOf } from '../graph.ts';
import { type Home, partitionHome } from './home.ts';
import { joinMembers, type Members } from './members.ts';
import { Fenced, own } from './owner.ts';
import { sharesOf } from './share.ts';

/** How long a partition that is another's by now may take to let go before it is taken from it, and that one to finish, in ms. */
const handOverMs = 10_000;
const finishMs = 5000;
/** After a failure a partition is left alone for so long, and a part of it more, so that two do not take it from each other in step. */
const restMs = 2000;

const memberBytes = 1024 * 1024;
/** Of what a partition remembers, three times over: the summary before, the steps since, and the next. */
const changelogBytes = 256 * 1024 * 1024;
const largest = changelogBytes / 4;

/** A partition at work here. */
export interface Working {
  /** Handles what it was given, and lets go of its input; at once where `abandon`. */
  close(abandon?: boolean): Promise<void>;
}

/** Whether several processes may share it: over a broker. In a process of its own one has all of it, and keeps it as ever. */
export const isShared = ({ bus }: Context, { partitions }: Placed): boolean => partitions !== undefined && bus.sharing !== undefined;

type Place =
  | { readonly is: 'elsewhere'; notBefore: number; wantedSince: number | undefined }
  | { readonly is: 'here'; leave: () => Promise<void> };

/** @param open starts to work over what a partition remembers */
export async function runInstance(context: Context, placed: Placed, open: (home: Home) => Promise<Working>): Promise<Running> {
  const { bus, clock, origin, report } = context;
  const { name, health, partitions: count = 1 } = placed;
  const { sharing } = bus;
  if (!sharing) throw new ConfigError(`${name}: its bus has nothing to share; leave out partitions`);
  const me = `${origin.host.slice(0, 100)}/${origin.bootid}`;
  const by = placed.node.sort === 'filter' && placed.node.shard === 'partitionkey' ? 'partitionkey' : 'source';
  const topics = topicsOf(placed.reads);
  // Of state every reader has all, and picks its own.
  for (const travel of new Set(topics.map(({ kind }) => kinds[kind].delivery).filter((each) => each !== 'state'))) {
    const own = topics.filter(({ kind }) => kinds[kind].delivery === travel);
    await sharing.prepare({ topics: own, queue: { name: queueName(name, travel) }, prefetch: 1, part: { index: 0, count, by } });
  }

  const places = Array.from({ length: count }, (): Place => ({ is: 'elsewhere', notBefore: 0, wantedSince: undefined }));
  const holds = (): number[] => places.flatMap((place, index) => (place.is === 'here' ? [index] : []));
  let stopping = false;
  let members: Members | undefined;

  const told = (): void => {
    health.holds(count, holds());
    members?.tell();
  };
  /** Takes a partition and works on it until it ends, or is left. */
  const take = async (index: number): Promise<void> => {
    const changelog = sharing.changelog(`sluice.${name}.changelog.${index}of${count}`, changelogBytes);
    let finish: (() => Promise<void>) | undefined;
    let wanted = true;
    const place: Place = {
      is: 'here',
      leave() {
        wanted = false;
        return finish?.() ?? Promise.resolve();
      },
    };
    places[index] = place;
    told();
    let rest = 0;
    try {
      let said = false;
      const summed = (bytes: number): void => {
        if (said || bytes < largest) return;
        said = true;
        const size = Math.round(bytes / 1048576);
        report(
          'error',
          `${name}: partition ${index} remembers ${size} MB, more than its changelog is sure to hold; delete its queues and give it more partitions`,
        );
      };
      const owned = await own({ changelog, clock, by: `${me}/${randomBytes(6).toString('hex')}`, summed });
      const home = await partitionHome(context, placed, owned, { index, count, by });
      const working = await open(home);
      let finishing: Promise<void> | undefined;
      finish = () => {
        finishing ??= Promise.race([working.close(), clock.sleep(finishMs)]).then(owned.close);
        return finishing;
      };
      health.running();
      if (!wanted) await finish();
      await owned.ended;
      // Also where it was finished in time: now whoever comes next gets what is left of its input.
      await working.close(true);
      home.leave();
    } catch (thrown) {
      if (!(thrown instanceof Fenced) && !stopping) report('error', `${name}: partition ${index}: ${messageOf(thrown)}`);
      await changelog.close();
      rest = restMs * (1 + Math.random());
    }
    places[index] = { is: 'elsewhere', notBefore: clock.monotonic() + rest, wantedSince: undefined };
    told();
    review();
  };
  /** Compares what is here with what should be. */
  const review = (): void => {
    if (stopping || !members) return;
    const now = clock.monotonic();
    const present = members.present();
    // Who is not heard, or not for long, does not know its share. It holds on to what it has: were that taken from it, it would read so.
    if (!present.some(({ by: id, ready }) => id === me && ready)) return;
    const shares = sharesOf(
      present.filter(({ ready }) => ready).map(({ by: id }) => id),
      count,
    );
    for (const [index, place] of places.entries()) {
      const wanted = shares[index] === me;
      if (place.is === 'here') {
        if (!wanted) void place.leave();
        continue;
      }
      if (!wanted) {
        place.wantedSince = undefined;
        continue;
      }
      place.wantedSince ??= now;
      const held = present.some(({ by: id, holds: theirs }) => id !== me && theirs.includes(index));
      if (now < place.notBefore || (held && now - place.wantedSince < handOverMs)) continue;
      void take(index);
    }
  };

  const meetings = sharing.changelog(`sluice.${name}.members.of${count}`, memberBytes);
  health.holds(count, []);
  members = await joinMembers({ changelog: meetings, clock, me, host: origin.host, holds, changed: review });
  health.running();
  return {
    placed,
    async stop() {
      stopping = true;
      await Promise.all(places.map((place) => (place.is === 'here' ? place.leave() : undefined)));
      health.stopped();
      members?.leave();
      // What was appended last must be on its way before its channel ends.
      await clock.sleep(50);
      await meetings.close();
    },
  };
}

export const queueName = (name: string, travel: Class): string => `sluice.${name}.${travel}`;
