/**
 * The broker's certificate: made by an authority of its own, and found again by whoever joins. A token holds the fingerprint of
 * the authority, so a server needs no file beforehand, and the broker's certificate can be renewed without anyone joining again.
 */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { promisify } from 'node:util';
import { messageOf, SluiceError } from 'sluice';
import type { Address } from '../../core/bus/address.ts';

const run = promisify(execFile);
const openssl = (...args: string[]) =>
  run('openssl', args, { timeout: 30_000 }).catch((cause: unknown) => {
    throw new SluiceError(
      `hub: openssl cannot make a certificate (${messageOf(cause).split('\n')[1] ?? messageOf(cause)}); install openssl`,
      { cause },
    );
  });
const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const authorityDays = 3650;
const serverDays = 825;
/** A certificate that ends sooner is made anew. */
const renewMs = 30 * 86_400_000;

/** SHA-256 of a certificate, as tokens hold it. */
export const fingerprintOf = (pem: string | Buffer): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();

/** The authority in the folder, made where there is none. @returns its certificate in PEM */
export async function authorityIn(folder: string, name: string): Promise<string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const certificate = join(folder, 'ca.pem');
  if (!existsSync(certificate)) {
    const extensions = ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign,cRLSign'];
    await openssl(
      ...['req', '-x509', ...elliptic, '-days', String(authorityDays), '-subj', `/CN=sluice ${name}`],
      ...extensions.flatMap((extension) => ['-addext', extension]),
      ...['-keyout', join(folder, 'ca.key'), '-out', `${certificate}.new`],
    );
    renameSync(`${certificate}.new`, certificate);
  }
  return readFileSync(certificate, 'utf8');
}

/**
 * A broker's certificate for these names and addresses, kept while it is good for all of them.
 * @returns whether it was made anew; the files are `server.pem` and `server.key` in `to`
 */
export async function certify(authority: string, to: string, names: readonly string[], now: number): Promise<boolean> {
  mkdirSync(to, { recursive: true, mode: 0o755 });
  const [certificate, key] = [join(to, 'server.pem'), join(to, 'server.key')];
  if (existsSync(certificate) && existsSync(key) && isGood(readFileSync(certificate, 'utf8'), join(authority, 'ca.pem'), names, now))
    return false;
  const work = mkdtempSync(join(authority, '.new-'));
  const at = (name: string) => join(work, name);
  try {
    const alternatives = names.map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`).join(',');
    writeFileSync(
      at('extensions'),
      `subjectAltName=${alternatives}\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n`,
    );
    await openssl(
      'req',
      '-new',
      ...elliptic,
      '-subj',
      `/CN=${(names[0] ?? 'broker').slice(0, 64)}`,
      '-keyout',
      at('server.key'),
      '-out',
      at('server.csr'),
    );
    await openssl(
      ...['x509', '-req', '-in', at('server.csr'), '-CA', join(authority, 'ca.pem'), '-CAkey', join(authority, 'ca.key')],
      ...[
        '-CAserial',
        at('serial'),
        '-CAcreateserial',
        '-days',
        String(serverDays),
        '-sha256',
        '-extfile',
        at('extensions'),
        '-out',
        at('server.pem'),
      ],
    );
    writeFileSync(key, readFileSync(at('server.key')), { mode: 0o640 });
    writeFileSync(certificate, readFileSync(at('server.pem')), { mode: 0o644 });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return true;
}

function isGood(pem: string, authority: string, names: readonly string[], now: number): boolean {
  const certificate = new X509Certificate(pem);
  const fits = (name: string) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
  const issuer = new X509Certificate(readFileSync(authority));
  return certificate.verify(issuer.publicKey) && Date.parse(certificate.validTo) - now > renewMs && names.every(fits);
}

/**
 * The authority of the broker at this address, in PEM, when its fingerprint is the one wanted. Looks at the certificates that
 * the broker sends and says nothing to it: whether they are its own, the connection that follows checks, against this authority.
 * @throws SluiceError when none of them is the one
 */
export async function fetchAuthority(to: Address, fingerprint: string, timeoutMs = 10_000): Promise<string> {
  const name = `${to.hostname}:${to.port}`;
  const sent = await new Promise<Buffer[]>((resolve, reject) => {
    const servername = isIP(to.hostname) ? {} : { servername: to.hostname };
    const socket = connect({ host: to.hostname, port: to.port, rejectUnauthorized: false, ...servername }, () => {
      resolve(chainOf(socket.getPeerCertificate(true)));
      socket.destroy();
    });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer')));
    socket.once('error', (cause) =>
      reject(
        new SluiceError(
          `${name} does not speak TLS with us (${cause.message}); check the address, and that the broker listens there with TLS`,
          { cause },
        ),
      ),
    );
  });
  const found = sent.find((der) => fingerprintOf(der) === fingerprint);
  if (found) return new X509Certificate(found).toString();
  throw new SluiceError(
    `the broker at ${name} is not the one that the token is for: its certificate comes from another authority; check the address, or someone is in between`,
  );
}

function chainOf(first: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = [];
  for (let at: DetailedPeerCertificate | undefined = first; at?.raw && chain.length < 10; at = at.issuerCertificate) {
    if (chain.some((der) => der.equals(at?.raw ?? Buffer.alloc(0)))) break;
    chain.push(at.raw);
  }
  return chain;
}
