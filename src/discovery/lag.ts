const LAG = /^\s*(?<amount>\d{1,9}(?:\.\d{1,9})?)\s*(?<unit>ms|s|m)?\s*$/;
const UNITS_MS = { ms: 1, s: 1_000, m: 60_000 };

/** How far a replica says it is behind, in ms: `120ms`, `1.5s`, `2m`, or a bare number of seconds, as databases give it; null for anything else. */
export function parseLag(text: string): number | null {
  const groups = LAG.exec(text)?.groups as { amount: string; unit?: keyof typeof UNITS_MS } | undefined;
  return groups === undefined ? null : Number(groups.amount) * UNITS_MS[groups.unit ?? 's'];
}
