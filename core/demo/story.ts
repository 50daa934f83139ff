/** The story that a demo tells when nobody asks for another: within a minute there is something to see, and it goes on. */
import { chance } from './chance.ts';
import type { Fleet } from './fleet.ts';
import type { Host } from './host.ts';
import { type Act, churn, cut, errors, fill, hostsInRack, outage, scan, skew } from './script.ts';
import type { Role } from './server.ts';

/** How long one round of it takes, in milliseconds. */
export const roundMs = 240_000;
/** Of RFC 5737's addresses for documents, those that no visitor of the demo has. */
const intruder = '203.0.113.66';

/** One round, beginning at `from`. Whom it meets differs from round to round. */
export function story(fleet: Fleet, seed: number, round: number, say: (text: string) => void): Act[] {
  const luck = chance(seed, 'story', round);
  const from = round * roundMs;
  const at = (seconds: number): number => from + seconds * 1000;
  const met = new Set<Host>();
  const someone = (role: Role): Host[] => {
    const all = [...fleet.hosts.values()].filter((host) => host.life.server.role === role && !met.has(host));
    const chosen = all.length > 0 ? luck.pick(all) : undefined;
    if (chosen) met.add(chosen);
    return chosen ? [chosen] : [];
  };
  const racks = new Set([...fleet.hosts.values()].map(({ life }) => life.server.labels.rack ?? ''));
  const rack = luck.pick([...racks]) ?? '';
  const [database] = someone('db');
  const [slow] = someone('api');
  const dying = someone('worker');
  const dark = hostsInRack(fleet, rack);
  return [
    ...(database ? fill(database, '/var', at(5), 40_000, 0.03) : []),
    ...outage(dying, at(10), 50_000),
    ...errors([...someone('web'), ...someone('web')], at(15), 35_000, 0.25),
    ...scan(someone('web'), at(30), 40_000, intruder),
    ...churn(fleet, at(65), 60_000, say, 2),
    ...outage(dark, at(80), 50_000, `rack ${rack} (${dark.length} servers)`),
    ...(slow ? [skew([slow], at(150), 300_000), skew([slow], at(190), 0)] : []),
    ...cut(someone('cache'), at(165), 20_000),
  ].sort((one, other) => one.at - other.at);
}
