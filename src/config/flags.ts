import { parse } from 'yaml';
import type { Layer } from './layers.ts';
import { formatPath, parsePath, valueAt } from './paths.ts';
import { describe, type Finding, type Place, type Problem } from './problems.ts';
import { resolveReferences, type Surroundings } from './references.ts';

/**
 * A `--set path=value` flag as a layer of its own; of two flags for one path the later lies on top. The value is YAML,
 * so that `true`, `[a, b]` and `null` mean what they mean in the file.
 */
export function flagLayer(text: string, surroundings: Surroundings): Layer | Problem[] {
  const equalsAt = text.indexOf('=');
  const name = equalsAt < 0 ? text : text.slice(0, equalsAt);
  const here: Place = { source: '--set', line: null, column: null };
  const refuse = (expected: string): Problem[] => [{ ...here, path: '', found: describe(text), expected, hint: null }];

  const path = equalsAt < 0 ? null : parsePath(name);
  if (path === null) return refuse('path=value, such as upstreams.orders.port=9001');
  const written = parseOrUndefined(text.slice(equalsAt + 1));
  if (written === undefined) return refuse('a value in YAML after the =');

  const findings: Finding[] = [];
  const value = nest(path, resolveReferences(written, surroundings, findings));
  if (findings.length > 0) {
    return findings.map(({ found, expected, hint }) => ({ ...here, path: formatPath(path), found, expected, hint }));
  }
  const place: Layer['place'] = (asked) =>
    asked.length >= path.length && valueAt(value, asked) !== undefined ? here : null;
  return { value, written: nest(path, written), place };
}

function parseOrUndefined(yaml: string): unknown {
  try {
    return parse(yaml) as unknown;
  } catch {
    return undefined; // the caller says what was expected
  }
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}
