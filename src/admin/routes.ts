import type { AgentView } from './agent-view.ts';
import { boundEndpoints, boundProblems, boundRanges } from './bounds.ts';
import { clustersText } from './report.ts';
import { routesText } from './routes-report.ts';
import { checkToken, type TokenVerdict } from './token.ts';

export interface Answer {
  readonly status: number;
  readonly type: 'application/json' | 'text/plain; charset=utf-8' | 'text/plain; version=0.0.4; charset=utf-8';
  readonly body: string;
  readonly fields?: Readonly<Record<string, string>>;
}

export interface Question {
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  /** For the list at `/` and nowhere else. */
  readonly about: string;
  /** Its cost grows with the mesh: it takes its turn. */
  readonly isHeavy: boolean;
  answer(question: Question): Answer | Promise<Answer>;
}

/** What each path answers. Pure but for `/drain`: sockets, limits and who may ask are `http.ts`'s. */
export function makeRoutes(
  view: AgentView,
  tokenFile: string | null,
  onProblem: (error: unknown) => void,
): ReadonlyMap<string, AdminRoute> {
  const routes: Map<string, AdminRoute> = new Map([
    ['/', get('this list', () => text(listOf(routes)))],
    ['/live', get('the process runs', () => json(200, { live: true, ...view.identity() }))],
    ['/ready', get('200 when traffic may come, else 503 and what is missing', () => readyAnswer(view))],
    ['/metrics', heavy('Prometheus text', async () => metricsAnswer(await view.renderMetrics()))],
    ['/clusters', heavy('endpoints as seen from here; ?format=text for people', (ask) => clustersAnswer(view, ask))],
    [
      '/shards',
      heavy('shard maps in force, and what moves', () => json(200, { upstreams: boundRanges(view.shards()) })),
    ],
    ['/routes', heavy('routes in force and their requests; ?format=text for people', (ask) => routesAnswer(view, ask))],
    [
      '/config',
      heavy('the configuration in force, without secrets, and its problems', (question) =>
        configAnswer(view, question),
      ),
    ],
    ['/listeners', get('ports in use', () => json(200, { listeners: view.listeners() }))],
    ['/drain', post('shut down in order; needs a token', (ask) => drainAnswer(view, tokenFile, onProblem, ask))],
  ]);
  return routes;
}

export function errorAnswer(status: number, error: string, message: string, more: object = {}): Answer {
  return json(status, { error, message, ...more });
}

function get(about: string, answer: AdminRoute['answer']): AdminRoute {
  return { method: 'GET', about, isHeavy: false, answer };
}

function heavy(about: string, answer: AdminRoute['answer']): AdminRoute {
  return { method: 'GET', about, isHeavy: true, answer };
}

function post(about: string, answer: AdminRoute['answer']): AdminRoute {
  return { method: 'POST', about, isHeavy: false, answer };
}

function readyAnswer(view: AgentView): Answer {
  const { isReady, isDraining, waitingFor } = view.readiness();
  return json(isReady ? 200 : 503, { ready: isReady, draining: isDraining, waitingFor });
}

function metricsAnswer(body: string): Answer {
  return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body };
}

function clustersAnswer(view: AgentView, { query }: Question): Answer {
  const format = query.get('format') ?? 'json';
  const clusters = boundEndpoints(view.clusters());
  if (format === 'text') return text(clustersText(clusters));
  if (format === 'json') return json(200, { clusters });
  return errorAnswer(400, 'bad_format', 'format is json or text');
}

function routesAnswer(view: AgentView, { query }: Question): Answer {
  const format = query.get('format') ?? 'json';
  if (format === 'text') return text(routesText(view.routes()));
  if (format === 'json') return json(200, view.routes());
  return errorAnswer(400, 'bad_format', 'format is json or text');
}

function configAnswer(view: AgentView, { query }: Question): Answer {
  const { effective, origins, layers } = view.config();
  const shown = { effective, layers: boundProblems(layers) };
  return json(200, query.has('origins') ? { ...shown, origins: Object.fromEntries(origins) } : shown);
}

async function drainAnswer(
  view: AgentView,
  tokenFile: string | null,
  onProblem: (error: unknown) => void,
  { authorization }: Question,
): Promise<Answer> {
  if (tokenFile === null) {
    return errorAnswer(
      403,
      'no_token_configured',
      'POST /drain works once a token is set: write one into a file, name it in the configuration as ' +
        'admin: { tokenFile: /path/to/token }, and send it as "Authorization: Bearer <token>".',
    );
  }
  let verdict: TokenVerdict;
  try {
    verdict = await checkToken(tokenFile, authorization);
  } catch (error) {
    onProblem(error); // the log may name the file; whoever asks has shown no token and learns nothing of it
    return errorAnswer(403, 'no_token_readable', 'the token file has no token that can be read; the log says why');
  }
  if (verdict !== 'accepted') {
    const message = verdict === 'missing' ? 'send "Authorization: Bearer <token>"' : 'this is not the token';
    return {
      ...errorAnswer(401, `token_${verdict}`, message),
      fields: { 'www-authenticate': 'Bearer realm="remora"' },
    };
  }
  view.drain();
  return json(202, { draining: true });
}

function listOf(routes: ReadonlyMap<string, AdminRoute>): string {
  return [...routes].map(([path, { method, about }]) => `${`${method} ${path}`.padEnd(16)}${about}\n`).join('');
}

function text(body: string): Answer {
  return { status: 200, type: 'text/plain; charset=utf-8', body };
}

function json(status: number, value: object): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}
