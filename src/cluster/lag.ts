const LAG = /^\s*(?<amount>\d{1,9}(?:\.\d{1,9})?)\s*(?<unit>ms|s|m)?\s*$/;
const UNITS_MS = { ms: 1, s: 1_000, m: 60_000 };

/** Beyond this a check's output is not read. Consul keeps 4 KiB. */
const MAX_OUTPUT = 4_096;
/** What Consul writes before the answer to an HTTP check: the address has numbers, too. */
const PREAMBLE = /^HTTP \S+ \S+: [^\n]{0,64}? Output: /;
const AMOUNT = String.raw`\d{1,9}(?:\.\d{1,9})?\s?(?:ms|s|m)?(?![\w.:/])`;
const ANY = new RegExp(String.raw`(?<![\w.:/-])${AMOUNT}`);
/** `lag=3`, `"replication_lag": 1.5`, `lag is 120ms`. */
const NAMED = new RegExp(String.raw`lag\b[^\w.\n-]{0,8}(?:is |of )?(?<lag>${AMOUNT})`, 'i');

/**
 * How far a replica says it is behind, in ms: `120ms`, `1.5s`, `2m`, or a bare number of seconds, as databases give it;
 * null for anything else.
 */
export function parseLag(text: string): number | null {
  const groups = LAG.exec(text)?.groups as { amount: string; unit?: keyof typeof UNITS_MS } | undefined;
  return groups === undefined ? null : Number(groups.amount) * UNITS_MS[groups.unit ?? 's'];
}

/**
 * The lag that stands in the output of a check: what follows the word `lag`, or where that word is not, the first
 * number.
 */
export function lagInText(output: string): number | null {
  const text = output.slice(0, MAX_OUTPUT).replace(PREAMBLE, '');
  const found = /lag\b/i.test(text) ? NAMED.exec(text)?.groups?.['lag'] : ANY.exec(text)?.[0];
  return found === undefined ? null : parseLag(found);
}
