/**
 * What needs a person. Above everything: what fires now, with its value, its limit and what to do. On its own page: what fired.
 */
import type { AlertState } from 'sluice';
import { useCells } from './cell.ts';
import { formatAge, formatClock, formatQuantity, plural } from './format.ts';
import { inert } from './inert.ts';
import { alertsOf, type Model } from './model.ts';
import { Empty } from './overview.tsx';
import { now } from './time.ts';
import { second } from './view.ts';

const urgency = { critical: 0, warning: 1, info: 2 };

export function Firing({ model }: { model: Model }) {
  useCells(model.firing, model.servers, model.nodes, second);
  const { firing: all, held } = alertsOf(model);
  const firing = all.sort(([, one], [, other]) => urgency[one.severity] - urgency[other.severity] || (one.since < other.since ? 1 : -1));
  const failing = [...model.nodes.value].filter(([, node]) => node.status === 'failing');
  if (firing.length + held.length + failing.length === 0) return null;
  const hosts = [...new Set(held.map(({ host }) => host))];
  return (
    <ul class="firing" aria-label="Firing alerts">
      {firing.map(([key, alert]) => (
        <li key={key} class={alert.severity}>
          <span class="badge">{alert.severity}</span>
          <div>
            <p>
              <strong>
                <bdi>{inert(alert.summary)}</bdi>
              </strong>{' '}
              <Value alert={alert} />
            </p>
            {alert.action && (
              <p class="action">
                <bdi>{inert(alert.action)}</bdi>
              </p>
            )}
          </div>
          <span class="where">
            <bdi>{inert(alert.host)}</bdi>
            <small>for {formatAge(now() - Date.parse(alert.since))}</small>
          </span>
        </li>
      ))}
      {held.length > 0 && (
        <li class="info">
          <span class="badge">held</span>
          <div>
            <p>
              {plural(held.length, 'alert')} of <bdi>{inert(hosts.length > 3 ? plural(hosts.length, 'server') : hosts.join(', '))}</bdi>
            </p>
            <p class="action">Said before it was silent. What still fires is shown when it is heard again.</p>
          </div>
        </li>
      )}
      {failing.map(([key, node]) => (
        <li key={key} class="info">
          <span class="badge">node</span>
          <div>
            <p>
              <strong>
                <bdi>{inert(node.name)}</bdi> fails
              </strong>
            </p>
            <p class="action">
              <bdi>{inert(node.error ?? 'It did not say why; its log does.')}</bdi>
            </p>
          </div>
          <span class="where">
            <bdi>{inert(node.host)}</bdi>
            <small>for {formatAge(now() - Date.parse(node.since))}</small>
          </span>
        </li>
      ))}
    </ul>
  );
}

function Value({ alert: { value, threshold, unit } }: { alert: AlertState }) {
  if (value === undefined) return null;
  return (
    <span class="value">
      {formatQuantity(value, unit)}
      {threshold !== undefined && <small> limit {formatQuantity(threshold, unit)}</small>}
    </span>
  );
}

export function Alerts({ model }: { model: Model }) {
  useCells(model.history, second);
  const episodes = model.history.value;
  if (episodes.length === 0)
    return (
      <Empty title="No alert in the last minutes.">
        That is good news, as long as servers are heard. Rules are the <code>threshold</code> filter’s; what each node reads:{' '}
        <code>sluice graph</code>
      </Empty>
    );
  return (
    <div class="scroll">
      <table class="alerts">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Alert</th>
            <th scope="col">Value</th>
            <th scope="col">Host</th>
            <th scope="col">Since</th>
            <th scope="col">Lasted</th>
          </tr>
        </thead>
        <tbody>
          {episodes.map((episode) => (
            <tr key={episode.id} class={episode.ended === undefined ? episode.severity : 'resolved'}>
              <td>
                <span class="badge">{episode.ended === undefined ? episode.severity : 'resolved'}</span>
              </td>
              <td>
                <bdi>{inert(episode.summary)}</bdi>
                {episode.action && episode.ended === undefined && (
                  <small>
                    <bdi>{inert(episode.action)}</bdi>
                  </small>
                )}
              </td>
              <td class="number">
                <Value alert={episode} />
              </td>
              <td>
                <bdi>{inert(episode.host)}</bdi>
              </td>
              <td class="number">{formatClock(Date.parse(episode.since))}</td>
              <td class="number">{formatAge((episode.ended ?? now()) - Date.parse(episode.since))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
