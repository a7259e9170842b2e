import { readDocument } from './document.ts';
import { type Layer, SAME_PATH } from './layers.ts';
import { formatPath, parsePath, valueAt } from './paths.ts';
import { describe, type Finding, type Place, type Problem, problemOf } from './problems.ts';
import { resolveReferences, type Surroundings } from './references.ts';

/**
 * A `--set path=value` flag as a layer of its own; of two flags for one path the later lies on top. The value is YAML,
 * so that `true`, `[a, b]` and `null` mean what they mean in the file. Of a flag that is no good only its path is
 * shown: the rest may be a secret.
 */
export function flagLayer(text: string, surroundings: Surroundings): Layer | Problem[] {
  const equalsAt = text.indexOf('=');
  const name = equalsAt < 0 ? text : text.slice(0, equalsAt);
  const here: Place = { source: '--set', line: null, column: null };
  const path = parsePath(name);
  if (path === null || equalsAt < 0) {
    const found = path === null ? 'a flag that begins with no path' : `${describe(name)} without a value`;
    return [{ ...here, path: '', found, expected: 'path=value, such as upstreams.orders.port=9001', hint: null }];
  }
  const document = readDocument(text.slice(equalsAt + 1), '--set');
  if (Array.isArray(document)) {
    return document.map((problem) => ({ ...problem, ...here, path: formatPath(path) }));
  }
  const findings: Finding[] = [...document.findings];
  const { value: written } = document;
  const value = nest(path, resolveReferences(written, surroundings, findings));
  if (findings.length > 0) {
    return findings.map((finding) => problemOf({ ...finding, path: [...path, ...finding.path] }, here));
  }
  const place: Layer['place'] = (asked) =>
    asked.length >= path.length && valueAt(value, asked) !== undefined ? here : null;
  return {
    value,
    written: nest(path, written),
    place,
    whole: { ...here, source: `--set ${formatPath(path)}` },
    pathIn: SAME_PATH,
  };
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}
