import { expect, it } from 'vitest';
import { killRun } from './kill.ts';

const short = process.env.SLUICE_SHORT !== undefined;
const until = short ? 10_000 : 100_000;
const kills = short ? 4 : 20;
const seed = Number(process.env.SLUICE_SEED ?? 7);

/** What a ledger says, without the ids: those name the run of the process that the numbers came from. */
const said = (lines: readonly string[]) => lines.map((line) => JSON.stringify(JSON.parse(line).slice(1))).sort();

it(`says the same of ${until} events whether it is killed ${kills} times or never`, async () => {
  const whole = await killRun({ until, kills: 0, seed });
  const killed = await killRun({ until, kills, seed });
  console.log(
    `killed ${killed.kills} times (seed ${seed}): ${killed.lines.length} lines in ${killed.seconds.toFixed(1)} s, ${killed.repeated} written again; never killed: ${whole.lines.length} lines in ${whole.seconds.toFixed(1)} s`,
  );
  expect(said(killed.lines)).toEqual(said(whole.lines));
  expect(new Set(said(killed.lines)).size).toBe(killed.lines.length);
});
