/** What commands share that run until somebody ends them. */
import { userInfo } from 'node:os';
import type { Settings } from '../node.ts';
import { pageOf } from './reach.ts';
import { inert, paintFor, remark } from './screen.ts';

/** Says where the page is, and over SSH how to reach it. */
export function announcePage(live: Settings['live']): void {
  const { listen } = live;
  const paint = paintFor(process.stdout);
  process.stdout.write(`sluice: open ${paint.bold(inert(pageOf(live)))}\n`);
  const tunnel = live.tls || live.behind ? undefined : tunnelTo(listen, process.env.SSH_CONNECTION);
  if (tunnel) process.stdout.write(`sluice: from your own machine first: ${paint.bold(inert(tunnel))}\n`);
}

/** The command that brings the page to the other end of an SSH session. `connection`: client, its port, server, its port. */
function tunnelTo(listen: string, connection: string | undefined): string | undefined {
  const [, , server, serverPort] = connection?.split(' ') ?? [];
  const port = listen.slice(listen.lastIndexOf(':') + 1);
  if (!server) return undefined;
  const through = serverPort && serverPort !== '22' ? ` -p ${serverPort}` : '';
  return `ssh -L ${port}:127.0.0.1:${port}${through} ${userInfo().username}@${server}`;
}

/** The first signal asks for a clean end, a later one ends at once. */
export function endOnSignal(stop: (reason: string) => void, monotonic: () => number): void {
  let first: number | undefined;
  const signalled = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = monotonic();
      remark(`sluice: ${signal}: stopping`);
      stop(signal);
      // npm passes on the Ctrl-C that the terminal has already sent to everyone: the same one, twice.
    } else if (monotonic() - first > 500) process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', signalled);
  process.on('SIGTERM', signalled);
}
