import { parseArgs } from 'node:util';
import { type Contender, contenders } from './contenders.ts';
import { type Scenario, scenariosOf } from './scenarios.ts';
import type { Setup } from './simulation.ts';
import { type Storm, stormsOf } from './storm/storms.ts';

/** What to simulate, as the command line says it. */
export interface Plan {
  readonly size: Omit<Setup, 'optionsIn' | 'course'>;
  readonly contenders: readonly Contender[];
  readonly scenarios: readonly Scenario[];
  /** Those that are about retries: their rows are policies, and not algorithms. */
  readonly storms: readonly Storm[];
  readonly out: string;
}

const ALGORITHMS = contenders();
const PLAIN_NAMES = scenariosOf(60).map(({ name }) => name);
const SCENARIO_NAMES = [...scenariosOf(60), ...stormsOf(60)].map(({ name }) => name);

/** About 1 KiB each: what a sidecar has learned of an endpoint it knows. */
const MAX_KNOWN = 500_000;

/** The least and the most that each number may be. */
const BOUNDS = {
  sidecars: [1, 10_000],
  endpoints: [2, 100_000],
  subset: [2, 100_000],
  seconds: [15, 3600],
  rate: [1, 1_000_000],
  seed: [0, 2 ** 32 - 1],
} as const;

export const HELP = `npm run sim -- [options]
  --sidecars N       callers (30)
  --endpoints N      servers of the one service they call (30)
  --subset N         how many of them each caller knows (all)
  --seconds N        simulated time; trouble is in the middle third (90)
  --rate N           requests per second of all callers together (100 for each endpoint, at most 20000)
  --algorithm NAME   only this one, and no storms of retries unless asked for; may be repeated: ${ALGORITHMS.map(({ name }) => name).join(', ')}
  --scenario NAME    only this one; may be repeated: ${SCENARIO_NAMES.join(', ')}
  --seed N           the same seed gives the same tables (2026)
  --out FOLDER       where the charts go (sim-out)`;

/** The plan; null when help was asked for; else what is wrong with the arguments. */
export function readPlan(args: readonly string[]): Plan | string | null {
  try {
    return planOf(parse(args));
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
}

function parse(args: readonly string[]) {
  const one = { type: 'string' } as const;
  const many = { type: 'string', multiple: true } as const;
  const numbers = { sidecars: one, endpoints: one, subset: one, seconds: one, rate: one, seed: one };
  const options = { ...numbers, algorithm: many, scenario: many, out: one, help: { type: 'boolean' } } as const;
  return parseArgs({ args: [...args], options }).values;
}

function planOf(values: ReturnType<typeof parse>): Plan | null {
  if (values.help) return null;
  const number = (name: keyof typeof BOUNDS, otherwise: number): number => {
    const text = values[name];
    if (text === undefined) return otherwise;
    const [least, most] = BOUNDS[name];
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new Error(`--${name} wants a whole number from ${least} to ${most}, not "${text}"`);
  };
  const servers = number('endpoints', 30);
  const size = {
    sidecars: number('sidecars', 30),
    servers,
    subset: values.subset === undefined ? null : number('subset', servers),
    seconds: number('seconds', 90),
    requestsPerSecond: number('rate', Math.min(20_000, 100 * servers)),
    seed: number('seed', 2026),
  };
  const known = size.sidecars * Math.min(servers, size.subset ?? servers);
  if (known > MAX_KNOWN) {
    throw new Error(
      `${size.sidecars} sidecars that know ${known / size.sidecars} endpoints each are too many: at most ${MAX_KNOWN} together; --subset makes them fewer`,
    );
  }
  return {
    size,
    contenders: chosen('algorithm', ALGORITHMS, values.algorithm),
    ...chosenScenarios(
      size.seconds,
      values.scenario ?? (values.algorithm === undefined ? SCENARIO_NAMES : PLAIN_NAMES),
    ),
    out: values.out ?? 'sim-out',
  };
}

function chosenScenarios(seconds: number, names: readonly string[]): Pick<Plan, 'scenarios' | 'storms'> {
  const [scenarios, storms] = [scenariosOf(seconds), stormsOf(seconds)];
  const all = chosen('scenario', [...scenarios, ...storms], [...names]);
  return {
    scenarios: scenarios.filter((one) => all.includes(one)),
    storms: storms.filter((one) => all.includes(one)),
  };
}

function chosen<T extends { readonly name: string }>(what: string, all: readonly T[], names = namesOf(all)): T[] {
  return names.map((name) => {
    const found = all.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no --${what} "${name}"; there are ${namesOf(all).join(', ')}`);
    return found;
  });
}

function namesOf(all: readonly { readonly name: string }[]): string[] {
  return all.map(({ name }) => name);
}
