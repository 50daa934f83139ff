/**
 * What every node keeps, whichever is found under nodes/ and actuators/: it has its file's name, says what it does, refuses
 * a misspelt config, and is made without touching anything. Its life may end twice, or before it began.
 */
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../core/errors.ts';
import { kindNames } from '../../core/kinds.ts';
import type { AnyActuator, Filtering, Lifecycle, Node } from '../../core/node.ts';
import { loadFound, scan } from '../../core/runtime/load.ts';
import { tableMemory } from '../../core/state/tables.ts';
import { testServices } from '../../core/testing/services.ts';

const found = scan();
/** Loading checks that a file's default export is a node, and has the file's name. */
const nodes = await Promise.all(found.map(async (each) => ({ ...each, node: await loadFound(each) })));

test('the nodes of this checkout are found', () => {
  expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(['cpu', 'threshold', 'roster', 'console']));
});

describe.each(nodes)('$name', ({ sort, node }) => {
  test('is what its folder says, and says in whole sentences what it does', () => {
    expect(node.sort).toBe(sort);
    expect(node.doc).toMatch(/^[A-Z].*\.$/s);
    expect(node.doc.length).toBeLessThanOrEqual(200);
    for (const kind of 'out' in node ? node.out : []) expect(kindNames).toContain(kind);
    for (const { kind } of 'in' in node ? node.in : []) expect(kindNames).toContain(kind);
  });

  test('has a strict config, whose mistakes have a place', () => {
    const checked = node.config.safeParse({ misspeltt: 1 });
    expect(checked.success).toBe(false);
    expect(JSON.stringify(checked.error?.issues)).toContain('misspeltt');
  });

  if (node.sort === 'actuator') return;
  const create = () => createOf(node, configOf(node));

  test('is made without touching anything, twice, and differently each time', () => {
    const before = { handles: handles(), listeners: listeners(), env: JSON.stringify(process.env) };
    expect(create()).not.toBe(create());
    expect({ handles: handles(), listeners: listeners(), env: JSON.stringify(process.env) }).toEqual(before);
  });

  test('may be stopped before it is started, twice, and after it was', async () => {
    const never = create() as Lifecycle;
    await never.stop?.();
    await never.stop?.();
    const once = create() as Lifecycle;
    // What it needs may be absent here: then it says so, and is stopped all the same.
    const failure = await Promise.resolve()
      .then(() => once.start?.(testServices()))
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    await once.stop?.();
    await once.stop?.();
    if (failure !== undefined) expect(failure).toBeInstanceOf(ConfigError);
  });
});

/** What nodes need to be told, that nobody can guess. */
const required: Record<string, unknown> = { exec: { command: ['true'] }, ping: { url: 'https://hc-ping.com/an-id' } };

/** Its config from nothing, or as a process's settings imply it. */
function configOf(node: Node): unknown {
  const settings = { logs: ['/nowhere/*.log'], live: { listen: '127.0.0.1:0' }, output: 'text' as const, state: '/nowhere', keep: {} };
  for (const given of [node.configure?.(settings), {}, required[node.name]]) {
    const checked = node.config.safeParse(given);
    if (checked.success) return checked.data;
  }
  throw new Error(`${node.name} has required config; add an example of it here`);
}

function createOf(node: Exclude<Node, AnyActuator>, config: unknown): Lifecycle | Filtering {
  const here = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
  return node.sort === 'filter' ? node.create(config, tableMemory(node.tables).tables, here) : node.create(config);
}

/** What keeps a process alive: timers, sockets, watchers. */
const handles = (): string[] => process.getActiveResourcesInfo().sort();
const listeners = (): number => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
