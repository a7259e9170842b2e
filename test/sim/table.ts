import type { Measured } from './measures.ts';

interface Column {
  readonly title: string;
  show(measured: Measured): string;
}

const COLUMNS: readonly Column[] = [
  { title: 'max/mean', show: ({ maxToMean }) => decimals(maxToMean, 2) },
  { title: 'cv %', show: ({ variation }) => percent(variation, 1) },
  { title: 'p50 ms', show: ({ p50 }) => milliseconds(p50) },
  { title: 'p99 ms', show: ({ p99 }) => milliseconds(p99) },
  { title: 'failed %', show: ({ failed }) => percent(failed, 2) },
  { title: 'left s', show: ({ leftAfter }) => seconds(leftAfter) },
  { title: 'back s', show: ({ backAfter }) => seconds(backAfter) },
  { title: 'peak', show: ({ peak }) => decimals(peak, 2) },
  { title: 'moved %', show: ({ moved }) => percent(moved?.moved ?? null, 2) },
  { title: 'needless %', show: ({ moved }) => percent(moved?.needless ?? null, 2) },
];

/** One line for each algorithm. A column that says nothing of any of them is left out. */
export function table(rows: ReadonlyMap<string, Measured>): string {
  const measured = [...rows.values()];
  const columns = COLUMNS.filter((column) => measured.some((row) => column.show(row) !== '-'));
  const lines = [
    ['algorithm', ...columns.map(({ title }) => title)],
    ...[...rows].map(([name, row]) => [name, ...columns.map((column) => column.show(row))]),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines.map((line) => line.map((cell, i) => pad(cell, widths[i]!, i)).join('  ')).join('\n');
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function milliseconds(ms: number | null): string {
  return decimals(ms, ms !== null && ms < 10 ? 2 : 0);
}

function percent(share: number | null, digits: number): string {
  return decimals(share === null ? null : share * 100, digits);
}

function decimals(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}

/** A second is the width of a bucket: what happened within the first one took none. */
function seconds(after: number | null): string {
  return after === null ? '-' : String(after);
}
