import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import type { Problem } from '../config/problems.ts';

/** Settings that take effect when they change. All others are taken once, when the program starts. */
const CHANGEABLE: ReadonlySet<string> = new Set(['upstreams', 'static', 'telemetry'] satisfies (keyof Config)[]);

/** What a running program makes of a new configuration. */
export interface Reload {
  /** What would run: the new one, but for the settings that were taken once. */
  readonly config: Config;
  /** The settings that wait for a restart. */
  readonly late: readonly string[];
  /** Upstreams that this process cannot serve; then nothing of the change holds. */
  readonly unserved: readonly Problem[];
}

/** `initial` is what the program was started with. A configuration that is valid may still be none for this process. */
export function judgeReload(initial: Config, next: Config, source: string): Reload {
  const keys = Object.keys(initial) as (keyof Config)[];
  const late = keys.filter((key) => !CHANGEABLE.has(key) && !isDeepStrictEqual(initial[key], next[key]));
  const { upstreams, static: services, telemetry } = next;
  const config = { ...initial, upstreams, static: services, telemetry };
  const unserved = [...upstreams.values()]
    .filter(({ service }) => config.consul === null && !services.has(service))
    .map(({ name, service }) =>
      problem(
        source,
        `upstreams.${name}`,
        'a service that only Consul knows',
        `endpoints under static.${service}`,
        'the program was started without consul; restart it to change that',
      ),
    );
  return { config, late, unserved };
}

/** Settings that wait for a restart, for operators. */
export function lateProblems(late: readonly string[], source: string): readonly Problem[] {
  return late.map((key) =>
    problem(source, key, 'another value than the program runs with', 'a restart, which is when it is read', null),
  );
}

/** Ports that could not be opened, for operators. */
export function portProblems(failures: ReadonlyMap<string, Error>, source: string): readonly Problem[] {
  return [...failures].map(([name, error]) =>
    problem(
      source,
      `upstreams.${name}`,
      error.message,
      'a port that can be opened',
      'until then the upstream stays as it was; it is tried again every few seconds',
    ),
  );
}

function problem(source: string, path: string, found: string, expected: string, hint: string | null): Problem {
  return { source, line: null, column: null, path, found, expected, hint };
}
