import { Edits } from '../../http/edits.ts';
import { FieldList, type Fields } from '../../http/fields.ts';
import { RequestCopy } from '../../http/head-copy.ts';
import { RetryBudget } from '../../policy/budget.ts';
import type { ExchangeContext } from '../exchange-context.ts';
import { MIRROR_FIELD } from '../forward.ts';
import { type CompleteRequest, type Mirrors, NO_MIRRORS } from '../mirrors.ts';
import type { Plan } from '../plan.ts';
import { Replay } from '../replay.ts';
import type { RouteEffects } from '../route-effects.ts';
import type { MirrorCrowd } from './mirror-crowd.ts';

/** However patient the mirror's own upstream is: nobody waits for the answer. */
const MAX_MIRROR_MS = 30_000;

/** Of 10,000 requests. */
const ALL = 10_000;

/** One place that a share of the requests of a route is copied to. */
export interface Mirror {
  readonly share: number;
  /** Of the moment, see `mirrorPlan`; null: it is not there. */
  readonly plan: Plan | null;
}

/**
 * Copies of the requests of a route, sent elsewhere for nobody (`Shadow`). A request is copied when its client has sent
 * all of it, and nothing of its answer has come: all of its body is here then, or it was too large to be kept
 * (`retry.replay`), and is not copied. The copy is an exchange of its own under the mirror's plan, with its doors and
 * limits, as what matters least, and is tried once. What becomes of it is counted and nothing else: the client's exchange
 * neither waits for it nor learns of it.
 */
export class RouteMirrors implements Mirrors {
  private constructor(
    private readonly route: string,
    private readonly mirrors: readonly Mirror[],
    private readonly crowd: MirrorCrowd,
  ) {}

  static of(route: string, mirrors: readonly Mirror[], crowd: MirrorCrowd): Mirrors {
    const sent = mirrors.filter(({ share }) => share > 0);
    return sent.length === 0 ? NO_MIRRORS : new RouteMirrors(headerText(route), sent, crowd);
  }

  copy(context: ExchangeContext, request: CompleteRequest, body: Replay, trailers: Fields | null): void {
    const { mirrors } = this;
    for (let at = 0; at < mirrors.length; at++) {
      const mirror = mirrors[at]!;
      if (mirror.share >= ALL || context.random.below(ALL) < mirror.share) {
        this.send(context, mirror.plan, request, body, trailers);
      }
    }
  }

  private send(
    context: ExchangeContext,
    plan: Plan | null,
    request: CompleteRequest,
    body: Replay,
    trailers: Fields | null,
  ): void {
    const { crowd } = this;
    if (request.head.upgrade !== null || request.head.count(MIRROR_FIELD) > 0) return;
    if (plan === null) return crowd.count('no_upstream');
    if (!body.isWhole) return crowd.count('body');
    if (!crowd.hasRoom(body.size)) return crowd.count('full');
    const edits = new Edits();
    edits.set(MIRROR_FIELD, this.route);
    edits.set('x-request-id', request.requestId);
    edits.set(plan.criticality.options.header, 'sheddable');
    const head = new RequestCopy(request.head, edits);
    const kept = trailers === null ? null : FieldList.copyOf(trailers);
    const copied = { peer: request.peer, head, body: copyOf(body), trailers: kept };
    crowd.send(context, plan, copied, head.bytes + body.size);
  }
}

/** The plan of an upstream for copies. `effects`: what their route does to requests that go there. */
export function mirrorPlan(plan: Plan, effects: RouteEffects): Plan {
  const { retry, timeouts } = plan;
  const { maxDurationMs } = timeouts;
  return {
    ...plan,
    effects,
    mirrors: NO_MIRRORS,
    spreader: null,
    retry: { ...retry, maxAttempts: 1 },
    // Retries of clients are a share of what clients send.
    budget: new RetryBudget(retry.budget),
    timeouts: {
      ...timeouts,
      maxDurationMs: maxDurationMs > 0 ? Math.min(maxDurationMs, MAX_MIRROR_MS) : MAX_MIRROR_MS,
    },
  };
}

function copyOf(body: Replay): Replay {
  const copy = new Replay();
  body.sendTo({
    sendBody(bytes) {
      copy.hold(bytes);
      return true;
    },
  });
  return copy;
}

const MAX_NAME = 128;

/** The name of a route is free text. */
function headerText(name: string): string {
  let text = '';
  for (const character of name.slice(0, MAX_NAME)) text += character > ' ' && character <= '~' ? character : '_';
  return text;
}
