import { Command, InvalidArgumentError, Option } from 'commander';
import { SystemClock } from '../base/clock-system.ts';
import type { SocketChoice } from '../net/choose-sockets.ts';
import { addConfigCommands } from './config/commands.ts';
import type { OverrideFlags } from './override.ts';

const EXAMPLES = `
A first sidecar, beside an application on port 8080 that calls a service named orders:

  service: { name: web, port: 8080 }
  upstreams:
    orders: { port: 9001, protocol: http }
  static:
    orders: ["127.0.0.1:7001", "127.0.0.1:7002"]

  $ remora check remora.yaml
  $ remora run -c remora.yaml
  $ curl http://127.0.0.1:9001/          # goes to one of the two, and to the other when that one fails
  $ curl 'http://127.0.0.1:15000/clusters?format=text'

With a Consul agent, leave "static" out: CONSUL_HTTP_ADDR or consul: { address } says where it is.
`;

const DEMO = `
Three instances of a service named orders, one slow and one that answers 503 for 2 s of every 6, each behind a sidecar of
its own; web calls them through its sidecar. One is killed on the way and one is added. Endpoints come from a Consul that
is started for it (CONSUL_BIN, one on PATH, or one fetched from Debian's archive), or else from a file.

Ends with what the caller saw. Exit code 0: at least 99.9 % success; 1: less, or it could not start; 130: interrupted.
`;

const CHECK = `
It opens no port and asks nobody: that a port is taken or may not be bound, or that Consul refuses the token, shows at the start.
Exit code 0: it would start, perhaps with warnings; 1: it would not.
`;

const TEST = `
Each test says what is asked of which sidecar, what is assumed of the endpoints, and what has to become of it. The decisions are those
of a sidecar that runs, made without a network: src/agent/rehearsal/README.md shows what a file may say.
Exit code 0: all is as expected; 1: something is not; 2: a file, or the configuration that it tests, is wrong, and its tests were not run.
`;

const STATUS = `
Exit code 0: ready; 1: not ready, draining, or no answer; 2: ready, but Consul does not list the service as it should, or the
application is down (with --ready: 0).
`;

interface StatusFlags {
  readonly admin: string;
  readonly timeout: number;
  readonly json: boolean;
  readonly ready: boolean;
}

interface RunFlags {
  readonly config: string;
  readonly set: readonly string[];
  readonly transport: SocketChoice;
  readonly log: 'json' | 'text';
}

/** The commands of `remora`. Each is loaded when it is called, since `check` needs little of what `run` needs. */
export function makeProgram(version: string): Command {
  const program = new Command('remora')
    .description('A service-mesh sidecar for Consul: one small process beside each service.')
    .version(version)
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(remora --help tells more)');

  const setFlag = new Option('--set <path=value>', 'lay one value over the file; may be repeated')
    .default([] as readonly string[], 'none')
    .argParser((value: string, before: readonly string[]) => [...before, value]);

  program
    .command('run')
    .description('run the sidecar until SIGTERM, which stops it in order; a second signal stops it at once')
    .requiredOption('-c, --config <file>', 'the configuration, YAML or JSON; it is watched, and SIGHUP reads it again')
    .addOption(setFlag)
    .addOption(
      new Option('--transport <kind>', 'how sockets are made: Node streams, or handles when their self-test passes')
        .choices(['auto', 'data', 'handle'])
        .default('auto')
        .env('REMORA_TRANSPORT'),
    )
    .addOption(
      new Option('--log <format>', 'of the process log on stderr')
        .choices(['json', 'text'])
        .default(process.stderr.isTTY ? 'text' : 'json', 'text on a terminal, else json'),
    )
    .action(async ({ config, set, transport, log }: RunFlags) => {
      const { runSidecar } = await import('./run.ts');
      process.exit(await runSidecar({ file: config, set, transport, logFormat: log, version }));
    });

  program
    .command('check')
    .description('say whether a file would start a sidecar here, or everything that is wrong with it')
    .argument('<file>', 'the configuration')
    .addOption(setFlag)
    .addHelpText('after', CHECK)
    .action(async (file: string, { set }: { readonly set: readonly string[] }) => {
      const [{ runCheck }, { readyRegex }] = await Promise.all([
        import('./check.ts'),
        import('../route/table/regex.ts'),
      ]);
      await readyRegex();
      const clock = new SystemClock();
      process.exitCode = runCheck(file, { set, env: process.env, wallMs: () => clock.wallMs() }, process.stdout);
    });

  program
    .command('test')
    .description('run policy tests: where requests would go, and how, by files and documents that nobody runs yet')
    .argument('<file...>', 'files of tests, YAML or JSON')
    .option('--junit <file>', 'write the results there too, for a CI')
    .addHelpText('after', TEST)
    .action(async (files: readonly string[], { junit }: { readonly junit?: string }) => {
      const { runTests } = await import('./test.ts');
      const clock = new SystemClock();
      const options = { junit: junit ?? null, env: process.env, wallMs: () => clock.wallMs() };
      process.exitCode = await runTests(files, options, process.stdout);
    });

  program
    .command('status')
    .description('show a running sidecar: readiness, listeners, clusters and the state of every endpoint')
    .option('--admin <host:port>', 'its admin gRPC port', '127.0.0.1:15010')
    .option('--timeout <ms>', 'how long to wait for it', milliseconds, 3_000)
    .option('--json', 'for machines', false)
    .option('--ready', 'judge by readiness alone, as /ready does; for probes', false)
    .addHelpText('after', STATUS)
    .action(async (flags: StatusFlags) => {
      const { runStatus } = await import('./status.ts');
      const options = {
        address: flags.admin,
        json: flags.json,
        readyOnly: flags.ready,
        timeoutMs: flags.timeout,
      };
      process.exitCode = await runStatus(options, new SystemClock(), process.stdout);
    });

  program
    .command('override')
    .description('print a signed header that sends requests to another upstream or subset, where `overrides` is set')
    .requiredOption('--key-file <file>', 'the key that the sidecars have as overrides.key')
    .requiredOption('--to <upstream[/subset]>', 'where such requests go')
    .option('--of <upstream>', 'whose requests; that of --to unless told otherwise')
    .option('--for <duration>', 'for how long', '1h')
    .option('--header <name>', 'the header of overrides.header', 'x-remora-route')
    .action(async (flags: OverrideFlags) => {
      const { runOverride } = await import('./override.ts');
      process.exitCode = runOverride(flags, new SystemClock(), process.stdout);
    });

  program
    .command('demo')
    .description('see it work: a small mesh on this machine, traffic through it, and instances that fail and die')
    .option('--seconds <n>', 'how long the traffic flows', wholeSeconds, 20)
    .option('--no-live', 'plain lines on a terminal too')
    .addHelpText('after', DEMO)
    .action(async (flags: { readonly seconds: number; readonly live: boolean }) => {
      const { runDemo } = await import('./demo.ts');
      process.exit(await runDemo(flags, new SystemClock()));
    });

  addConfigCommands(program);
  return program;
}

const LEAST_SECONDS = 5;
const MOST_SECONDS = 86_400;

/** Less is over before anything has happened. */
function wholeSeconds(text: string): number {
  return wholeNumber(text, LEAST_SECONDS, MOST_SECONDS);
}

const MOST_MS = 3_600_000;

function milliseconds(text: string): number {
  return wholeNumber(text, 1, MOST_MS);
}

function wholeNumber(text: string, least: number, most: number): number {
  const number = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
}
