/** `sluice hub enrol`: connects to the broker and answers those who ask to be let in, until a signal ends it. */
import { parseAddress } from '../../core/bus/address.ts';
import { openAnswering } from '../../core/bus/asking.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { remark } from '../../core/cli/screen.ts';
import { systemClock as clock } from '../../core/clock.ts';
import { answerer } from './answer.ts';
import { publisher } from './audit.ts';
import { readEnrolConfig } from './hub.ts';
import { openManagement } from './management.ts';
import { openRecords } from './records.ts';

const tidyEveryMs = 3_600_000;
/** How often what was decided is looked through for what waits to be published. */
const publishEveryMs = 2000;

/** @throws ConfigError when the file is none. Resolves after a signal. */
export async function serveEnrolment(file: string): Promise<void> {
  const config = readEnrolConfig(file);
  const address = parseAddress(config.bus);
  const identity = {
    username: config.username,
    password: config.password,
    ...(config.authority !== undefined && { ca: config.authority }),
  };
  const report = (_level: string, text: string): void => remark(`sluice: enrol: ${text.replace(/^sluice: /, '')}`);
  // What the broker says of this connection, the other one says too.
  const bus = rabbitBus({ urls: [config.bus], credentials: identity, clock, report: () => {} });
  const records = openRecords(config.records);
  const answers = answerer({
    records,
    management: openManagement(config),
    bus,
    vhost: decodeURIComponent(address.vhost),
    place: config.place,
    clock,
    report,
  });
  const answering = openAnswering({ addresses: [address], identity, clock, report, answer: answers.answer });
  const hold = setInterval(() => {}, 60_000);
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const publish = clock.every(
    publishEveryMs,
    publisher(records, bus, clock, (text) => report('warn', text)),
  );
  const tidy = clock.every(tidyEveryMs, () => void answers.tidy().catch((thrown: unknown) => report('warn', String(thrown))));
  void answering.opened.then(() => report('info', `servers of ${config.place} can join at ${config.url}`));
  await ended;
  tidy();
  publish();
  clearInterval(hold);
  await Promise.all([answering.close(), bus.close(1000)]);
}
