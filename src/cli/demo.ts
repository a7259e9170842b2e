import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Child } from './demo/child.ts';
import { type Stage, startCatalog } from './demo/consul.ts';
import { Crew } from './demo/crew.ts';
import { DemoError, Interrupted } from './demo/demo-error.ts';
import { KINDS, Mesh } from './demo/mesh.ts';
import { msWords } from './demo/picture.ts';
import { Lines, LiveView, type Show } from './demo/show.ts';
import { FIRST_KINDS, PER_SECOND, Story } from './demo/story.ts';
import { readWeb } from './demo/web-watch.ts';

export interface DemoOptions {
  readonly seconds: number;
  /** A view that is redrawn in place, where there is a terminal for it. */
  readonly live: boolean;
}

const GOOD = 0;
const BAD = 1;
const INTERRUPTED = 130;

/** What the caller must have seen for the demo to have shown what it claims. */
const LEAST_SUCCESS = 0.999;

/**
 * `remora demo`: a small mesh of real processes, a load through it, and things that go wrong. The exit code is the
 * verdict of the caller, and nothing of it is left running or on disk, however it ends.
 */
export async function runDemo(options: DemoOptions, clock: Clock): Promise<number> {
  const { stdout } = process;
  const ending = new AbortController();
  const crew = new Crew(clock, (child) => ending.abort(loss(child)));
  const interrupt = (): void => ending.abort(new Interrupted());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  // The backstop, for bugs and for whoever calls process.exit().
  process.on('exit', () => crew.killAll());
  stdout.on('error', interrupt);

  const say = (line: string): void => void stdout.write(`${line}\n`);
  const show = makeShow(options.live);
  const stage: Stage = { clock, crew, signal: ending.signal, say };
  const folder = await mkdtemp(join(tmpdir(), 'remora-demo-'));
  let code = BAD;
  let farewell: readonly string[] = [];
  try {
    const story = await perform(stage, show, folder, options);
    show.close(story.picture());
    ({ code, lines: farewell } = verdict(story));
  } catch (error) {
    show.close(null);
    code = error instanceof Interrupted ? INTERRUPTED : BAD;
    farewell = complaint(error);
  } finally {
    await crew.close();
    await rm(folder, { recursive: true, force: true });
  }
  for (const line of farewell) say(line);
  return code;
}

async function perform(stage: Stage, show: Show, folder: string, { seconds }: DemoOptions): Promise<Story> {
  const { say } = stage;
  const catalog = await startCatalog(stage);
  say(`orders is found in ${catalog.about}`);
  say('starting, each with a sidecar of its own:');
  for (const [i, kind] of FIRST_KINDS.entries()) say(`  orders-${i + 1}  ${KINDS[kind]}`);
  say(`  web       calls orders ${PER_SECOND} times a second, whether or not answers come`);
  const mesh = await Mesh.start(stage, catalog, folder, FIRST_KINDS, isReady);
  const hint = `${selfWords()} status --admin 127.0.0.1:${mesh.adminGrpcPort}`;
  say(`look closer while it runs: ${hint}`);
  const story = new Story(stage, mesh, show, { seconds, catalog, hint });
  await story.run();
  return story;
}

/** Web's sidecar knows that many, and all of them may be sent to. */
async function isReady(adminPort: number, count: number): Promise<boolean> {
  const { endpoints } = await readWeb(adminPort);
  return endpoints.filter(({ health }) => health === 'passing').length === count;
}

function makeShow(wantsLive: boolean): Show {
  const { stdout, env } = process;
  if (!wantsLive || !stdout.isTTY || env['TERM'] === 'dumb') return new Lines(stdout);
  const view = new LiveView(stdout, (env['NO_COLOR'] ?? '') === '');
  stdout.on('resize', () => view.redraw());
  process.on('exit', () => view.close(null));
  return view;
}

function verdict({ tally, web }: Story): { readonly code: number; readonly lines: readonly string[] } {
  const { sent, failed, successRatio, latencies, reasons } = tally;
  const isGood = sent > 0 && successRatio >= LEAST_SUCCESS;
  const percent = (Math.floor(successRatio * 100_000) / 1_000).toFixed(3);
  const spread = `p50 ${msWords(latencies.quantile(0.5))}, p99 ${msWords(latencies.quantile(0.99))}`;
  const lines = [
    `the caller saw ${percent} % success, ${spread}`,
    ...(failed === 0 ? [] : [`what failed: ${reasons}`]),
    `to look around in a longer one (--seconds 600): ${selfWords()} status --admin with the address it prints`,
    ...(isGood ? [] : [`that is less than the ${LEAST_SUCCESS * 100} % the demo promises, so it exits with 1`]),
    `${sent} requests, ${failed} failed, ${web.retries} retried, ${web.trips} breaker trips`,
  ];
  return { code: isGood ? GOOD : BAD, lines };
}

function complaint(error: unknown): readonly string[] {
  if (error instanceof Interrupted) return ['interrupted; nothing is left running'];
  if (error instanceof DemoError) return [`remora: ${error.message}`];
  return [`remora: ${error instanceof Error ? error.stack : error}`];
}

function loss(child: Child): DemoError {
  const lines = child.lastLines.map((line) => `\n  ${line}`).join('');
  return new DemoError(`${child.name} ${child.end}, and nobody had told it to${lines && `; it said last:${lines}`}`);
}

/** How this program is called here. */
function selfWords(): string {
  if (process.env['npm_lifecycle_event'] === 'demo') return 'npm run -s remora --';
  const path = process.argv[1] ?? 'remora';
  if (!path.endsWith('.js')) return 'remora';
  const near = relative(process.cwd(), path);
  return `node ${near.startsWith('..') ? path : near}`;
}
