/**
 * The bus over RabbitMQ, for everything past one machine, and the only file that knows amqplib. Exchanges are `sluice.<kind>`.
 *
 * Two connections: one publishes, and one reads once there is something to read. A broker short of memory stops listening to a
 * connection that publishes; were acknowledgements to come over it too, nothing would drain and the shortage would never end.
 *
 * publish → the outbox → a confirm channel → resolved by the broker's confirm. Away, it waits and everything unconfirmed
 * goes again: at least once. Both connections try their urls in turn, for ever; 3 s without a confirm is a dead connection.
 */
import { type ChannelModel, connect, type Options, type RecoveringChannelModel, type RecoveryOptions, type SocketOptions } from 'amqplib';
import type { Clock } from '../clock.ts';
import { ConfigError, messageOf, SluiceError } from '../errors.ts';
import type { Identity } from '../identity.ts';
import { formatAddress, parseAddress } from './address.ts';
import { backOff, worthSaying } from './backoff.ts';
import type { Bus, QueueDepth, Reader, Subscribed } from './bus.ts';
import { createAppender, createSharing } from './changelog.ts';
import { checkMessage, checkSubscription } from './check.ts';
import { isRefusal, type Link, type LinkOptions, openLink } from './link.ts';
import { createLooking } from './looking.ts';
import { createOutbox } from './outbox.ts';
import { createReading, type Reading, type Strategy } from './reading.ts';
import { createRenewal } from './renewal.ts';
import { readState } from './stream.ts';
import { takeFromQueue } from './taking.ts';
import { closeChannel, declareExchanges, declareState, depthOf, replyCode } from './topology.ts';
import { encodeProperties, exchangeOf, kindOf, stateStream } from './wire.ts';

export { type Channel, type ChannelModel as Connection, type ConfirmChannel, connect } from 'amqplib';
export type Connect = (to: Options.Connect, how: SocketOptions & { recovery: RecoveryOptions }) => Promise<RecoveringChannelModel>;

export interface RabbitOptions {
  /** `amqp://host:port/vhost` or `amqps://…`, tried in turn. Without credentials: those are never in a url. */
  readonly urls: readonly string[];
  /** Default: guest, which a broker admits over loopback only. */
  readonly credentials?: Identity;
  readonly clock: Clock;
  /** How names become addresses. Default: the system's way. */
  readonly resolve?: LinkOptions['resolve'];
  report(level: 'info' | 'warn' | 'error', message: string): void;
}

export function rabbitBus({ urls, credentials = { username: 'guest', password: 'guest' }, clock, resolve, report }: RabbitOptions): Bus {
  const addresses = urls.map(parseAddress);
  if (addresses.length === 0) throw new ConfigError('bus: names no broker; give amqp://host/vhost, or embedded');
  const name = addresses.map(formatAddress).join(', ');
  if (credentials.certificate !== undefined && addresses.some(({ protocol }) => protocol !== 'amqps'))
    throw new ConfigError('bus: an identity with a certificate is shown over TLS alone; write amqps://host/vhost');
  const readings = new Set<Reading>();
  const watchers: ((connected: boolean) => void)[] = [];
  const said = new Set<string>();
  let state: 'open' | 'closing' | 'closed' = 'open';
  let connected = false;
  let blocked = false;
  let quiet = () => {};

  const changed = () => {
    const now = state !== 'closed' && writer.model() !== undefined && (reader === undefined || reader.model() !== undefined);
    if (now === connected) return;
    connected = now;
    if (now && said.size > 0) report('info', `bus: ${name} is back`);
    if (now) said.clear();
    for (const watcher of watchers) watcher(now);
  };
  /** Once per absence, whichever connection finds out first. */
  const away = (thrown: unknown) => {
    const why = messageOf(thrown);
    const refused = isRefusal(thrown);
    const what = refused ? 'refused' : 'absent';
    if (state !== 'open' || said.has(what)) return;
    said.add(what);
    if (refused) report('error', `bus: ${name} refuses us: ${why}; correct the user, password, virtual host or permissions; still trying`);
    else report('warn', `bus: ${name} does not answer (${why}); trying until it does, and keeping what is to be sent`);
  };

  const looking = createLooking(credentials.username, clock);
  const appender = createAppender({ clock, user: credentials.username });
  const outbox = createOutbox({ clock, stalled: () => writer.drop('no confirm came in time'), settled: () => quiet() });

  const renewal = createRenewal(clock);
  /** Tries once, and then in the background: without its stream a broker is still good for all that is no state. */
  const keepState = async (model: ChannelModel, tries: number): Promise<void> => {
    try {
      await declareState(model);
    } catch (thrown) {
      if (tries === worthSaying)
        report('error', `bus: ${name} keeps no state (${messageOf(thrown)}); if this stays, delete its queue ${stateStream}`);
      void clock.sleep(backOff(tries, 30_000)).then(() => (writer.model() === model ? keepState(model, tries + 1) : undefined));
    }
  };
  /** Opens the channel that publishes, and opens it again whenever the broker closes it. */
  const openPublisher = async (model: ChannelModel): Promise<void> => {
    await declareExchanges(model);
    await keepState(model, 0);
    const channel = await model.createConfirmChannel();
    let refusal: string | undefined;
    let gone = false;
    channel.on('error', (error) => {
      const code = replyCode(error);
      if (code === 403 || code === 406) refusal = error.message;
      gone = code === 404;
    });
    // It comes before the confirm of the same message.
    channel.on('return', ({ fields: { exchange, routingKey } }) => {
      const kind = kindOf(exchange);
      if (kind) outbox.returned(kind, routingKey);
    });
    channel.on('ack', ({ deliveryTag, multiple }) => outbox.confirm(deliveryTag, multiple, true));
    channel.on('nack', ({ deliveryTag, multiple }) => {
      outbox.confirm(deliveryTag, multiple, false);
      renewal.refused();
    });
    channel.on('close', async () => {
      renewal.closed();
      outbox.lost(refusal);
      for (let tries = 0; writer.model() === model && state !== 'closed'; tries++) {
        await clock.sleep(backOff(tries));
        try {
          if (writer.model() === model) await openPublisher(model);
          // Somebody deleted an exchange, and what was bound to it with it: whoever reads must bind anew.
          if (gone) reader?.drop('an exchange was made anew');
          return;
        } catch (thrown) {
          if (tries === worthSaying)
            report('warn', `bus: ${name}: nothing can be published (${messageOf(thrown)}); trying again, and keeping it`);
        }
      }
    });
    renewal.opened(() => void closeChannel(channel));
    outbox.open((message) => {
      const [key = ''] = message.keys;
      channel.publish(exchangeOf(message.kind), key, message.body, encodeProperties(message, credentials.username, clock.now()));
    });
  };

  const linkTo = (events: Pick<LinkOptions, 'setup' | 'up' | 'down' | 'blocked'>) =>
    openLink({ connect, addresses, credentials, clock, away, ...(resolve && { resolve }), ...events });
  const writer = linkTo({
    setup(model) {
      renewal.connected();
      return openPublisher(model);
    },
    up(model) {
      appender.attach(model);
      looking.attach(model);
      changed();
    },
    down(error) {
      appender.detach();
      looking.detach();
      outbox.lost();
      blocked = false;
      outbox.pause(false);
      away(error);
      changed();
    },
    blocked(reason) {
      blocked = reason !== undefined;
      outbox.pause(blocked);
      if (reason !== undefined) report('warn', `bus: ${name} takes no more for now (${reason}); what is to be sent is kept`);
      else report('info', `bus: ${name} takes messages again`);
    },
  });
  let reader: Link | undefined;
  const openReader = () =>
    linkTo({
      setup: async () => {},
      up(model) {
        changed();
        for (const reading of readings) reading.attach(model);
      },
      down(error) {
        for (const reading of readings) reading.detach();
        away(error);
        changed();
      },
      blocked() {},
    });

  const read = async (label: string, strategy: Strategy, to: Reader): Promise<Subscribed> => {
    reader ??= openReader();
    const reading = createReading({ label, reader: to, strategy, clock, replicated: addresses.length > 1, report, settled: () => quiet() });
    readings.add(reading);
    const model = reader.model();
    if (model) reading.attach(model);
    await reading.opened;
    return {
      async close() {
        readings.delete(reading);
        // RabbitMQ 3.10 goes on counting a stream's reader whose channel merely ends. Its answer may never come, and is not waited for.
        void reading.stop();
        await reading.close();
      },
    };
  };

  return {
    name,
    window: { messages: 500, bytes: 1024 * 1024 },
    get connected() {
      return connected;
    },
    get via() {
      return writer.via();
    },
    get blocked() {
      return blocked;
    },
    async publish(message) {
      if (state !== 'open') throw new SluiceError('bus: closed; nothing can be published any more');
      checkMessage(message);
      return outbox.publish(message);
    },
    async subscribe(subscription, to): Promise<Subscribed> {
      if (state !== 'open') throw new SluiceError('bus: closed; nothing can be read any more');
      const travels = checkSubscription(subscription);
      const label = subscription.topics.map(({ kind, pattern }) => `${kind} ${pattern}`).join(', ');
      return read(label, travels === 'state' ? readState(subscription) : takeFromQueue(subscription, travels), to);
    },
    sharing: createSharing({ appender, open: (label, strategy) => read(label, strategy, { deliver() {}, pipe() {} }) }),
    look: looking.look,
    listen: looking.listen,
    async depths(names) {
      const model = writer.model();
      if (!model) throw new SluiceError(`bus: ${name} is away; its queues cannot be looked at`);
      const found: QueueDepth[] = [];
      for (const queue of names) {
        const depth = await depthOf(model, queue);
        if (depth) found.push(depth);
      }
      return found;
    },
    watch(watcher) {
      watchers.push(watcher);
      watcher(connected);
    },
    async close(ms = 5000) {
      if (state !== 'open') return;
      state = 'closing';
      await new Promise<void>((resolve) => {
        const cancel = clock.after(ms, resolve);
        let stopped = false;
        quiet = () => {
          if (!stopped || outbox.size() > 0 || [...readings].some((reading) => reading.held() > 0)) return;
          cancel();
          resolve();
        };
        Promise.all([...readings].map((reading) => reading.stop())).then(() => {
          stopped = true;
          quiet();
        });
      });
      state = 'closed';
      outbox.close(new SluiceError('bus: closed before the broker confirmed the message; publish it again'));
      // Their channels end with their connection.
      for (const reading of readings) void reading.close();
      await Promise.all([writer.close(), reader?.close()]);
      changed();
    },
  };
}
