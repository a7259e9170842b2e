import type { Weathered } from './measures.ts';
import type { StormSetup } from './simulation.ts';
import type { Storm } from './storms.ts';

const PANEL = { width: 400, height: 190 };
const MARGIN = { left: 40, right: 16, top: 30, bottom: 34 };
const HEADER = 84;
const PANELS_IN_ROW = 3;
/** Attempts over requests go up to here; what is more runs along the upper edge. */
const TOP = 3;

const COLUMNS: readonly (readonly [title: string, show: (row: Weathered) => string])[] = [
  ['att/req', ({ amplification }) => amplification.toFixed(3)],
  ['worst 10 s', ({ worst }) => worst.toFixed(2)],
  ['failed %', ({ failedIn }) => (failedIn * 100).toFixed(2)],
  ['failed after %', ({ failedAfter }) => (failedAfter * 100).toFixed(2)],
  ['back s', ({ backAfter }) => (backAfter === null ? 'never' : String(backAfter))],
];

/** One line for each policy. */
export function stormTable(rows: ReadonlyMap<string, Weathered>): string {
  const lines = [
    ['policy', ...COLUMNS.map(([title]) => title)],
    ...[...rows].map(([name, row]) => [name, ...COLUMNS.map(([, show]) => show(row))]),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const pad = (cell: string, i: number): string => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!));
  return lines.map((line) => line.map(pad).join('  ')).join('\n');
}

/** Attempts over requests, and the share of good answers, over time: a panel for each policy. */
export function stormChart(storm: Storm, { seconds }: StormSetup, rows: ReadonlyMap<string, Weathered>): string {
  const width = PANELS_IN_ROW * PANEL.width;
  const height = HEADER + Math.ceil(rows.size / PANELS_IN_ROW) * PANEL.height;
  const panels = [...rows].map(([name, row], i) => {
    const at = `${(i % PANELS_IN_ROW) * PANEL.width} ${HEADER + Math.floor(i / PANELS_IN_ROW) * PANEL.height}`;
    return `<g transform="translate(${at})">${panel(name, storm, seconds, row)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="11" fill="#1f2933">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="40" y="30" font-size="18" font-weight="bold">${storm.name}</text>`,
    `<text x="40" y="50" font-size="12" fill="#6b7785">${storm.story}</text>`,
    '<text x="40" y="70"><tspan fill="#c8321f">attempts over requests</tspan>, <tspan fill="#2f6fb0">share of good answers</tspan>; the time of trouble is shaded</text>',
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

function panel(name: string, { from, to }: Storm, seconds: number, { tally }: Weathered): string {
  const bottom = PANEL.height - MARGIN.bottom;
  const x = (second: number): number => MARGIN.left + (second / seconds) * (PANEL.width - MARGIN.left - MARGIN.right);
  const y = (value: number): number => bottom - (Math.min(value, TOP) / TOP) * (bottom - MARGIN.top);
  const line = (colour: string, valueAt: (second: number) => number): string => {
    const points = Array.from({ length: seconds }, (_, s) => `${x(s + 0.5).toFixed(1)} ${y(valueAt(s)).toFixed(1)}`);
    return `<path d="M${points.join('L')}" fill="none" stroke="${colour}" stroke-width="1.6" stroke-linejoin="round"/>`;
  };
  const muted = 'fill="#6b7785" font-size="10"';
  return [
    `<text x="${MARGIN.left}" y="${MARGIN.top - 9}" font-size="12" font-weight="bold">${name}</text>`,
    `<rect x="${x(from)}" y="${MARGIN.top}" width="${x(to) - x(from)}" height="${bottom - MARGIN.top}" fill="#fdf1dc"/>`,
    ...[0, 1, 2, 3].map(
      (value) =>
        `<line x1="${MARGIN.left}" x2="${PANEL.width - MARGIN.right}" y1="${y(value)}" y2="${y(value)}" stroke="#e3e7ec"/><text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end" ${muted}>${value}</text>`,
    ),
    line('#c8321f', (second) => tally.amplification(second, second + 1)),
    line('#2f6fb0', (second) => tally.goodShare(second, second + 1)),
    `<text x="${MARGIN.left}" y="${bottom + 14}" ${muted}>0</text><text x="${PANEL.width - MARGIN.right}" y="${bottom + 14}" text-anchor="end" ${muted}>${seconds} s</text>`,
  ].join('\n');
}
