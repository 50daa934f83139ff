/**
 * A connection that comes back by itself: amqplib's recovery, with several addresses taken in turn, a slower knock where the
 * broker said no, and an end that no hanging broker can delay.
 */
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

/** A connection that comes back by itself. */
export function openLink({ connect, addresses, credentials, clock, setup, up, down, blocked, away }: LinkOptions): Link {
  const { ca, ...login } = credentials;
  let at = 0;
  let model: Connection | undefined;
  let closed = false;
  let refused = false;
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
      timeout: 10_000,
      noDelay: true,
      keepAlive: true,
      ...(ca !== undefined && { ca }),
      clientProperties: { connection_name: 'sluice' },
      recovery: {
        waitForConnect: false,
        setup: async (fresh: Connection) => {
          fresh.on('error', () => {});
          model = fresh;
          await setup(fresh);
        },
        calculateDelay: (attempt: number) => (refused ? refusedEvery * (0.8 + Math.random() * 0.4) : backOff(attempt - 1)),
      },
    },
  );
  const ready = opening.then((recovering) => {
    recovering.on('error', () => {});
    recovering.on('connect', (fresh) => {
      refused = false;
      model = fresh;
      up(fresh);
    });
    recovering.on('connect-failed', (error) => {
      model = undefined;
      at++;
      refused = isRefusal(error);
      if (!closed) away(error);
    });
    recovering.on('disconnect', (error) => {
      model = undefined;
      refused = false;
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

/** amqplib ends a connection only by agreement; a dead one cannot agree, so its socket is taken away. */
function destroy(model: Connection | undefined, reason: string): void {
  socketOf(model)?.destroy(new Error(reason));
}

/** What amqplib has, and does not declare. */
function socketOf(model: Connection | undefined): { readonly localAddress?: string; destroy(error: Error): void } | undefined {
  return (model?.connection as { stream?: { localAddress?: string; destroy(error: Error): void } } | undefined)?.stream;
}
