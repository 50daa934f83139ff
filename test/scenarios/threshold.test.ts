/** The main job on real input: a disk fills up, and everyone who looks is told what to do; it empties, and all is well. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Data } from '../../core/kinds.ts';
import { canMount, folder, mounting, site, start, until } from './run.ts';
import { mountTmpfs } from './tmpfs.ts';

type Alert = Data<'alert'> & { readonly key: string };

it.skipIf(!canMount)(
  mounting('tells of a filesystem that fills up, with its value and what to do, and of its end'),
  { timeout: 60_000 },
  async () => {
    const at = folder();
    const disk = mountTmpfs(join(at, 'disk'), 'size=4m');
    const critical = { above: 0.95, clear: 0.93, for: '1s' };
    const running = await site({
      folder: at,
      config: {
        host: 'web-1',
        logs: ['journal'],
        nodes: [
          { use: 'filesystem', every: '1s' },
          // As by default, but for a moment and not five seconds.
          { use: 'threshold', rules: { 'filesystem-space': { metric: 'system.filesystem.utilization', critical } } },
        ],
      },
    });
    const alerts = async () => {
      const { firing, recent } = await running.get<{ firing: Alert[]; recent: { data: Alert }[] }>('/api/alerts');
      return {
        firing: firing.filter(({ summary }) => summary.includes(disk)),
        recent: recent.filter(({ data }) => data.summary.includes(disk)),
      };
    };
    await until('the page', () => running.get('/healthz'));
    const tap = start(['tap', 'alert', '--port', String(running.port), '--since', '1m']);
    const measured = async () =>
      (await running.get<{ name: string }[]>('/api/metrics')).some(({ name }) => name === 'system.filesystem.utilization');
    await until('the filesystem to be measured', measured);
    expect((await alerts()).firing).toEqual([]);

    const began = performance.now();
    writeFileSync(join(disk, 'big'), Buffer.alloc(Math.round(3.95 * 1024 * 1024), 1));
    const [firing] = await until('the alert', async () => {
      const { firing } = await alerts();
      return firing.length > 0 && firing;
    });
    console.log(`alerted ${Math.round(performance.now() - began)} ms after the disk was full`);
    expect(firing).toMatchObject({ rule: 'filesystem-space', severity: 'critical', threshold: 0.95, unit: '1' });
    expect(firing?.value).toBeGreaterThan(0.95);
    expect(firing?.summary).toMatch(/is (9[6-9](\.\d)?|100) % full \(limit 95 %\)$/);
    expect(firing?.action).toMatch(/free space/);

    rmSync(join(disk, 'big'));
    await until('its end', async () => {
      const { firing, recent } = await alerts();
      return firing.length === 0 && recent.some(({ data }) => data.status === 'resolved');
    });

    // The same in the terminal that it runs in, and in one that taps: how bad, what, how much, what to do, and the end.
    const full = `${disk} is \\d+(\\.\\d)? % full`;
    await until('the tap to tell the end', () => new RegExp(`resolved filesystem-space: ${disk}`).test(tap.out()));
    expect(tap.out()).toMatch(new RegExp(`critical filesystem-space: ${full}.*→ free space`));
    await until('the console to tell the end', () => new RegExp(`RESOLVED +critical web-1 ${disk}`).test(running.out()));
    expect(running.out()).toMatch(new RegExp(`FIRING +critical web-1 ${full}.*\\n +→ free space`));
    await Promise.all([tap.stop(), running.stop()]);
  },
);
