import { type Command, InvalidArgumentError, Option } from 'commander';
import { SystemClock } from '../../base/clock-system.ts';
import type { LayerName } from '../../config/kv-keys.ts';
import { parseDuration } from '../../config/units.ts';
import type { ExitCode } from './exit.ts';
import { EXIT_WORDS } from './exit.ts';
import type { ConnectionFlags, Operator } from './operator.ts';

/** Which document a command is about. */
export interface LayerFlags {
  readonly mesh?: true;
  readonly service?: string;
  readonly caller?: string;
}

interface StatusFlags {
  readonly wait: boolean;
  readonly timeout: number;
  readonly json: boolean;
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
  addStatus(config);
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

/** Any layer, or all of them. */
function addStatus(config: Command): void {
  const status = config
    .command('status')
    .description('which sidecars run what, who refuses it and why, what is staged, and who is silent');
  connected(ofLayer(status))
    .option('--wait', 'until every sidecar runs the newest or refuses it', false)
    .addOption(new Option('--timeout <time>', 'with --wait: how long').default(60_000, '60s').argParser(timeOf))
    .option('--json', 'for machines', false)
    .action((flags: ConnectionFlags & LayerFlags & StatusFlags, command: Command) =>
      inConsul(flags, async (operator) => {
        const { runConfigStatus } = await import('./status.ts');
        const isOfOne = flags.mesh !== undefined || flags.service !== undefined || flags.caller !== undefined;
        const layer = isOfOne ? layerIn(flags, command) : null;
        return runConfigStatus(operator, { layer, json: flags.json, waitMs: flags.wait ? flags.timeout : null });
      }),
    );
}

function timeOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms <= 0) throw new InvalidArgumentError('Expected a time such as 60s.');
  return ms;
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
