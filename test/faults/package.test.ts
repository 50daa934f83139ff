/**
 * The package, on machines whose process 1 is systemd: installed, joined, killed, upgraded, started again, removed, purged. What the
 * units forbid is asked of the kernel, and what purging leaves is what the machine's own files say.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { ServerState } from '../../core/states.ts';
import { authorityIn, certify, fetchAuthority, fingerprintOf } from '../../deploy/join/authority.ts';
import { brokerConfig } from '../../deploy/join/broker.ts';
import { createMachine, type Machine, missing } from '../fixtures/machine/machine.ts';
import { type Broker, freePort, startBroker } from '../fixtures/rabbitmq.ts';
import { until } from '../scenarios/run.ts';

const absent =
  missing() ??
  (process.env.CI === undefined && !hasBroker() ? 'RabbitMQ is missing; to run these: apt-get install rabbitmq-server' : undefined);
const root = fileURLToPath(new URL('../..', import.meta.url));
const isShort = process.env.SLUICE_SHORT !== undefined;
const scratch = mkdtempSync(join(tmpdir(), 'sluice-package-test-'));

function hasBroker(): boolean {
  try {
    return statSync('/usr/lib/rabbitmq/bin/rabbitmq-server').isFile();
  } catch {
    return false;
  }
}

/** Builds the package as `npm run package` does, without compressing. @returns its file */
async function build(version: string, folder = scratch): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const words = ['deploy/package/main.ts', '--fast', '--version', version, '--to', folder];
  const { stdout } = await promisify(execFile)(join(root, 'node_modules/.bin/tsx'), words, { cwd: root });
  const [file = '', facts = ''] = stdout.split('\n');
  console.log(`${file.split('/').at(-1)}: ${facts}`);
  return file;
}

/** What dpkg and the tools that make users write on any change, and systemd on any start: no trace of ours. */
const bookkeeping =
  /^(var\/lib\/dpkg|var\/log\/(dpkg\.log|journal|wtmp)|var\/cache|var\/lib\/systemd|etc\/(\.pwd\.lock|machine-id|hostname)$|etc\/(passwd|group|shadow|gshadow|subuid|subgid)-?$|srv$|srv\/|root$|etc\/systemd\/system(\/|$))/;

describe.skipIf(absent !== undefined)(
  absent === undefined ? 'the package under systemd' : `the package under systemd: skipped, since ${absent}`,
  { timeout: 400_000 },
  () => {
    let broker: Broker | undefined;
    let api = 0;
    let port = 0;
    const packages: string[] = [];
    const machines: Machine[] = [];
    beforeAll(async () => {
      packages.push(...(await Promise.all([build('0.1.0'), build('0.1.1')])));
      [api, port] = [await freePort(), await freePort()];
      // Its config is the one that "hub init" writes, as a broker reads it at its next start.
      const [tls, authority] = [await freePort(), join(scratch, 'ca')];
      const ca = await authorityIn(authority, 'acme.shop.prod');
      await certify(authority, authority, ['localhost', '127.0.0.1'], systemClock.now());
      const files = { ca: join(authority, 'ca.pem'), certificate: join(authority, 'server.pem'), key: join(authority, 'server.key') };
      broker = await startBroker({ plugins: ['rabbitmq_management'], conf: brokerConfig(`http://127.0.0.1:${api}`, tls, files) });
      if (!broker) throw new Error('RabbitMQ is missing: install rabbitmq-server');
      const address = { protocol: 'amqps', hostname: '127.0.0.1', port: tls, vhost: '' } as const;
      expect(fingerprintOf(await fetchAuthority(address, fingerprintOf(ca)))).toBe(fingerprintOf(ca));
    }, 300_000);
    afterAll(async () => {
      for (const machine of machines) await machine.remove();
      await broker?.remove();
      rmSync(scratch, { recursive: true, force: true });
    }, 60_000);

    /** A machine with both packages in /srv, and a config of the page's port, since all share one network. */
    function machine(name: string): Machine {
      const made = createMachine(name);
      machines.push(made);
      mkdirSync(made.path('srv'), { recursive: true });
      for (const file of packages) copyFileSync(file, made.path(`srv/${file.split('/').at(-1)}`));
      writeFileSync(made.path('srv/admin'), 'username: guest\npassword: guest\n', { mode: 0o600 });
      return made;
    }
    /** @returns what it printed, having ended well */
    async function ran(on: Machine, ...words: [string, ...string[]]): Promise<string> {
      const { code, out, err } = await on.run(...words);
      expect(code, `${words.join(' ')}\n${out}${err}`).toBe(0);
      return out;
    }
    const install = (on: Machine, version: string) => ran(on, 'dpkg', '-i', `/srv/sluice_${version}_${architecture()}.deb`);
    const architecture = () => packages[0]?.split('_').at(-1)?.replace('.deb', '') ?? '';
    const pidOf = async (on: Machine, unit: string): Promise<string> =>
      (await ran(on, 'systemctl', 'show', '--property=MainPID', '--value', unit)).trim();
    const servers = async (on: Machine): Promise<Record<string, string>> => {
      const all = JSON.parse(await ran(on, 'sluice', 'servers', '--json', '--port', String(port))) as ServerState[];
      return Object.fromEntries(all.map(({ host, status }) => [host, status]));
    };

    if (!isShort) {
      it('is made of the same bytes each time', async () => {
        const again = await build('0.1.0', join(scratch, 'again'));
        expect(readFileSync(again).equals(readFileSync(packages[0] ?? ''))).toBe(true);
      });
    }

    it('installs, joins, limits what runs, upgrades it, comes back, and leaves nothing', async () => {
      const hub = machine('hub-1');
      await hub.start();
      const accounts = () => Promise.all(['passwd', 'group', 'shadow', 'gshadow'].map((of) => ran(hub, 'getent', of)));
      const before = await accounts();
      await install(hub, '0.1.0');
      expect((await ran(hub, 'sluice', '--version')).trim()).toBe('0.1.0');
      // Nothing runs, and nothing will, before somebody joins.
      expect((await hub.run('systemctl', 'is-enabled', 'sluice-agent', 'sluice-hub', 'sluice-actuators')).out).toBe('disabled\n'.repeat(3));

      mkdirSync(hub.path('etc/sluice/hub/conf.d'), { recursive: true });
      writeFileSync(hub.path('etc/sluice/hub/conf.d/port.yaml'), `live: {listen: 127.0.0.1:${port}}\n`);
      const vhost = 'packaged';
      const init = ['--place', 'acme.shop.prod', '--vhost', vhost, '--no-tls', '--name', '127.0.0.1', '--port', String(broker?.port)];
      const made = await ran(hub, 'sluice', 'hub', 'init', ...init, '--api', `http://127.0.0.1:${api}`, '--admin', '/srv/admin');
      expect(made).toContain('sluice-enrol and sluice-hub run, now and after each start');
      const [, url = '', token = ''] = /sluice join (\S+) (sluice1\S+)/.exec(made) ?? [];
      const joined = await ran(hub, 'sluice', 'join', url, token);
      expect(joined).toContain('hub-1 is on the roster of acme.shop.prod');

      await checkLimits(hub);
      const findings = JSON.parse((await hub.run('sluice', 'doctor', '--json')).out) as { what: string; level: string; text: string }[];
      const found = (what: string) => findings.find((finding) => finding.what === what);
      expect(found('unit')).toMatchObject({ level: 'ok', text: 'sluice-agent.service runs, and is started with the system' });
      expect(found('identity')).toMatchObject({ level: 'ok' });
      expect(found('enrol')).toMatchObject({ level: 'ok' });
      expect(found('tokens')).toMatchObject({ level: 'ok', text: expect.stringContaining('one is open') });
      expect(found('bus')).toMatchObject({ level: 'ok' });
      console.log(findings.map(({ level, what, text }) => `${level.padEnd(5)} ${what.padEnd(9)} ${text}`).join('\n'));

      // Killed, it is back by itself.
      const first = await pidOf(hub, 'sluice-agent');
      await ran(hub, 'kill', '-9', first);
      await until('the agent again', async () => !['0', first].includes(await pidOf(hub, 'sluice-agent')), 60_000);

      // Upgraded while it runs: the new version, on the state that was there.
      const state = await ran(hub, 'stat', '--format=%i', '/var/lib/sluice/data.mdb').catch(() =>
        ran(hub, 'find', '/var/lib/sluice', '-name', '*.mdb', '-printf', '%i\n'),
      );
      const old = await pidOf(hub, 'sluice-hub');
      await install(hub, '0.1.1');
      expect((await ran(hub, 'sluice', '--version')).trim()).toBe('0.1.1');
      await until(
        'the hub again',
        async () => !['0', old].includes(await pidOf(hub, 'sluice-hub')) && (await servers(hub))['hub-1'] === 'alive',
        60_000,
      );
      expect(await ran(hub, 'find', '/var/lib/sluice', '-name', '*.mdb', '-printf', '%i\n')).toContain(state.trim().split('\n')[0]);

      // A golden image: made once, started as two servers that nobody listed.
      if (!isShort) await startImages(url, token, hub);

      // The power goes and comes back.
      await hub.stop();
      await hub.start();
      await until('all of it again', async () => (await servers(hub))['hub-1'] === 'alive', 60_000);

      await ran(hub, 'dpkg', '-r', 'sluice');
      expect((await hub.run('systemctl', 'is-active', 'sluice-agent', 'sluice-hub', 'sluice-enrol')).out).not.toContain('\nactive');
      expect(statSync(hub.path('etc/sluice/identity')).isFile()).toBe(true);
      await ran(hub, 'dpkg', '-P', 'sluice');
      expect(await accounts()).toEqual(before);
      expect((await hub.run('ps', '-eo', 'args')).out).not.toContain('sluice');
      const traces = hub
        .changed()
        .filter((path) => !bookkeeping.test(path) && !statSync(hub.path(path), { throwIfNoEntry: false })?.isDirectory());
      expect(traces).toEqual([]);
      expect(hub.changed().filter((path) => /sluice/.test(path) && !path.startsWith('srv/'))).toEqual([]);
    });

    /** What the kernel knows of each process. */
    async function checkLimits(on: Machine): Promise<void> {
      const users = { 'sluice-agent': 'sluice', 'sluice-hub': 'sluice-hub', 'sluice-enrol': 'sluice-enrol' };
      const groups = Object.fromEntries(
        (await ran(on, 'getent', 'group', 'adm', 'systemd-journal')).split('\n').map((line) => [line.split(':')[0], line.split(':')[2]]),
      );
      for (const [unit, user] of Object.entries(users)) {
        const pid = await pidOf(on, unit);
        const status = await ran(on, 'cat', `/proc/${pid}/status`);
        const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim();
        expect((await ran(on, 'ps', '-o', 'user:32=', '-p', pid)).trim()).toBe(user);
        const limits = {
          CapEff: field('CapEff'),
          CapPrm: field('CapPrm'),
          CapBnd: field('CapBnd'),
          NoNewPrivs: field('NoNewPrivs'),
          Seccomp: field('Seccomp'),
        };
        const none = '0'.repeat(16);
        expect(limits, unit).toEqual({ CapEff: none, CapPrm: none, CapBnd: none, NoNewPrivs: '1', Seccomp: '2' });
        if (unit === 'sluice-agent')
          expect(field('Groups')?.split(' ')).toEqual(expect.arrayContaining([groups.adm, groups['systemd-journal']]));
        // As the process sees it: what it may write is its own state.
        const mounts = await ran(on, 'cat', `/proc/${pid}/mountinfo`);
        const modeOf = (place: string) =>
          mounts
            .split('\n')
            .filter((line) => line.split(' ')[4] === place)
            .at(-1)
            ?.split(' ')[5]
            ?.split(',')[0];
        expect([modeOf('/'), modeOf(`/var/lib/${user}`)]).toEqual(['ro', 'rw']);
      }
      // The agent cannot read what the hub and the enroller have, nor they one another's.
      for (const file of ['/etc/sluice/enrol/config.yaml', '/etc/sluice/hub/identity', '/etc/sluice/proof'])
        expect((await on.run('setpriv', '--reuid=sluice', '--regid=sluice', '--clear-groups', 'cat', file)).code).not.toBe(0);
    }

    /** `join --later`, and what each server does at its first start. */
    async function startImages(url: string, token: string, hub: Machine): Promise<void> {
      for (const name of ['gold-1', 'gold-2']) {
        const image = machine(name);
        await image.start();
        await install(image, '0.1.1');
        await ran(image, 'sluice', 'join', url, token, '--later');
        await ran(image, 'systemctl', 'enable', 'sluice-join', 'sluice-agent');
        await image.stop();
        // The second comes while the hub does not answer.
        if (name === 'gold-2') await ran(hub, 'systemctl', 'stop', 'sluice-enrol');
        await image.start();
        if (name === 'gold-2') {
          const tried = () => ran(image, 'journalctl', '--no-pager', '--unit', 'sluice-join');
          await until('a first try', async () => (await tried()).includes('nobody answers at'), 90_000);
          await ran(hub, 'systemctl', 'start', 'sluice-enrol');
        }
        await until(`${name} on the roster`, async () => (await servers(hub))[name] === 'alive', 90_000);
        expect((await image.run('ls', '/etc/sluice/join')).code).not.toBe(0);
        await image.stop();
      }
    }
  },
);
