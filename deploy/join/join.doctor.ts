/**
 * What `sluice doctor` looks at on a server that joined, or on a hub: its unit, its identity, the broker's certificate and the
 * tokens. Of a config that lies elsewhere it says nothing: that is nobody's service.
 */
import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { parseAddress } from '../../core/bus/address.ts';
import { type Found, fail, type Look, ok, warn } from '../../core/cli/doctor.ts';
import { formatDuration, systemClock } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import { readIdentity } from '../../core/identity.ts';
import type { UnitName } from '../systemd/units.ts';
import { ownerOf } from './files.ts';
import { enrolFile, readEnrolConfig } from './hub.ts';
import { type Place, placeAt, systemdRuns } from './system.ts';
import { listTokens } from './tokens.ts';

const run = promisify(execFile);
const timeout = 10_000;
const soonMs = 30 * 86_400_000;

/** Which service a config is of, by where it lies. */
const services: readonly { readonly file: string; readonly unit: UnitName; readonly user: string }[] = [
  { file: 'etc/sluice/config.yaml', unit: 'sluice-agent', user: 'sluice' },
  { file: 'etc/sluice/hub/config.yaml', unit: 'sluice-hub', user: 'sluice-hub' },
];

export default function looksAtService(config: Config): readonly Look[] {
  const service = services.find(({ file }) => config.file?.endsWith(`/${file}`));
  if (!service || config.file === undefined) return [];
  const at = placeAt(config.file.slice(0, -service.file.length));
  const looks: Look[] = [['unit', () => unit(at, service.unit)]];
  if (config.identity !== undefined) looks.push(['identity', () => identity(at, config.identity ?? '', service.user)]);
  if (config.bus !== 'embedded' && config.bus.some((url) => url.startsWith('amqps:'))) looks.push(['tls', () => tls(config)]);
  if (existsSync(enrolFile(at))) {
    looks.push(['enrol', () => unit(at, 'sluice-enrol')]);
    looks.push(['tokens', () => tokens(at)]);
  }
  return looks;
}

async function unit(at: Place, name: UnitName): Promise<Found> {
  if (!systemdRuns(at))
    return warn('systemd does not run here', 'start it with your own service manager, and after each start of the system');
  const ask = (word: string) =>
    run('systemctl', [word, `${name}.service`], { timeout }).then(
      ({ stdout }) => stdout.trim(),
      (thrown: { stdout?: string }) => (thrown.stdout ?? '').trim(),
    );
  const [enabled, active] = await Promise.all([ask('is-enabled'), ask('is-active')]);
  if (enabled === '' || enabled === 'not-found')
    return fail(`${name}.service is not installed`, 'install the package, or run sluice join again with --again');
  const advice = `systemctl enable --now ${name}`;
  if (active !== 'active') return fail(`${name}.service is ${active}`, `look at journalctl -u ${name}, then: ${advice}`);
  return enabled === 'enabled'
    ? ok(`${name}.service runs, and is started with the system`)
    : warn(`${name}.service runs, but is ${enabled}`, advice);
}

function identity(at: Place, file: string, user: string): Found {
  // Its mode, that it can be read, and the authority beside it.
  const { username } = readIdentity(file);
  const owner = ownerOf(at.root, user);
  const { uid } = statSync(file);
  if (owner && uid !== owner.uid) return fail(`${file} is not owned by ${user}, who has to read it`, `chown ${user}: ${file}`);
  const proof = join(dirname(file), 'proof');
  if (existsSync(proof) && (statSync(proof).mode & 0o077) !== 0) return fail(`${proof} can be read by others`, `chmod 600 ${proof}`);
  return ok(`${username}, in ${file}, readable by its owner alone`);
}

/** The certificates of all brokers: the one that ends first is the one that matters. */
async function tls(config: Config): Promise<Found> {
  const ca = config.identity === undefined ? undefined : readIdentity(config.identity).ca;
  const urls = config.bus === 'embedded' ? [] : config.bus.filter((url) => url.startsWith('amqps:'));
  const now = systemClock.now();
  const seen = await Promise.all(urls.map((url) => certificateEnd(url, ca).then((ends) => ({ ends, host: parseAddress(url).hostname }))));
  const first = seen.reduce((one, other) => (other.ends < one.ends ? other : one));
  const left = first.ends - now;
  const text = `the certificate of ${first.host} ends in ${formatDuration(Math.max(0, left))}`;
  const advice = 'on the hub, sluice hub init once more makes a new one; nobody has to join again';
  if (left <= 0) return fail(`the certificate of ${first.host} has ended`, advice);
  return left < soonMs ? warn(text, advice) : ok(text);
}

function certificateEnd(url: string, ca: string | undefined): Promise<number> {
  const { hostname, port } = parseAddress(url);
  return new Promise((resolve, reject) => {
    // Also one that has ended, and says so: what it is worth, the bus says.
    const socket = connect(
      {
        host: hostname,
        port,
        ...(isIP(hostname) === 0 && { servername: hostname }),
        rejectUnauthorized: false,
        ...(ca !== undefined && { ca }),
      },
      () => {
        resolve(Date.parse(socket.getPeerCertificate().valid_to));
        socket.destroy();
      },
    );
    socket.setTimeout(timeout, () => socket.destroy(new Error(`${hostname} does not answer`)));
    socket.once('error', reject);
  });
}

function tokens(at: Place): Found {
  const now = systemClock.now();
  const open = listTokens(readEnrolConfig(enrolFile(at)), now).filter(({ status }) => status === 'open');
  const [first] = open.sort((one, other) => (one.ends < other.ends ? -1 : 1));
  if (!first) return ok('none is open: no server can join now');
  const left = formatDuration(Date.parse(first.ends) - now);
  return ok(`${open.length === 1 ? 'one is' : `${open.length} are`} open; the next to end is ${first.id}, in ${left}`);
}
