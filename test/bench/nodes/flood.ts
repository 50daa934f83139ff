/** Writes ten thousand log lines a second, as ten programs do together: a flood in benches of the page. */
import { defineMonitor, z } from 'sluice';

const perSecond = 10_000;
const programs = 10;
/** A tick that came late makes up for it, within reason. */
const longestMs = 500;

export default defineMonitor({
  name: 'flood',
  doc: 'Writes ten thousand log lines a second, for benches.',
  config: z.strictObject({}),
  out: ['log'],
  every: 20,
  create() {
    let count = 0;
    let before = performance.now();
    let owed = 0;
    return {
      sample() {
        const now = performance.now();
        owed += (Math.min(longestMs, now - before) / 1000) * perSecond;
        before = now;
        const each = Math.floor(owed / programs);
        owed -= each * programs;
        if (each === 0) return [];
        return Array.from({ length: programs }, (_, program) => ({
          kind: 'log' as const,
          key: ['log', `app-${program}`],
          data: {
            file: `/var/log/app-${program}.log`,
            lines: Array.from({ length: each }, () => {
              count += 1;
              const status = count % 500 === 0 ? 500 : 200;
              return {
                body: `203.0.113.${count % 250} - - "GET /orders/${count} HTTP/1.1" ${status} ${count % 40_000} "-" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)"`,
                severity: status === 500 ? ('error' as const) : ('info' as const),
                fields: { status, path: '/orders' },
              };
            }),
          },
        }));
      },
    };
  },
});
