/**
 * What `sluice test` finds out about a node. A filter plays its examples and keeps its contract; a monitor measures once;
 * a sink is made, and ended without ever having started. → lines of what passed and what did not, with the place in the
 * author's own file.
 */
import { readFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import { kinds } from '../kinds.ts';
import type { AnyFilter, AnyMonitor, AnySink, Draft, Follower, Node, Sampler } from '../node.ts';
import { checkFilter } from '../testing/index.ts';

export interface Check {
  readonly title: string;
  readonly passed: boolean;
  /** What is wrong, in lines, or what came. */
  readonly detail?: string;
  /** `file:line` in the author's own file. */
  readonly at?: string;
}

const sampleLimit = 10_000;

/** @param file the author's file, where one is known */
export async function checkNode(node: Node, file: string | undefined): Promise<Check[]> {
  if (node.sort === 'filter') return checkExamples(node, file);
  if (node.sort === 'monitor') return [await attempt('measures', file, () => measure(node))];
  if (node.sort === 'sink') return [await attempt('stops, also when never started', file, () => stopTwice(node))];
  return [{ title: 'actuators cannot be tested here yet', passed: false }];
}

function checkExamples(filter: AnyFilter, file: string | undefined): Check[] {
  const thrown = new Map<string, Check>();
  const note = (error: unknown) => {
    const [at] = placeOf(error, file);
    const check = { title: 'throws nothing', passed: false, detail: messageOf(error), ...(at !== undefined && { at }) };
    thrown.set(`${at} ${check.detail}`, check);
  };
  const report = checkFilter(locating(filter, note), { failing: 'is reported' });
  const examples = report.examples.map(({ doc, passed, problem }): Check => {
    const at = lineOf(doc, file);
    return { title: doc, passed, ...(problem !== undefined && { detail: problem }), ...(!passed && at !== undefined && { at }) };
  });
  if (examples.length === 0) {
    examples.push({
      title: 'has examples',
      passed: false,
      detail: 'add examples that fire, resolve and stay quiet: they are its tests and its docs',
    });
  }
  const contract = (title: string, { passed, problem }: { readonly passed: boolean; readonly problem: string | undefined }): Check => ({
    title,
    passed,
    ...(problem !== undefined && { detail: problem }),
  });
  return [
    ...examples,
    ...thrown.values(),
    contract('gives the same again for the same inputs', report.determinism),
    contract('gives the same when it is restarted after each input', report.restart),
  ];
}

/** The same filter, which also tells of what it throws: a report has the message, and its author needs the line. */
function locating(filter: AnyFilter, tell: (thrown: unknown) => void): AnyFilter {
  const told = <Result>(run: () => Result): Result => {
    try {
      return run();
    } catch (thrown) {
      tell(thrown);
      throw thrown;
    }
  };
  return {
    ...filter,
    create(config, tables, here) {
      const { event, tick, pipe } = told(() => filter.create(config, tables, here));
      return {
        event: (input, at) => told(() => event(input, at)),
        ...(tick && { tick: (at) => told(() => tick(at)) }),
        ...(pipe && { pipe: (state, at) => told(() => pipe(state, at)) }),
      };
    },
  };
}

async function measure(monitor: AnyMonitor): Promise<string> {
  const signal = AbortSignal.timeout(sampleLimit);
  const working: Sampler | Follower = monitor.create(monitor.config.parse({}));
  await working.start?.();
  try {
    const drafts = 'sample' in working ? await working.sample(signal) : await firstOf(working, signal);
    for (const draft of drafts) checkDraft(draft, monitor.out);
    return `${drafts.length} ${drafts.length === 1 ? 'event' : 'events'}: ${JSON.stringify(drafts[0]?.data ?? null).slice(0, 300)}`;
  } finally {
    await working.stop?.();
  }
}

async function firstOf(follower: Follower, signal: AbortSignal): Promise<readonly Draft[]> {
  for await (const { drafts } of follower.events(signal)) return drafts;
  return [];
}

function checkDraft({ kind, data }: Draft, out: readonly string[]): void {
  if (!out.includes(kind)) throw new Error(`it gave a ${kind}, and its "out" names ${out.join(', ')}; add the kind there`);
  const checked = kinds[kind].schema.safeParse(data);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new Error(`its ${kind} does not fit: ${issue?.path.map(String).join('.')}: ${issue?.message}`);
  }
}

async function stopTwice(sink: AnySink): Promise<string> {
  const writing = sink.create(sink.config.parse({}));
  await writing.stop?.();
  await writing.stop?.();
  return '';
}

async function attempt(title: string, file: string | undefined, run: () => Promise<string>): Promise<Check> {
  try {
    const detail = await run();
    return { title, passed: true, ...(detail && { detail }) };
  } catch (thrown) {
    const [at] = placeOf(thrown, file);
    return { title, passed: false, detail: messageOf(thrown), ...(at !== undefined && { at }) };
  }
}

/** Where in the author's file something was thrown: the innermost frame that is theirs. */
function placeOf(thrown: unknown, file: string | undefined): string[] {
  if (file === undefined || !(thrown instanceof Error)) return [];
  const frame = thrown.stack?.split('\n').find((line) => line.includes(file));
  const [place] = frame?.slice(frame.indexOf(file)).match(/^[^)]*:\d+:\d+/) ?? [];
  return place === undefined ? [] : [place.replace(/\?[^:]*/, '')];
}

/** Where an example stands: the line with its words. */
function lineOf(doc: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((text) => text.includes(doc));
  return line < 0 ? undefined : `${file}:${line + 1}`;
}
