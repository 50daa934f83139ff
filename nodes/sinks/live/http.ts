/**
 * What `live` answers over HTTP: the page, and what it knows as JSON. Reading only, also the one POST; every request passes
 * the guard first.
 *
 *     GET /                    the page
 *     GET /api/servers         server states, as the roster judges them
 *     GET /api/nodes           node states, with their health
 *     GET /api/processes       process states: what each gave to the bus, what waits, what was dropped
 *     GET /api/ledger          what was lost on the way to this process's readers: {lost, heard}
 *     GET /api/graph           {nodes, edges}: which kinds join them
 *     GET /api/alerts          {firing, held, recent}: what fires now, what is held while its server is silent, and the changes that are remembered
 *     GET /api/metrics         names with their series and last values
 *     GET /api/history…        what was kept (past.ts)
 *     GET /api/why…            why an alert came, or did not (reasons.ts)
 *     POST /api/query          SQL over what was kept (query.ts)
 *     GET /healthz  /metrics   for a load balancer; for Prometheus
 */
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { Services } from 'sluice';
import type { Asset } from './assets.ts';
import type { Catalog } from './catalog.ts';
import { graphOf } from './graph.ts';
import { refusal, securityHeaders } from './guard.ts';
import type { Memory } from './memory.ts';
import { createPast } from './past.ts';
import type { Present } from './present.ts';
import type { createPrometheus } from './prometheus.ts';
import { createQueries } from './query.ts';
import { createReasons } from './reasons.ts';
import type { Viewers } from './viewers.ts';

export interface Knowledge {
  readonly host: string;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly memory: Memory;
  readonly present: Present;
  readonly catalog: Catalog;
  readonly viewers: Viewers;
  readonly prometheus: ReturnType<typeof createPrometheus>;
  /** What the process offers: what was kept, and its filters. */
  readonly services: Services | undefined;
}

const notBuilt = 'sluice: live: the page was not built; run: npm run build (the API works without it)\n';
const paths =
  '/, /api/servers, /api/nodes, /api/processes, /api/ledger, /api/graph, /api/alerts, /api/metrics, /api/history, /api/events/<id>/why, /api/why, /api/why-not, /api/query, /healthz, /metrics; WebSocket: /api/live';

export function createApp({ host, assets, memory, present, catalog, viewers, prometheus, services }: Knowledge) {
  const history = () => services?.history();
  const app = new Hono<{ Bindings: HttpBindings }>();

  app.use(async (context, next) => {
    const { req } = context;
    const refused = refusal(context.env.incoming.headers, host);
    if (refused) context.res = context.text(`${refused}\n`, 403);
    else if (!allowedAt(req.path).includes(req.method)) {
      const allowed = allowedAt(req.path);
      context.res = context.text(`sluice: live: ${req.method} is not for here; use ${allowed[0]}\n`, 405, { allow: allowed.join(', ') });
    } else await next();
    for (const [name, value] of Object.entries(securityHeaders)) context.res.headers.set(name, value);
    if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
  });

  app.get('/api/servers', (context) => context.json(present.all('server')));
  app.get('/api/nodes', (context) => context.json(present.all('node')));
  app.get('/api/processes', (context) => context.json(present.all('process')));
  app.get('/api/ledger', (context) => context.json(services?.ledger() ?? { process: '', lost: [], heard: [] }));
  app.get('/api/graph', (context) => context.json(graphOf(present.all('node'))));
  app.get('/api/metrics', (context) => context.json(catalog.all()));
  app.get('/api/alerts', (context) => {
    const recent = memory.entries(new Set(['alert'])).map((entry) => JSON.parse(entry.json.toString()) as unknown);
    return context.json({ ...present.alerts(), recent });
  });
  app.route('/api', createPast(history));
  app.route('/api', createReasons(services));
  app.route('/api', createQueries(history));
  app.get('/api/live', (context) =>
    context.text('sluice: live: this is a WebSocket; connect with ws:// and send {"subscribe": {"kind": "metric"}}\n', 426, {
      upgrade: 'websocket',
    }),
  );
  app.get('/healthz', (context) => context.json({ status: 'ok', viewers: viewers.count, events: memory.size }));
  app.get('/metrics', async (context) => context.body(await prometheus.text(), 200, { 'content-type': prometheus.contentType }));

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

  app.onError((error, context) => context.text(`sluice: live: ${error.message}\n`, 500));
  return app;
}

const allowedAt = (path: string): readonly string[] => (path === '/api/query' ? ['POST'] : ['GET', 'HEAD']);
