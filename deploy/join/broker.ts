/**
 * The broker on this very machine, through `rabbitmqctl` by lists of arguments: only what cannot be done from outside. It turns
 * on the management API, makes the administrator that all else goes through, and lets the broker listen with TLS.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SluiceError } from 'sluice';
import { ownerOf, writeFile } from './files.ts';

const patienceMs = 120_000;

/** @returns what it prints */
function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: patienceMs });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('error', (cause) =>
      reject(
        new SluiceError(
          `hub: there is no ${program} here (${messageOf(cause)}); run this on the broker's machine, or name one with --api and --admin`,
          { cause },
        ),
      ),
    );
    child.once('close', (code) => {
      const said = (err || out).trim().split('\n').slice(0, 3).join(' ');
      if (code === 0) resolve(out);
      else reject(new SluiceError(`hub: ${program} ${args[0]} failed (${said.slice(0, 300)}); run this as root on the broker's machine`));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Makes the user an administrator, or gives it this password. The password goes through standard input, where `ps` does not look. */
export async function putAdministrator(name: string, password: string): Promise<void> {
  const users = await run('rabbitmqctl', ['--quiet', 'list_users']);
  const there = users.split('\n').some((line) => line.split('\t')[0] === name);
  await run('rabbitmqctl', ['--quiet', there ? 'change_password' : 'add_user', name], `${password}\n`);
  await run('rabbitmqctl', ['--quiet', 'set_user_tags', name, 'administrator']);
}

export async function enableManagement(): Promise<void> {
  await run('rabbitmq-plugins', ['--quiet', 'enable', 'rabbitmq_management']);
}

export interface TlsFiles {
  /** Of the authority, in PEM. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** What the broker reads at its next start. The management API is the hub's alone, so it listens where the hub is. */
export function brokerConfig(api: string, port: number, tls: TlsFiles | undefined): string {
  const lines = ['# Written by "sluice hub init".', 'management.tcp.ip = 127.0.0.1', `management.tcp.port = ${new URL(api).port || 80}`];
  if (tls) {
    lines.push(
      `listeners.ssl.default = ${port}`,
      `ssl_options.cacertfile = ${tls.ca}`,
      `ssl_options.certfile = ${tls.certificate}`,
      `ssl_options.keyfile = ${tls.key}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = false',
      'ssl_options.versions.1 = tlsv1.3',
      'ssl_options.versions.2 = tlsv1.2',
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Where the broker's own config is under `root`. */
export const brokerFolder = (root: string): string => join(root, 'etc/rabbitmq');

export function writeBrokerConfig(root: string, api: string, port: number, tls: TlsFiles | undefined): void {
  writeFile(join(brokerFolder(root), 'conf.d/50-sluice.conf'), brokerConfig(api, port, tls));
}

/** Who has to read the broker's key. */
export const brokerOwner = (root: string): ReturnType<typeof ownerOf> => ownerOf(root, 'rabbitmq');

/** Whether the broker listens with TLS on the port by now. Without a restart, which every other user of it would notice. */
export async function listenWithTls(port: number, { ca, certificate, key }: TlsFiles): Promise<boolean> {
  for (const file of [ca, certificate, key]) if (!existsSync(file) || /["\\\p{C}]/u.test(file)) return false;
  const options = `[{cacertfile,"${ca}"},{certfile,"${certificate}"},{keyfile,"${key}"},{verify,verify_peer},{fail_if_no_peer_cert,false},{versions,['tlsv1.3','tlsv1.2']}]`;
  const expression = [
    `Options = ${options}`,
    'application:set_env(rabbit, ssl_options, Options)',
    'ssl:clear_pem_cache()',
    `case lists:keyfind(${port}, 6, rabbit_networking:active_listeners()) of false -> rabbit_networking:start_ssl_listener(${port}, Options, 10); _ -> ok end.`,
  ].join(', ');
  try {
    await run('rabbitmqctl', ['--quiet', 'eval', expression]);
    return true;
  } catch {
    // An older or newer broker: it listens once it has been started again.
    return false;
  }
}
