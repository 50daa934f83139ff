/**
 * One alert, opened: what it says, where to go from here, and why it came, as a chain down to who saw it.
 */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Why } from 'sluice';
import type { Episode } from '../../episodes.ts';
import { href } from '../address.ts';
import { useKeys } from '../keys.ts';
import { useCells } from '../parts/cell.ts';
import { formatAge, formatClock, formatDay } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { second } from '../view.ts';
import { hostOf, serverOf } from './arrange.ts';
import { aboutOf, chainOf, type Step } from './chain.ts';
import { Copy } from './copy.tsx';
import { type Course, courseOf, type Moment, spanOf } from './course.ts';
import { CoursePlot } from './courseplot.tsx';
import { Badge, Quantity } from './row.tsx';
import './why.css';

type Asked =
  | { readonly state: 'asking' }
  | { readonly state: 'told'; readonly why: Why; readonly course: Course | undefined }
  | { readonly state: 'failed'; readonly why: string };

/** An alert is in the store within a moment: so often, and so many ms apart, it is asked for again. */
const [tries, apart] = [6, 1_500];

export function WhyPanel({ id, episode, close }: { id: string; episode: Episode | undefined; close: () => void }) {
  const [asked, setAsked] = useState<Asked>({ state: 'asking' });
  const title = useRef<HTMLHeadingElement>(null);
  useKeys([{ key: 'Escape', does: 'closes the reasons', press: close }]);
  useEffect(() => {
    let gone = false;
    setAsked({ state: 'asking' });
    void ask(id, episode, () => gone).then((answer) => !gone && setAsked(answer));
    return () => {
      gone = true;
    };
  }, [id]);
  // On a phone it covers the list: whoever reads by ear must be told of it.
  useEffect(() => title.current?.focus(), [id]);

  const told = asked.state === 'told' ? asked.why : undefined;
  const shown = episode ?? (told && episodeOf(told));
  return (
    <section class="why" aria-label="Why it came">
      <header>
        <h2 ref={title} tabIndex={-1}>
          {shown ? <bdi>{inert(shown.summary)}</bdi> : 'Why it came'}
        </h2>
        <button type="button" class="icon" onClick={close} aria-label="Close" title="Close  Esc">
          ✕
        </button>
      </header>
      {shown && <Facts episode={shown} />}
      {shown && <Ways episode={shown} id={id} {...(told && { why: told })} />}
      {asked.state === 'asking' && <p class="note">Asking why…</p>}
      {asked.state === 'failed' && (
        <div class="empty">
          <p>
            <strong>Its reasons cannot be told.</strong>
          </p>
          <p>{inert(asked.why)}</p>
        </div>
      )}
      {asked.state === 'told' && (
        <ol class="chain">
          <StepItem step={chainOf(asked.why)} course={asked.course} />
        </ol>
      )}
    </section>
  );
}

async function ask(id: string, episode: Episode | undefined, gone: () => boolean): Promise<Asked> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(`api/events/${encodeURIComponent(id)}/why`);
      if (answer.ok) {
        const why = (await answer.json()) as Why;
        return { state: 'told', why, course: await courseOf(why, momentOf(why, episode)) };
      }
      if (answer.status === 404 && attempt < tries && !gone()) {
        await new Promise((resolve) => setTimeout(resolve, apart));
        continue;
      }
      const said = (await answer.text()).replace(/^sluice: live: /, '').trim();
      return {
        state: 'failed',
        why: answer.status === 404 ? 'The event is not kept: it is older than what the store keeps, or it was never stored.' : said,
      };
    } catch {
      return { state: 'failed', why: 'There is no connection to sluice; it is asked again when you open the alert again.' };
    }
  }
}

const dataOf = (why: Why) => (why.event as { data?: Partial<Episode> & { since?: string; status?: string } }).data;

function momentOf(why: Why, episode: Episode | undefined): Moment {
  const fired = Date.parse(String(why.event.time));
  return { since: Date.parse(String(dataOf(why)?.since)) || 0, fired, ended: episode?.ended };
}

/** Of an alert that is in no list here: what its event says. */
function episodeOf({ event }: Why): Episode | undefined {
  const { data, subject, id } = event as {
    data?: { rule?: string; status?: string; since: string } & Pick<Episode, 'severity' | 'summary'>;
    subject?: string;
    id: string;
  };
  if (data?.rule === undefined || subject === undefined) return undefined;
  const { status, since, ...rest } = data;
  return {
    ...rest,
    rule: data.rule,
    id,
    key: subject,
    event: id,
    since: Date.parse(since) || 0,
    state: status === 'resolved' ? 'resolved' : 'unknown',
  };
}

function Facts({ episode }: { episode: Episode }) {
  useCells(second);
  const { since, ended, action, state, end } = episode;
  return (
    <div class="why-facts">
      <p>
        <Badge episode={episode} /> <strong>{inert(episode.severity)}</strong> · rule <bdi>{inert(episode.rule)}</bdi> ·{' '}
        <bdi>{inert(aboutOf(episode.key))}</bdi> <Quantity episode={episode} />
      </p>
      <p class="note">
        {since > 0
          ? `since ${stamp(since)}, ${ended === undefined ? 'for' : 'it lasted'} ${formatAge((ended ?? now()) - since)}`
          : 'since when is not known'}
        {ended !== undefined && `, until ${stamp(ended)}`}
        {state === 'held' && '. Its server is silent: what still fires is shown when it is heard again.'}
        {state === 'unknown' && ended === undefined && '. How it ended is not known here.'}
      </p>
      {end && end.summary !== episode.summary && (
        <p class="note">
          At its end: <bdi>{inert(end.summary)}</bdi>
        </p>
      )}
      {action && ended === undefined && (
        <p class="todo">
          <bdi>{inert(action)}</bdi>
        </p>
      )}
    </div>
  );
}

const stamp = (time: number): string => (now() - time > 43_200_000 ? `${formatDay(time)} ${formatClock(time)}` : formatClock(time));

/** Where one goes from here: the charts and the lines of that moment, the server, the node, a terminal. */
function Ways({ episode, id, why }: { episode: Episode; id: string; why?: Why }) {
  const server = serverOf(episode);
  const fired = why ? Date.parse(String(why.event.time)) : episode.since || now();
  const { from, to } = spanOf({ since: episode.since, fired, ended: episode.ended });
  // What is said of a rack or a zone is of no one server.
  const isOfServer = !server.split('.').includes('-');
  const moment = {
    ...(isOfServer && { server: encodeURIComponent(server) }),
    span: String(Math.max(60, Math.round((to - from) / 1000))),
    // What goes on is looked at as it goes on.
    ...(now() - to > 15_000 && { at: String(Math.round(to)) }),
  };
  return (
    <p class="why-ways">
      <a href={href('charts', { ...moment, ...(why?.series && { q: why.series.name }) })}>Charts of the moment</a>
      <a href={href('logs', moment)}>Log of the moment</a>
      {isOfServer && (
        <a href={href('servers', { server: encodeURIComponent(server) })}>
          Server <bdi>{inert(hostOf(episode))}</bdi>
        </a>
      )}
      {why?.filter && (
        <a href={href('pipes', { q: why.filter.name })}>
          Node <bdi>{inert(why.filter.name)}</bdi>
        </a>
      )}
      <Copy text={`sluice why ${id}`} />
    </p>
  );
}

function StepItem({ step, course }: { step: Step; course?: Course | undefined }) {
  const { led, title, times, details, says, steps, sort } = step;
  const span =
    times.length > 1 ? `${stamp(Math.min(...times))} – ${stamp(Math.max(...times))}` : times[0] === undefined ? '' : stamp(times[0]);
  // The chart stands at the first step that it is the chart of.
  const own = course && sort === 'metric' ? course : undefined;
  const rest = own ? undefined : course;
  const first = steps.findIndex((each) => has(each, 'metric'));
  return (
    <li class={`step of-${sort}`}>
      {led !== '' && <small class="led">{led}</small>}
      <div class="what">
        <p>
          <span class="sort">{sort === 'other' ? 'event' : sort}</span> <bdi>{inert(title)}</bdi> {span !== '' && <time>{span}</time>}
        </p>
        {own && <CoursePlot course={own} />}
        {says.length > 0 && (
          <ul class="says">
            {says.map((line, nth) => (
              <li key={nth}>
                <bdi>{inert(line)}</bdi>
              </li>
            ))}
          </ul>
        )}
        {details.length > 0 && (
          <p class="details">
            <bdi>{inert(details.join(' · '))}</bdi>
          </p>
        )}
      </div>
      {steps.length > 0 && (
        <ol>
          {steps.map((each, nth) => (
            <StepItem key={nth} step={each} course={nth === first ? rest : undefined} />
          ))}
        </ol>
      )}
    </li>
  );
}

const has = (step: Step, sort: Step['sort']): boolean => step.sort === sort || step.steps.some((each) => has(each, sort));
