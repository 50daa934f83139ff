/**
 * `alerts`: what fires, what is held and what is over, as episodes, for the page's list and its header.
 *
 *     {"id": "a", "alerts": {}}   → {"id": "a", "alerts": [episode…], "all": true}, then those that changed
 *
 * Whoever fell behind gets all of it again: no change is told apart from its episode, so nothing can be missed.
 */
import { z } from 'sluice';
import type { Body, Channel, ChannelSort } from '../channel.ts';
import type { Episodes } from '../episodes.ts';
import type { Looker } from '../looker.ts';

const request = z.strictObject({});

export function alertsSort(episodes: Episodes): ChannelSort<typeof request> {
  return { name: 'alerts', request, open: (_asked, looker) => openAlerts(episodes, looker) };
}

function openAlerts(episodes: Episodes, looker: Looker): Channel {
  let sent = episodes.version;
  const changedSince = (version: number) => episodes.since(version).filter(({ key }) => looker.sees(key));
  const body = (after: number): Body => Buffer.from(`"alerts":${JSON.stringify(changedSince(after))}`);
  return {
    // Alerts wait for no company: whether anyone looks changes nothing.
    topics: [],
    snapshot: () => Buffer.concat([body(0), Buffer.from(',"all":true')]),
    get waiting() {
      return episodes.version > sent;
    },
    next() {
      const after = sent;
      sent = episodes.version;
      return body(after);
    },
    mark: () => sent,
    catchUp: body,
  };
}
