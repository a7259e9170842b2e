import type { EndpointSpec } from '../cluster/snapshot.ts';

type Endpoints = readonly EndpointSpec[];

/**
 * Stands between what Consul says and what traffic believes, and doubts a sudden loss.
 *
 *                    an answer lists less than half
 *      trusting ---------------------------------------> holding
 *         ^                                                 |
 *         +----- an answer that lists all of them again ----+
 *         +----- a confirmed read, whatever it says --------+
 *
 * A 200 is not proof: a token without rights, an agent that is leaving or has lost its data, and more than one bug of
 * Consul read as "there are no instances". Endpoints that answered a second ago are a better guess, and the breakers
 * correct it. So a loss has to be said twice, with time in between, the second time by the leader. New endpoints and
 * changes of health are believed at once, also while holding: nobody lists an instance as critical by accident.
 *
 * Judged by the number of endpoints, not by who they are: replacing all of them in one step is a deployment.
 */
export class LossGuard {
  private held = false;
  private dueAt = 0;
  private missing = 0;

  /** `trusted`: what was believed last, perhaps in an earlier run; null when nothing ever was. */
  constructor(private trusted: Endpoints | null = null) {}

  get isHolding(): boolean {
    return this.held;
  }

  /** When to ask the leader. */
  get confirmAt(): number {
    return this.dueAt;
  }

  /** For an operator; null when nothing is doubted. */
  get doubt(): string | null {
    if (!this.held) return null;
    return `Consul no longer lists ${this.missing} of ${this.trusted?.length ?? 0} endpoints; they are kept until that is confirmed`;
  }

  /** An ordinary answer. Returns what to believe. */
  offer(answer: Endpoints, now: number, patienceMs: number): Endpoints {
    const { trusted } = this;
    if (trusted === null) return this.believe(answer);
    const known = new Set(answer.map((spec) => spec.id));
    const missing = trusted.filter((spec) => !known.has(spec.id));
    // While holding, endpoints come back one by one; the first half must not let go of the second.
    const isLoss = this.held ? missing.length > 0 : answer.length * 2 < trusted.length;
    if (!isLoss) return this.believe(answer);
    if (!this.held) {
      this.held = true;
      this.dueAt = now + patienceMs;
    }
    this.missing = missing.length;
    return [...answer, ...missing].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Which of the trusted endpoints an answer lacks; two answers that lack the same give the same text. */
  missingFrom(answer: Endpoints): string {
    const listed = new Set(answer.map((spec) => spec.id));
    return (this.trusted ?? []).flatMap(({ id }) => (listed.has(id) ? [] : [id])).join('\n');
  }

  /** The answer of the second, independent read. Returns what to believe: this. */
  confirm(answer: Endpoints): Endpoints {
    return this.believe(answer);
  }

  /** The second read brought nothing to go by. */
  postpone(until: number): void {
    this.dueAt = until;
  }

  private believe(answer: Endpoints): Endpoints {
    this.trusted = answer;
    this.held = false;
    return answer;
  }
}
