import type { Fields } from '../http/fields.ts';
import { parseLag } from './lag.ts';
import { parsePosition } from './position.ts';

/** A report older than this says nothing any more, so that a replica which was left out for its lag is asked again. */
const REPORT_MS = 10_000;

/** The fields of answers that tell how fresh an endpoint is, in lower case; null: nobody wants to know. */
export interface FreshFields {
  readonly lag: string | null;
  readonly position: string | null;
}

/** How far an endpoint is behind its primary, as its answers say. Kept with the live endpoint, as its latency is. */
export class Freshness {
  /** The last position in the primary's history that it said to have applied; -1 before it says one. */
  position = -1;
  /** Picks that passed it over: for its lag, or for a position that it has not said to have. */
  tooLate = 0;
  tooFarBehind = 0;
  /** Null: its answers are not looked at. */
  private fields: FreshFields | null = null;
  private lagMs = -1;
  private saidAt = 0;

  /** Which fields to look for from now on. What another field tells of positions may count otherwise. */
  lookFor(fields: FreshFields | null): void {
    if (fields?.position !== this.fields?.position) this.position = -1;
    this.fields = fields;
  }

  /** Takes what stands among the fields of a head or of trailers. */
  read(answer: Fields, now: number): void {
    if (this.fields === null) return;
    const { lag, position } = this.fields;
    const said = lag === null ? null : answer.get(lag);
    const lagMs = said === null ? null : parseLag(said);
    if (lagMs !== null) this.reportLag(lagMs, now);
    if (position !== null) this.reportPosition(parsePosition(answer.get(position)));
  }

  reportLag(lagMs: number, now: number): void {
    this.lagMs = lagMs;
    this.saidAt = now;
  }

  /** A position only grows; an answer that was long on its way takes nothing back. */
  reportPosition(position: number): void {
    if (position > this.position) this.position = position;
  }

  /** It has another role, or comes back: its history may be another one, in which it is not so far. */
  forget(): void {
    this.position = -1;
    this.lagMs = -1;
  }

  /** In ms; -1 when it has not said for a while. */
  lagAt(now: number): number {
    return now - this.saidAt <= REPORT_MS ? this.lagMs : -1;
  }
}
