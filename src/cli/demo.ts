import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Child } from './demo/child.ts';
import { type Stage, startCatalog } from './demo/consul.ts';
import { Crew } from './demo/crew.ts';
import { DemoError, Interrupted } from './demo/demo-error.ts';
import { KINDS, Mesh } from './demo/mesh.ts';
import { Lines, LiveView, type Show } from './demo/show.ts';
import { FIRST_KINDS, PER_SECOND, Story } from './demo/story.ts';
import { verdict } from './demo/verdict.ts';
import { readWeb } from './demo/web-watch.ts';

export interface DemoOptions {
  readonly seconds: number;
  /** A view that is redrawn in place, where there is a terminal for it. */
  readonly live: boolean;
}

const BAD = 1;
const INTERRUPTED = 130;

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
  ending.signal.addEventListener('abort', () => crew.killAll());

  const say = (line: string): void => void stdout.write(`${line}\n`);
  const show = makeShow(options.live);
  const stage: Stage = { clock, crew, signal: ending.signal, say };
  let folder: string | null = null;
  let code = BAD;
  let farewell: readonly string[] = [];
  try {
    folder = await mkdtemp(join(tmpdir(), 'remora-demo-'));
    const story = await perform(stage, show, folder, options);
    show.close(story.picture());
    ({ code, lines: farewell } = verdict(story.tally, story.web));
  } catch (error) {
    show.close(null);
    code = error instanceof Interrupted ? INTERRUPTED : BAD;
    farewell = complaint(error);
  } finally {
    await crew.close();
    if (folder !== null) await rm(folder, { recursive: true, force: true });
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

function complaint(error: unknown): readonly string[] {
  if (error instanceof Interrupted) return ['interrupted; nothing is left running'];
  if (!(error instanceof Error)) return [`remora: ${error}`];
  // What the system refuses (a folder, a port) is for the user to mend; anything else is a bug.
  return [`remora: ${error instanceof DemoError || 'code' in error ? error.message : error.stack}`];
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
