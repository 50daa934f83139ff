/** A node, opened: what it is for, what it reads and writes, how it fares, and where. */
import { useEffect, useState } from 'preact/hooks';
import { useCells } from '../parts/cell.ts';
import { formatAge, formatValue } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { natural } from '../parts/natural.ts';
import { now } from '../parts/time.ts';
import { second } from '../view.ts';
import type { Line } from '../wire/line.ts';
import { applyFrame, colourOf, formatRate, type Graph, type GraphFrame, type GraphNode, slowOf, troublesOf } from './graph.ts';
import type { Open } from './opened.ts';
import { nameOf } from './picture.tsx';

interface Given {
  readonly node: GraphNode;
  readonly graph: Graph;
  readonly line: Line;
  readonly open: Open;
  readonly close: () => void;
}

/** One of them, on its server. What a process has instead stands beside. */
interface Host {
  readonly key: string;
  readonly host: string;
  readonly condition: string;
  readonly since: string;
  readonly rate?: number;
  readonly errors?: number;
  readonly error?: string;
  readonly lag?: number;
  readonly bus?: string;
  readonly version?: string;
  readonly sent?: number;
  readonly dropped?: number;
  readonly refused?: number;
  readonly spooled?: Readonly<Record<'durable' | 'telemetry', { readonly events: number; readonly bytes: number }>>;
}

const plain = (value: number) => formatValue(value, { as: 'number', per: '', noun: '' });
const titles: Readonly<Record<string, string>> = { process: 'the processes themselves', other: 'writes, and says nothing of itself' };

export function NodePanel({ node, graph, line, open, close }: Given) {
  const [hosts, total] = useHosts(line, node.name);
  const writes = graph.writes.filter((each) => each.node === node.name);
  const reads = graph.reads.filter((each) => each.node === node.name);
  const { events } = node;
  return (
    <aside class="panel" aria-label={`Node ${inert(nameOf(node))}`}>
      <header>
        <h2>{inert(nameOf(node))}</h2>
        <small>
          {titles[node.sort] ?? node.sort}
          {node.size > 1 && ` ×${node.size}`}
        </small>
        <button type="button" class="icon" onClick={close} aria-label="Close" title="Esc">
          ✕
        </button>
      </header>
      {node.doc !== '' && <p class="doc">{inert(node.doc)}</p>}
      <ul class="chips">
        {troublesOf(node).map(({ mark, words }) => (
          <li key={words} class={mark}>
            {words}
          </li>
        ))}
      </ul>
      {node.error !== undefined && (
        <p class="error" role="note">
          {inert(node.error)}
        </p>
      )}
      {reads.length > 0 && <Ends title="Reads" ends={reads} go={(kind) => open({ pipe: kind, to: node.name })} />}
      {writes.length > 0 && <Ends title="Writes" ends={writes} go={(kind) => open({ pipe: kind, of: node.name })} />}
      {node.sort === 'process' ? (
        <Processes graph={graph} />
      ) : (
        node.sort !== 'other' && (
          <dl class="facts">
            {node.sort !== 'monitor' && <Fact name="read" value={plain(events.in)} />}
            {node.sort !== 'sink' && <Fact name="written" value={plain(events.out)} />}
            {node.lag !== undefined && (
              <Fact
                name="lag, the worst"
                value={formatValue(node.lag / 1000, { as: 'seconds', per: '', noun: '' })}
                bad={node.lag >= slowOf(node)}
              />
            )}
            <Fact name="errors" value={plain(node.errors)} bad={node.errors > 0} />
            <Fact name="dead-lettered" value={plain(events.dead)} bad={events.dead > 0} />
            <Fact name="dropped" value={plain(events.dropped)} bad={events.dropped > 0} />
            {node.sort !== 'monitor' && (
              <>
                <Fact name="lost on the way" value={plain(events.holes)} bad={events.holes > 0} />
                <Fact name="came twice" value={plain(events.repeats)} />
              </>
            )}
            {node.every !== undefined && (
              <Fact name="measures each" value={formatValue(node.every / 1000, { as: 'seconds', per: '', noun: '' })} />
            )}
          </dl>
        )
      )}
      {hosts.length > 0 && <Hosts hosts={hosts} total={total} isProcess={node.sort === 'process'} />}
    </aside>
  );
}

interface EndsGiven {
  readonly title: string;
  readonly ends: readonly {
    readonly kind: string;
    readonly rate: number;
    readonly patterns?: readonly string[];
    readonly unmet?: true;
    readonly lost?: number;
  }[];
  readonly go: (kind: string) => void;
}

function Ends({ title, ends, go }: EndsGiven) {
  return (
    <section>
      <h3>{title}</h3>
      <ul class="ends">
        {[...ends]
          .sort((one, other) => other.rate - one.rate || natural(one.kind, other.kind))
          .map(({ kind, rate, patterns, unmet, lost }) => (
            <li key={kind}>
              <button type="button" class="entry" style={{ color: colourOf(kind) }} onClick={() => go(kind)} title="Opens a probe">
                <i />
                <b>{inert(kind)}</b>
                {patterns && <code>{inert(patterns.join('  '))}</code>}
                {unmet && <small class="warn">nobody writes this</small>}
                {lost !== undefined && <small class="bad">{plain(lost)} lost</small>}
                <span>{formatRate(rate)}</span>
              </button>
            </li>
          ))}
      </ul>
    </section>
  );
}

function Processes({ graph: { processes, lost } }: { graph: Graph }) {
  if (!processes) return null;
  return (
    <>
      <dl class="facts">
        <Fact name="given to the bus" value={plain(processes.sent)} />
        <Fact name="waiting in spools" value={plain(processes.waiting.events)} bad={processes.waiting.events > 1000} />
        <Fact name="their size" value={formatValue(processes.waiting.bytes, { as: 'bytes', per: '', noun: '' })} />
        <Fact name="dropped" value={plain(processes.dropped)} bad={processes.dropped > 0} />
        <Fact name="expired" value={plain(processes.expired)} />
        <Fact name="refused" value={plain(processes.refused)} bad={processes.refused > 0} />
        <Fact name="cut off now" value={plain(processes.apart)} bad={processes.apart > 0} />
        <Fact name="bus" value={inert(processes.buses.join(', '))} />
      </dl>
      {lost.length > 0 && (
        <section>
          <h3>Lost on the way to readers here</h3>
          <ul class="lost">
            {lost.map((loss) => (
              <li key={`${loss.node} ${loss.source} ${loss.boot} ${loss.kind} ${loss.key}`}>
                <b class="bad">{plain(loss.lost)}</b> {inert(loss.kind)} of <code>{inert(loss.key)}</code> to {inert(loss.node)}
                {loss.gaps.length > 0 && <small> ({inert(loss.gaps.join(', '))})</small>}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

const Fact = ({ name, value, bad }: { name: string; value: string; bad?: boolean }) => (
  <div class={bad ? 'bad' : ''}>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

function Hosts({ hosts, total, isProcess }: { hosts: readonly Host[]; total: number; isProcess: boolean }) {
  useCells(second);
  const [all, setAll] = useState(false);
  const shown = all ? hosts : hosts.slice(0, 12);
  const waiting = ({ spooled }: Host) => (spooled ? spooled.durable.events + spooled.telemetry.events : 0);
  return (
    <section>
      <h3>{isProcess ? 'Processes' : 'Where'}</h3>
      <table class="hosts">
        <thead>
          <tr>
            <th scope="col">host</th>
            <th scope="col">state</th>
            <th scope="col">{isProcess ? 'waiting' : 'writes'}</th>
            <th scope="col">{isProcess ? 'given up' : 'errors'}</th>
            <th scope="col">for</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((host) => (
            <tr key={host.key} title={inert([host.key, host.error, host.bus, host.version].filter(Boolean).join('\n'), 'lines')}>
              <th scope="row">{inert(host.host)}</th>
              <td class={host.condition}>{host.condition}</td>
              <td>{isProcess ? plain(waiting(host)) : formatRate(host.rate ?? 0)}</td>
              <td>{isProcess ? plain((host.dropped ?? 0) + (host.refused ?? 0)) : plain(host.errors ?? 0)}</td>
              <td>{formatAge(now() - Date.parse(host.since))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {hosts.length > shown.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show {hosts.length === total ? `all ${total}` : `${hosts.length} of ${total}`}
        </button>
      )}
    </section>
  );
}

/** The worst first, as the server has them; within that by name. */
function useHosts(line: Line, name: string): readonly [readonly Host[], number] {
  const [state, setState] = useState<readonly [readonly Host[], number]>([[], 0]);
  useEffect(() => {
    let items: ReadonlyMap<string, unknown> = new Map();
    return line.ask<GraphFrame>({ graph: { of: name } }, (frame) => {
      if (!frame.set) return;
      items = applyFrame(items, frame);
      const rank = ({ condition }: Host) => (condition === 'running' ? 1 : 0);
      const hosts = ([...items.values()] as Host[]).sort((one, other) => rank(one) - rank(other) || natural(one.host, other.host));
      setState([hosts, frame.total ?? hosts.length]);
    });
  }, [line, name]);
  return state;
}
