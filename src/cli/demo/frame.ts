import { type EndpointRow, msWords, NONE, type Picture, percentWords } from './picture.ts';
import { type Column, cut, type Line, span, type Tone, table } from './spans.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const LEAST_EVENTS = 1;

/**
 * The live view as lines that fit the terminal: never more of them than rows, never longer than columns. Of a small one
 * the events go first, then what explains; the table of endpoints stays longest.
 */
export function frame(picture: Picture, size: Size): Line[] {
  const width = usable(size.columns);
  const top = [heading(picture, width), [span(`  orders is found in ${picture.catalog}`, 'dim')], []];
  const middle = [...phaseLines(picture), [], ...numbers(picture, width), [], ...endpoints(picture, width)];
  const legend = [[span('  LATENCY is what the balancer expects; a failure counts as 5 s until it fades', 'dim')]];
  const bottom = [hint(picture, width), [span('  Ctrl-C ends it and leaves nothing running', 'dim')]];
  const roomForEvents = size.rows - top.length - middle.length - legend.length - bottom.length - 2;
  const lines =
    roomForEvents >= LEAST_EVENTS
      ? [...top, ...middle, ...legend, [], ...events(picture, roomForEvents), [], ...bottom]
      : [...top.slice(0, 1), ...middle, ...bottom];
  return lines.slice(0, Math.max(1, size.rows)).map((line) => cut(line, width));
}

/** What is left on the screen when the demo is over. */
export function lastFrame(picture: Picture, columns: number): Line[] {
  const width = usable(columns);
  return [[], ...endpoints(picture, width), [], ...events(picture, picture.events.length)].map((line) =>
    cut(line, width),
  );
}

/** The last column stays empty: a terminal that has filled it erases it again with the rest of the line. */
function usable(columns: number): number {
  return Math.max(1, columns - 1);
}

function heading({ elapsedMs, totalMs }: Picture, width: number): Line {
  const seconds = (ms: number): string => String(Math.floor(ms / 1_000));
  const done = Math.min(1, elapsedMs / totalMs);
  const title = 'remora demo';
  const time = `${seconds(Math.min(elapsedMs, totalMs))} of ${seconds(totalMs)} s`;
  const bar = Math.min(40, width - title.length - time.length - 10);
  const line = [span('  '), span(title, 'strong'), span(`   ${time}   `)];
  if (bar < 5) return line;
  const full = Math.round(done * bar);
  return [...line, span('#'.repeat(full), 'good'), span('.'.repeat(bar - full), 'dim')];
}

/** The command is worth more than the words before it. */
function hint({ hint: command }: Picture, width: number): Line {
  const words = '  look closer: ';
  return [span(words.length + command.length <= width ? words : '  '), span(command, 'strong')];
}

function phaseLines({ phase }: Picture): Line[] {
  return [[span('  '), span(phase, 'strong')]];
}

const NUMBERS: readonly Column[] = [
  { head: 'RATE', width: 7, align: 'left', rank: 1 },
  { head: 'SUCCESS', width: 9, align: 'left', rank: 0 },
  { head: 'P50', width: 8, align: 'left', rank: 4 },
  { head: 'P99', width: 8, align: 'left', rank: 2 },
  { head: 'REQUESTS', width: 8, align: 'left', rank: 6 },
  { head: 'FAILED', width: 6, align: 'left', rank: 3 },
  { head: 'RETRIED', width: 7, align: 'left', rank: 5 },
  { head: 'TRIPS', width: 5, align: 'left', rank: 7 },
];

function numbers({ recent, sent, failed, retried, trips }: Picture, width: number): Line[] {
  const { perSecond, successRatio, p50Ms, p99Ms } = recent;
  const cells = [
    span(`${Math.round(perSecond)}/s`),
    span(percentWords(successRatio), toneOf(successRatio)),
    span(msWords(p50Ms)),
    span(msWords(p99Ms)),
    span(String(sent)),
    span(String(failed), failed === 0 ? 'plain' : 'bad'),
    span(String(retried)),
    span(String(trips)),
  ];
  return table(NUMBERS, [cells], width);
}

function toneOf(successRatio: number | null): Tone {
  if (successRatio === null) return 'dim';
  if (successRatio >= 0.999) return 'good';
  return successRatio >= 0.99 ? 'warn' : 'bad';
}

const BAR_FROM = 8;
const BAR_TO = 30;
const WITHOUT_BAR = 70;

function endpoints({ rows }: Picture, width: number): Line[] {
  const bar = Math.max(BAR_FROM, Math.min(BAR_TO, width - WITHOUT_BAR));
  const columns: readonly Column[] = [
    { head: 'ENDPOINT', width: 8, align: 'left', rank: 0 },
    { head: 'WHAT IT IS', width: 14, align: 'left', rank: 5 },
    { head: 'SHARE', width: 5, align: 'right', rank: 2 },
    { head: '', width: bar, align: 'left', rank: 7 },
    { head: 'BREAKER', width: 7, align: 'left', rank: 1 },
    { head: 'TRIPS', width: 5, align: 'right', rank: 6 },
    { head: 'LATENCY', width: 7, align: 'right', rank: 3 },
    { head: 'HEALTH', width: 8, align: 'left', rank: 4 },
  ];
  const cells = rows.map((row) => endpointCells(row, bar));
  return table(columns, cells, width);
}

const BREAKER_TONES = { closed: 'good', open: 'bad', probing: 'warn' } as const;

function endpointCells({ name, about, isKilled, seen }: EndpointRow, bar: number): Line {
  const what = span(isKilled ? 'killed' : about, isKilled ? 'bad' : 'plain');
  const none = span(NONE, 'dim');
  if (seen === null) return [span(name), what, none, span(''), none, none, none, none];
  const { share, breaker, trips, latencyMs, health } = seen;
  return [
    span(name),
    what,
    span(`${Math.round(share * 100)} %`),
    span('#'.repeat(Math.round(share * bar))),
    span(breaker, BREAKER_TONES[breaker]),
    span(String(trips)),
    span(msWords(latencyMs)),
    span(health, health === 'critical' ? 'bad' : 'plain'),
  ];
}

function events({ events: all }: Picture, room: number): Line[] {
  return all.slice(Math.max(0, all.length - room)).map((event) => [span(`  ${event}`)]);
}
