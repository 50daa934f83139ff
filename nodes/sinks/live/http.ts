/**
 * What `live` answers over HTTP: the page, and what it knows as JSON. Every request passes the guard first, and the door: but for the
 * page's own files nothing is answered to whom it does not know.
 *
 *     GET /                    the page
 *     GET /api/servers         server states, as the roster judges them
 *     GET /api/nodes           node states, with their health
 *     GET /api/processes       process states: what each gave to the bus, what waits, what was dropped
 *     GET /api/ledger          what was lost on the way to this process's readers: {lost, heard}
 *     GET /api/graph           {nodes, edges}: which kinds join them
 *     GET /api/alerts…         what fires now, and what was kept of it (pastalerts.ts)
 *     GET /api/metrics?q=      names, each with some of its series and their last values; ?name= has all of one
 *     GET /api/marks           what happened, for the axis of time (series/http.ts)
 *     GET /api/logs…           log lines by server, field, text, back into what was kept (logs/http.ts)
 *     GET /api/history…        what was kept (past.ts)
 *     GET /api/why…            why an alert came, or did not (reasons.ts)
 *     POST /api/series         how series went, over any time (series/http.ts)
 *     POST /api/query          SQL over what was kept (query.ts)
 *     /api/session  /api/ticket  /api/emit   who looks, and what an operator may say (door/routes.ts)
 *     GET /healthz  /metrics   for a load balancer; for Prometheus
 */
import { type Context, Hono } from 'hono';
import { historyWithin, type LedgerState, messageOf, Outside, type Services } from 'sluice';
import type { Asset } from './assets.ts';
import type { Door } from './door/door.ts';
import { createDoorRoutes, doorMethods } from './door/routes.ts';
import { createServerPast } from './fleet/past.ts';
import { graphOf } from './graph.ts';
import { refusal, securityHeaders, strangeNames, strictTransport, told, type Welcome } from './guard.ts';
import { createLogs } from './logs/http.ts';
import { type LiveEnv, type Looker, nobody } from './looker.ts';
import type { Memory } from './memory.ts';
import { createPast } from './past.ts';
import { createAlertRoutes } from './pastalerts.ts';
import type { Present } from './present.ts';
import type { createPrometheus } from './prometheus.ts';
import { createQueries } from './query.ts';
import { createReasons } from './reasons.ts';
import { createSeriesRoutes } from './series/http.ts';
import type { MarkMemory } from './series/marks.ts';
import type { SeriesMemory } from './series/memory.ts';
import type { Viewers } from './viewers.ts';

export interface Knowledge {
  readonly welcome: Welcome;
  readonly door: Door;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly memory: Memory;
  readonly present: Present;
  readonly series: SeriesMemory;
  readonly marks: MarkMemory;
  readonly viewers: Viewers;
  readonly prometheus: ReturnType<typeof createPrometheus>;
  /** What the process offers: what was kept, and its filters. */
  readonly services: Services | undefined;
}

const notBuilt = 'sluice: live: the page was not built; run: npm run build (the API works without it)\n';
const wholeOnly = 'sluice: live: these numbers are of the whole tree; ask with a token for all of it\n';
const paths =
  '/, /api/servers, /api/nodes, /api/processes, /api/ledger, /api/graph, /api/alerts, /api/metrics, /api/logs, /api/marks, /api/history, /api/events/<id>/why, /api/why, /api/why-not, /api/query, /api/series, /api/session, /api/ticket, /api/emit, /healthz, /metrics; WebSocket: /api/live';

export function createApp({ welcome, door, assets, memory, present, series, marks, viewers, prometheus, services }: Knowledge) {
  const app = new Hono<LiveEnv>();

  app.use(async (context, next) => {
    const { req } = context;
    const { incoming } = context.env;
    const refused = refusal(incoming.headers, welcome);
    if (refused) {
      door.tell(incoming, told.foreign, strangeNames(incoming.headers));
      context.res = context.text(`${refused}\n`, 403);
    } else if (!allowedAt(req.path).includes(req.method)) {
      const allowed = allowedAt(req.path);
      context.res = context.text(`sluice: live: ${req.method} is not for here; use ${allowed[0]}\n`, 405, { allow: allowed.join(', ') });
    } else {
      const asked = isForAll(req.path, incoming.headers.authorization) ? { looker: nobody } : door.ask(incoming);
      if ('status' in asked) {
        context.res = context.text(
          `${asked.text}\n`,
          asked.status,
          asked.status === 401 ? { 'www-authenticate': 'Bearer realm="sluice"' } : {},
        );
        if (asked.status === 429) context.res.headers.set('retry-after', '5');
      } else {
        const kept = services?.history();
        context.set('looker', asked.looker);
        context.set('history', kept && historyWithin(kept, asked.looker.part));
        await next();
      }
    }
    if (welcome.scheme === 'https') for (const [name, value] of Object.entries(strictTransport)) context.res.headers.set(name, value);
    for (const [name, value] of Object.entries(securityHeaders)) context.res.headers.set(name, value);
    if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
  });

  /** The page's own files, and whether sluice is there: what says nothing of the tree. */
  const isForAll = (path: string, shown: string | undefined): boolean =>
    path === '/' || assets.has(path) || (path === '/healthz' && !door.open && shown === undefined);

  /** What is so now, of what the looker may see. */
  const now = <Of extends Parameters<Present['all']>[0]>(context: Context<LiveEnv>, of: Of) =>
    present.all(of).filter(({ key }) => context.get('looker').sees(key));
  app.get('/api/servers', (context) => context.json(now(context, 'server')));
  app.get('/api/nodes', (context) => context.json(now(context, 'node')));
  app.get('/api/processes', (context) => context.json(now(context, 'process')));
  app.get('/api/ledger', (context) => context.json(ledgerWithin(services?.ledger() ?? noLedger, context.get('looker'))));
  app.get('/api/graph', (context) => context.json(graphOf(now(context, 'node'))));
  app.route('/api', createDoorRoutes(door, services));
  app.route('/api', createServerPast());
  app.route('/api', createAlertRoutes(services, memory, present));
  app.route('/api', createLogs({ memory, labelsOf: (server) => present.server(server)?.labels, clock: services?.clock }));
  app.route(
    '/api',
    createSeriesRoutes({
      memory: series,
      marks,
      labelsOf: (server) => present.server(server)?.labels,
      servers: () => present.all('server').map(({ key }) => key.split('.', 4).join('.')),
    }),
  );
  app.route('/api', createPast());
  app.route('/api', createReasons(services));
  app.route('/api', createQueries());
  app.get('/api/live', (context) =>
    context.text('sluice: live: this is a WebSocket; connect with ws:// and send {"subscribe": {"kind": "metric"}}\n', 426, {
      upgrade: 'websocket',
    }),
  );
  // How much there is, and of whom, is for those who see all of the tree.
  app.get('/healthz', (context) =>
    context.json({ status: 'ok', ...(context.get('looker').part === '' && { viewers: viewers.count, events: memory.size }) }),
  );
  app.get('/metrics', async (context) => {
    if (context.get('looker').part !== '') return context.text(wholeOnly, 403);
    return context.body(await prometheus.text(), 200, { 'content-type': prometheus.contentType });
  });

  app.get('*', (context) => {
    const path = context.req.path === '/' ? '/index.html' : context.req.path;
    const asset = assets.get(path);
    if (!asset) {
      if (path === '/index.html') return context.text(notBuilt, 503);
      return context.text(`sluice: live: nothing is at this path; there are ${paths}\n`, 404);
    }
    const headers = { 'content-type': asset.type, etag: asset.etag, 'cache-control': asset.cache };
    if (context.req.header('if-none-match') === asset.etag) return context.body(null, 304, headers);
    return context.body(asset.body, 200, headers);
  });

  app.onError((error, context) => {
    if (!(error instanceof Outside)) return context.text(`sluice: live: ${messageOf(error)}\n`, 500);
    door.tell(context.get('looker'), told.outside, { to: error.asked });
    return context.text(`${error.message}\n`, 403);
  });
  return app;
}

const noLedger: LedgerState = { process: '', lost: [], heard: [] };

/** How far each process was heard is of all that it writes: only for those who see all. */
const ledgerWithin = ({ process, lost, heard }: LedgerState, { part, sees }: Looker): LedgerState => ({
  process,
  lost: lost.filter(({ key }) => sees(key)),
  heard: part === '' ? heard : [],
});

const posted: ReadonlySet<string> = new Set(['/api/query', '/api/series']);
const allowedAt = (path: string): readonly string[] => (posted.has(path) ? ['POST'] : (doorMethods[path] ?? ['GET', 'HEAD']));
