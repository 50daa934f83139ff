/** The servers of a demo: who they are, where they stand, what they are for. A seed and a number → the same servers. */
import type { Place } from '../key.ts';
import { chance } from './chance.ts';

export type Role = 'web' | 'api' | 'worker' | 'cache' | 'db';

export interface Mount {
  readonly mountpoint: string;
  readonly device: string;
  readonly type: string;
  readonly bytes: number;
  /** How full it is at the start, from 0 to 1. */
  readonly fill: number;
}

/** A simulated server, as it is bought. */
export interface Server {
  readonly name: string;
  readonly place: Place;
  readonly role: Role;
  readonly labels: Readonly<Record<string, string>>;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly mounts: readonly Mount[];
  /** Requests a second at noon. */
  readonly requests: number;
}

const gigabyte = 1024 ** 3;
/** Ten servers in a row: so many of each role. */
const roles: readonly Role[] = ['web', 'api', 'web', 'worker', 'db', 'web', 'api', 'web', 'worker', 'cache'];
const systems = ['shop', 'billing', 'search'] as const;
const serversPerRack = 8;
const racksPerZone = 2;

const hardware: Readonly<Record<Role, Pick<Server, 'cores' | 'requests'> & { readonly gigabytes: number }>> = {
  web: { cores: 4, gigabytes: 8, requests: 220 },
  api: { cores: 8, gigabytes: 16, requests: 340 },
  worker: { cores: 8, gigabytes: 16, requests: 60 },
  cache: { cores: 4, gigabytes: 64, requests: 900 },
  db: { cores: 16, gigabytes: 128, requests: 480 },
};

export function serversOf(count: number, seed: number): Server[] {
  const counted = new Map<Role, number>();
  return Array.from({ length: count }, (_, index) => {
    const role = roles[index % roles.length] ?? 'web';
    const number = (counted.get(role) ?? 0) + 1;
    counted.set(role, number);
    return serverOf(role, `${role}-${number}`, index, seed);
  });
}

/** One server more; `index` says where it stands. */
export function serverOf(role: Role, name: string, index: number, seed: number): Server {
  const own = chance(seed, name);
  const { cores, gigabytes, requests } = hardware[role];
  const rack = Math.floor(index / serversPerRack);
  const system = systems[Math.floor(index / 10) % systems.length] ?? 'shop';
  const mount = (mountpoint: string, device: string, size: number, fill: number): Mount => ({
    mountpoint,
    device,
    type: 'ext4',
    bytes: size * gigabyte,
    fill: fill + 0.1 * own.next(),
  });
  return {
    name,
    place: { company: 'acme', system, environment: index % 10 === 7 ? 'staging' : 'prod' },
    role,
    labels: { zone: `eu-1${'abc'[Math.floor(rack / racksPerZone) % 3]}`, rack: `r${rack + 1}`, role },
    cores,
    memoryBytes: gigabytes * gigabyte,
    mounts: [
      mount('/', '/dev/vda1', 40, 0.3),
      mount('/var', '/dev/vda2', 80, 0.4),
      ...(role === 'db' ? [mount('/data', '/dev/vdb', 2000, 0.6)] : []),
    ],
    requests: requests * (0.8 + 0.4 * own.next()),
  };
}
