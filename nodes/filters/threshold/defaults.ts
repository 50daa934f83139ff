/**
 * The rules that hold unless a config says otherwise: what breaks a machine sooner or later, and stays quiet on a healthy
 * one. Each says what to do. The metrics are those of the built-in monitors; limits are where trouble is near and not
 * merely where a number is high.
 */
import type { RuleConfig } from './rules.ts';

/** Actions name no device or path within a command: such names come from the world, and people paste what they read. */
export const defaultRules: Readonly<Record<string, RuleConfig>> = {
  'filesystem-space': {
    metric: 'system.filesystem.utilization',
    // What cannot be written cannot fill up, and images are full from the day that they are made.
    where: {
      'system.filesystem.state': ['!free', '!reserved'],
      'system.filesystem.mode': '!ro',
      'system.filesystem.type': ['!squashfs', '!iso9660', '!erofs'],
    },
    by: ['system.filesystem.mountpoint'],
    summary: '{system.filesystem.mountpoint} is {value} full (limit {limit})',
    action: 'free space or grow it: old logs, images and caches are the usual ones, and du -xh --max-depth=2 there shows what takes it',
    warning: { above: 0.9, clear: 0.88, for: '5m' },
    critical: { above: 0.95, clear: 0.93, for: '5s' },
  },
  'filesystem-inodes': {
    metric: 'system.filesystem.inodes.utilization',
    where: { 'system.filesystem.mode': '!ro', 'system.filesystem.type': ['!squashfs', '!iso9660', '!erofs'] },
    by: ['system.filesystem.mountpoint'],
    summary:
      '{system.filesystem.mountpoint} has used {value} of its inodes (limit {limit}): soon no file can be made, whatever space is left',
    action: 'remove what has many small files (sessions, caches, mail queues): du --inodes -x --max-depth=2 there shows where they are',
    warning: { above: 0.9, clear: 0.88, for: '5m' },
    critical: { above: 0.97, clear: 0.95, for: '5s' },
  },
  'filesystem-silent': {
    metric: 'system.filesystem.responding',
    by: ['system.filesystem.mountpoint'],
    summary: '{system.filesystem.mountpoint} does not answer: programs that touch it hang',
    action: 'see whether its server or disk ({system.device}) is up and reachable; umount -l lets go of it by force',
    critical: { below: 1, for: '30s' },
  },
  'memory-used': {
    // What programs hold and the kernel could not take back: caches do not count.
    metric: 'system.memory.utilization',
    where: { 'system.memory.state': 'used' },
    by: [],
    summary: '{value} of the memory is in use (limit {limit})',
    action: 'see what takes it (top, then M) and restart or limit it, or add memory: at the end the kernel kills a process',
    warning: { above: 0.92, clear: 0.88, for: '10m' },
    critical: { above: 0.97, clear: 0.95, for: '1m' },
  },
  'swap-used': {
    // Full swap alone may be old pages that nobody wants: only nearly all of it, for long, is a sign.
    metric: 'system.paging.utilization',
    where: { 'system.paging.state': 'used' },
    by: [],
    summary: '{value} of the swap is in use (limit {limit}): there is no reserve left for memory',
    action: 'see what takes the memory (top, then M) and restart or limit it, or add memory or swap',
    warning: { above: 0.95, clear: 0.9, for: '30m' },
  },
  'load-high': {
    metric: 'system.cpu.load_per_core.15m',
    by: [],
    unit: '',
    summary: '{value} tasks per core want to run, over 15 minutes (limit {limit})',
    action: 'see what runs (top) and what waits for a disk (state D): move work elsewhere, or give the machine more cores or faster disks',
    warning: { above: 2, clear: 1.5, for: '15m' },
    critical: { above: 8, clear: 5, for: '15m' },
  },
  'events-lost': {
    // What was lost within the last five minutes: it ends by itself.
    metric: 'sluice.reader.lost',
    by: ['sluice.node'],
    unit: '{events}',
    summary: '{sluice.node} has lost {value} in five minutes on their way to it',
    action: 'sluice doctor --bus names the streams and what is full: a reader that is too slow or was away, or the spool of a writer',
    warning: { above: 0, for: '30s' },
  },
  'spool-dropping': {
    metric: 'sluice.spool.dropped',
    by: [],
    unit: '{events}',
    summary: 'telemetry gave way while the spool was full: {value} in five minutes',
    action: 'bring the bus back, or give the spool more room: sluice doctor --bus',
    warning: { above: 0 },
  },
  'clock-unsynchronized': {
    metric: 'system.clock.synchronized',
    by: [],
    summary: 'the clock is not kept right by any time server',
    action: 'see whether a time service runs and reaches its servers: chronyc sources, or timedatectl timesync-status',
    // A machine that has just started needs some minutes; one without a time service at all drifts by seconds a day.
    warning: { below: 1, for: '1h' },
  },
  'clock-ahead': {
    metric: 'system.clock.offset',
    by: [],
    summary: 'the clock is {value} ahead of true time (limit {limit})',
    action: 'see chronyc tracking; chronyc makestep sets it at once',
    warning: { above: 0.5, clear: 0.1, for: '5m' },
    critical: { above: 30, clear: 1, for: '5m' },
  },
  'clock-behind': {
    metric: 'system.clock.offset',
    by: [],
    summary: 'the clock is off by {value} (limit {limit}): it is behind true time',
    action: 'see chronyc tracking; chronyc makestep sets it at once',
    warning: { below: -0.5, clear: -0.1, for: '5m' },
    critical: { below: -30, clear: -1, for: '5m' },
  },
};
