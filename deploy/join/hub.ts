/**
 * `sluice hub init`: makes a broker ready for a fleet, and this machine its hub. Afterwards the broker has a virtual host with
 * what sluice needs and users with the least rights that do; this machine has a config and an identity for each of its
 * processes; and there is a line by which other servers join. Safe to do again: what is there stays, and the line is a new one.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { ConfigError, readIdentity, SluiceError, UsageError, unescapeWord, z } from 'sluice';
import { parse } from 'yaml';
import { type Address, formatAddress, parseAddress } from '../../core/bus/address.ts';
import type { Clock } from '../../core/clock.ts';
import { authorityIn, certify, fingerprintOf } from './authority.ts';
import {
  brokerFolder,
  brokerOwner,
  enableManagement,
  listenWithTls,
  putAdministrator,
  type TlsFiles,
  writeBrokerConfig,
} from './broker.ts';
import { configText, identityText, ownerOf, refuseForeign, writeFile } from './files.ts';
import { type Administrator, openManagement } from './management.ts';
import { enrolUser, limitEnroller, makeEnroller, prepareVhost, putUser } from './prepare.ts';
import { type Place, stateOf } from './system.ts';

/** What `sluice hub enrol` and `sluice token` work with; in a file that only its owner can read. */
const enrolConfig = z.strictObject({
  place: z.string(),
  /** Where this machine reaches the broker. */
  bus: z.string(),
  /** Where others do: the address in the lines that are printed. */
  url: z.string(),
  api: z.string(),
  username: z.string(),
  password: z.string(),
  /** The authority's certificate, beside the config's folder. */
  ca: z.string().optional(),
  records: z.string(),
});

export type EnrolConfig = z.output<typeof enrolConfig>;

export const enrolFile = ({ etc }: Place): string => join(etc, 'enrol/config.yaml');

/** @throws ConfigError that says what to do, and never what the file holds */
export function readEnrolConfig(file: string): EnrolConfig & { readonly authority?: string } {
  if (!existsSync(file)) throw new ConfigError(`${file} is not there; this is done on the hub, after "sluice hub init"`);
  let read: EnrolConfig;
  try {
    read = enrolConfig.parse(parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read or is none; run this as root, or "sluice hub init" again`, { cause });
  }
  return { ...read, ...(read.ca !== undefined && { authority: readFileSync(read.ca, 'utf8') }) };
}

export interface InitOptions {
  /** The hub's place; its first token lets servers in there. */
  readonly place: string;
  /** Names and addresses by which servers reach the broker, the best first. */
  readonly names: readonly string[];
  readonly vhost: string;
  readonly tls: boolean;
  /** With TLS, or without. */
  readonly port: number;
  readonly api: string;
  /** A file with an administrator's name and password, for a broker on another machine. Then TLS is that broker's affair. */
  readonly admin?: string;
  readonly at: Place;
  readonly clock: Clock;
  say(text: string): void;
}

/** Does all but the first token. @returns what the tokens are made with */
export async function initHub(options: InitOptions): Promise<EnrolConfig> {
  const { place, at, api, vhost, say } = options;
  if (!/^([\p{L}\p{N}_-]{1,63}\.){2}[\p{L}\p{N}_-]{1,63}$/u.test(place))
    throw new UsageError('a place reads company.system.environment; write it as in --place acme.shop.prod');
  refuseForeign(join(at.etc, 'hub/config.yaml'));
  // Who runs already goes on with the password that it has.
  const before = existsSync(enrolFile(at)) ? readEnrolConfig(enrolFile(at)) : undefined;
  const enroller = { username: enrolUser(place), password: before?.username === enrolUser(place) ? before.password : newPassword() };
  // What is wrong with the address is said before anything is changed.
  openManagement({ api, ...enroller });
  await makeEnroller(openManagement(await administrator(options, enroller)), vhost, enroller.username, enroller.password);
  const management = openManagement({ api, ...enroller });
  await prepareVhost(management, vhost);
  await limitEnroller(management, vhost, enroller.username);
  say(`virtual host ${vhost}: exchanges, the queue of enrolment, and the user ${enroller.username}`);

  const [ca, here, there] = await way(options);
  const records = join(stateOf(at, 'sluice-enrol'), 'enrolment');
  const config: EnrolConfig = {
    place,
    bus: formatAddress(here),
    url: formatAddress(there),
    api,
    ...enroller,
    ...(ca !== undefined && { ca: join(at.etc, 'ca.pem') }),
    records,
  };
  writeFile(enrolFile(at), configText(config), { mode: 0o600, owner: ownerOf(at.root, 'sluice-enrol') });

  const folder = join(at.etc, 'hub');
  const identity = existsSync(join(folder, 'identity')) ? readIdentity(join(folder, 'identity')) : undefined;
  const password = identity?.username === place ? identity.password : newPassword();
  await putUser(management, vhost, place, password);
  writeFile(join(folder, 'identity'), identityText({ username: place, password, ...(ca !== undefined && { ca: '../ca.pem' }) }), {
    mode: 0o600,
    owner: ownerOf(at.root, 'sluice-hub'),
  });
  const bus = [formatAddress(here)];
  writeFile(
    join(folder, 'config.yaml'),
    configText({ place, host: hostname(), bus, identity: 'identity', state: stateOf(at, 'sluice-hub'), run: ['hub'] }),
  );
  say(`${folder}/config.yaml: the hub, as ${place}`);
  return config;
}

const newPassword = (): string => randomBytes(24).toString('base64url');

/** With whom to speak to the management API: the administrator that is named, or one that is made on this machine. */
async function administrator({ api, admin, say }: InitOptions, enroller: { username: string; password: string }): Promise<Administrator> {
  if (admin !== undefined) return { api, ...readIdentity(admin) };
  await enableManagement();
  await putAdministrator(enroller.username, enroller.password);
  say(
    `the broker's management API answers at ${api}, from the broker's next start on to this machine alone; its administrator is ${enroller.username}`,
  );
  return { api, ...enroller };
}

/** The authority, where this machine reaches the broker, and where others do. */
async function way(options: InitOptions): Promise<[ca: string | undefined, here: Address, there: Address]> {
  const { names, vhost, tls, port, at, admin, say } = options;
  const host = names[0] ?? hostname();
  const address = (name: string): Address =>
    parseAddress(`${tls ? 'amqps' : 'amqp'}://${name.includes(':') ? `[${name}]` : name}:${port}/${encodeURIComponent(vhost)}`);
  if (admin !== undefined) return [undefined, address(host), address(host)];
  if (!tls) {
    writeBrokerConfig(at.root, options.api, port, undefined);
    return [undefined, address('127.0.0.1'), address(host)];
  }

  const authority = join(at.etc, 'ca');
  const ca = await authorityIn(authority, options.place);
  writeFile(join(at.etc, 'ca.pem'), ca);
  const folder = join(brokerFolder(at.root), 'sluice');
  const fresh = await certify(authority, folder, [...new Set([...names, 'localhost', '127.0.0.1'])], options.clock.now());
  const files: TlsFiles = { ca: join(folder, 'ca.pem'), certificate: join(folder, 'server.pem'), key: join(folder, 'server.key') };
  writeFileSync(files.ca, ca);
  writeFile(files.key, readFileSync(files.key, 'utf8'), { mode: 0o600, owner: brokerOwner(at.root) });
  writeBrokerConfig(at.root, options.api, port, files);
  const listens = await listenWithTls(port, files);
  say(
    `${fresh ? 'a new certificate' : 'its certificate'} for ${names.join(', ')}; the broker listens with TLS on ${port}${listens ? '' : ' once it is started again: systemctl restart rabbitmq-server'}`,
  );
  if (!listens) throw new SluiceError(`hub: start the broker again (systemctl restart rabbitmq-server), and run this once more`);
  return [ca, address('localhost'), address(host)];
}

/** How this machine can be reached, the best first: its name where that is a whole one, its addresses, its short name. */
export function ownNames(): string[] {
  const name = hostname();
  const addresses = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ internal, address }) => !internal && !address.startsWith('fe80:')).map(({ address }) => address),
  );
  const ordered = name.includes('.') ? [name, ...addresses] : [...addresses, name];
  return ordered.filter((each) => unescapeWord(each) !== '');
}

/** For tokens: what the config knows of the authority. */
export const fingerprintIn = ({ authority }: { readonly authority?: string }): string | undefined =>
  authority === undefined ? undefined : fingerprintOf(authority);
