import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readIdentity } from './identity.ts';

let folder: string;
const file = () => join(folder, 'identity');
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-identity-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('reads a file that only its owner can read', () => {
  writeFileSync(file(), 'username: web-1\npassword: "p: #w"\n', { mode: 0o600 });
  expect(readIdentity(file())).toEqual({ username: 'web-1', password: 'p: #w' });
});

it('refuses what others can read, what is not there and what is none, and never says what it holds', () => {
  expect(() => readIdentity(file())).toThrow(/cannot be read/);
  writeFileSync(file(), 'username: web-1\npassword: secret\n', { mode: 0o600 });
  chmodSync(file(), 0o640);
  expect(() => readIdentity(file())).toThrow(/chmod 600/);
  for (const text of ['secret', 'password: secret', 'username: a\npassword: secret\nmore: 1', '"']) {
    writeFileSync(file(), text);
    chmodSync(file(), 0o600);
    expect(() => readIdentity(file())).toThrow(/is none/);
    expect(() => readIdentity(file())).not.toThrow(/secret/);
  }
});

it('reads the authority beside it, and says when that is none', () => {
  writeFileSync(file(), 'username: a\npassword: b\nca: ca.pem\n', { mode: 0o600 });
  expect(() => readIdentity(file())).toThrow(/ca\.pem is no certificate/);
  const [authority] = rootCertificates;
  writeFileSync(join(folder, 'ca.pem'), authority ?? '');
  expect(readIdentity(file())).toEqual({ username: 'a', password: 'b', ca: authority });
});
