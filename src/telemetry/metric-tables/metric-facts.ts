export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** One sentence for the operator. The README's table is made of it. */
  readonly help: string;
}
