import type { Edits } from '../http/edits.ts';
import type { RequestHead } from '../http/head.ts';
import {
  CRITICALITY_NAMES,
  type Criticality,
  type CriticalityName,
  criticalityOf,
  DEFAULT_CRITICALITY,
} from './criticality.ts';
import type { Visit } from './door.ts';

export interface CriticalityOptions {
  /** The field that says it, in lower case. */
  readonly header: string;
  /** What a request is that does not say. */
  readonly default: CriticalityName;
  /** Whether a request may say that it matters more than that. */
  readonly mayRaise: boolean;
}

/**
 * A name of our own, so that no application sends it by chance. Without the field a request is like most others, and
 * the application beside a sidecar may say what it likes of its own.
 */
export const DEFAULT_CRITICALITY_OPTIONS: CriticalityOptions = {
  header: 'x-remora-criticality',
  default: 'critical',
  mayRaise: true,
};

/** Whoever calls from outside may say that it matters less. That it matters more, anybody would say. */
export const INBOUND_CRITICALITY: CriticalityOptions = { ...DEFAULT_CRITICALITY_OPTIONS, mayRaise: false };

/** How much requests matter: what they say of it, what of that is believed, and what the endpoint is told. */
export class CriticalityRule {
  private readonly usual: Criticality;

  constructor(readonly options: CriticalityOptions) {
    this.usual = criticalityOf(options.default)!;
  }

  /** Before the first door. `head` is null of an opaque connection, which cannot say. */
  read(head: RequestHead | null, visit: Visit): void {
    const { usual } = this;
    const said = head === null ? null : head.get(this.options.header);
    visit.criticality = usual;
    visit.isCriticalitySaid = said !== null;
    if (said === null) return;
    const claim = criticalityOf(said);
    if (claim !== null && (claim > usual || this.options.mayRaise)) visit.criticality = claim;
  }

  /**
   * The endpoint is told what the request was held for here. What is like most others and says nothing stays so: who
   * reads it next has a usual level of its own.
   */
  pass({ criticality, isCriticalitySaid }: Visit, edits: Edits): void {
    if (!isCriticalitySaid && criticality === DEFAULT_CRITICALITY) return;
    edits.set(this.options.header, CRITICALITY_NAMES[criticality]);
  }
}
