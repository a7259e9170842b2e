import type { Peer } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import { editRetryAfter } from '../../proxy/forward.ts';
import { isCall } from '../../proxy/grpc-call.ts';
import type { RouteAnswer, RouteEffects, RouteFacts } from '../../proxy/route-effects.ts';
import type { RouteOptions, RouteTarget } from '../table/options.ts';
import { finderOf } from '../table/regex.ts';
import { Cors } from './cors.ts';
import { FieldChanger } from './field-changer.ts';
import { MAINTENANCE_ANSWER, respondAnswer } from './own-answers.ts';
import { type PathRewrite, rewriteOf } from './path-rewrite.ts';
import { Redirect } from './redirect.ts';

/**
 * What a route does to requests on their way to one of its targets, or to nowhere (null): in this order,
 *
 *     preflight -> redirect, respond, maintenance -> path, host -> fields of the route -> fields of the target
 *     answers:  CORS -> fields of the route -> fields of the target
 *
 * so that of two that set the same field, the one that is said more exactly counts.
 */
export function makeEffects(route: RouteOptions, target: RouteTarget | null): RouteEffects {
  return new Effects(route, target);
}

/** What a route says in place of an endpoint. */
interface Answerer {
  answer(head: RequestHead): RouteAnswer | null;
}

const NO_ANSWERER: Answerer = { answer: () => null };

class Effects implements RouteEffects {
  readonly route: string;
  readonly marksAnswers: boolean;
  private readonly answerer: Answerer;
  private readonly cors: Cors | null;
  private readonly path: PathRewrite | null;
  private readonly host: string | null;
  private readonly requests: readonly FieldChanger[];
  private readonly answers: readonly FieldChanger[];
  /** Negative: it is not in maintenance. */
  private readonly retryAfterMs: number;

  constructor(options: RouteOptions, target: RouteTarget | null) {
    const { name, matches, rewrite, cors, action } = options;
    const known = { route: name, upstream: target?.upstream ?? '' };
    const parts = target === null ? [options] : [options, target];
    this.route = name;
    this.answerer = answererOf(options);
    this.cors = cors === null ? null : new Cors(cors);
    this.path = rewrite === null ? null : rewriteOf(rewrite, matches, finderOf);
    this.host = rewrite?.host ?? null;
    this.requests = parts.map(({ request }) => new FieldChanger(request, known)).filter(({ isEmpty }) => !isEmpty);
    this.answers = parts.map(({ response }) => new FieldChanger(response, known)).filter(({ isEmpty }) => !isEmpty);
    this.retryAfterMs = action.kind === 'maintenance' ? action.retryAfterMs : -1;
    this.marksAnswers = this.answers.length > 0 || this.cors !== null || this.retryAfterMs >= 0;
  }

  answer(head: RequestHead, _peer: Peer): RouteAnswer | null {
    const preflight = this.cors === null ? null : this.cors.preflight(head);
    return preflight === null ? this.answerer.answer(head) : preflight;
  }

  editRequest(facts: RouteFacts, edits: Edits): void {
    const { path, host, requests } = this;
    if (path !== null) {
      const asked = facts.head.path;
      const rewritten = path.of(asked);
      if (rewritten !== asked) edits.path = rewritten;
    }
    if (host !== null) {
      edits.drop('host');
      edits.append('host', host);
    }
    for (let at = 0; at < requests.length; at++) requests[at]!.editRequest(facts, edits);
  }

  editAnswer(facts: RouteFacts, answer: ResponseHead | null, edits: Edits): void {
    const { answers, cors, retryAfterMs } = this;
    if (cors !== null) cors.editAnswer(facts.head, answer, edits);
    if (retryAfterMs >= 0 && answer === null) editRetryAfter(edits, retryAfterMs, isCall(facts.head));
    for (let at = 0; at < answers.length; at++) answers[at]!.editAnswer(facts, edits, answer === null);
  }
}

function answererOf({ action, matches }: RouteOptions): Answerer {
  switch (action.kind) {
    case 'redirect':
      return new Redirect(action, matches);
    case 'respond':
      return always(respondAnswer(action));
    case 'maintenance':
      return always(MAINTENANCE_ANSWER);
    case 'forward':
      return NO_ANSWERER;
  }
}

function always(answer: RouteAnswer): Answerer {
  return { answer: () => answer };
}
