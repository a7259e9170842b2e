import { type Command, InvalidArgumentError, Option } from 'commander';
import { SystemClock } from '../../base/clock-system.ts';
import type { LayerName } from '../../config/kv-keys.ts';
import type { ExitCode } from './exit.ts';
import { EXIT_WORDS } from './exit.ts';
import type { ConnectionFlags, Operator } from './operator.ts';

/** Which document a command is about. */
export interface LayerFlags {
  readonly mesh?: true;
  readonly service?: string;
  readonly caller?: string;
}

/** Runs one command with Consul at hand, and sets the exit code. */
type Task = (operator: Operator) => Promise<ExitCode>;

/** The commands that read and change what is in Consul. Each is loaded when it is called. */
export function addConfigCommands(program: Command): void {
  const init = program
    .command('init')
    .description('prepare Consul: the document of the mesh and the folder of rollouts, where they are not');
  connected(init).action((flags: ConnectionFlags) =>
    inConsul(flags, async (operator) => (await import('./init.ts')).runInit(operator)),
  );

  const config = program
    .command('config')
    .description('the configuration in Consul: show, check, plan, apply, history, rollback');
  addReaders(config);
  addWriters(config);
}

function addReaders(config: Command): void {
  const history = config.command('history').description('who changed a document, when and why, newest first');
  connected(ofLayer(history))
    .option('--json', 'for machines', false)
    .action((flags: ConnectionFlags & LayerFlags & { readonly json: boolean }, command: Command) =>
      inConsul(flags, async (operator) =>
        (await import('./history.ts')).runHistory(operator, layerIn(flags, command), flags),
      ),
    );
}

function addWriters(_config: Command): void {
  // apply and rollback come here.
}

/** Adds how Consul is found. */
export function connected(command: Command): Command {
  return command
    .option(
      '--consul-addr <url>',
      'the Consul agent; else that of -c, else CONSUL_HTTP_ADDR, else http://127.0.0.1:8500',
    )
    .option('-c, --config <file>', 'the file of a sidecar, which says where Consul is')
    .addHelpText('after', EXIT_WORDS);
}

/** Adds which document it is about. */
export function ofLayer(command: Command): Command {
  return command
    .addOption(new Option('--mesh', 'the document of the mesh').conflicts(['service', 'caller']))
    .addOption(new Option('--service <name>', 'how callers treat a service').argParser(plainName).conflicts('caller'))
    .addOption(new Option('--caller <name>', "what a service's own sidecars add for their calls").argParser(plainName));
}

/** The layer that the flags name; a usage error where they name none. */
export function layerIn({ mesh, service, caller }: LayerFlags, command: Command): LayerName {
  if (mesh === true) return 'mesh';
  if (service !== undefined) return `service/${service}`;
  if (caller !== undefined) return `caller/${caller}`;
  return command.error('error: one of --mesh, --service <name> and --caller <name> is needed');
}

export async function inConsul(flags: ConnectionFlags, task: Task): Promise<void> {
  const { withConsul } = await import('./operator.ts');
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const surroundings = { clock: new SystemClock(), out: process.stdout, env: process.env, signal: stop.signal };
  process.exitCode = await withConsul(flags, surroundings, task);
}

function plainName(text: string): string {
  if (/^[^/\s]+$/.test(text)) return text;
  throw new InvalidArgumentError('Expected the name of a service.');
}
