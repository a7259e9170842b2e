import type { Clock } from '../base/clock.ts';
import { headerLines, labelText, linesOf, valueLine } from './exposition.ts';
import { Counter, DURATION_BOUNDS_MS, Gauge, Histogram } from './instruments.ts';
import { type LabelValues, METRIC_NAMES, type MetricName, type MetricOf } from './metric-table.ts';

type Instrument = Counter | Gauge | Histogram;

/** A value read when somebody asks. Make it with `sample`, which checks the labels. */
export interface Sample {
  readonly name: MetricName;
  readonly labels: readonly string[];
  readonly value: number;
}

export type Collector = () => Iterable<Sample>;

export function sample<N extends MetricOf<'counter' | 'gauge'>>(
  name: N,
  labels: LabelValues<N>,
  value: number,
): Sample {
  return { name, labels, value };
}

/**
 * Lines of text that a scrape may have of instruments, and again of samples. A plan has about 30, an endpoint up to 5.
 */
const MAX_LINES = 20_000;
/** Linkerd's number. Long enough for every scraper to have seen the last value. */
const IDLE_MS = 600_000;
const HISTOGRAM_LINES = DURATION_BOUNDS_MS.length + 3;

/**
 * All metrics of the program, and their text.
 *
 * Instruments are plain objects that hot code holds and adds to; names and label texts are made when they are bound and
 * never again. Whoever binds does so through a lease, and a lease that was not used for ten minutes is taken back: that
 * is how the series of a vanished endpoint or a replaced plan go away. Leases with the same labels share one
 * instrument, so that a plan that replaces another continues its counts.
 *
 * The number of lines is bounded. What comes when the bound is reached gets an instrument like any other, which is not
 * shown, and is counted as dropped.
 */
export class Registry {
  readonly dropped = new Counter();
  private readonly families = new Map<MetricName, Map<string, Series>>(METRIC_NAMES.map((name) => [name, new Map()]));
  private readonly leases = new Set<Lease>();
  private readonly collectors: Collector[] = [];
  private lines = 0;

  constructor(
    private readonly clock: Clock,
    private readonly onCollectorError: (error: unknown) => void,
    private readonly maxLines = MAX_LINES,
  ) {}

  /**
   * `isBusy`: something is in progress whose end will be counted, so the lease is not taken back however idle it is.
   */
  lease(isBusy: () => boolean = () => false): Lease {
    const lease = new Lease(this, isBusy, this.clock.now());
    this.leases.add(lease);
    return lease;
  }

  addCollector(collector: Collector): void {
    this.collectors.push(collector);
  }

  /** Every series of a metric that is bound now: its labels' values, a key of its own, and what counts. */
  forEach(name: MetricName, visit: (values: readonly string[], key: string, instrument: Instrument) => void): void {
    for (const [labels, { values, instrument }] of this.families.get(name)!) {
      visit(values, `${name}${labels}`, instrument);
    }
  }

  /** Prometheus text, format 0.0.4. */
  render(): string {
    this.takeBackIdle();
    const collected = this.collect();
    let text = '';
    for (const [name, family] of this.families) {
      const samples = collected.get(name);
      if (family.size === 0 && samples === undefined) continue;
      text += headerLines(name);
      for (const [labels, series] of family) text += linesOf(name, labels, series.instrument);
      // A series that is bound wins over one that is read, for two lines with one name make the whole answer invalid.
      samples?.forEach((value, labels) => (text += family.has(labels) ? '' : valueLine(name, labels, value)));
    }
    return text;
  }

  /** For leases only. */
  bind(name: MetricName, values: readonly string[], make: () => Instrument): Series {
    const family = this.families.get(name)!;
    const labels = labelText(name, values);
    const known = family.get(labels);
    if (known !== undefined) {
      known.holders += 1;
      return known;
    }
    const series = new Series(name, labels, values, make());
    if (this.lines + series.lines > this.maxLines) this.takeBackIdle();
    if (this.lines + series.lines > this.maxLines) {
      this.dropped.value += 1;
      return series;
    }
    family.set(labels, series);
    series.holders = 1;
    this.lines += series.lines;
    return series;
  }

  /** For leases only. */
  release(lease: Lease, bound: readonly Series[]): void {
    this.leases.delete(lease);
    for (const series of bound) {
      if (series.holders === 0 || --series.holders > 0) continue;
      this.families.get(series.name)!.delete(series.labels);
      this.lines -= series.lines;
    }
  }

  private takeBackIdle(): void {
    const idleSince = this.clock.now() - IDLE_MS;
    for (const lease of this.leases) if (lease.usedAt < idleSince && !lease.isBusy()) lease.release();
  }

  private collect(): Map<MetricName, Map<string, number>> {
    const collected = new Map<MetricName, Map<string, number>>();
    let lines = 0;
    for (const { name, labels, value } of this.read()) {
      if (lines++ === this.maxLines) {
        this.dropped.value += 1;
        break;
      }
      let family = collected.get(name);
      if (family === undefined) collected.set(name, (family = new Map()));
      family.set(labelText(name, labels), value);
    }
    return collected;
  }

  private *read(): Generator<Sample> {
    for (const collector of this.collectors) {
      try {
        yield* collector();
      } catch (error) {
        this.onCollectorError(error);
      }
    }
    yield sample('remora_metric_series_dropped_total', [], this.dropped.value);
  }
}

class Series {
  /** Leases that bound it; 0 for one that is not shown. */
  holders = 0;
  readonly lines: number;

  constructor(
    readonly name: MetricName,
    readonly labels: string,
    readonly values: readonly string[],
    readonly instrument: Instrument,
  ) {
    this.lines = instrument instanceof Histogram ? HISTOGRAM_LINES : 1;
  }
}

/** Instruments that come and go together. */
export class Lease {
  /** Monotonic ms; whoever uses an instrument writes it. */
  usedAt: number;
  /** False once it was taken back: the instruments still count, but nobody sees it. Bind anew with another lease. */
  isHeld = true;
  private readonly bound: Series[] = [];

  constructor(
    private readonly registry: Registry,
    readonly isBusy: () => boolean,
    now: number,
  ) {
    this.usedAt = now;
  }

  counter<N extends MetricOf<'counter'>>(name: N, labels: LabelValues<N>): Counter {
    return this.bind(name, labels, () => new Counter()) as Counter;
  }

  gauge<N extends MetricOf<'gauge'>>(name: N, labels: LabelValues<N>): Gauge {
    return this.bind(name, labels, () => new Gauge()) as Gauge;
  }

  histogram<N extends MetricOf<'histogram'>>(name: N, labels: LabelValues<N>): Histogram {
    return this.bind(name, labels, () => new Histogram()) as Histogram;
  }

  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.registry.release(this, this.bound);
  }

  private bind(name: MetricName, labels: readonly string[], make: () => Instrument): Instrument {
    const series = this.registry.bind(name, labels, make);
    this.bound.push(series);
    return series.instrument;
  }
}
