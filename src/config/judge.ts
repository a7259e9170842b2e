import type { z } from 'zod';
import type { Contradiction } from './contradiction.ts';
import { withoutCredentials } from './hidden.ts';
import { factsAt, keysAt } from './introspect.ts';
import { type Layer, mergeLayers, writtenAt } from './layers.ts';
import { nearest } from './nearest.ts';
import { areRelated, holds, type Path, valueAt } from './paths.ts';
import { describe, type Finding } from './problems.ts';
import { contradictions } from './rules.ts';
import { configSchema, type Written } from './schema.ts';

export type Verdict = { readonly written: Written } | { readonly findings: readonly (Finding | Contradiction)[] };

type Issue = z.core.$ZodIssue;

/** Nobody mends more at once, and some of what is found out about each takes as long as the document is. */
const MAX_FINDINGS = 200;

/**
 * Judges what all layers say together: every shape first, then what values say to one another. A wrong value does not
 * hide the contradictions among the right ones: it is taken out, the default stands in, and the rest is judged.
 */
export function judge(layers: readonly Layer[], merged = mergeLayers(layers)): Verdict {
  const read = configSchema.safeParse(merged);
  if (read.success) {
    const findings = contradictions(read.data, merged);
    return findings.length === 0 ? { written: read.data } : { findings: findings.slice(0, MAX_FINDINGS) };
  }
  const issues = read.error.issues.slice(0, MAX_FINDINGS);
  const findings = distinct(issues.flatMap((issue) => findingsOf(issue, [], merged, layers))).slice(0, MAX_FINDINGS);
  if (findings.length === MAX_FINDINGS) return { findings };
  return { findings: [...findings, ...contradictionsAmongTheRest(merged, findings)].slice(0, MAX_FINDINGS) };
}

function findingsOf(issue: Issue, holder: Path, merged: unknown, layers: readonly Layer[]): Finding[] {
  const path: Path = [...holder, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, MAX_FINDINGS).map((key) => unknownKey([...path, key], keysAt(configSchema, path)));
    case 'invalid_key':
      return [
        {
          path,
          at: 'key',
          found: describe(path.at(-1)),
          expected: issue.issues[0]?.message ?? issue.message,
          hint: null,
        },
      ];
    case 'invalid_union': {
      const meant = issue.errors.find((errors) =>
        errors.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
      );
      if (meant !== undefined) return meant.flatMap((inner) => findingsOf(inner, path, merged, layers));
    }
  }
  const value = valueAt(merged, path);
  return [
    { path, at: 'value', found: show(path, value, layers), expected: issue.message, hint: hintFor(issue, value) },
  ];
}

/** A value that fails its pattern and its bounds is expected to be the same thing twice. */
function distinct(findings: readonly Finding[]): Finding[] {
  const said = new Set<string>();
  return findings.filter(({ path, expected }) => {
    const text = JSON.stringify([path, expected]);
    return !said.has(text) && said.add(text);
  });
}

const UNKNOWN = 'an unknown key';

function unknownKey(path: Path, known: readonly string[]): Finding {
  const meant = nearest(String(path.at(-1)), known);
  const hint = meant === null ? placeFor(path) : `did you mean ${meant}?`;
  return { path, at: 'key', found: UNKNOWN, expected: `one of ${known.join(', ')}`, hint };
}

/** What is said of one upstream in its service's document, written at the top of any other. */
function placeFor(path: Path): string | null {
  const [key, ...rest] = path;
  const isOfUpstream = rest.length === 0 && keysAt(configSchema, ['upstreams', 'any']).includes(String(key));
  return isOfUpstream ? `say it under defaults, for all upstreams, or under upstreams.<name>` : null;
}

/** The key that is not there because it is misspelt: what its value would have been, nobody knows. */
function meantBy({ path, found }: Finding, merged: unknown): Path[] {
  const holder = path.slice(0, -1);
  const key = found === UNKNOWN ? nearest(String(path.at(-1)), keysAt(configSchema, holder)) : null;
  return key === null || valueAt(merged, [...holder, key]) !== undefined ? [] : [[...holder, key]];
}

/** As it was written, since a reference may stand for a secret. */
function show(path: Path, value: unknown, layers: readonly Layer[]): string {
  const isSecret = factsAt(configSchema, path)?.isSecret === true;
  if (isSecret && value != null && typeof value !== 'object') {
    return typeof value === 'string' ? 'a text that is not shown' : 'a value that is not shown';
  }
  const written = value === undefined ? value : (writtenAt(layers, path) ?? value);
  return describe(typeof written === 'string' ? withoutCredentials(written) : written);
}

/** `tags: [1.0]` is the number 1 to YAML, and the name of a service may look like one. */
function hintFor(issue: Issue, value: unknown): string | null {
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string';
  const isScalar = typeof value === 'number' || typeof value === 'boolean';
  const hasUnit = /^a (duration|size)/.test(issue.message);
  return wantsText && isScalar && !hasUnit ? 'put it in quotes' : null;
}

/** A required section that is wrong itself leaves nothing to judge the rest by, so a plain one stands in. */
const STAND_IN = { service: { name: 'unknown', port: 1 } };

function contradictionsAmongTheRest(merged: unknown, findings: readonly Finding[]): Contradiction[] {
  const wrong = findings.map((finding) => finding.path);
  const meant = findings.flatMap((finding) => meantBy(finding, merged));
  let rest = merged;
  for (const path of wrong) rest = without(rest, path);
  for (let attempt = 0; attempt < 8; attempt++) {
    const read = configSchema.safeParse(rest);
    if (!read.success && read.error.issues.length > MAX_FINDINGS) return [];
    if (read.success) {
      const isGone = (path: Path): boolean => wrong.some((other) => holds(other, path));
      const isDoubtful = (path: Path): boolean => [...wrong, ...meant].some((other) => areRelated(other, path));
      return contradictions(read.data, merged).filter(
        ({ path, concerns }) => !isGone(path) && !concerns.some(isDoubtful),
      );
    }
    for (const issue of read.error.issues) {
      const holder = (issue.path as (string | number)[]).slice(0, -1);
      rest =
        holder[0] === 'service' || issue.path[0] === 'service'
          ? { ...(rest as object), ...STAND_IN }
          : without(rest, holder);
      wrong.push(holder.length === 0 ? (issue.path as (string | number)[]) : holder);
    }
  }
  return [];
}

/** The same value less one key or item. */
function without(value: unknown, path: Path): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return {};
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    // Other findings know later items by their index, so a wrong item makes room for nothing.
    return value.map((item, index) => (index === step && rest.length > 0 ? without(item, rest) : item));
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (key !== String(step)) return [[key, inner]];
      return rest.length === 0 ? [] : [[key, without(inner, rest)]];
    }),
  );
}
