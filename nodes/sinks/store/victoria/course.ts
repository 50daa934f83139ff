/** How series went, out of VictoriaMetrics: of each step the mean, the lowest and the highest; of counters the rate. */
import { type KeptSeries, mergeSeries, type SeriesRequest, wantsSeries } from 'sluice';
import type { Client } from './client.ts';
import { namedBy } from './series.ts';

/** Values of an answer: each is some 25 bytes on the way. */
const mostValues = 300_000;

const what = ['mean', 'low', 'high'] as const;
const gauges = { mean: 'avg_over_time', low: 'min_over_time', high: 'max_over_time' } as const;

export async function courseOf(client: Client, request: SeriesRequest): Promise<KeptSeries[]> {
  const { from, to, step, most } = request;
  const steps = (to - from) / step;
  const wants = wantsSeries(request);
  const room = Math.min(most, Math.max(1, Math.floor(mostValues / steps)));
  const accounts: KeptSeries[][] = [];

  /** One figure of all series of a sort, each into its place. */
  const put = async (expression: string, figures: readonly (typeof what)[number][], made: Map<string, KeptSeries>) => {
    // A value at an instant is of the step that ends with it.
    for (const { metric, values } of await client.matrix(`limitk(${room}, ${expression})`, from + step - 1, to - 1, step)) {
      // Two writers of one series are two here, and are put together at the end.
      const id = JSON.stringify(Object.entries(metric).sort(([one], [other]) => (one < other ? -1 : 1)));
      const named = namedBy({ ...metric, __name__: request.metric });
      if (!named) continue;
      const { key, point } = named;
      const attributes = (point.attributes ?? {}) as KeptSeries['attributes'];
      if (!wants(key, attributes)) continue;
      const series = made.get(id) ?? empty(key, attributes, point, steps);
      made.set(id, series);
      for (const [at, value] of values) for (const figure of figures) series[figure][Math.floor((at - from) / step)] = value;
    }
  };
  const range = `[${step}ms]`;
  const means = new Map<string, KeptSeries>();
  for (const figure of what) await put(`${gauges[figure]}(${selectorOf(request, 'type!="counter"')}${range})`, [figure], means);
  const rates = new Map<string, KeptSeries>();
  await put(`rate(${selectorOf(request, 'type="counter"')}${range})`, what, rates);
  accounts.push([...means.values()], [...rates.values()]);
  return mergeSeries(...accounts);
}

function empty(
  key: string,
  attributes: KeptSeries['attributes'],
  { unit, type }: Readonly<Record<string, unknown>>,
  steps: number,
): KeptSeries {
  const nothing = () => new Float64Array(steps).fill(Number.NaN);
  return {
    key,
    attributes,
    type: type === 'counter' || type === 'updown' ? type : 'gauge',
    unit: typeof unit === 'string' ? unit : undefined,
    mean: nothing(),
    low: nothing(),
    high: nothing(),
  };
}

/** As far as plain words tell; whoever reads leaves out the rest. */
function selectorOf({ metric, part, servers, hosts, attributes = {} }: SeriesRequest, sort: string): string {
  const conditions = [`__name__=${JSON.stringify(metric)}`, 'source!=""', 'company!=""', sort];
  const words = part ? part.split('.') : [];
  for (const [index, name] of ['company', 'system', 'environment', 'host'].entries()) {
    const word = words[index];
    if (word !== undefined && isPlain(word)) conditions.push(`${name}=${JSON.stringify(word)}`);
  }
  const named = hosts ?? servers?.map((server) => server.split('.')[3] ?? '');
  if (named?.every(isPlain)) conditions.push(`host=~${oneOf(named)}`);
  for (const [name, values] of Object.entries(attributes)) {
    if (/^[a-z][\w.]*$/i.test(name) && values.every((value) => isPlain(value) && !/^\d|^(true|false)$/.test(value)))
      conditions.push(`${name.replaceAll('.', '\\.')}=~${oneOf(values)}`);
  }
  return `{${conditions.join(',')}}`;
}

const isPlain = (word: string): boolean => /^[\w-]+$/.test(word);
const oneOf = (words: readonly string[]): string => JSON.stringify(words.join('|'));
