import { fileURLToPath } from 'node:url';
import { Agent } from '../agent.ts';
import { SystemClock } from '../base/clock-system.ts';
import { freshRandom } from '../base/random.ts';
import type { ConfigListener } from '../config/config-listener.ts';
import { FileWatch } from '../config/file-watch.ts';
import { KeptLayers } from '../config/kept-layers.ts';
import { LiveConfig } from '../config/live-config.ts';
import type { Settler } from '../config/material.ts';
import { formatProblem, formatProblems, type Problem } from '../config/problems.ts';
import { SettlerProcess } from '../config/settler-process.ts';
import { warningsOf } from '../config/warnings.ts';
import { ignoredConsulVariables } from '../discovery/consul-environment.ts';
import type { SocketChoice } from '../net/choose-sockets.ts';
import { ListenError } from '../net/listener.ts';
import { LineSink } from '../telemetry/line-sink.ts';
import { ProcessLog } from '../telemetry/log.ts';
import { Telemetry } from '../telemetry/telemetry.ts';

export interface RunOptions {
  readonly file: string;
  /** `path=value`, laid over the file. */
  readonly set: readonly string[];
  readonly transport: SocketChoice;
  readonly logFormat: 'json' | 'text';
  readonly version: string;
}

const STOPPED = 0;
const REFUSED = 1;
const INTERRUPTED = 130;

/**
 * `remora run`: the sidecar itself, from its file to its last signal. The process log goes to stderr and the access log
 * to stdout, so that either can be kept without the other.
 */
export async function runSidecar({ file: path, set, transport, logFormat, version }: RunOptions): Promise<number> {
  const clock = new SystemClock();
  const random = freshRandom();
  const logSink = new LineSink(process.stderr, clock);
  const log = new ProcessLog(logSink, clock, { level: 'info', format: logFormat });

  const listener = configListener(log);
  const settler = new SettlerProcess(clock, {
    program: fileURLToPath(new URL('../config/settler-child.js', import.meta.url)),
    here: settlerHere,
    onNoProcess: (error) => log.warn('settles_here', { error: error.message }),
  });
  const settings = new LiveConfig(clock, settler, listener);
  const file = new FileWatch(clock, { path, env: { ...process.env }, set }, settings);
  await file.reload();
  if (settings.config.value === null) {
    process.stderr.write(`${formatProblems(settings.fileState().problems)}\n`);
    return REFUSED;
  }
  const { service, consul, stateDir } = settings.config.value;
  if (consul !== null && stateDir !== null) {
    const { address, datacenter, namespace } = consul;
    await settings.recall(
      new KeptLayers(clock, {
        folder: stateDir,
        origin: JSON.stringify([address, datacenter, namespace]),
        service: service.name,
        onProblem: (problem) => log.warn('last_good_config', { problem }),
      }),
    );
  }
  const ignored = consul === null ? [] : ignoredConsulVariables(process.env);
  if (ignored.length > 0) log.warn('environment_ignored', { variables: ignored.join(', ') });
  for (const warning of warningsOf(settings.config.value!, clock.wallMs())) log.warn('config_doubtful', { warning });
  const identity = { serviceName: service.name, instanceId: service.id, version };
  const accessSink = new LineSink(process.stdout, clock);
  const telemetry = new Telemetry({ identity, clock, random, log, accessSink });
  telemetry.addCollector(() => log.samples());

  // A bug outside every connection: the program goes on, since nothing that it serves depends on it, and says so.
  process.on('uncaughtException', (error) => telemetry.observer.onBug(error));
  process.on('unhandledRejection', (error) => telemetry.observer.onBug(error));
  process.on('SIGHUP', () => void file.reload());

  const signalled = firstSignal();
  let agent: Agent;
  try {
    agent = await Agent.start({ version, file, settings, transport, clock, random, log, telemetry });
  } catch (error) {
    await logSink.flush(1_000);
    process.stderr.write(`${messageOf(error)}\n`);
    return REFUSED;
  }
  await Promise.race([signalled, agent.stopped]);
  leaveAtOnceWhenSignalled(agent);
  await agent.stop();
  settler.close();
  await logSink.flush(1_000);
  return STOPPED;
}

async function settlerHere(): Promise<Settler> {
  const { SettlerHere } = await import('../config/settler-here.ts');
  const clock = new SystemClock();
  return new SettlerHere(() => clock.wallMs());
}

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

/**
 * Whoever signals again will not wait for the order. What would outlive the process is still undone; a third signal
 * ends that.
 */
function leaveAtOnceWhenSignalled(agent: Agent): void {
  let isLeaving = false;
  const leave = (): void => {
    if (isLeaving) process.exit(INTERRUPTED);
    isLeaving = true;
    void agent.abandon().finally(() => process.exit(INTERRUPTED));
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
}

function configListener(log: ProcessLog): ConfigListener {
  return {
    onConfigApplied: (source, revision) => log.info('config_applied', { source, revision }),
    onConfigRefused: (source, problems) => log.error('config_refused', refusal(source, problems)),
    onConfigUnreachable: (source, problem) => log.warn('config_unreachable', { source, problem }),
  };
}

function refusal(source: string, problems: readonly Problem[]): Record<string, string | number> {
  return { source, problems: problems.length, first: problems.map(formatProblem)[0] ?? '' };
}

/** What the operator can mend is said in a sentence; a bug is said with its stack. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('\n');
  if (error instanceof ListenError) return `remora: ${error.message}`;
  if (!(error instanceof Error)) return `remora: ${error}`;
  return 'code' in error || 'syscall' in error ? `remora: ${error.message}` : `remora: ${error.stack}`;
}
