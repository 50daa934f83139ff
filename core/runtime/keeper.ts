/**
 * Starts the process again when it dies of itself: ended by its watchdog, out of memory, or by a mistake in the core. Only
 * where nothing else does that: systemd restarts its units by itself.
 */
import { spawn } from 'node:child_process';
import type { Clock } from '../clock.ts';

/** The exit code of a process that died of a mistake and should be started again (EX_SOFTWARE of sysexits). */
export const diedOfMistake = 70;

const kept = 'SLUICE_KEPT';
const firstPauseMs = 200;
/** An event that kills the process is known after at most this many deaths: so many are answered at once. */
const atOnce = 5;
const lastPauseMs = 30_000;
/** After this long alive, the next death is a first one again. */
const forgivenAfterMs = 120_000;

/** Whether this process has to look after another that does the work. */
export function needsKeeping(env: NodeJS.ProcessEnv): boolean {
  return env[kept] === undefined && env.INVOCATION_ID === undefined;
}

/** In the kept process: it does not outlive its keeper, whose death is like its own. */
export function dieWithKeeper(env: NodeJS.ProcessEnv): void {
  if (env[kept] === undefined || !process.channel) return;
  process.on('disconnect', () => process.exit(diedOfMistake));
  // Being connected is no reason to stay.
  process.channel.unref();
}

/** Runs the same command in a process of its own, again and again while it dies. Resolves with its exit code. */
export async function keep(clock: Clock, say: (text: string) => void): Promise<number> {
  let stopping: NodeJS.Signals | undefined;
  let last: string | undefined;
  for (let deaths = 0; ; ) {
    const began = clock.monotonic();
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      // How the last one ended tells the next whether it may have died of an event.
      env: { ...process.env, [kept]: '1', ...(last !== undefined && { SLUICE_DIED: last }) },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    const pass = (signal: NodeJS.Signals): void => {
      stopping = signal;
      child.kill(signal);
    };
    process.on('SIGINT', pass);
    process.on('SIGTERM', pass);
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
    });
    process.off('SIGINT', pass);
    process.off('SIGTERM', pass);
    const died = signal !== null || code === diedOfMistake;
    if (!died || stopping) return code ?? (stopping === 'SIGINT' ? 130 : 143);
    deaths = clock.monotonic() - began > forgivenAfterMs ? 1 : deaths + 1;
    const pause = Math.min(lastPauseMs, firstPauseMs * 2 ** Math.max(0, deaths - atOnce));
    last = signal ?? `exit ${code}`;
    say(`the process died (${signal ?? `exit ${code}`}); it starts again in ${pause} ms`);
    // Unreferenced timers alone would let this process end.
    const hold = setInterval(() => {}, 60_000);
    await clock.sleep(pause);
    clearInterval(hold);
    if (stopping) return stopping === 'SIGINT' ? 130 : 143;
  }
}
