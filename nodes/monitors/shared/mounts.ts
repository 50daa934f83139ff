/**
 * Reads which filesystems are mounted, and picks those that can fill up, each once.
 *
 * mountinfo text → mounts, in the order mounted.
 */
import type { Mount } from './elsewhere.ts';

interface Listed extends Mount {
  /** Major and minor number: the filesystem itself, wherever it is mounted. */
  readonly id: string;
  /** The directory of the filesystem that is mounted; `/` but for bind mounts and subvolumes. */
  readonly top: string;
}

/** They keep nothing: views of the kernel, and mounts that wait for somebody to look (asking autofs would mount it). */
const views = new Set(
  (
    'autofs binder binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl fuse.gvfsd-fuse fuse.lxcfs ' +
    'fuse.portal hugetlbfs mqueue nfsd nsfs overlay proc pstore ramfs resctrl rootfs rpc_pipefs securityfs selinuxfs smackfs sysfs tracefs'
  ).split(' '),
);

/** Images: full from the day they are made. */
const images = new Set(['cramfs', 'erofs', 'iso9660', 'romfs', 'squashfs', 'udf']);

/** Whether a server answers for it, and may be gone. */
export const isRemote = ({ type }: Mount): boolean =>
  /^(nfs4?|cifs|smb3?|smbfs|ceph|9p|afs|lustre|glusterfs|gpfs|beegfs|virtiofs|fuse\..+)$/.test(type);

/** The mounts worth measuring. What is excluded is so before one of several mounts of a filesystem is chosen. */
export function mountsToWatch(mountinfo: string, isExcluded: (mountpoint: string) => boolean): Mount[] {
  // A later mount at the same place hides the one before it.
  const visible = new Map(parseMountinfo(mountinfo).map((mount) => [mount.mountpoint, mount]));
  const filesystems = new Map<string, Listed>();
  for (const mount of visible.values()) {
    if (!canFill(mount) || isExcluded(mount.mountpoint)) continue;
    const other = filesystems.get(mount.id);
    if (!other || isBetter(mount, other)) filesystems.set(mount.id, mount);
  }
  return [...filesystems.values()];
}

/** A container's own root is an overlay too, and the only view of its disk. A tmpfs that nobody can write holds no more than it does. */
function canFill({ type, mountpoint, mode }: Mount): boolean {
  if (type === 'overlay') return mountpoint === '/';
  if (type === 'tmpfs') return mode === 'rw';
  return !views.has(type) && !images.has(type);
}

/** Of two mounts of one filesystem: the whole of it before a part, then the shorter path. */
function isBetter(one: Listed, other: Listed): boolean {
  if ((one.top === '/') !== (other.top === '/')) return one.top === '/';
  return one.mountpoint.length < other.mountpoint.length;
}

/**
 * Reads /proc/self/mountinfo: `36 35 98:0 /top /mount/point rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`, with
 * any number of words before the hyphen. Lines that read otherwise are passed over.
 */
export function parseMountinfo(text: string): Listed[] {
  const sealed = isSealed(text);
  return text.split('\n').flatMap((line) => {
    const words = line.split(' ');
    const hyphen = words.indexOf('-', 6);
    const [, , id, top, mountpoint, options] = words;
    const [type, device, superOptions] = words.slice(hyphen + 1);
    if (hyphen < 0 || !id || !top || !mountpoint || !options || !type) return [];
    const readOnly = isReadOnly(superOptions) || (!sealed && isReadOnly(options));
    return [{ id, top, mountpoint: unescaped(mountpoint), type, device: unescaped(device ?? ''), mode: readOnly ? 'ro' : 'rw' }];
  });
}

const isReadOnly = (options = ''): boolean => options.split(',').includes('ro');

/**
 * Whether this process sees all as read-only where nothing is: systemd's `ProtectSystem=strict` mounts the root so for one service.
 * What a mount's own options say then tells of the service, and the filesystem's alone of the server.
 */
function isSealed(text: string): boolean {
  const root = text.split('\n').find((line) => line.split(' ')[4] === '/') ?? '';
  const [mount, filesystem] = root.split(' - ');
  return isReadOnly(mount?.split(' ')[5]) && !isReadOnly(filesystem?.split(' ')[2]);
}

/** Undoes the kernel's escapes: space, tab, newline, backslash and # come as three octal digits. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
