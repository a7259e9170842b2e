import type { Connector } from '../../http/conduit.ts';
import { CheckHead } from './check-head.ts';
import type { HttpQuestion, IdentityOptions } from './options.ts';
import { failed, PASSED, type Probe, type ProbeOwner, type Prober, type Verdict } from './prober.ts';
import { type CheckAnswer, type CheckRequest, RequestProbe } from './request-probe.ts';

/** Who answers so wants no requests now (RFC 9110, 15.6.4): that need not be said three times. */
const UNAVAILABLE = 503;

/** Asks for a page, and goes by its status and the beginning of its text. */
export class HttpProber implements Prober, CheckRequest {
  readonly head: CheckHead;
  readonly body = null;
  readonly keepBytes: number;

  constructor(
    private readonly question: HttpQuestion,
    private readonly identity: IdentityOptions | null,
    caller: string,
  ) {
    const { method, path, host, headers } = question;
    this.head = new CheckHead({ method, path, host, caller, version: '1.1', bodyBytes: -1 });
    for (const [name, value] of Object.entries(headers)) this.head.add(name, value);
    this.keepBytes = question.body?.withinBytes ?? 0;
  }

  begin(connector: Connector, owner: ProbeOwner): Probe {
    return new RequestProbe(connector, this, this.identity, owner);
  }

  judge({ status, body }: CheckAnswer): Verdict {
    const { statuses, body: wanted } = this.question;
    if (!statuses.some(([first, last]) => status >= first && status <= last)) {
      return failed(`answered ${status}`, status === UNAVAILABLE);
    }
    return wanted === null || body.includes(wanted.text) ? PASSED : failed(`answered ${status} without the text`);
  }
}
