import { type Command, InvalidArgumentError, Option } from 'commander';
import { SystemClock } from '../../base/clock-system.ts';
import type { DocumentKind } from '../../config/document-schema.ts';
import { type LayerName, layerOf } from '../../config/kv-keys.ts';
import { type CanaryFlags, canaryFlags, canaryIn } from './canary-flags.ts';
import type { Role } from './consul-policy.ts';
import { EXIT_WORDS, type ExitCode } from './exit.ts';
import type { ConnectionFlags, Operator } from './operator.ts';
import { withoutReader } from './reader.ts';

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
    .description('prepare Consul: the document of the mesh and the folder of rollouts, where they are not there yet');
  connected(init).action((flags: ConnectionFlags) =>
    inConsul(flags, async (operator) => (await import('./init.ts')).runInit(operator)),
  );

  const config = program
    .command('config')
    .description('the configuration in Consul: what is in force, what would change, who changed it');
  addReaders(config);
  addStatus(config);
  addWriters(config);
  addPapers(program);
}

function addReaders(config: Command): void {
  const show = config
    .command('show')
    .description('what a sidecar has in force, each value with the layer it came from')
    .option('--caller <name>', 'as sidecars of this service have it; else the one of -c, else any', plainName)
    .option('--service <name>', 'only how this service is called', plainName)
    .option('--all', 'built-in values too', false)
    .option('--layer <layer>', 'one document as it is stored: mesh, service/<name> or caller/<name>', layerName)
    .option('--json', 'for machines', false);
  connected(show).action((flags: ConnectionFlags & ShowFlags) =>
    inConsul(flags, async (operator) => {
      const { runShow, runShowLayer } = await import('./show.ts');
      const { layer, caller = null, service = null, config: file = null, all, json } = flags;
      if (layer !== undefined) return runShowLayer(operator, layer);
      return runShow(operator, { caller, service, file, all, json });
    }),
  );

  const check = config
    .command('check')
    .description('whether sidecars would take a document; without one, whether all that are in Consul are good')
    .argument('[file]', 'the document, YAML or JSON; - is standard input');
  connected(ofLayer(check)).action(
    (file: string | undefined, flags: ConnectionFlags & LayerFlags, command: Command) => {
      const layer = file === undefined ? null : layerIn(flags, command);
      return inConsul(flags, async (operator) => {
        const { runCheckAll, runCheckFile } = await import('./check-layers.ts');
        return file === undefined || layer === null ? runCheckAll(operator) : runCheckFile(operator, layer, file);
      });
    },
  );

  const plan = config
    .command('plan')
    .description('what a document would change, for whom, and what comes of it; writes nothing')
    .argument('<file>', 'the document, YAML or JSON; - is standard input')
    .option('--json', 'for machines', false);
  connected(ofLayer(plan)).action((file: string, flags: ConnectionFlags & LayerFlags & JsonFlag, command: Command) => {
    const layer = layerIn(flags, command);
    return inConsul(flags, async (operator) =>
      (await import('./plan.ts')).runPlan(operator, { layer, file, json: flags.json }),
    );
  });

  const history = config
    .command('history')
    .description('who changed a document, when and why, newest first')
    .option('--json', 'for machines', false);
  connected(ofLayer(history)).action((flags: ConnectionFlags & LayerFlags & JsonFlag, command: Command) => {
    const layer = layerIn(flags, command);
    return inConsul(flags, async (operator) => (await import('./history.ts')).runHistory(operator, layer, flags));
  });
}

/** Any layer, or all of them. */
function addStatus(config: Command): void {
  const status = config
    .command('status')
    .description('which sidecars run what, who refuses it and why, what is staged, and who is silent');
  connected(ofLayer(status))
    .option('--wait', 'until every sidecar runs the newest or refuses it', false)
    .addOption(new Option('--timeout <s>', 'with --wait: how long').argParser(seconds).default(60))
    .option('--json', 'for machines', false)
    .action((flags: ConnectionFlags & LayerFlags & StatusFlags, command: Command) =>
      inConsul(flags, async (operator) => {
        const { runConfigStatus } = await import('./status.ts');
        const isOfOne = flags.mesh !== undefined || flags.service !== undefined || flags.caller !== undefined;
        const layer = isOfOne ? layerIn(flags, command) : null;
        return runConfigStatus(operator, {
          layer,
          json: flags.json,
          waitMs: flags.wait ? flags.timeout * 1_000 : null,
        });
      }),
    );
}

function addWriters(config: Command): void {
  const apply = config
    .command('apply')
    .description('put a document in force, unless somebody else has changed the layer')
    .argument('<file>', 'the document, YAML or JSON; - is standard input')
    .option('--base <revision>', 'the revision that was planned against; else the one that is there now', revision);
  connected(ofLayer(canaryFlags(changing(apply)))).action(
    (file: string, flags: ConnectionFlags & LayerFlags & ChangeFlags & CanaryFlags, command: Command) => {
      const layer = layerIn(flags, command);
      const canary = canaryIn(flags, command);
      return inConsul(flags, async (operator) => {
        const { runApply } = await import('./apply.ts');
        return runApply(operator, { layer, file, base: flags.base ?? null, canary, ...errandOf(flags) });
      });
    },
  );

  const rollback = config
    .command('rollback')
    .description('put an older document in force again, as a revision of its own')
    .argument('[revision]', 'of the history; else the one before the one in force', revision);
  connected(ofLayer(changing(rollback))).action(
    (wanted: string | undefined, flags: ConnectionFlags & LayerFlags & ChangeFlags, command: Command) => {
      const layer = layerIn(flags, command);
      return inConsul(flags, async (operator) => {
        const { runRollback } = await import('./rollback.ts');
        return runRollback(operator, { layer, revision: wanted ?? null, ...errandOf(flags) });
      });
    },
  );
}

/** What asks nobody. */
function addPapers(program: Command): void {
  program
    .command('consul-policy')
    .description("print the least of Consul's ACL rules that a token needs")
    .addOption(
      new Option('--role <role>', 'who has the token').choices(['sidecar', 'operator', 'reader']).makeOptionMandatory(),
    )
    .option('--service <name>', "the sidecar's own, or the only one whose documents an operator may write", plainName)
    .option('--node <name>', 'the node of its Consul agent, to which sessions of a sidecar are then bound')
    .option('--key-list', 'Consul has enable_key_list_policy', false)
    .action(async (flags: PolicyFlags, command: Command) => {
      const { role, service = null, node = null, keyList } = flags;
      if (role === 'sidecar' && service === null) command.error('error: --role sidecar needs --service <name>');
      const { consulPolicy } = await import('./consul-policy.ts');
      withoutReader(process.stdout).write(consulPolicy({ role, service, node, keyList }));
    });

  program
    .command('schema')
    .description('print the JSON Schema of a document, for editors')
    .addOption(
      new Option('--of <document>', 'which: the file of a sidecar, or what stands in Consul (mesh: of callers too)')
        .choices(['file', 'mesh', 'service'])
        .default('file'),
    )
    .option('--markdown', 'the table of keys instead', false)
    .action(async ({ of, markdown }: { readonly of: DocumentKind; readonly markdown: boolean }) => {
      const { schemaText } = await import('./schema.ts');
      withoutReader(process.stdout).write(schemaText(of, markdown));
    });
}

interface PolicyFlags {
  readonly role: Role;
  readonly service?: string;
  readonly node?: string;
  readonly keyList: boolean;
}

interface JsonFlag {
  readonly json: boolean;
}

interface ShowFlags extends JsonFlag {
  readonly caller?: string;
  readonly service?: string;
  readonly layer?: LayerName;
  readonly all: boolean;
}

interface ChangeFlags {
  readonly base?: string;
  readonly message: string;
  readonly wait: boolean;
  readonly timeout: number;
}

/** Adds why it is changed, and whether the sidecars are waited for. */
function changing(command: Command): Command {
  return command
    .option('-m, --message <text>', 'why, for the history', '')
    .option('--wait', 'wait until every sidecar that it is for has applied or refused it', false)
    .addOption(new Option('--timeout <s>', 'how long to wait for them').argParser(seconds).default(60));
}

function errandOf({ message, wait, timeout }: ChangeFlags): {
  readonly message: string;
  readonly waitMs: number | null;
} {
  return { message, waitMs: wait ? timeout * 1_000 : null };
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
  const out = withoutReader(process.stdout);
  const surroundings = { clock: new SystemClock(), out, env: process.env, signal: stop.signal };
  process.exitCode = await withConsul(flags, surroundings, task);
}

function layerName(text: string): LayerName {
  const layer = layerOf(text);
  if (layer !== null) return layer;
  throw new InvalidArgumentError('Expected mesh, service/<name> or caller/<name>.');
}

function revision(text: string): string {
  if (/^[0-9]{1,20}$/.test(text)) return text;
  throw new InvalidArgumentError('Expected a revision, a whole number.');
}

const MOST_SECONDS = 86_400;

function seconds(text: string): number {
  const number = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= 1 && number <= MOST_SECONDS) return number;
  throw new InvalidArgumentError(`Expected a whole number of seconds from 1 to ${MOST_SECONDS}.`);
}

function plainName(text: string): string {
  if (/^[^/\s]+$/.test(text)) return text;
  throw new InvalidArgumentError('Expected the name of a service.');
}
