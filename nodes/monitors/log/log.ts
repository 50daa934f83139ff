/**
 * Follows log files, so that what programs write is seen, kept and judged as it happens.
 *
 * files (globs) → `log`, many lines an event: body, severity, and the time and fields of syslog (RFC 5424, RFC 3164) and
 * JSON lines. Rotation by rename or copy, truncation, deletion and a restart lose and repeat no line that was still there
 * to be read.
 *
 * Lines past 64 KB are cut, and say by how much. What a line says of itself, its writer says: it may lie. Compressed files
 * are left out. Links are followed: select only folders whose owners may show you any file that you may read.
 */
import { defineMonitor, type Services, z } from 'sluice';
import { follow } from './follow.ts';
import { type Position, savedPosition } from './place.ts';

/** The kernel tells of changes at once, where it can; looking at every file costs, and finds what it cannot tell. */
const beat = 5000;
/** In beats. A daemon may write to its rotated log for minutes, until it is asked to open the new one. */
const patience = 60;

export default defineMonitor({
  name: 'log',
  doc: 'Follows log files through rotation, truncation and restarts, and reads syslog, JSON and plain lines.',
  config: z.strictObject({
    files: z.array(z.string().min(1)).min(1).meta({ description: 'globs, such as /var/log/nginx/*.log' }),
    /** Where to begin in a file that is there when its glob is first used. */
    start: z.enum(['recent', 'beginning']).default('recent'),
  }),
  out: ['log'],
  configure({ logs }) {
    const files = logs.filter((entry) => entry !== 'journal');
    return files.length > 0 ? { files } : undefined;
  },
  create({ files, start }, saved?: Position) {
    const said = new Set<string>();
    let services: Services | undefined;
    const say = (text: string): void => {
      if (said.has(text)) return;
      said.add(text);
      services?.say('warn', text);
    };
    return {
      start(given?: Services) {
        services = given;
      },
      events: (signal: AbortSignal) => follow({ globs: files, start, beat, patience }, savedPosition(saved), signal, say),
    };
  },
});
