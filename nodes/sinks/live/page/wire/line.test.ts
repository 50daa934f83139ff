import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLine, type Frame, type Note } from './line.ts';

/** A socket whose server is the test. */
class Socket {
  readyState = 0;
  readonly sent: unknown[] = [];
  onopen = () => {};
  onmessage = (_: { data: string }) => {};
  onclose = () => {};
  open() {
    this.readyState = 1;
    this.onopen();
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  hear(frame: unknown) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
  close() {
    this.readyState = 3;
  }
  lose() {
    this.close();
    this.onclose();
  }
}

let sockets: Socket[];
const latest = () => sockets.at(-1) as Socket;
/** A line, open, of which each hearing is kept. */
async function lined() {
  const line = createLine({ open: () => sockets[sockets.push(new Socket()) - 1] as unknown as WebSocket });
  await vi.advanceTimersByTimeAsync(0);
  latest().open();
  const heard: [Frame, Note][] = [];
  return { line, heard, hear: (frame: Frame, note: Note) => heard.push([frame, note]) };
}
const again = async () => {
  const before = sockets.length;
  for (let tries = 0; sockets.length === before && tries < 20; tries++) await vi.advanceTimersByTimeAsync(1000);
  latest().open();
};

beforeEach(() => {
  sockets = [];
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

it('carries each frame to whoever asked, until it ends', async () => {
  const { line, heard, hear } = await lined();
  const end = line.ask({ watch: { metric: 'm' } }, hear);
  line.ask({ tail: {} }, () => heard.push([{}, { first: false, silentSince: -1 }]));
  expect(latest().sent).toEqual([
    { id: 'a1', watch: { metric: 'm' } },
    { id: 'a2', tail: {} },
  ]);
  latest().hear({ id: 'a1', step: 1 });
  latest().hear({ id: 'a1', at: 2 });
  expect(heard).toEqual([
    [
      { id: 'a1', step: 1 },
      { first: true, silentSince: undefined },
    ],
    [
      { id: 'a1', at: 2 },
      { first: false, silentSince: undefined },
    ],
  ]);
  end();
  end();
  latest().hear({ id: 'a1', at: 3 });
  latest().hear({});
  expect(heard).toHaveLength(2);
  expect(latest().sent.slice(2)).toEqual([{ unsubscribe: 'a1' }]);
});

it('asks again after a break, from where each stream stood, and says since when nothing was heard', async () => {
  const { line, heard, hear } = await lined();
  line.ask({ subscribe: {} }, hear);
  const end = line.ask({ over: {} }, hear);
  latest().hear({ id: 'a1', snapshot: [], last: 'm.5' });
  latest().hear({ id: 'a1', events: [], last: 'm.7' });
  const silent = Date.now();
  await vi.advanceTimersByTimeAsync(1000);
  latest().lose();
  expect(line.state.value).toMatchObject({ state: 'lost', since: Date.now() });
  end();
  line.ask({ later: {} }, hear);
  await again();
  expect(line.state.value).toEqual({ state: 'live' });
  expect(latest().sent).toEqual([
    { id: 'a1', subscribe: {}, after: 'm.7' },
    { id: 'a3', later: {} },
  ]);
  latest().hear({ id: 'a1', snapshot: [], resumed: 'all', last: 'm.9' });
  expect(heard.at(-1)).toMatchObject([{ resumed: 'all' }, { first: true, silentSince: silent }]);
  latest().hear({ id: 'a3' });
  expect(heard.at(-1)?.[1]).toEqual({ first: true, silentSince: undefined });
});

it('knows a line that is silent for dead, and waits longer each time', async () => {
  const { line } = await lined();
  await vi.advanceTimersByTimeAsync(14_000);
  latest().hear({});
  await vi.advanceTimersByTimeAsync(14_000);
  expect(line.state.value.state).toBe('live');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(line.state.value.state).toBe('lost');
  // The next one was tried, and is refused.
  latest().lose();
  const waits: number[] = [];
  for (let turn = 0; turn < 8; turn++) {
    const before = Date.now();
    const count = sockets.length;
    for (let tries = 0; sockets.length === count && tries < 300; tries++) await vi.advanceTimersByTimeAsync(50);
    waits.push(Date.now() - before);
    latest().lose();
  }
  expect(waits.at(-1)).toBeGreaterThan(7_500);
  expect(Math.max(...waits)).toBeLessThan(12_100);
});

it('tries again when no socket is to be had, and hears nothing from one that it gave up', async () => {
  let refused = 2;
  const heard: Frame[] = [];
  const line = createLine({
    open: async () => {
      if (refused-- > 0) throw new Error('no ticket');
      return sockets[sockets.push(new Socket()) - 1] as unknown as WebSocket;
    },
  });
  line.ask({ tail: {} }, (frame) => heard.push(frame));
  await again();
  expect(line.state.value.state).toBe('live');
  const dead = latest();
  await vi.advanceTimersByTimeAsync(16_000);
  dead.hear({ id: 'a1', late: true });
  dead.onclose();
  expect(heard).toEqual([]);
  expect(sockets.length).toBeLessThan(4);
});
