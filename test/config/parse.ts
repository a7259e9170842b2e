import type { Config } from '../../src/config/config.ts';
import { type LocalSources, parseConfig } from '../../src/config/local-config.ts';
import { formatProblem, formatProblems } from '../../src/config/problems.ts';
import { readyRegex } from '../../src/route/table/regex.ts';

// Who judges a text with patterns in it has to wait for their engine.
await readyRegex();

/** The configuration of a text that must be good. */
export function good(text: string, sources: Partial<LocalSources> = {}): Config {
  const config = parseConfig(text, sources);
  if (Array.isArray(config)) throw new Error(formatProblems(config));
  return config;
}

/** The lines a person sees of a text that must be bad. */
export function complaints(text: string, sources: Partial<LocalSources> = {}): string[] {
  const problems = parseConfig(text, sources);
  return Array.isArray(problems) ? problems.map(formatProblem) : [];
}

/** A file with nothing wrong in it, and the given lines below. */
export function web(lines = ''): string {
  return `service: { name: web, port: 8080 }\n${lines}`;
}
