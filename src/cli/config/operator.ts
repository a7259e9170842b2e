import { hostname, userInfo } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { freshRandom, type Random } from '../../base/random.ts';
import type { Environment } from '../../config/environment.ts';
import { loadFile } from '../../config/file.ts';
import { withoutCredentials } from '../../config/hidden.ts';
import { decodeLocal } from '../../config/local-config.ts';
import { formatProblems } from '../../config/problems.ts';
import { LayerStore } from '../../config/store/store.ts';
import type { ConsulApi } from '../../discovery/consul-api.ts';
import { ConsulError } from '../../discovery/consul-error.ts';
import { readyRegex } from '../../route/table/regex.ts';
import { consulFailure } from './consul-failure.ts';
import { EXIT, type ExitCode } from './exit.ts';

/** How the commands find Consul: as a sidecar's file says, or as the environment says, or at the address given. */
export interface ConnectionFlags {
  readonly consulAddr?: string;
  /** The file of a sidecar. */
  readonly config?: string;
}

/** Where a command writes; a stream of the process fits. */
export interface TextSink {
  write(text: string): unknown;
}

/** What a command of an operator works with. */
export interface Operator {
  readonly api: ConsulApi;
  readonly store: LayerStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly out: TextSink;
  readonly signal: AbortSignal;
  readonly env: Environment;
  /** `user@host`. */
  readonly by: string;
}

const NOBODY_IN_PARTICULAR = 'service: { name: operator, port: 1 }\nconsul: {}\n';

/** Runs a command with Consul at hand, and says in words why Consul could not be asked. */
export async function withConsul(
  flags: ConnectionFlags,
  surroundings: Pick<Operator, 'clock' | 'out' | 'env' | 'signal'>,
  run: (operator: Operator) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { clock, out, env, signal } = surroundings;
  // Any document may have a pattern in it.
  await readyRegex();
  const set = flags.consulAddr === undefined ? [] : [`consul.address=${JSON.stringify(flags.consulAddr)}`];
  const local =
    flags.config === undefined
      ? decodeLocal({ source: 'the environment', text: NOBODY_IN_PARTICULAR, env, set })
      : loadFile({ path: flags.config, env, set });
  if (Array.isArray(local)) {
    out.write(`${formatProblems(local)}\n`);
    return EXIT.invalid;
  }
  const { consul } = local.config;
  if (consul === null) {
    out.write(`remora: ${flags.config} has no consul section; --consul-addr or CONSUL_HTTP_ADDR says where it is\n`);
    return EXIT.invalid;
  }
  const { ConsulClient } = await import('../../discovery/consul-client.ts');
  const api = new ConsulClient(consul, clock);
  try {
    const store = new LayerStore(api, clock, signal);
    return await run({ ...surroundings, api, store, random: freshRandom(), by: whoRuns() });
  } catch (error) {
    if (!(error instanceof ConsulError)) throw error;
    const [said, code] = consulFailure(error, withoutCredentials(consul.address));
    out.write(said);
    return code;
  } finally {
    api.close();
  }
}

function whoRuns(): string {
  return `${userName()}@${hostname()}`;
}

/** A container's user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
