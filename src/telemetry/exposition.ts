import { Histogram } from './instruments.ts';
import { METRICS, type MetricName } from './metric-table.ts';

/** `{a="b",c="d"}`, or nothing without labels. */
export function labelText(name: MetricName, values: readonly string[]): string {
  const pairs = METRICS[name].labels.map((label, i) => `${label}="${escapeValue(values[i] ?? '')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** The two lines before a metric's values. */
export function headerLines(name: MetricName): string {
  return `# HELP ${name} ${escapeHelp(METRICS[name].help)}\n# TYPE ${name} ${METRICS[name].type}\n`;
}

export function valueLine(name: string, labels: string, value: number): string {
  return `${name}${labels} ${numberText(value)}\n`;
}

/** Cumulative buckets in seconds, then sum and count. */
export function histogramLines(name: string, labels: string, histogram: Histogram): string {
  let lines = '';
  let count = 0;
  histogram.counts.forEach((inBucket, i) => {
    count += inBucket;
    const bound = histogram.boundsMs[i];
    const le = bound === undefined ? '+Inf' : numberText(bound / 1000);
    lines += valueLine(`${name}_bucket`, withLabel(labels, `le="${le}"`), count);
  });
  return `${lines}${valueLine(`${name}_sum`, labels, histogram.sumMs / 1000)}${valueLine(`${name}_count`, labels, count)}`;
}

export function linesOf(name: string, labels: string, instrument: Histogram | { readonly value: number }): string {
  if (instrument instanceof Histogram) return histogramLines(name, labels, instrument);
  return valueLine(name, labels, instrument.value);
}

function withLabel(labels: string, pair: string): string {
  return labels === '' ? `{${pair}}` : `${labels.slice(0, -1)},${pair}}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeValue(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
