/** Text on a terminal: runs of one look, cut and aligned by what is seen. All text is one column per character. */
export type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'warn' | 'bad';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Span[];

const CODES: Readonly<Record<Tone, string>> = { plain: '', strong: '1', dim: '2', good: '32', warn: '33', bad: '31' };

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone };
}

export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + text.length, 0);
}

/** What fits into so many columns. */
export function cut(line: Line, width: number): Line {
  const kept: Span[] = [];
  let room = width;
  for (const { text, tone } of line) {
    if (room <= 0) break;
    kept.push(span(text.slice(0, room), tone));
    room -= text.length;
  }
  return kept;
}

export function paint(line: Line, hasColours: boolean): string {
  return line
    .map(({ text, tone }) => (hasColours && tone !== 'plain' ? `\x1b[${CODES[tone]}m${text}\x1b[0m` : text))
    .join('')
    .replace(/ +$/, '');
}

export interface Column {
  readonly head: string;
  readonly width: number;
  readonly align: 'left' | 'right';
  /** Where there is no room for all, the columns with the highest number go first. */
  readonly rank: number;
}

const GAP = 2;

/** Columns of fixed widths, so that nothing moves while numbers change. Those that have no room are left out. */
export function table(columns: readonly Column[], rows: readonly (readonly Span[])[], width: number): Line[] {
  const shown = new Set(columns);
  const needed = (): number => [...shown].reduce((sum, column) => sum + GAP + column.width, 0);
  const byRank = [...columns].sort((a, b) => b.rank - a.rank);
  for (const column of byRank) if (needed() > width && shown.size > 1) shown.delete(column);

  const line = (cells: readonly Span[]): Line =>
    columns.flatMap((column, i) => (shown.has(column) ? [span(' '.repeat(GAP)), fitted(cells[i]!, column)] : []));
  return [line(columns.map(({ head }) => span(head, 'dim'))), ...rows.map(line)];
}

function fitted({ text, tone }: Span, { width, align }: Column): Span {
  const short = text.slice(0, width);
  return span(align === 'left' ? short.padEnd(width) : short.padStart(width), tone);
}
