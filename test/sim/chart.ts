import type { Measured } from './measures.ts';
import type { Scenario } from './scenarios.ts';
import type { Tally } from './tally.ts';

const COLUMNS = 3;
const PANEL = { width: 400, height: 190 };
const MARGIN = { left: 56, right: 16, top: 30, bottom: 34 };
const HEADER = 84;
/** The chart ends here, in multiples of an even share; what is more runs along its upper edge. */
const TOP = 3;
const LEVELS = [0, 1, 2, 3];
const COLOURS = {
  text: '#1f2933',
  muted: '#6b7785',
  grid: '#e3e7ec',
  even: '#9aa5b1',
  trouble: '#fdf1dc',
  band: '#c9dcf2',
  core: '#7fb0e0',
  affected: '#c8321f',
};

type Point = readonly [second: number, load: number];

/** Load over time as small multiples: one panel for each algorithm, all to the same scale. */
export function chart(scenario: Scenario, rows: ReadonlyMap<string, Measured>): string {
  const lines = Math.ceil(rows.size / COLUMNS);
  const width = COLUMNS * PANEL.width;
  const height = HEADER + lines * PANEL.height;
  const panels = [...rows].map(([name, { tally }], i) => {
    const x = (i % COLUMNS) * PANEL.width;
    const y = HEADER + Math.floor(i / COLUMNS) * PANEL.height;
    return `<g transform="translate(${x} ${y})">${panel(name, scenario, tally)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="11" fill="${COLOURS.text}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN.left, 30, scenario.name, 'font-size="18" font-weight="bold"'),
    text(MARGIN.left, 50, scenario.story, `font-size="12" fill="${COLOURS.muted}"`),
    legend(scenario, MARGIN.left, 70),
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

function panel(name: string, scenario: Scenario, tally: Tally): string {
  const x = (second: number): number =>
    MARGIN.left + (second / tally.seconds) * (PANEL.width - MARGIN.left - MARGIN.right);
  const y = (load: number): number =>
    MARGIN.top + (1 - Math.min(load, TOP) / TOP) * (PANEL.height - MARGIN.top - MARGIN.bottom);
  const at = ([second, load]: Point): string => `${x(second + 0.5).toFixed(1)} ${y(load).toFixed(1)}`;
  const area = (from: readonly Point[], to: readonly Point[], colour: string): string =>
    `<path d="M${[...from, ...to.toReversed()].map(at).join('L')}Z" fill="${colour}" stroke="${colour}" stroke-width="0.8"/>`;
  const line = (points: readonly Point[]): string =>
    `<path d="M${points.map(at).join('L')}" fill="none" stroke="${COLOURS.affected}" stroke-width="1.6" stroke-linejoin="round"/>`;
  const bottom = PANEL.height - MARGIN.bottom;
  const right = PANEL.width - MARGIN.right;
  const muted = `fill="${COLOURS.muted}" font-size="10"`;

  const loads = loadsOver(scenario, tally);
  const most = Math.max(...[...loads.high, ...loads.affected].map(([, load]) => load));
  const isTrouble = scenario.to < tally.seconds;
  return [
    text(MARGIN.left, MARGIN.top - 9, name, 'font-size="12" font-weight="bold"'),
    isTrouble
      ? `<rect x="${x(scenario.from)}" y="${MARGIN.top}" width="${x(scenario.to) - x(scenario.from)}" height="${bottom - MARGIN.top}" fill="${COLOURS.trouble}"/>`
      : '',
    ...LEVELS.map((load) => {
      const rule = `<line x1="${MARGIN.left}" x2="${right}" y1="${y(load)}" y2="${y(load)}" stroke="${COLOURS.grid}"/>`;
      return rule + text(MARGIN.left - 6, y(load) + 4, `${load}`, `text-anchor="end" ${muted}`);
    }),
    area(loads.low, loads.high, COLOURS.band),
    area(loads.lowTenth, loads.highTenth, COLOURS.core),
    `<line x1="${MARGIN.left}" x2="${right}" y1="${y(1)}" y2="${y(1)}" stroke="${COLOURS.even}" stroke-dasharray="3 3"/>`,
    loads.affected.length > 0 ? line(loads.affected) : '',
    most > TOP ? text(right, MARGIN.top - 9, `up to ${most.toFixed(1)}`, `text-anchor="end" ${muted}`) : '',
    ...ticks(tally.seconds).map((second) => text(x(second), bottom + 14, `${second}`, `text-anchor="middle" ${muted}`)),
    text((MARGIN.left + right) / 2, bottom + 27, 'seconds', `text-anchor="middle" ${muted}`),
    `<text transform="translate(${MARGIN.left - 28} ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle" ${muted}>load / even share</text>`,
  ].join('\n');
}

interface Loads {
  readonly low: Point[];
  readonly lowTenth: Point[];
  readonly highTenth: Point[];
  readonly high: Point[];
  readonly affected: Point[];
}

/** Of the servers in peace the range and, without the outer tenths, its core; of the affected ones the mean. */
function loadsOver(scenario: Scenario, tally: Tally): Loads {
  const loads: Loads = { low: [], lowTenth: [], highTenth: [], high: [], affected: [] };
  for (let second = 0; second < tally.seconds; second++) {
    const even = Math.max(1, tally.requestsIn(second, second + 1)) / tally.servers;
    const peaceful: number[] = [];
    const affected: number[] = [];
    for (let server = 0; server < tally.servers; server++) {
      const load = tally.requestsTo(server, second, second + 1) / even;
      (scenario.isAffected(server) ? affected : peaceful).push(load);
    }
    peaceful.sort((a, b) => a - b);
    const last = peaceful.length - 1;
    loads.low.push([second, peaceful[0]!]);
    loads.lowTenth.push([second, peaceful[Math.round(last * 0.1)]!]);
    loads.highTenth.push([second, peaceful[Math.round(last * 0.9)]!]);
    loads.high.push([second, peaceful[last]!]);
    if (affected.length > 0) {
      loads.affected.push([second, affected.reduce((sum, load) => sum + load, 0) / affected.length]);
    }
  }
  return loads;
}

function legend(scenario: Scenario, x: number, y: number): string {
  const isAbout = scenario.isAffected(0);
  const box = (at: number, colour: string, words: string): string =>
    `<rect x="${x + at}" y="${y - 9}" width="14" height="10" fill="${colour}"/>${text(x + at + 20, y, words)}`;
  const parts = [
    box(0, COLOURS.band, 'least to most loaded endpoint'),
    box(220, COLOURS.core, 'the middle 80 %'),
    `<line x1="${x + 350}" x2="${x + 364}" y1="${y - 4}" y2="${y - 4}" stroke="${COLOURS.even}" stroke-dasharray="3 3"/>`,
    text(x + 370, y, 'an even share'),
  ];
  if (isAbout) {
    parts.push(
      `<line x1="${x + 480}" x2="${x + 494}" y1="${y - 4}" y2="${y - 4}" stroke="${COLOURS.affected}" stroke-width="2"/>`,
      text(x + 500, y, 'those in trouble (mean)'),
      box(670, COLOURS.trouble, 'the time of trouble'),
    );
  } else parts.push(box(480, COLOURS.trouble, 'the time of trouble, if any'));
  return parts.join('\n');
}

/** About six, at round numbers. */
function ticks(seconds: number): number[] {
  const step = [5, 10, 20, 30, 60, 120, 300, 600].find((width) => seconds / width <= 7) ?? 600;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => i * step);
}

function text(x: number, y: number, words: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" ${attributes}>${words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
}
