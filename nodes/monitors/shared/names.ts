/**
 * Lets people leave out what they do not want to watch: interfaces, disks, mount points.
 *
 * `lo` is that name alone, `veth*` all that begin so. Nothing else is special, so any name can be written.
 */
import { z } from 'sluice';

/** A config field that lists names to leave out. */
export const names = (defaults: readonly string[]) => z.array(z.string().min(1).max(4096)).default([...defaults]);

export function matchesAny(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}
