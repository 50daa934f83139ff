/**
 * The servers, as the roster judges them. Each is a button: chosen, the page shows it alone.
 */
import { useEffect, useRef } from 'preact/hooks';
import { useCells } from './cell.ts';
import type { ChartSeries } from './charts.ts';
import { formatAge, formatValue, type Shown } from './format.ts';
import { inert } from './inert.ts';
import type { Model, Server } from './model.ts';
import { Empty } from './overview.tsx';
import { now } from './time.ts';
import { chosen, colours, paused, second } from './view.ts';

/** Those who need a person come first. */
const urgency = { silent: 0, blind: 1, alive: 2, retired: 3 };

export function Servers({ model }: { model: Model }) {
  useCells(model.servers, chosen, second);
  const servers = [...model.servers.value.values()].sort(
    (one, other) => urgency[one.status] - urgency[other.status] || (one.id < other.id ? -1 : 1),
  );
  if (servers.length === 0)
    return (
      <Empty title="Waiting for the first heartbeat…">
        An agent sends one every few seconds, and its server appears here by itself. To start one: <code>sluice run agent</code>
      </Empty>
    );
  const places = new Set(servers.map((server) => placeOf(server))).size;
  return (
    <ul class="servers">
      {servers.map((server) => (
        <li key={server.id}>
          <ServerCard server={server} model={model} places={places} />
        </li>
      ))}
    </ul>
  );
}

function ServerCard({ server, model, places }: { server: Server; model: Model; places: number }) {
  const { id, host, status, labels } = server;
  const heard = Math.max(model.beats.get(id) ?? 0, Date.parse(server.seen));
  const about = [placeOf(server), ...Object.entries(labels).map(([name, value]) => `${name} ${value}`)];
  const since = formatAge(now() - Date.parse(server.since));
  const age = status === 'alive' ? `${formatAge(now() - heard)} ago` : `for ${since}`;
  const parts = (metric: string) =>
    model.charts.value.all.find((chart) => chart.metric === metric)?.series.filter((each) => each.server === id) ?? [];
  const cpu = parts('system.cpu.utilization');
  const memory = parts('system.memory.usage');
  return (
    <button
      type="button"
      class={`server ${status}`}
      aria-pressed={chosen.value === id}
      title={inert(`${about.join(', ')}${server.reason ? ` – ${server.reason}` : ''}`)}
      onClick={() => chosen.set(chosen.value === id ? undefined : id)}
    >
      <span class="name">
        <bdi>{inert(host)}</bdi>
        {server.process !== undefined && <small>{inert(server.process)}</small>}
        {places > 1 && (
          <small>
            <bdi>{inert(placeOf(server))}</bdi>
          </small>
        )}
      </span>
      <Spark series={cpu} />
      <span class="status">
        <b>{status}</b> <span>{age}</span>
      </span>
      <span class="numbers">
        {status === 'alive' && cpu.length > 0 && <span>cpu {formatValue(busy(cpu), share)}</span>}
        {status === 'alive' && memory.length > 0 && <span>mem {formatValue(busy(memory) / whole(memory), share)}</span>}
      </span>
    </button>
  );
}

const placeOf = ({ company, system, environment }: Server) => `${company}.${system}.${environment}`;

const share: Shown = { as: 'percent', per: '', noun: '' };
const sum = (series: readonly ChartSeries[]) => series.reduce((total, each) => total + (each.last?.value ?? 0), 0);
const busy = (series: readonly ChartSeries[]) => sum(series.filter((each) => each.part === 'busy'));
const whole = (series: readonly ChartSeries[]) => sum(series) || 1;

/** Seconds in a spark line. */
const reach = 120;

/** The processor over two minutes: the shape, not the numbers. */
function Spark({ series }: { series: readonly ChartSeries[] }) {
  useCells(second, colours, paused);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const { clientWidth: width, clientHeight: height } = element;
    const ratio = window.devicePixelRatio;
    element.width = width * ratio;
    element.height = height * ratio;
    context.scale(ratio, ratio);
    context.strokeStyle = getComputedStyle(element).color;
    context.lineWidth = 1.25;
    context.lineJoin = 'round';
    const busySeries = series.filter((each) => each.part === 'busy');
    const end = Math.floor((paused.value ?? now()) / 1000);
    for (let back = reach; back >= 0; back--) {
      const values = busySeries.map((each) => each.at(end - back));
      if (values.every((value) => value === null)) continue;
      const value = values.reduce<number>((total, each) => total + (each ?? 0), 0);
      context.lineTo(width - (back / reach) * width, height - 1.5 - Math.min(1, value) * (height - 3));
    }
    context.stroke();
  });
  return <canvas class="spark" ref={canvas} role="img" aria-label="Processor, last two minutes" />;
}
