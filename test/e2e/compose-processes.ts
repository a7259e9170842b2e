import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ComposeService, composeFile, deployText } from '../deploy/deploy-files.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Differences {
  /** Laid over the service's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Appended to its command. */
  readonly args?: readonly string[];
}

/**
 * The services of `deploy/compose/compose.yaml` as plain processes: the same commands and environments, with the paths
 * inside the containers taken back to where they are mounted or copied from. Only what a network namespace of its own
 * gives a container has to be told: addresses and ports.
 */
export class ComposeProcesses {
  private readonly running = new Map<string, { readonly child: ChildProcess; output: string }>();

  start(name: string, { env = {}, args = [] }: Differences = {}): void {
    const service = composeFile().services[name]!;
    const [program, ...rest] = [...entrypointOf(service), ...service.command].map((word) =>
      onThisMachine(word, service),
    );
    const child = spawn(program!, [...rest, ...args], {
      // Nothing of this machine's environment: a Consul or a collector that is configured here has no part in this.
      env: { PATH: process.env['PATH'] ?? '', ...service.environment, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const entry = { child, output: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        entry.output = (entry.output + bytes.toString()).slice(-20_000);
      });
    }
    this.running.set(name, entry);
  }

  output(name: string): string {
    return this.running.get(name)!.output;
  }

  /** As Compose stops it: SIGTERM, and patience. Gives the exit code, or the signal that ended it. */
  async stop(name: string): Promise<number | string | null> {
    const { child } = this.running.get(name)!;
    const ended = endOf(child);
    child.kill('SIGTERM');
    return ended;
  }

  async killAll(): Promise<void> {
    const ends = [...this.running.values()].map(({ child }) => {
      const ended = endOf(child);
      child.kill('SIGKILL');
      return ended;
    });
    await Promise.all(ends);
  }
}

/** The program of the image; those of Docker's own images take a command as it is. */
function entrypointOf(service: ComposeService): readonly string[] {
  if (service.image !== 'remora') return [];
  return JSON.parse(/^ENTRYPOINT (.*)$/m.exec(deployText('Dockerfile'))![1]!) as string[];
}

function onThisMachine(word: string, service: ComposeService): string {
  if (word === 'node') return process.execPath;
  if (word.startsWith('/app/')) return ROOT + word.slice('/app/'.length);
  for (const volume of service.volumes ?? []) {
    const [source, target] = volume.split(':');
    if (word === target) return `${ROOT}deploy/compose/${source}`;
  }
  return word;
}

function endOf(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.signalCode ?? child.exitCode);
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
}
