/**
 * Follows systemd's journal, where a modern Linux keeps what its services say: Debian 12 has no syslog files.
 *
 * `journalctl --follow` → `log`, many lines an event, with severity, program, pid and unit. The journal's own cursor is the
 * position, so a restart loses and repeats nothing; the first run begins with the last 20 entries.
 *
 * Without journalctl it says so once and stays quiet. Whoever is neither root nor in the group systemd-journal sees only
 * what his own programs say. Messages past 64 KB are cut; an entry past 4 MB is left out, and a line says so.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Draft, defineMonitor, type Services, z } from 'sluice';
import { outputFields, readEntry } from './entry.ts';
import { type Output, outputOf } from './program.ts';

type Position = { cursor: string };
type Line = Draft<'log'> extends { data: { lines: (infer Each)[] } } ? Each : never;

const program = 'journalctl';
const entryLimit = 4 * 1_048_576;
const mostLines = 500;
/** Of an event's megabyte, with each character counted as the six bytes that it may take. */
const mostBytes = 900_000;

export default defineMonitor({
  name: 'journal',
  doc: "Follows systemd's journal, where a modern Linux keeps what its services say.",
  config: z.strictObject({
    directory: z.string().min(1).optional().meta({ description: "journal files of another place than the system's own" }),
  }),
  out: ['log'],
  configure: ({ logs }) => (logs.includes('journal') ? {} : undefined),
  create({ directory }, saved?: Position) {
    // Empty: of all that was told, nothing had a cursor.
    let cursor = saved?.cursor || undefined;
    let isThere = false;
    const said = new Set<string>();
    let services: Services | undefined;
    const say = (text: string): void => {
      if (said.has(text)) return;
      said.add(text);
      services?.say('warn', text);
    };
    const args = (): string[] => [
      // Without --merge, --follow shows the present boot alone, and what came before a reboot would be lost.
      ...['--follow', '--merge', '--all', '--no-pager', '--output=json', `--output-fields=${outputFields.join(',')}`],
      ...(cursor === undefined ? ['--lines=20'] : ['--no-tail', `--after-cursor=${cursor}`]),
      ...(directory === undefined ? [] : [`--directory=${directory}`]),
    ];
    return {
      async start(given?: Services) {
        services = given;
        isThere = await runs(program);
        if (!isThere) say(`there is no ${program} on this machine; leave journal out of logs:, or install systemd`);
      },
      async *events(signal: AbortSignal) {
        if (!isThere && !signal.aborted) await once(signal, 'abort');
        const output = outputOf(program, args, entryLimit, signal, ({ complaint, reason }) => {
          if (/seek to cursor/.test(complaint)) cursor = undefined;
          say(`${program} ended ${reason}${complaint ? ` (${complaint})` : ''}; it is started again`);
        });
        for await (const part of output) {
          const { lines, last } = read(part);
          cursor = last ?? cursor;
          if (lines.length > 0) yield { drafts: draftsOf(lines), position: { cursor: cursor ?? '' } };
        }
      },
    };
  },
});

/** Whether the program can be run at all. */
async function runs(file: string): Promise<boolean> {
  const child = spawn(file, ['--version'], { stdio: 'ignore' });
  return once(child, 'close').then(
    () => true,
    () => false,
  );
}

/** The lines of a part of the output, and the cursor behind them. */
function read(output: Output): { readonly lines: Line[]; readonly last?: string } {
  if ('tooLong' in output) {
    return {
      lines: [{ body: `sluice: journal: an entry of ${output.tooLong} bytes was left out`, severity: 'warn', cut: output.tooLong }],
    };
  }
  const entries = output.lines.map(readEntry).filter((entry) => entry !== undefined);
  const last = entries.at(-1)?.cursor;
  return { lines: entries.map(({ line }) => line), ...(last !== undefined && { last }) };
}

/** As many lines in one event as fit. */
function draftsOf(lines: readonly Line[]): Draft<'log'>[] {
  const groups: Line[][] = [];
  let bytes = mostBytes;
  for (const line of lines) {
    const size = (line.body.length + 4096) * 6;
    if (bytes + size > mostBytes || groups.at(-1)?.length === mostLines) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(line);
    bytes += size;
  }
  return groups.map((group) => ({ kind: 'log', key: ['log', 'journal'], data: { lines: group } }));
}
