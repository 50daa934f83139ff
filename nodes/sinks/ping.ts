/**
 * Says to an address outside, over plain HTTP, that the watch goes on: a dead man's switch (healthchecks.io, or any server
 * that misses a call). When everything here is gone, that server is what is left to say so.
 *
 * a roster's own heartbeat → GET, at most once each `interval`. Such a beat went the way that an alert would go: the roster heard
 * its own server, was not behind, and the bus took what it said. So whatever breaks, the calls stop. With several rosters
 * they go on while one of them watches; the others tell of the one that does not.
 */
import { ConfigError, defineSink, duration, messageOf, type Services, z } from 'sluice';

const config = z.strictObject({
  /** Where to call, as in https://hc-ping.com/<uuid>. Whoever knows it can call too: it is never printed. */
  url: z.string().refine((text) => isAddress(text), 'is no address to call; write http:// or https:// without credentials'),
  /** The least time between two calls. */
  interval: z
    .string()
    .refine((text) => (duration(text) ?? 0) >= 1000, 'is no duration of 1s or more; write it as 30s or 1m')
    .default('1m'),
});

/** How long an answer may take. Milliseconds. */
const patience = 10_000;

export default defineSink({
  name: 'ping',
  doc: 'Calls an address outside for as long as a roster watches, so that its silence is noticed when all else is gone.',
  config,
  in: [{ kind: 'heartbeat', resource: 'roster' }],
  // What waited in a queue would call for a watch that is over.
  reads: 'recent',
  create({ url, interval }) {
    const pause = duration(interval) ?? 60_000;
    // The path may be a secret, the host is what a person needs to see.
    const { host } = new URL(url);
    let services: Services | undefined;
    let last = Number.NEGATIVE_INFINITY;
    let failed = false;
    let calling: AbortController | undefined;

    const call = async (): Promise<void> => {
      const abort = new AbortController();
      calling = abort;
      const cancel = services?.clock.after(patience, () => abort.abort(new Error(`no answer within ${patience / 1000} s`)));
      let flaw: string | undefined;
      try {
        const response = await fetch(url, { signal: abort.signal, redirect: 'manual', headers: { 'user-agent': 'sluice' } });
        // Not waited for: of an empty body on a connection that is kept, the end never comes.
        void response.body?.cancel().catch(() => {});
        if (!response.ok) flaw = `it answers ${response.status}`;
      } catch (thrown) {
        flaw = reasonOf(thrown);
      }
      cancel?.();
      calling = undefined;
      if (services === undefined || (flaw !== undefined) === failed) return;
      failed = flaw !== undefined;
      if (failed)
        services.say('warn', `cannot call ${host}: ${flaw}; correct url:, or see whether this machine reaches it. It goes on trying`);
      else services.say('info', `calls ${host} again`);
    };
    return {
      start(given) {
        if (!given) throw new ConfigError('ping: needs a process to run in');
        services = given;
      },
      write() {
        const now = services?.clock.monotonic() ?? 0;
        // A beat comes each few seconds: one that is a little early must not cost a whole round.
        if (calling || now - last < pause - 500) return;
        last = now;
        // Nothing waits for the answer: a slow server must not make the next beats old.
        void call();
      },
      stop() {
        services = undefined;
        calling?.abort();
      },
    };
  },
});

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  return /^https?:$/.test(protocol) && hostname !== '' && username === '' && password === '';
}

/** What fetch says of a failure hides its cause; neither repeats the address. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : messageOf(thrown);
}
