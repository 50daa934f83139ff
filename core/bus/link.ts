/**
 * A connection that comes back by itself: amqplib's recovery, with several addresses taken in turn, those of one name too, a
 * slower knock where every broker said no, and no step that a hanging broker can hold up.
 *
 * Each process begins anywhere in its list, so that a fleet spreads over a cluster, and goes on to the next after each loss.
 */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Identity } from '../identity.ts';
import type { Address } from './address.ts';
import { backOff } from './backoff.ts';
import type { Connect, Connection } from './rabbitmq.ts';
import { replyCode } from './topology.ts';

/** Milliseconds between tries while the broker refuses us: it will not change its mind soon, and it writes each one down. */
const refusedEvery = 30_000;
/** Milliseconds that a broker has to answer our farewell. */
const farewell = 1000;
/** Milliseconds that a broker has for the handshake, and then for all that is asked and declared before anything is sent. */
const handshakeLimit = 10_000;
const setupLimit = 30_000;
/** Milliseconds for each address of a name before the next is tried beside it. Node's own 250 are short of a round trip by satellite. */
const attempts = { autoSelectFamilyAttemptTimeout: 2000 };

/** The broker answered, and said no: to the user, the virtual host or a declaration. */
export function isRefusal(thrown: unknown): boolean {
  return replyCode(thrown) === 403 || /ACCESS.REFUSED|NOT_ALLOWED|SASL/.test(messageOf(thrown));
}

export interface LinkOptions {
  /** amqplib's own. */
  readonly connect: Connect;
  readonly addresses: readonly Address[];
  /** With the authority that a broker's certificate must come from, where that is not one of the system's. */
  readonly credentials: Identity;
  readonly clock: Clock;
  /** How names become addresses. Default: the system's way. */
  readonly resolve?: typeof lookup;
  /** Run on each new connection, before it counts as one. */
  setup(model: Connection): Promise<void>;
  up(model: Connection): void;
  down(error: Error): void;
  blocked(reason: string | undefined): void;
  away(error: Error): void;
}

export interface Link {
  model(): Connection | undefined;
  /** Both ends of the connection, while there is one. */
  via(): { readonly broker: string; readonly address?: string } | undefined;
  /** Ends the connection without asking the other side, which then is connected anew. */
  drop(reason: string): void;
  close(): Promise<void>;
}

/** SASL's EXTERNAL: the broker knows us by our certificate, and nothing else is said. */
const byCertificate = { mechanism: 'EXTERNAL', response: () => Buffer.alloc(0) };

/** A connection that comes back by itself. */
export function openLink({ connect, addresses, credentials, clock, resolve = lookup, setup, up, down, blocked, away }: LinkOptions): Link {
  const { ca, certificate, key, ...login } = credentials;
  let at = Math.floor(Math.random() * addresses.length);
  let model: Connection | undefined;
  let closed = false;
  // How many in a row said no: while another may say yes, there is no reason to be slow.
  let refusals = 0;
  const target = () => addresses[at % addresses.length] as Address;
  const opening = connect(
    // Read at each attempt, so that the addresses take turns.
    {
      get protocol() {
        return target().protocol;
      },
      get hostname() {
        return target().hostname;
      },
      get port() {
        return target().port;
      },
      get vhost() {
        return target().vhost;
      },
      ...login,
      heartbeat: 5,
    },
    {
      timeout: handshakeLimit,
      noDelay: true,
      keepAlive: true,
      lookup: turning(resolve, () => Math.floor(at / addresses.length)),
      ...attempts,
      ...(ca !== undefined && { ca }),
      ...(certificate !== undefined && { cert: certificate, key, credentials: byCertificate }),
      clientProperties: { connection_name: 'sluice' },
      recovery: {
        waitForConnect: false,
        setup: async (fresh: Connection) => {
          fresh.on('error', () => {});
          model = fresh;
          const late = clock.after(setupLimit, () => destroy(fresh, 'it does not answer what is asked of it'));
          try {
            await setup(fresh);
          } catch (thrown) {
            await part(fresh, clock);
            throw thrown;
          } finally {
            late();
          }
        },
        calculateDelay: (attempt: number) =>
          refusals >= addresses.length ? refusedEvery * (0.8 + Math.random() * 0.4) : backOff(attempt - 1),
      },
    },
  );
  const ready = opening.then((recovering) => {
    recovering.on('error', () => {});
    recovering.on('connect', (fresh) => {
      refusals = 0;
      model = fresh;
      up(fresh);
    });
    recovering.on('connect-failed', (error) => {
      model = undefined;
      at++;
      refusals = isRefusal(error) ? refusals + 1 : 0;
      if (!closed) away(error);
    });
    recovering.on('disconnect', (error) => {
      model = undefined;
      at++;
      if (!closed) down(error);
    });
    recovering.on('blocked', (reason) => blocked(reason));
    recovering.on('unblocked', () => blocked(undefined));
    return recovering;
  });
  return {
    model: () => model,
    via() {
      if (!model) return undefined;
      const { hostname, port } = target();
      const { localAddress } = socketOf(model) ?? {};
      return { broker: `${hostname}:${port}`, ...(localAddress !== undefined && { address: localAddress }) };
    },
    drop: (reason) => destroy(model, reason),
    async close() {
      closed = true;
      const last = model;
      model = undefined;
      const recovering = await ready;
      await new Promise<void>((resolve) => {
        // A broker that hangs never answers, and amqplib would wait for ever.
        const cancel = clock.after(farewell, resolve);
        const done = () => {
          cancel();
          resolve();
        };
        recovering.close().then(done, done);
      });
      destroy(last, 'closed');
    },
  };
}

/** Looks a name up as usual, and turns what it finds: an address that takes connections and then says nothing has had its turn. */
const turning =
  (resolve: typeof lookup, turn: () => number): LookupFunction =>
  (hostname, options, callback) =>
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const first = turn() % Math.max(1, found.length);
      const turned = [...found.slice(first), ...found.slice(0, first)];
      const [one] = turned;
      if (options.all || !one) callback(null, turned);
      else callback(null, one.address, one.family);
    });

/** Says farewell, and leaves whether it is answered or not: amqplib would wait for ever. */
async function part(model: Connection, clock: Clock): Promise<void> {
  await Promise.race([model.close().catch(() => {}), clock.sleep(farewell)]);
  destroy(model, 'closed');
  await new Promise((resolve) => setImmediate(resolve));
}

/** amqplib ends a connection only by agreement; a dead one cannot agree, so its socket is taken away. */
function destroy(model: Connection | undefined, reason: string): void {
  socketOf(model)?.destroy(new Error(reason));
}

/** What amqplib has, and does not declare. */
function socketOf(model: Connection | undefined): { readonly localAddress?: string; destroy(error: Error): void } | undefined {
  return (model?.connection as { stream?: { localAddress?: string; destroy(error: Error): void } } | undefined)?.stream;
}
