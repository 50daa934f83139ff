/**
 * Tells how full each filesystem is, in bytes and in inodes, before a full one stops a service.
 *
 * /proc/self/mountinfo and statfs → `system.filesystem.usage` (By) by `system.filesystem.state`, `.utilization` (0..1,
 * `used`), the same for inodes as `.inodes.usage` and `.inodes.utilization`, each by device, mount point, type and mode;
 * and `system.filesystem.responding`: 1, or 0 when a mount did not answer within a second (a file server that is gone).
 *
 * Utilization is what `df` shows: of the room that ordinary users have. What holds no data of its own (proc, cgroup), is
 * full by its nature (squashfs, CDs) or shows a filesystem a second time (bind mounts) is left out. It sees the mounts
 * that its own process sees: in a service with a private /tmp, that one.
 */
import { defineMonitor, z } from 'sluice';
import { type Fill, filesystemsElsewhere, type Mount } from './shared/elsewhere.ts';
import { metric, type PointInput } from './shared/metric.ts';
import { mountsToWatch } from './shared/mounts.ts';
import { matchesAny, names } from './shared/names.ts';
import { checkRoot, isLinux, procRoot, readProc } from './shared/proc.ts';
import { asker } from './shared/statfs.ts';

/** Mounts that container engines and systemd make for themselves and their guests. */
const othersMounts = [
  '/proc/*',
  '/sys/*',
  '/run/credentials/*',
  '/var/lib/docker/*',
  '/var/lib/containers/storage/*',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/resolv.conf',
];

export default defineMonitor({
  name: 'filesystem',
  doc: 'Tells how full each filesystem is, in bytes and inodes, and which mounts do not answer.',
  config: z.strictObject({
    root: procRoot,
    exclude: names(othersMounts),
  }),
  out: ['metric'],
  every: 5000,
  create({ root, exclude }) {
    const ask = asker();
    const isExcluded = (mountpoint: string) => matchesAny(mountpoint, exclude);
    return {
      start: () => checkRoot('filesystem', root),
      async sample(signal) {
        if (!isLinux) {
          const filesystems = (await filesystemsElsewhere()).filter(({ mountpoint }) => !isExcluded(mountpoint));
          return metric(
            ['filesystem'],
            filesystems.flatMap((one) => pointsOf(one, one.fill)),
          );
        }
        const mounts = mountsToWatch(readProc('filesystem', root, 'self/mountinfo') ?? '', isExcluded);
        const answers = await ask(mounts, signal);
        return metric(
          ['filesystem'],
          mounts.flatMap((mount) => pointsOf(mount, answers.get(mount.mountpoint))),
        );
      },
    };
  },
});

function pointsOf(mount: Mount, answer: Fill | 'silent' | undefined): PointInput[] {
  if (answer === undefined) return [];
  const where = {
    'system.device': mount.device,
    'system.filesystem.mountpoint': mount.mountpoint,
    'system.filesystem.type': mount.type,
    'system.filesystem.mode': mount.mode,
  };
  const responding = { name: 'system.filesystem.responding', value: answer === 'silent' ? 0 : 1, unit: '1', attributes: where };
  if (answer === 'silent') return [responding];
  const { used, free, reserved, inodesUsed, inodesFree } = answer;
  const amount = (name: string, unit: string, state: string, value: number): PointInput => ({
    name,
    value,
    type: 'updown',
    unit,
    attributes: { ...where, 'system.filesystem.state': state },
  });
  const share = (name: string, value: number): PointInput => ({
    name,
    value,
    unit: '1',
    attributes: { ...where, 'system.filesystem.state': 'used' },
  });
  return [
    amount('system.filesystem.usage', 'By', 'used', used),
    amount('system.filesystem.usage', 'By', 'free', free),
    amount('system.filesystem.usage', 'By', 'reserved', reserved),
    share('system.filesystem.utilization', used / (used + free)),
    amount('system.filesystem.inodes.usage', '{inode}', 'used', inodesUsed),
    amount('system.filesystem.inodes.usage', '{inode}', 'free', inodesFree),
    share('system.filesystem.inodes.utilization', inodesUsed / (inodesUsed + inodesFree)),
    responding,
  ];
}
