/**
 * Runs a program and makes events of what it prints, so that a monitor can be written in any language.
 *
 * `mode: sample` runs it each `every` and reads a JSON object a line (lines.ts); `follow` runs it for good and reads the same,
 * line by line as it prints; `check` runs a Nagios or Sensu plugin and reads its exit code and performance data (check.ts).
 *
 * A program that fails or hangs fails the node, which says why and is tried again; a check that does not come to a verdict is
 * status 3, as the plugins have it. Nothing here is a shell: quotes, `$` and `|` in `command` mean themselves.
 */
import { basename } from 'node:path';
import { defineMonitor, duration, type Follower, messageOf, type Sampler, SluiceError, z } from 'sluice';
import { checkReader, statusOf } from './check.ts';
import { type ExecDraft, isResource, type LineReader, lineCutter, lineReader, resourceOf } from './lines.ts';
import { launch, runOnce, said } from './program.ts';

const argument = z
  .string()
  .max(32_768)
  .refine((text) => !text.includes('\0'), 'an argument cannot hold a NUL');

const config = z
  .strictObject({
    command: z
      .tuple([argument.min(1)], argument, { error: 'write a list: the program, then each argument, as in [./check.sh, --all]' })
      .meta({ description: 'The program and its arguments.' }),
    mode: z.enum(['sample', 'follow', 'check']).default('sample'),
    timeout: z
      .string()
      .refine((text) => (duration(text) ?? 0) > 0, 'write a duration, as in 10s')
      .optional()
      .meta({ description: 'How long one run may take. Default 10s, and at most twice the interval where that is more.' }),
    resource: z
      .string()
      .refine(isResource, 'write words with dots between, as in queue.mail')
      .optional()
      .meta({ description: "What the events are about, as in queue.mail. Default: exec and the program's name." }),
    environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).default({}),
  })
  .refine(({ mode, timeout }) => mode !== 'follow' || timeout === undefined, {
    path: ['timeout'],
    message: 'a program that is followed is meant to go on; leave timeout out',
  });

type Config = z.output<typeof config>;

export default defineMonitor({
  name: 'exec',
  doc: 'Runs a program in any language: JSON lines as it prints them, or a Nagios or Sensu check.',
  config,
  out: ['metric', 'log', 'incident'],
  every: 10_000,
  create(config) {
    const program = basename(config.command[0]).replace(/\.\w+$/, '') || 'program';
    const resource = config.resource === undefined ? ['exec', program] : resourceOf(config.resource);
    if (config.mode === 'follow') return following(config, resource);
    const timeout = duration(config.timeout ?? '10s') ?? 0;
    return config.mode === 'check' ? checking(config, timeout, resource) : sampling(config, timeout, resource);
  },
});

function sampling(config: Config, timeout: number, resource: readonly string[]): Sampler<ExecDraft['kind']> {
  return {
    async sample(signal) {
      const { exit, output, complaint } = await runOnce(config, timeout, signal);
      // What a program printed before it failed may be half of the truth.
      if (exit !== 0) throw new SluiceError(`exec: ${config.command[0]} ended with status ${exit}${said(complaint)}`);
      const cutter = lineCutter();
      const reader = lineReader(resource);
      const drafts = reader.read([...cutter.push(output), ...cutter.end()]);
      return reader.refused > 0 ? [...drafts, refusal(reader, config, resource)] : drafts;
    },
  };
}

function checking(config: Config, timeout: number, resource: readonly string[]): Sampler<ExecDraft['kind']> {
  const read = checkReader(resource);
  return {
    async sample(signal) {
      try {
        const { exit, output, complaint } = await runOnce(config, timeout, signal);
        const text = output.toString('utf8');
        return read(statusOf(exit), text.trim() === '' ? complaint : text);
      } catch (thrown) {
        // What could not run has no performance data, whatever its error holds.
        return read(3, messageOf(thrown).replaceAll('|', '/'));
      }
    },
  };
}

function following(config: Config, resource: readonly string[]): Follower<ExecDraft['kind'], null> {
  return {
    async *events(signal) {
      if (signal.aborted) return;
      const program = launch(config);
      const end = () => program.end();
      signal.addEventListener('abort', end, { once: true });
      const cutter = lineCutter();
      const reader = lineReader(resource);
      // Refused lines are told at 1, 10, 100 …: a program that prints nonsense does not fill the logs with it.
      let tellAt = 1;
      const read = (lines: Parameters<LineReader['read']>[0]) => {
        const drafts = reader.read(lines);
        if (reader.refused < tellAt) return drafts;
        while (tellAt <= reader.refused) tellAt *= 10;
        return [...drafts, refusal(reader, config, resource)];
      };
      try {
        for await (const chunk of program.output) {
          const drafts = read(cutter.push(chunk));
          if (drafts.length > 0) yield { drafts, position: null };
        }
        const drafts = read(cutter.end());
        if (drafts.length > 0) yield { drafts, position: null };
        const exit = await program.ended;
        if (!signal.aborted) throw new SluiceError(`exec: ${config.command[0]} ended with status ${exit}${said(program.complaint())}`);
      } catch (thrown) {
        if (!signal.aborted) throw thrown;
      } finally {
        signal.removeEventListener('abort', end);
        program.end();
      }
    },
  };
}

/** Says how many lines were not understood, and why the first was not. */
function refusal({ refused, first }: LineReader, config: Config, resource: readonly string[]): ExecDraft {
  const lines = refused === 1 ? '1 line' : `${refused} lines`;
  const body = `exec: ${lines} of ${config.command[0]} could not be read as JSON points or drafts; the first: ${first}`;
  return { kind: 'log', key: resource, data: { lines: [{ body, severity: 'warn', fields: { 'exec.refused': refused } }] } };
}
