import { readdirSync, readFileSync } from 'node:fs';
import { type ByteStep, parseByteScript, unescaped } from './byte-script.ts';
import type { Play } from './raw-endpoint.ts';

/** What must come of a case; only what it names is looked at. */
export interface Outcome {
  /** All statuses the client hears, interim ones among them. */
  readonly answers: readonly number[];
  /** Does this sidecar end the client's connection behind the last of them? */
  readonly closes: boolean | null;
  /** Requests that the endpoint hears whole, in order: `GET /a`, `POST /a "body"`. */
  readonly hears: readonly string[] | null;
  /** How the last answer ends at the client, and what is in it. */
  readonly body: { readonly isWhole: boolean; readonly text: string } | null;
  /** How often the endpoint is asked. */
  readonly asked: number | null;
  /** Is the endpoint's connection used again? */
  readonly isReused: boolean | null;
  /** The endpoint's connection is closed before anything else is asked. */
  readonly isDropped: boolean;
  readonly sees: readonly Sight[];
}

export interface Sight {
  readonly who: 'endpoint' | 'client';
  readonly isSeen: boolean;
  readonly what: RegExp;
}

export interface SmugglingCase {
  readonly name: string;
  /** What the client does. */
  readonly request: readonly ByteStep[];
  /** What the endpoint answers to requests for `/case`; null: as usual. */
  readonly answer: Play | null;
  readonly outcome: Outcome;
}

const FOLDER = new URL('../fixtures/smuggling/', import.meta.url);
const ASKS = 'GET /case HTTP/1.1\\r\\nHost: shop.test\\r\\n\\r\\n';

/**
 * Reads the cases of `test/fixtures/smuggling`: a `##` heading, prose or none, a block `request` or `answer` or both, and
 * a block `outcome`. For the bytes see `parseByteScript`. Behind `answer` may stand `closes` and `at head`.
 */
export function readSmugglingCases(): SmugglingCase[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.md'));
  return files.flatMap((file) => {
    const [, ...sections] = readFileSync(new URL(file, FOLDER), 'utf8').split(/^## /m);
    return sections.map((section) => readCase(file.replace('.md', ''), section));
  });
}

function readCase(file: string, section: string): SmugglingCase {
  const name = `${file}: ${section.slice(0, section.indexOf('\n')).trim()}`;
  const blocks = new Map<string, { readonly words: string; readonly text: string }>();
  for (const [, kind, words, text] of section.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)) {
    blocks.set(kind!, { words: words!, text: text! });
  }
  const answer = blocks.get('answer');
  const outcome = blocks.get('outcome');
  if (outcome === undefined || (answer === undefined && !blocks.has('request'))) throw new Error(`${name}: no case`);
  return {
    name,
    request: parseByteScript(blocks.get('request')?.text ?? ASKS),
    answer: answer === undefined ? null : playOf(answer.words, answer.text),
    outcome: outcomeOf(name, outcome.text),
  };
}

function playOf(words: string, text: string): Play {
  return {
    at: words.includes('at head') ? 'head' : 'end',
    closes: words.includes('closes'),
    steps: parseByteScript(text),
  };
}

function outcomeOf(name: string, text: string): Outcome {
  const lines = text.split('\n').filter((line) => line !== '');
  const left = new Set(lines);
  /** What stands behind a word, of each line that begins with it. */
  const behind = (word: string): string[] =>
    lines
      .filter((line) => line === word || line.startsWith(`${word} `))
      .map((line) => {
        left.delete(line);
        return line.slice(word.length + 1);
      });
  const says = (word: string): boolean => behind(word).length > 0;
  const either = (yes: string, no: string): boolean | null => (says(yes) ? true : says(no) ? false : null);
  const bodies = [true, false].flatMap((isWhole) =>
    behind(isWhole ? 'whole' : 'cut').map((quoted) => ({ isWhole, text: unescaped(quoted.slice(1, -1)) })),
  );
  const hears = behind('hears');
  const outcome: Outcome = {
    answers: statusesOf(behind('answers')[0] ?? 'nothing'),
    closes: either('closes', 'stays'),
    hears: hears.length === 0 ? null : hears.filter((line) => line !== 'nothing').map(unescaped),
    body: bodies[0] ?? null,
    asked: behind('asked').map(Number)[0] ?? null,
    isDropped: says('dropped'),
    isReused: either('reused', 'not reused'),
    sees: [...sightsOf('endpoint', behind), ...sightsOf('client', behind)],
  };
  if (left.size > 0) throw new Error(`${name}: not understood: ${[...left].join(', ')}`);
  return outcome;
}

function sightsOf(who: Sight['who'], behind: (word: string) => string[]): Sight[] {
  return [true, false].flatMap((isSeen) =>
    behind(isSeen ? `${who} sees` : `${who} never sees`).map((what) => ({ who, isSeen, what: new RegExp(what, 'is') })),
  );
}

/** `200 404`, `32x103 502`, or `nothing`. */
function statusesOf(text: string): number[] {
  if (text === 'nothing') return [];
  return text.split(' ').flatMap((word) => {
    const [times, status] = word.includes('x') ? word.split('x') : ['1', word];
    return Array<number>(Number(times)).fill(Number(status));
  });
}
