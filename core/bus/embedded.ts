/**
 * The bus inside one process, and the default: nothing to install. A topic exchange per kind, queues by name.
 *
 * publish → every queue that wants it; resolved when each of them has acknowledged it or let it go. That makes a spool's
 * replay after `kill -9` complete, and it is the back-pressure: of a `durable` kind a queue needs no bound of its own, since
 * its publishers wait until what they gave is handled. `telemetry` and `heartbeat` queues drop what is past their bound and has
 * waited for too long, viewers' queues what is past their bound.
 *
 * Limits: what was in flight and in no spool is lost with the process, and so are the queues of absent readers.
 */
import type { Clock } from '../clock.ts';
import { Reject, SluiceError } from '../errors.ts';
import type { Topic } from '../event.ts';
import { type Matcher, matcher } from '../key.ts';
import { type Kind, kindNames, kinds } from '../kinds.ts';
import type { Bus, Message, Subscribed, Subscription } from './bus.ts';
import { checkMessage, checkSubscription } from './check.ts';
import { type Bounds, createQueue, type Item, type Queue } from './queue.ts';

export interface EmbeddedLimits {
  /** Bytes that one queue of telemetry, heartbeats or state may hold; and milliseconds that it may hold more. */
  readonly queueBytes: number;
  readonly patience: number;
  readonly viewerMessages: number;
  readonly viewerBytes: number;
  /** Bytes of the last of each key that are kept for late joiners. */
  readonly stateBytes: number;
}

export interface EmbeddedOptions {
  readonly clock: Clock;
  readonly limits?: Partial<EmbeddedLimits>;
  report?(level: 'info' | 'warn' | 'error', message: string): void;
}

const defaults: EmbeddedLimits = {
  queueBytes: 64 * 1024 * 1024,
  patience: 30_000,
  viewerMessages: 1000,
  viewerBytes: 8 * 1024 * 1024,
  stateBytes: 32 * 1024 * 1024,
};

/** How many keys an exchange remembers the way of. Keys are an outsider's to choose: past it, all are forgotten. */
const maxRoutes = 10_000;
const never = Number.POSITIVE_INFINITY;

/** A kind's exchange. `routes` is what the bindings say of keys seen lately; `last` is kept for kinds that are state. */
interface Exchange {
  bindings: { readonly match: Matcher; readonly pattern: string; readonly queue: Queue }[];
  readonly routes: Map<string, readonly Queue[]>;
  readonly last: Map<string, { readonly message: Message; readonly due: number }>;
  lastBytes: number;
}

export function embeddedBus({ clock, limits, report = () => {} }: EmbeddedOptions): Bus {
  const limit = { ...defaults, ...limits };
  const exchanges = Object.fromEntries(
    kindNames.map((kind) => [kind, { bindings: [], routes: new Map(), last: new Map(), lastBytes: 0 }]),
  ) as unknown as Record<Kind, Exchange>;
  const named = new Map<string, { readonly queue: Queue; readonly travels: string }>();
  const all = new Set<Queue>();
  const viewers = new WeakSet<Queue>();
  const endings = new Set<() => void>();
  const pending = new Set<(error: Error) => void>();
  const watchers: ((connected: boolean) => void)[] = [];
  const listeners: ((topics: readonly Topic[]) => void)[] = [];
  let state: 'open' | 'closing' | 'closed' = 'open';
  let drained: (() => void) | undefined;
  let own = 0;

  // Deliveries never run on a publisher's stack: queues with something to do are visited from the event loop.
  const ready = new Set<Queue>();
  let visiting = false;
  const visit = () => {
    visiting = false;
    const now = [...ready];
    ready.clear();
    for (const queue of now) if (state === 'open' && queue.drain()) schedule(queue);
    if (state === 'closing') drained?.();
  };
  const schedule = (queue: Queue) => {
    ready.add(queue);
    if (visiting) return;
    visiting = true;
    setImmediate(visit);
  };

  const create = (name: string, bounds: Bounds): Queue => {
    const queue = createQueue({ name, bounds, clock, schedule, report: (message) => report('error', `bus: ${message}`) });
    all.add(queue);
    return queue;
  };
  const bind = (kind: Kind, pattern: string, queue: Queue) => {
    const exchange = exchanges[kind];
    if (exchange.bindings.some((binding) => binding.queue === queue && binding.pattern === pattern)) return;
    exchange.bindings.push({ match: matcher(pattern), pattern, queue });
    exchange.routes.clear();
  };
  const remove = (queue: Queue) => {
    for (const exchange of Object.values(exchanges)) {
      exchange.bindings = exchange.bindings.filter((binding) => binding.queue !== queue);
      exchange.routes.clear();
    }
    all.delete(queue);
    queue.clear();
  };

  const route = (exchange: Exchange, key: string): readonly Queue[] => {
    const known = exchange.routes.get(key);
    if (known) return known;
    if (exchange.routes.size >= maxRoutes) exchange.routes.clear();
    const found = [...new Set(exchange.bindings.filter(({ match }) => match(key)).map(({ queue }) => queue))];
    exchange.routes.set(key, found);
    return found;
  };
  const routeAll = (exchange: Exchange, [first = '', ...rest]: readonly string[]): readonly Queue[] =>
    rest.length === 0 ? route(exchange, first) : [...new Set([first, ...rest].flatMap((key) => route(exchange, key)))];

  const remember = (exchange: Exchange, message: Message, due: number) => {
    const forget = (key: string) => {
      exchange.lastBytes -= exchange.last.get(key)?.message.body.length ?? 0;
      exchange.last.delete(key);
    };
    for (const key of message.keys) {
      forget(key);
      exchange.last.set(key, { message, due });
      exchange.lastBytes += message.body.length;
    }
    for (const key of exchange.last.keys()) {
      if (exchange.lastBytes <= limit.stateBytes) break;
      forget(key);
    }
  };
  /** The last of each key that a reader of these topics wants, oldest first, each message once. */
  const recall = (subscription: Subscription): Item[] => {
    const found = new Map<Message, number>();
    for (const { kind, pattern } of subscription.topics) {
      const match = matcher(pattern);
      for (const [key, { message, due }] of exchanges[kind].last) if (match(key)) found.set(message, due);
    }
    return [...found].map(([message, due]) => ({ message, due, delivered: false, gone: () => {} }));
  };

  const open = (subscription: Subscription): { queue: Queue; private: boolean } => {
    const travels = checkSubscription(subscription);
    const viewer = subscription.queue === 'viewer';
    if (viewer || travels === 'state') {
      const name = viewer ? `viewer ${++own}` : `state ${++own}`;
      const bounds = viewer
        ? { messages: limit.viewerMessages, bytes: limit.viewerBytes, patience: 0 }
        : { messages: never, bytes: limit.queueBytes, patience: 0 };
      const queue = create(name, bounds);
      if (viewer) viewers.add(queue);
      return { queue, private: true };
    }
    const { name } = subscription.queue as { name: string };
    const known = named.get(name);
    if (known && known.travels !== travels) throw new Reject(`bus: queue ${name} carries ${known.travels} kinds; name another for these`);
    const queue =
      known?.queue ??
      create(name, {
        messages: never,
        bytes: travels === 'durable' ? never : limit.queueBytes,
        patience: limit.patience,
      });
    named.set(name, { queue, travels });
    return { queue, private: false };
  };
  const publish = (message: Message): Promise<void> => {
    const exchange = exchanges[message.kind];
    const due = message.expires === undefined ? never : clock.monotonic() + message.expires;
    if (kinds[message.kind].delivery === 'state') remember(exchange, message, due);
    const queues = routeAll(exchange, message.keys);
    return new Promise((resolve, reject) => {
      let left = 1;
      const gone = () => {
        if (--left > 0) return;
        pending.delete(reject);
        resolve();
      };
      for (const queue of queues) {
        const viewer = viewers.has(queue);
        if (!viewer && left++ === 1) pending.add(reject);
        queue.put({ message, due, delivered: false, gone: viewer ? () => {} : gone });
      }
      gone();
    });
  };

  return {
    name: 'embedded',
    window: { messages: 100_000, bytes: limit.queueBytes * 2 },
    get connected() {
      return state === 'open';
    },
    publish(message) {
      // Not an async function: at this rate its second promise would show.
      try {
        if (state !== 'open') throw new SluiceError('bus: closed; nothing can be published any more');
        checkMessage(message);
        return publish(message);
      } catch (thrown) {
        return Promise.reject(thrown);
      }
    },
    async subscribe(subscription, reader): Promise<Subscribed> {
      if (state !== 'open') throw new SluiceError('bus: closed; nothing can be read any more');
      const { queue, private: alone } = open(subscription);
      for (const item of recall(subscription)) queue.put(item);
      for (const { kind, pattern } of subscription.topics) bind(kind, pattern, queue);
      const stop = queue.consume(reader, subscription.prefetch);
      const end = () => {
        if (!endings.delete(end)) return;
        stop();
        if (alone) remove(queue);
      };
      endings.add(end);
      return { close: async () => end() };
    },
    look(topics) {
      for (const looked of listeners) looked(topics);
    },
    listen: (looked) => void listeners.push(looked),
    watch(changed) {
      watchers.push(changed);
      changed(state === 'open');
    },
    async close(ms = 5000) {
      if (state !== 'open') return;
      state = 'closing';
      const held = () => [...all].some((queue) => queue.held() > 0);
      if (held()) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(ms, resolve);
          drained = () => {
            if (held()) return;
            cancel();
            resolve();
          };
        });
      }
      for (const end of [...endings]) end();
      state = 'closed';
      for (const reject of pending) reject(new SluiceError('bus: closed before every reader had handled the message; publish it again'));
      pending.clear();
      for (const changed of watchers) changed(false);
    },
  };
}
