/**
 * Columns for people: left-aligned, two spaces apart, nothing after the last cell of a row.
 *
 * Names in here come from a catalog that others write to. Control characters would let them move the cursor of the
 * operator's terminal, so they are shown and not sent.
 */
export function textTable(rows: readonly (readonly string[])[], indent: string): string {
  const clean = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of clean) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return clean
    .map(
      (row) =>
        indent +
        row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('  ')
          .trimEnd() +
        '\n',
    )
    .join('');
}

/** One line of harmless text. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** `850ms`, `1.2s`, `3m 12s`, `2h 5m`, `4d 1h`: two units are as much as anyone compares. */
export function durationWords(ms: number): string {
  if (ms < 1_000) return `${Math.floor(ms)}ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes}m ${Math.floor(ms / 1_000) % 60}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${minutes % 60}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
