/** What is asked of the log: text or regular expression, severity, and the terms that were clicked together. */

import { useEffect, useState } from 'preact/hooks';
import type { LogSeverity } from 'sluice';
import { useCells } from '../parts/cell.ts';
import { inert } from '../parts/inert.ts';
import { type Asked, readTerm, severities } from './asked.ts';
import type { Reel } from './reel.ts';

/** Milliseconds after the last key until it is asked. */
const typing = 250;

export function Bar({ asked, reel, small }: { asked: Asked; reel: Reel; small: boolean }) {
  useCells(asked.text, asked.regex, asked.severity, asked.terms, reel.status);
  const [text, setText] = useState(asked.text.value);
  // Somebody else may have set it: the address, the browser's back.
  useEffect(() => setText(asked.text.value), [asked.text.value]);
  useEffect(() => {
    const waiting = setTimeout(() => asked.text.set(text), typing);
    return () => clearTimeout(waiting);
  }, [text]);
  const isPattern = asked.regex.value === 'regex';
  const wrong = isPattern && /^regex: /.test(reel.error) ? reel.error.replace(/^regex: /, '') : '';

  return (
    <search class="bar">
      <div class={`ask${wrong ? ' wrong' : ''}`}>
        <input
          type="search"
          data-search
          placeholder={isPattern ? 'Lines that match, as in timed? ?out|5\\d\\d   /' : 'Lines with…   /'}
          aria-label={isPattern ? 'Only lines that match a regular expression' : 'Only lines with this text'}
          aria-invalid={wrong !== ''}
          maxLength={500}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') asked.text.set(text);
          }}
        />
        <button
          type="button"
          class="pattern"
          aria-pressed={isPattern}
          onClick={() => asked.regex.set(isPattern ? '' : 'regex')}
          title="Regular expression (RE2); (?i) for any case"
          aria-label="Regular expression"
        >
          .*
        </button>
        {wrong && (
          <p class="problem" role="alert">
            {inert(wrong)}
          </p>
        )}
      </div>
      <select
        aria-label="Least severity"
        value={asked.severity.value}
        onChange={(event) => asked.severity.set(event.currentTarget.value as LogSeverity)}
      >
        {severities.map((name) => (
          <option key={name} value={name}>
            {name === 'trace' ? 'all severities' : name === 'fatal' ? name : `${name} and worse`}
          </option>
        ))}
      </select>
      {!small && <Terms asked={asked} />}
    </search>
  );
}

function Terms({ asked }: { asked: Asked }) {
  return (
    <>
      {asked.terms.value.map((written) => {
        const term = readTerm(written);
        if (!term) return null;
        const said = `${term.not ? 'not ' : ''}${inert(term.name || term.of)}: ${inert(term.value)}`;
        return (
          <button
            key={written}
            type="button"
            class={`term${term.not ? ' not' : ''}`}
            onClick={() => asked.terms.set(asked.terms.value.filter((each) => each !== written))}
            title="Take this away"
            aria-label={`${said}; take it away`}
          >
            <bdi>{said.slice(0, 80)}</bdi> ✕
          </button>
        );
      })}
    </>
  );
}
