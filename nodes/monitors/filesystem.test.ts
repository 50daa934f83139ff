import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import filesystem from './filesystem.ts';
import { filesystemsElsewhere } from './shared/elsewhere.ts';
import { mountsToWatch } from './shared/mounts.ts';
import { readProc } from './shared/proc.ts';
import { asker, type Statfs } from './shared/statfs.ts';
import { fixture, once, valueIn } from './shared/testing.ts';

const mountinfo = (tree: string) => readProc('test', fixture(tree), 'self/mountinfo') ?? '';
const watched = (tree: string, exclude: string[] = []) => mountsToWatch(mountinfo(tree), (mountpoint) => exclude.includes(mountpoint));
const quarterFull: Statfs = { bsize: 4096, blocks: 100, bfree: 70, bavail: 60, files: 10, ffree: 8 };
const never = new AbortController().signal;

test('each filesystem that can fill is watched once', () => {
  expect(watched('server').map(({ mountpoint }) => mountpoint)).toEqual([
    ...['/dev/shm', '/', '/mnt/two words\ttab\\slash#hash', '/mnt/mine', '/mnt/nfs', '/home', '/broken/remounted'],
  ]);
});

test('the later of two mounts at one place is the one that is seen', () => {
  expect(watched('server').find(({ mountpoint }) => mountpoint === '/dev/shm')?.device).toBe('newer');
});

test('a filesystem that the kernel made read-only after an error says so', () => {
  expect(watched('server').find(({ mountpoint }) => mountpoint === '/broken/remounted')?.mode).toBe('ro');
});

test('under ProtectSystem=strict, which shows a service everything as read-only, the filesystem says what is so', () => {
  const sealed = '1 0 1:1 / / ro - ext4 /dev/x rw\n2 1 1:2 / /home ro - ext4 /dev/y ro\n3 1 1:3 / /run ro - tmpfs tmpfs rw\n';
  const modes = mountsToWatch(sealed, () => false).map(({ mountpoint, mode }) => `${mountpoint} ${mode}`);
  expect(modes).toEqual(['/ rw', '/home ro', '/run rw']);
});

test("a container's root is its overlay; leaving out one mount of a filesystem leaves the others", () => {
  expect(watched('container').map(({ mountpoint }) => mountpoint)).toEqual(['/', '/etc/hosts']);
  expect(watched('server', ['/']).map(({ mountpoint }) => mountpoint)).toContain('/mnt/whole/again');
});

test('utilization is that of df, and inodes have theirs', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-mounts-'));
  mkdirSync(join(root, 'self'));
  try {
    writeFileSync(
      join(root, 'self/mountinfo'),
      `1 0 1:1 / ${tmpdir()} rw - ext4 /dev/x rw\n2 1 1:2 / /sluice/not/there rw - ext4 /dev/y rw\n`,
    );
    const points = await once(filesystem, { root });
    // A mount point that is gone by the time it is asked says nothing.
    expect(new Set(points.map((point) => point.attributes?.['system.filesystem.mountpoint']))).toEqual(new Set([tmpdir()]));
    const usage = (state: string) => valueIn(points, 'system.filesystem.usage', { 'system.filesystem.state': state }) ?? Number.NaN;
    const [used, free] = [usage('used'), usage('free')];
    expect(used).toBeGreaterThan(0);
    expect(valueIn(points, 'system.filesystem.utilization')).toBeCloseTo(used / (used + free));
    expect(valueIn(points, 'system.filesystem.responding')).toBe(1);
    expect(points[0]?.attributes).toMatchObject({
      'system.device': '/dev/x',
      'system.filesystem.type': 'ext4',
      'system.filesystem.mode': 'rw',
    });
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('a mount that hangs is silent, is asked once, and no longer waited for', async () => {
  const asked: string[] = [];
  let answer = (_: Statfs) => {};
  const hung = new Promise<Statfs>((resolve) => {
    answer = resolve;
  });
  // With patience for longer than this test may take: what is waited for again would fail it.
  const ask = asker((path) => {
    asked.push(path);
    return path === '/mnt/nfs' && asked.filter((one) => one === path).length === 1 ? hung : Promise.resolve(quarterFull);
  }, 600_000);
  const mounts = watched('server');
  const limit = new AbortController();
  setImmediate(() => limit.abort());
  for (const signal of [limit.signal, never, never]) {
    const answers = await ask(mounts, signal);
    expect(answers.get('/mnt/nfs')).toBe('silent');
    expect(answers.get('/')).toEqual({ used: 30 * 4096, free: 60 * 4096, reserved: 10 * 4096, inodesUsed: 2, inodesFree: 8 });
  }
  expect(asked.filter((path) => path === '/mnt/nfs')).toHaveLength(1);
  answer(quarterFull);
  await hung;
  expect((await ask(mounts, never)).get('/mnt/nfs')).toMatchObject({ used: 30 * 4096 });
});

test('hung file servers never take more than two threads', async () => {
  const asked: string[] = [];
  const ask = asker((path) => {
    asked.push(path);
    return new Promise(() => {});
  }, 10);
  const servers = Array.from({ length: 9 }, (_, index) => ({
    device: 'files:/x',
    mountpoint: `/mnt/${index}`,
    type: 'nfs4',
    mode: 'rw' as const,
  }));
  for (let round = 0; round < 3; round++) await ask(servers, never);
  expect(asked).toEqual(['/mnt/0', '/mnt/1']);
});

test('a broken mount is silent, one that may not be looked at is left out, one without blocks too', async () => {
  const failing = (code: string) => Promise.reject(Object.assign(new Error(code), { code }));
  const ask = asker((path) =>
    path === '/' ? failing('EIO') : path === '/home' ? failing('EACCES') : Promise.resolve({ ...quarterFull, blocks: 0 }),
  );
  expect([...(await ask(watched('server'), never))]).toEqual([['/', 'silent']]);
});

test('this machine has a root with room in it, and other systems are read alike', async () => {
  const points = await once(filesystem);
  const root = valueIn(points, 'system.filesystem.utilization', { 'system.filesystem.mountpoint': '/' });
  expect(root).toBeGreaterThan(0);
  expect(root).toBeLessThanOrEqual(1);
  const elsewhere = (await filesystemsElsewhere()).find(({ mountpoint }) => mountpoint === '/');
  if (elsewhere) expect(elsewhere.fill.used / (elsewhere.fill.used + elsewhere.fill.free)).toBeCloseTo(root ?? -1, 1);
});
