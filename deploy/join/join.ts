/**
 * Makes this machine a server of a fleet: asks the hub for an identity over the broker itself, writes it and a config, and
 * starts the agent. Done again it changes nothing, and says so.
 *
 *     token ──▶ the broker's authority, by its fingerprint ──▶ ask as the token's user ──▶ identity, config ──▶ unit ──▶ its heartbeat
 *
 * What it proves itself with is kept from the first question on, so that an answer that was lost is asked for again.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, messageOf, readIdentity, SluiceError, UsageError } from 'sluice';
import { type Address, formatAddress, parseAddress } from '../../core/bus/address.ts';
import { type Asking, openAsking, Refused } from '../../core/bus/asking.ts';
import type { Clock } from '../../core/clock.ts';
import type { Identity } from '../../core/identity.ts';
import { fetchAuthority } from './authority.ts';
import { configText, identityText, ownerOf, refuseForeign, writeFile } from './files.ts';
import { type Reply, reply } from './judge.ts';
import { enable, installUnit, type Place, stateOf, systemdRuns, typed } from './system.ts';
import { parseToken, type Token, userOfToken } from './token.ts';

export interface JoinOptions {
  readonly url: string;
  readonly token: string;
  readonly host: string;
  readonly place?: string;
  readonly replace: boolean;
  /** Asks for another identity though there is one. */
  readonly again: boolean;
  readonly start: boolean;
  /** Milliseconds to wait for the heartbeat; undefined: as long as is sensible where systemd starts the agent, else not at all. */
  readonly wait?: number;
  readonly at: Place;
  readonly clock: Clock;
  say(text: string): void;
}

const answerMs = 20_000;
const startMs = 60_000;
/** One question for a heartbeat waits this long at the hub. */
const hearMs = 10_000;
/** A broker tells of new readers only each few seconds: so long nobody is said to be missing. */
const countMs = 15_000;

/** @throws SluiceError with what is in the way and what to do about it */
export async function joinFleet(options: JoinOptions): Promise<void> {
  const { at, clock, say } = options;
  const address = addressOf(options.url);
  const token = parseToken(options.token);
  checkWay(address, token);
  const identityFile = join(at.etc, 'identity');
  const present = existsSync(identityFile) ? readIdentity(identityFile).username : undefined;
  if (present !== undefined && !options.again) {
    say(`this server is ${present} already; nothing was changed (--again asks for another identity, sluice doctor looks at this one)`);
    return;
  }
  refuseForeign(join(at.etc, 'config.yaml'));

  const ca = token.fingerprint === undefined ? undefined : await fetchAuthority(address, token.fingerprint);
  const asking = await openAsking(
    address,
    { username: userOfToken(token.id), password: token.secret, ...(ca !== undefined && { ca }) },
    clock,
  ).catch((thrown: unknown) => {
    if (!(thrown instanceof Refused)) throw thrown;
    throw new SluiceError(
      `${formatAddress(address)} does not know this token: it was revoked, ended long ago, or is for another broker; ask for another`,
    );
  });
  try {
    const enrolled = await enrol(asking, options);
    write(at, address, enrolled, ca);
    say(`${enrolled.user} may write to ${formatAddress(address)}; ${at.etc}/config.yaml and ${identityFile} are written`);
    const started = options.start && (await startAgent(at));
    if (options.start && !started)
      say(
        `systemd does not run here; start the agent${present === undefined ? '' : ' again'}: ${typed(`run ${join(at.etc, 'config.yaml')}`)}`,
      );
    const wait = options.wait ?? (started ? startMs : 0);
    if (wait > 0) say(await awaitHeartbeat(asking, enrolled, wait, clock));
  } finally {
    await asking.close();
  }
}

function addressOf(url: string): Address {
  try {
    return parseAddress(url);
  } catch (thrown) {
    throw new UsageError(messageOf(thrown));
  }
}

/** A token that knows an authority goes nowhere in the clear. */
function checkWay({ protocol, hostname }: Address, { fingerprint }: Token): void {
  if (fingerprint !== undefined && protocol === 'amqp')
    throw new SluiceError(`the token is for a broker with TLS; write the address as amqps://${hostname}`);
  if (fingerprint === undefined && protocol === 'amqp' && !/^(localhost|127\.[\d.]+|::1)$/.test(hostname)) {
    process.stderr.write(
      `sluice: to ${hostname} all goes in the clear, this identity too; on the hub, "sluice hub init" without --no-tls mends that\n`,
    );
  }
}

/** What the answer says, or a refusal as an error. */
async function ask(asking: Asking, question: object, ms: number): Promise<Exclude<Reply, { refused: string }>> {
  const answer = await asking.ask(Buffer.from(JSON.stringify(question)), ms);
  let read: Reply;
  try {
    read = reply.parse(JSON.parse(answer.toString('utf8')));
  } catch (cause) {
    throw new SluiceError('the hub answers what this sluice does not understand; run the same version on both', { cause });
  }
  if ('refused' in read) throw new SluiceError(`the hub says no: ${read.refused}`);
  return read;
}

type Enrolled = Extract<Reply, { enrolled: unknown }>['enrolled'];

async function enrol(asking: Asking, { host, place, replace, at }: JoinOptions): Promise<Enrolled> {
  const wish = { host, proof: proofOf(at), replace, ...(place !== undefined && { place }) };
  const read = await ask(asking, { enrol: wish }, answerMs);
  if (!('enrolled' in read)) throw new SluiceError('the hub answers another question than was asked; try again');
  return read.enrolled;
}

/** A secret of this installation. */
function proofOf({ etc }: Place): string {
  const file = join(etc, 'proof');
  if (existsSync(file)) {
    if ((statSync(file).mode & 0o077) !== 0) throw new ConfigError(`join: ${file} can be read by others; remove it, it is made anew`);
    return readFileSync(file, 'utf8').trim();
  }
  const made = randomBytes(32).toString('base64url');
  writeFile(file, `${made}\n`, { mode: 0o600 });
  return made;
}

function write(at: Place, address: Address, { user, password, place, host }: Enrolled, ca: string | undefined): void {
  const owner = ownerOf(at.root, 'sluice');
  if (ca !== undefined) writeFile(join(at.etc, 'ca.pem'), ca);
  writeFile(
    join(at.etc, 'config.yaml'),
    configText({ place, host, bus: [formatAddress(address)], identity: 'identity', state: stateOf(at, 'sluice'), run: ['agent'] }),
  );
  // Last: with it, this server has joined.
  const login: Pick<Identity, 'username' | 'password'> & { ca?: string } = {
    username: user,
    password,
    ...(ca !== undefined && { ca: 'ca.pem' }),
  };
  writeFile(join(at.etc, 'identity'), identityText(login), { mode: 0o600, owner });
}

async function startAgent(at: Place): Promise<boolean> {
  if (!systemdRuns(at)) return false;
  await installUnit(at, 'sluice-agent', 'sluice');
  await enable('sluice-agent');
  return true;
}

/** Waits for a heartbeat that the broker vouches for. @returns what to say of it */
async function awaitHeartbeat(asking: Asking, { user, place, host }: Enrolled, wait: number, clock: Clock): Promise<string> {
  const deadline = clock.monotonic() + wait;
  let first: number | undefined;
  for (let left = wait; left > 0; left = deadline - clock.monotonic()) {
    const ms = Math.round(Math.min(hearMs, left));
    const read = await ask(asking, { heard: { user, ms } }, ms + answerMs);
    if (!('heard' in read) || !read.heard) continue;
    if (read.rosters !== 0) return `${host} is on the roster of ${place}`;
    first ??= clock.monotonic();
    if (clock.monotonic() - first > countMs) break;
  }
  if (first !== undefined) return `${host} beats, and no roster hears it: start the hub (systemctl start sluice-hub)`;
  throw new SluiceError(
    `no heartbeat of ${user} came to the broker within ${Math.round(wait / 1000)} s; look at what the agent says (journalctl -u sluice-agent), then: sluice doctor`,
  );
}

/** For a golden image: what to do at the first start of each server that is made from it. */
export async function joinLater(url: string, text: string, at: Place, say: (text: string) => void): Promise<void> {
  const address = addressOf(url);
  const token = parseToken(text);
  checkWay(address, token);
  if (existsSync(join(at.etc, 'identity')))
    throw new SluiceError(`${at.etc}/identity is there: every server of the image would be the same one; remove it and ${at.etc}/proof`);
  writeFile(join(at.etc, 'join'), `${formatAddress(address)} ${text.trim()}\n`, { mode: 0o600 });
  await installUnit(at, 'sluice-join', 'sluice');
  await installUnit(at, 'sluice-agent', 'sluice');
  say(`each server that is made of this image joins when it first starts; enable its units: systemctl enable sluice-join sluice-agent`);
}

/** The address and token that {@link joinLater} wrote. */
export function readLater(file: string): { url: string; token: string } {
  let text: string;
  try {
    if ((statSync(file).mode & 0o077) !== 0)
      throw new ConfigError(`join: ${file} can be read by others, and lets servers in; chmod 600 it`);
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    throw new SluiceError(
      `${file} cannot be read (${messageOf(thrown).split(',')[0]}); write the address and the token into it, with a space between`,
    );
  }
  const [url = '', token = '', ...more] = text.trim().split(/\s+/);
  if (token === '' || more.length > 0) throw new SluiceError(`${file} holds no address and token with a space between`);
  return { url, token };
}
