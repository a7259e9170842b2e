import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import { HIDDEN } from '../config/hidden.ts';
import { isMap } from '../config/layers.ts';
import type { Problem } from '../config/problems.ts';
import { ListenError } from '../net/listener.ts';

/** Settings that take effect when they change. All others are taken once, when the program starts. */
export const CHANGEABLE: ReadonlySet<string> = new Set([
  'upstreams',
  'routes',
  'static',
  'telemetry',
  'overload',
  'secrets',
] satisfies (keyof Config)[]);

/** What a running program makes of a new configuration. */
export interface Reload {
  /** What would run: the new one, but for the settings that were taken once. */
  readonly config: Config;
  /** The settings that wait for a restart. */
  readonly late: readonly LateSetting[];
  /** Upstreams that this process cannot serve; then nothing of the change holds. */
  readonly unserved: readonly Problem[];
}

/** Values as an operator may see them. */
export interface LateSetting {
  readonly path: string;
  readonly inForce: string;
  readonly wanted: string;
}

/** A configuration in the words of the file, secrets hidden. */
export type Shown = Readonly<Record<string, unknown>>;

/** `initial` is what the program was started with. A configuration that is valid may still be none for this process. */
export function judgeReload(initial: Config, next: Config, source: string, show: (config: Config) => Shown): Reload {
  const keys = Object.keys(initial) as (keyof Config)[];
  const changed = keys.filter((key) => !CHANGEABLE.has(key) && !isDeepStrictEqual(initial[key], next[key]));
  const [before, after] = changed.length === 0 ? [{}, {}] : [show(initial), show(next)];
  const late = changed.flatMap((key) => differences(before[key], after[key], key));
  const { upstreams, routes, static: services, telemetry, overload, secrets } = next;
  const config = { ...initial, upstreams, routes, static: services, telemetry, overload, secrets };
  const unserved = [...upstreams.values()]
    .flatMap(({ name, service, failover }) => {
      const called = [service, ...failover.flatMap((target) => target.service ?? [])];
      return called.map((one) => ({ name, service: one }));
    })
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

/**
 * Field by field where both are maps. A secret that changed looks the same on both sides, and is named all the same.
 */
function differences(before: unknown, after: unknown, path: string): readonly LateSetting[] {
  if (isMap(before) && isMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const inner = keys
      .filter((key) => !isDeepStrictEqual(before[key], after[key]))
      .flatMap((key) => differences(before[key], after[key], `${path}.${key}`));
    if (inner.length > 0) return inner;
  }
  const isHidden = isDeepStrictEqual(before, after);
  return [{ path, inForce: isHidden ? HIDDEN : shown(before), wanted: isHidden ? `another ${HIDDEN}` : shown(after) }];
}

const MAX_SHOWN = 80;

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 3)}...` : text;
}

export function lateWords({ path, inForce, wanted }: LateSetting): string {
  return `${path}: ${inForce} in force, ${wanted} wanted`;
}

/** Settings that wait for a restart, for operators. */
export function lateProblems(late: readonly LateSetting[], source: string): readonly Problem[] {
  return late.map(({ path, inForce, wanted }) =>
    problem(source, path, `${wanted}, while ${inForce} is in force`, 'a restart, which is when it is read', null),
  );
}

/** Upstreams that could not be opened or changed, and what ended the whole change, for operators. */
export function portProblems(
  failures: ReadonlyMap<string, Error>,
  broken: Error | null,
  source: string,
): readonly Problem[] {
  const ofUpstreams = [...failures].map(([name, error]) => unopened(source, `upstreams.${name}`, error));
  return broken === null ? ofUpstreams : [unopened(source, 'upstreams', broken), ...ofUpstreams];
}

function unopened(source: string, path: string, error: Error): Problem {
  return error instanceof ListenError
    ? problem(
        source,
        path,
        error.message,
        'a port that can be opened',
        'until then it stays as it was, and is tried again',
      )
    : problem(source, path, `a bug in remora: ${error.message}`, 'a change that goes through', 'it is tried again');
}

/** Why Consul does not list the service as it should, for operators. */
export function registrationProblems(found: string | null, source: string): readonly Problem[] {
  return found === null
    ? []
    : [problem(source, 'service.register', found, 'a registration in Consul', 'it is tried again at every heartbeat')];
}

function problem(source: string, path: string, found: string, expected: string, hint: string | null): Problem {
  return { source, line: null, column: null, path, found, expected, hint };
}
