import { isDeepStrictEqual } from 'node:util';
import { isMap } from '../layers.ts';
import { formatPath, type Path } from '../paths.ts';
import { describe, type Problem } from '../problems.ts';

/** A config entry may say a thing ten thousand times. */
const MAX_PROBLEMS = 20;

/** What cannot be had from the config entries of one service. */
export class ChainProblems {
  private readonly found: Problem[] = [];
  private more = 0;

  constructor(private readonly service: string) {}

  add(path: Path, found: string, expected: string): void {
    const problem = this.problem(formatPath(path), found, expected);
    if (this.found.some((other) => isDeepStrictEqual(other, problem))) return;
    if (this.found.length < MAX_PROBLEMS) this.found.push(problem);
    else this.more += 1;
  }

  list(): readonly Problem[] {
    if (this.more === 0) return this.found;
    return [...this.found, this.problem('', `${this.more} more of this kind`, 'none')];
  }

  private problem(path: string, found: string, expected: string): Problem {
    return { source: chainSource(this.service), line: 1, column: 1, path, found, expected, hint: null };
  }
}

/** What problems call it, and where values come from. */
export function chainSource(service: string): string {
  return `consul:discovery-chain/${service}`;
}

/**
 * One object of Consul's, of which every key is either taken or complained about: a setting that is not understood must
 * not vanish without a word, and newer versions of Consul have more of them.
 */
export class Words {
  private readonly rest: Map<string, unknown>;

  constructor(
    value: unknown,
    readonly path: Path,
    readonly problems: ChainProblems,
  ) {
    this.rest = new Map(isMap(value) ? Object.entries(value) : []);
  }

  text(key: string): string {
    const value = this.take(key);
    return typeof value === 'string' ? value : '';
  }

  number(key: string): number {
    const value = this.take(key);
    return typeof value === 'number' && Number.isFinite(value) ? value : 0;
  }

  flag(key: string): boolean {
    return this.take(key) === true;
  }

  list(key: string): readonly unknown[] {
    const value = this.take(key);
    return Array.isArray(value) ? value : [];
  }

  texts(key: string): readonly string[] {
    return this.list(key).filter((item) => typeof item === 'string');
  }

  map(key: string): Readonly<Record<string, unknown>> {
    const value = this.take(key);
    return isMap(value) ? value : {};
  }

  words(key: string): Words {
    return this.wordsOf(this.take(key), key);
  }

  wordsOf(value: unknown, ...steps: Path): Words {
    return new Words(value, [...this.path, ...steps], this.problems);
  }

  /** Known, and of no concern here. */
  skip(...keys: readonly string[]): void {
    for (const key of keys) this.rest.delete(key);
  }

  refuse(key: string, found: string, expected: string): void {
    this.problems.add([...this.path, key], found, expected);
  }

  /** Names what nobody took and that says something. */
  done(): void {
    for (const [key, value] of this.rest) {
      if (!isEmpty(value)) this.refuse(key, describe(value), 'nothing: remora has no such setting, and leaves it out');
    }
  }

  private take(key: string): unknown {
    const value = this.rest.get(key);
    this.rest.delete(key);
    return value;
  }
}

/** Go writes what was not said as the nothing of its type. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === '' || value === '0s') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMap(value) && Object.values(value).every(isEmpty);
}

const GO_PARTS = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

/** A duration as Go writes it (`1m30s`, `500ms`), in ms; null when it is none. */
export function goDuration(text: string): number | null {
  const parts = text === '' ? null : GO_PARTS.exec(text);
  if (parts === null) return null;
  const [, hours = 0, minutes = 0, seconds = 0, ms = 0] = parts;
  return Math.round(Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000 + Number(ms));
}
