import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Draft, type Follower, kinds, type Sampler } from 'sluice';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import exec from './exec.ts';

const examples = fileURLToPath(new URL('../../../deploy/examples/', import.meta.url));
const bash = (script: string) => ['bash', '-c', script];
const never = new AbortController().signal;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-exec-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function sampler(config: Record<string, unknown>): Sampler {
  const made = exec.create(exec.config.parse(config));
  if (!('sample' in made)) throw new Error('not a sampler');
  return made;
}

function follower(config: Record<string, unknown>): Follower {
  const made = exec.create(exec.config.parse({ ...config, mode: 'follow' }));
  if (!('events' in made)) throw new Error('not a follower');
  return made;
}

/** One run's drafts, each checked as the bus will check it. */
async function run(config: Record<string, unknown>): Promise<readonly Draft[]> {
  const drafts = await sampler(config).sample(never);
  for (const { kind, data } of drafts) kinds[kind].schema.parse(data);
  return drafts;
}

const points = (drafts: readonly Draft[]) => drafts.flatMap((draft) => (draft.kind === 'metric' ? draft.data.points : []));
const bodies = (drafts: readonly Draft[]) =>
  drafts.flatMap((draft) => (draft.kind === 'log' ? draft.data.lines.map(({ body }) => body) : []));
const pidIn = (file: string) => Number(readFileSync(join(directory, file), 'utf8'));

/** Whether a process runs; one that ended and was not yet collected by its parent does not. */
function runs(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('the Bash monitor of deploy/examples counts the files in a queue', async () => {
  for (const name of ['a', 'b', 'c']) writeFileSync(join(directory, name), '');
  const drafts = await run({ command: [join(examples, 'queue-depth.sh'), directory] });
  expect(drafts).toEqual([
    {
      kind: 'metric',
      key: ['exec', 'queue-depth'],
      data: {
        points: [{ name: 'queue.depth', value: 3, unit: '{file}', attributes: { 'queue.name': directory } }],
      },
    },
  ]);
  expect(readFileSync(join(examples, 'queue-depth.sh'), 'utf8').trim().split('\n')).toHaveLength(5);
});

test('the check of deploy/examples goes from ok to critical as its file ages', async () => {
  const file = join(directory, 'backup');
  const check = sampler({ mode: 'check', command: [join(examples, 'check-age.sh'), file, '3600', '86400'], resource: 'backup.nightly' });
  const statuses: unknown[] = [];
  const texts: string[] = [];
  for (const age of [undefined, 10, 10, 7200, 100_000]) {
    if (age !== undefined) {
      writeFileSync(file, 'xyz');
      const seconds =
        Number(readFileSync('/proc/stat', 'utf8').match(/^btime (\d+)/m)?.[1]) + Number.parseFloat(readFileSync('/proc/uptime', 'utf8'));
      utimesSync(file, seconds - age, seconds - age);
    }
    const drafts = await check.sample(never);
    expect(drafts.every(({ key }) => String(key) === 'backup,nightly')).toBe(true);
    const [status, ...measured] = points(drafts);
    statuses.push([
      status?.name,
      status?.value,
      status?.attributes?.['check.name'],
      ...measured.map(({ name, unit }) => `${name} ${unit}`),
    ]);
    texts.push(...bodies(drafts).map((body) => body.split(' ')[0] ?? ''));
  }
  expect(statuses).toEqual([
    ['check.status', 3, 'nightly'],
    ['check.status', 0, 'nightly', 'check.age s', 'check.size By'],
    ['check.status', 0, 'nightly', 'check.age s', 'check.size By'],
    ['check.status', 1, 'nightly', 'check.age s', 'check.size By'],
    ['check.status', 2, 'nightly', 'check.age s', 'check.size By'],
  ]);
  // The text is told when the status changes, and not at each run.
  expect(texts).toEqual(['UNKNOWN', 'OK', 'WARNING', 'CRITICAL']);
});

test('every script and entry of deploy/examples/exec.yaml fits', async () => {
  const { nodes } = parse(readFileSync(join(examples, 'exec.yaml'), 'utf8')) as { nodes: Record<string, unknown>[] };
  for (const { use, name, every, command, ...config } of nodes) {
    expect(use).toBe('exec');
    const [script = '', ...args] = command as string[];
    expect(readdirSync(examples)).toContain(script.replace('deploy/examples/', ''));
    const drafts = await run({ ...config, command: [script.replace('deploy/examples/', examples), ...args] });
    expect(points(drafts).length, String(name)).toBeGreaterThan(0);
    expect(bodies(drafts).filter((body) => body.startsWith('exec:'))).toEqual([]);
  }
  expect(nodes.length).toBeGreaterThanOrEqual(2);
});

test('points share an event; whole drafts keep their key; what is wrong is counted, told once, and the rest is kept', async () => {
  const lines = [
    '{"name":"a","value":1}',
    'not json',
    '{"kind":"log","key":"mail.queue","data":{"lines":[{"body":"hello"}]}}',
    '{"kind":"incident","key":["door","front.left"],"data":{"what":"door.open"}}',
    '',
    '{"kind":"command","data":{"action":"ban","to":"x"}}',
    '{"kind":"log","dta":{}}',
    '{"name":"c","value":"many"}',
    '[1]',
    '{"name":"b","value":2,"attributes":{"x":"y"}}',
  ];
  const drafts = await run({ command: ['printf', '%s\n', ...lines] });
  expect(drafts.map(({ kind, key }) => [kind, key])).toEqual([
    ['log', ['mail', 'queue']],
    ['incident', ['door', 'front.left']],
    ['metric', ['exec', 'printf']],
    ['log', ['exec', 'printf']],
  ]);
  expect(points(drafts).map(({ name, value }) => [name, value])).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  expect(bodies(drafts).at(-1)).toBe(
    'exec: 5 lines of printf could not be read as JSON points or drafts; the first: line 2: not JSON: "not json"',
  );
});

test('bytes that are no UTF-8 are repaired', async () => {
  const [point] = points(await run({ command: bash(`printf '{"name":"a","value":1,"attributes":{"x":"\\xff\\xfe"}}\\n'`) }));
  expect(point?.attributes).toEqual({ x: '\ufffd\ufffd' });
});

test('a program that fails says what it wrote to stderr; one that is absent says so', async () => {
  await expect(run({ command: bash('echo out; echo "no route" >&2; exit 4') })).rejects.toThrow(
    'exec: bash ended with status 4; it said: "no route"',
  );
  await expect(run({ command: ['/no/such/program'] })).rejects.toThrow(/exec: cannot run \/no\/such\/program: .*; check command/);
  await expect(run({ command: bash('kill -SEGV $$') })).rejects.toThrow('was ended by SIGSEGV');
});

test('a script that hangs is ended with all that it started', async () => {
  const script = `trap '' TERM; (trap '' TERM; echo $BASHPID >child; sleep 600 >/dev/null & wait) & sleep 600 & wait`;
  await expect(run({ command: ['env', '-C', directory, ...bash(script)], timeout: '300ms' })).rejects.toThrow('did not end within 300ms');
  await expect.poll(() => runs(pidIn('child'))).toBe(false);
});

test('a script that leaves a child with its output behind does not hold us', async () => {
  const script = 'setsid sleep 5 & echo $! >child; exit 0';
  await expect(run({ command: ['env', '-C', directory, ...bash(script)], timeout: '200ms' })).rejects.toThrow('did not end within 200ms');
  process.kill(pidIn('child'), 'SIGKILL');
});

test('what a script leaves in the background ends with it', async () => {
  await run({ command: ['env', '-C', directory, ...bash('sleep 600 >/dev/null 2>&1 & echo $! >child')] });
  await expect.poll(() => runs(pidIn('child'))).toBe(false);
});

test('a flood is cut off', async () => {
  await expect(run({ command: ['yes'] })).rejects.toThrow('printed more than 1 MB');
});

test('stopping ends a sample at once', async () => {
  const stopping = new AbortController();
  const sampled = sampler({ command: ['sleep', '600'] }).sample(stopping.signal);
  setImmediate(() => stopping.abort());
  await expect(sampled).rejects.toThrow('was stopped');
});

test('a program sees what it needs of the environment, and no secrets', async () => {
  process.env.SLUICE_TEST_SECRET = 'hunter2';
  try {
    const script = `printf '{"name":"n","value":1,"attributes":{"secret":"%s","given":"%s","path":"%s"}}' "$SLUICE_TEST_SECRET" "$GIVEN" "$PATH"`;
    const [point] = points(await run({ command: bash(script), environment: { GIVEN: '$HOME x' } }));
    expect(point?.attributes).toEqual({ secret: '', given: '$HOME x', path: process.env.PATH });
  } finally {
    delete process.env.SLUICE_TEST_SECRET;
  }
});

test('arguments are no shell', async () => {
  const drafts = await run({ mode: 'check', command: ['printf', '%s', '$(touch /tmp/x); `id` && echo | cat'] });
  expect(bodies(drafts)).toEqual(['$(touch /tmp/x); `id` && echo']);
});

test('a check without a verdict is unknown: absent, hanging, an odd exit code', async () => {
  const status = async (config: Record<string, unknown>) => {
    const drafts = await run({ mode: 'check', ...config });
    return [points(drafts).map(({ value }) => value), bodies(drafts)[0]];
  };
  expect(await status({ command: ['/no/such/check'] })).toEqual([[3], expect.stringContaining('cannot run')]);
  expect(await status({ command: ['sleep', '600'], timeout: '100ms' })).toEqual([[3], expect.stringContaining('did not end within 100ms')]);
  expect(await status({ command: bash('echo "it broke" >&2; exit 127') })).toEqual([[3], 'it broke']);
});

test('a followed program is read as it prints, and its end is an error that names its last words', async () => {
  const steps: Draft[][] = [];
  const script = `echo '{"name":"a","value":1}'; read -r < "$GO"; echo nonsense; echo '{"name":"a","value":2}'; echo "lost the line" >&2; exit 3`;
  const go = join(directory, 'go');
  await run({ command: ['mkfifo', go], mode: 'check' });
  const follow = async () => {
    for await (const { drafts, position } of follower({ command: bash(script), environment: { GO: go }, resource: 'feed' }).events(never)) {
      expect(position).toBeNull();
      steps.push([...drafts]);
      // The first line came while the program still waits.
      if (steps.length === 1) writeFileSync(go, 'go\n');
    }
  };
  await expect(follow()).rejects.toThrow('exec: bash ended with status 3; it said: "lost the line"');
  expect(points(steps.flat()).map(({ value }) => value)).toEqual([1, 2]);
  expect(bodies(steps.flat())).toEqual([expect.stringContaining('1 line of bash')]);
});

test('a program that prints nonsense for good is told of ever more rarely, and held back while nobody reads', async () => {
  const stopping = new AbortController();
  const told: string[] = [];
  for await (const { drafts } of follower({ command: ['yes', 'nonsense'] }).events(stopping.signal)) {
    told.push(...bodies(drafts));
    if (told.length === 2) break;
  }
  const counts = told.map((body) => Number(/(\d+) lines/.exec(body)?.[1]));
  expect(counts[1]).toBeGreaterThanOrEqual(10 * 10 ** Math.floor(Math.log10(counts[0] ?? 0)));
});

test('stopping ends a followed program, also one that does not want to', async () => {
  const stopping = new AbortController();
  const script = `trap '' TERM; echo $$ >leader; echo '{"name":"a","value":1}'; while :; do sleep 0.05; done`;
  let steps = 0;
  for await (const _ of follower({ command: ['env', '-C', directory, ...bash(script)] }).events(stopping.signal)) {
    steps++;
    stopping.abort();
  }
  expect(steps).toBe(1);
  await expect.poll(() => runs(pidIn('leader')), { timeout: 5000 }).toBe(false);
});

test('configs that cannot work are refused with what to write', () => {
  const problem = (config: unknown) =>
    exec.config.safeParse(config).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  expect(problem({})).toEqual(['command: write a list: the program, then each argument, as in [./check.sh, --all]']);
  expect(problem({ command: 'ls -l' })).toEqual(['command: write a list: the program, then each argument, as in [./check.sh, --all]']);
  expect(problem({ command: [] })).toHaveLength(1);
  expect(problem({ command: ['a\0b'] })).toEqual(['command.0: an argument cannot hold a NUL']);
  expect(problem({ command: ['x'], timeout: 'soon' })).toEqual(['timeout: write a duration, as in 10s']);
  expect(problem({ command: ['x'], mode: 'follow', timeout: '5s' })).toEqual([
    'timeout: a program that is followed is meant to go on; leave timeout out',
  ]);
  expect(problem({ command: ['x'], resource: 'a..b' })).toEqual(['resource: write words with dots between, as in queue.mail']);
  expect(problem({ command: ['x'], comand: 1 })).toHaveLength(1);
});
