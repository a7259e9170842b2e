import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import { ask, freePorts } from './ask.ts';
import type { Child } from './child.ts';
import type { Crew } from './crew.ts';
import { DemoError } from './demo-error.ts';
import { waitFor } from './wait.ts';

const GET_CONSUL = fileURLToPath(new URL('../../../deploy/demo/get-consul.sh', import.meta.url));
/** The script's own limit for a download is 20 s. */
const FIND_MS = 25_000;
const START_MS = 15_000;
/** Between asking the kernel for ports and Consul's taking them somebody else may. */
const START_ATTEMPTS = 3;

/** What the parts of a demo run with. */
export interface Stage {
  readonly clock: Clock;
  readonly crew: Crew;
  /** Aborts when the demo is over, with why. */
  readonly signal: AbortSignal;
  say(line: string): void;
}

/** Where `orders` is found: a Consul that was started for the demo, or a file, and then why. */
export type Catalog =
  | { readonly kind: 'consul'; readonly address: string; readonly about: string }
  | { readonly kind: 'file'; readonly about: string };

export async function startCatalog(stage: Stage): Promise<Catalog> {
  try {
    const binary = await findConsul(stage);
    return await startConsul(binary, stage);
  } catch (error) {
    stage.signal.throwIfAborted();
    if (!(error instanceof DemoError)) throw error;
    return { kind: 'file', about: `a watched file, since ${error.message}` };
  }
}

/** CONSUL_BIN, else `consul` on PATH, else one fetched from Debian's archive, once. */
async function findConsul(stage: Stage): Promise<string> {
  stage.say("looking for Consul (CONSUL_BIN, PATH, or fetched once from Debian's archive)");
  const script = stage.crew.start({
    name: 'the search for Consul',
    command: 'bash',
    args: [GET_CONSUL],
    env: process.env,
    endsWith: 'SIGTERM',
    isErrand: true,
  });
  await waitFor(stage, FIND_MS, 'no Consul was found', () => script.end);
  if (script.exitCode === 0) return script.output;
  const why = script.lastLines.at(-1)?.replace(/^get-consul: /, '') ?? `the search ${script.end}`;
  throw new DemoError(`there is no Consul here (${why})`);
}

/** A dev agent: one server, everything in memory, on ports of its own. */
async function startConsul(binary: string, stage: Stage): Promise<Catalog> {
  const version = await versionOf(binary, stage);
  for (let attempt = 1; ; attempt++) {
    const [http, serfLan, serfWan, rpc] = (await freePorts(4)) as readonly [number, number, number, number];
    const agent = stage.crew.start({
      name: 'Consul',
      command: binary,
      args: agentArgs({ http, serfLan, serfWan, rpc }, version),
      isErrand: true,
    });
    const isUp = await hasLeader(agent, http, stage);
    if (isUp) {
      agent.isExpectedToEnd = false;
      const address = `http://127.0.0.1:${http}`;
      return { kind: 'consul', address, about: `Consul ${version} (${binary}) at ${address}` };
    }
    agent.kill();
    if (attempt === START_ATTEMPTS) {
      throw new DemoError(`${binary} does not start (${agent.lastLines.at(-1)?.trim() ?? agent.end})`);
    }
  }
}

async function versionOf(binary: string, stage: Stage): Promise<string> {
  const asked = stage.crew.start({
    name: 'consul version',
    command: binary,
    args: ['version'],
    isErrand: true,
  });
  await waitFor(stage, START_MS, `${binary} does not tell its version`, () => asked.end);
  return /v(\d+\.\d+\.\d+)/.exec(asked.output)?.[1] ?? 'of an unknown version';
}

interface Ports {
  readonly http: number;
  readonly serfLan: number;
  readonly serfWan: number;
  readonly rpc: number;
}

function agentArgs({ http, serfLan, serfWan, rpc }: Ports, version: string): readonly string[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ports = { http, serf_lan: serfLan, serf_wan: serfWan, server: rpc, grpc: -1, dns: -1 };
  // Consul 1.14 opened a second gRPC port, and versions before it refuse the setting.
  const more = major > 1 || minor >= 14 ? { grpc_tls: -1 } : {};
  const settings = { ports: { ...ports, ...more }, disable_update_check: true };
  return [
    ...['agent', '-dev', '-node', 'demo', '-bind', '127.0.0.1', '-client', '127.0.0.1', '-log-level', 'warn'],
    ...['-hcl', JSON.stringify(settings)],
  ];
}

async function hasLeader(agent: Child, port: number, stage: Stage): Promise<boolean> {
  const look = async (): Promise<boolean | null> => {
    if (agent.end !== null) return false;
    const leader = await ask(port, '/v1/status/leader').catch(() => '""');
    return leader.includes(':') ? true : null;
  };
  return waitFor(stage, START_MS, 'Consul has no leader', look);
}
