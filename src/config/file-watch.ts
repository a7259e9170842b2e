import { type FSWatcher, watch } from 'node:fs';
import { readFile, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Clock, Timer } from '../base/clock.ts';
import type { Environment } from './environment.ts';
import type { LocalText } from './material.ts';
import type { Problem } from './problems.ts';
import { unreadable } from './unreadable.ts';

export interface WatchedFileOptions {
  readonly path: string;
  readonly env: Environment;
  /** `path=value`, as given to `--set`. */
  readonly set: readonly string[];
}

/** Who judges what was read. */
export interface FileTarget {
  /** Resolves when it has been judged; true when what is wrong with it is another file, which nothing follows. */
  takeFile(file: LocalText): Promise<boolean>;
  /** It cannot be read. */
  loseFile(problem: Problem): void;
}

/** A writer that is not atomic needs this long of silence to be taken as done. */
const SETTLE_MS = 100;
/** One that never falls silent is read anyway. */
const MAX_SETTLE_MS = 1_000;
/** Links followed from the file to its text. */
const MAX_LINKS = 16;

/**
 * Follows the configuration file through every way of changing it: written in place, renamed over, a link swapped on
 * the way to it (as Kubernetes does for a ConfigMap), or `reload()` for SIGHUP.
 *
 * The kernel's events are a hint and no more: they come early, late, in bursts, for neighbours, and on some file
 * systems never. They start a reading after a short silence, and a slow look at the file's identity finds what they
 * missed. What counts is the text, and what it means is for the target to say. A neighbour that is written all the time,
 * a log above all, costs a reading now and then and no more: the target hears of a file that changed, or of any when it
 * is told to reload.
 */
export class FileWatch {
  private identity = '';
  /** What the target was given last; null: it has to be given whatever there is. */
  private text: string | null = null;
  private readonly watchers = new Map<string, FSWatcher>();
  private readonly settle: Timer;
  private readonly poll: Timer;
  private firstEventAt = 0;
  private reading: Promise<void> | null = null;
  private isStale = false;
  private isClosed = false;

  constructor(
    private readonly clock: Clock,
    private readonly options: WatchedFileOptions,
    private readonly target: FileTarget,
    private readonly pollMs = 2_000,
  ) {
    this.settle = new Timer({ onTimer: () => void this.readSoon() });
    this.poll = new Timer({ onTimer: () => void this.look() });
  }

  /** Reads the file now, references included, and watches it from then on. Ends when what was on disk at the time of the call has been judged. */
  async reload(): Promise<void> {
    this.text = null;
    await this.readSoon();
  }

  private async readSoon(): Promise<void> {
    this.isStale = true;
    this.reading ??= this.readUntilFresh();
    await this.reading;
  }

  close(): void {
    this.isClosed = true;
    this.clock.disarm(this.settle);
    this.clock.disarm(this.poll);
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private async readUntilFresh(): Promise<void> {
    try {
      while (this.isStale && !this.isClosed) {
        this.isStale = false;
        this.firstEventAt = 0;
        this.clock.disarm(this.settle);
        // Watch first: a change between the two is then seen as an event.
        await this.watchFolders();
        const before = this.identity;
        this.identity = await identityOf(this.options.path);
        await this.readOnce(this.identity === before);
      }
    } catch (error) {
      this.target.loseFile({
        ...unreadable(this.options.path, error),
        found: `a bug in remora (${error})`,
        expected: 'none',
      });
    } finally {
      this.reading = null;
      if (!this.isClosed) this.clock.arm(this.poll, this.clock.now() + this.pollMs);
    }
  }

  private async readOnce(isSame: boolean): Promise<void> {
    const { path, env, set } = this.options;
    const text = await readFile(path, 'utf8').catch((error: unknown) => unreadable(path, error));
    if (this.isClosed) return;
    if (isSame && text === this.text) return;
    this.text = typeof text === 'string' ? text : null;
    if (typeof text !== 'string') return this.target.loseFile(text);
    // What has to change is another file: the slow look reads again.
    if (await this.target.takeFile({ source: path, text, env, set })) this.identity = '';
  }

  private onHint(): void {
    const now = this.clock.now();
    if (this.firstEventAt === 0) this.firstEventAt = now;
    this.clock.arm(this.settle, Math.min(now + SETTLE_MS, this.firstEventAt + MAX_SETTLE_MS));
  }

  private async look(): Promise<void> {
    const identity = await identityOf(this.options.path);
    if (this.isClosed) return;
    if (identity !== this.identity) return this.onHint();
    if (this.reading === null) this.clock.arm(this.poll, this.clock.now() + this.pollMs);
  }

  /** Made anew at every reading, because a swapped link leads to other folders. */
  private async watchFolders(): Promise<void> {
    const folders = await foldersOf(this.options.path);
    if (this.isClosed) return;
    for (const [folder, watcher] of this.watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.watchers.delete(folder);
    }
    for (const folder of folders) this.watchFolder(folder);
  }

  private watchFolder(folder: string): void {
    if (this.watchers.has(folder)) return;
    const forget = (): void => {
      this.watchers.get(folder)?.close();
      this.watchers.delete(folder);
    };
    try {
      const watcher = watch(folder, { persistent: false }, () => this.onHint());
      watcher.on('error', forget);
      this.watchers.set(folder, watcher);
    } catch {
      forget(); // no such folder, or no watches left: the slow look serves alone
    }
  }
}

/** Changes whenever the text behind the path may have; empty when there is none. */
async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${await realpath(path)} ${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return '';
  }
}

/** Where something could be replaced on the way from the path to the text: the folder of each link, and of the file. */
async function foldersOf(path: string): Promise<ReadonlySet<string>> {
  const folders = new Set<string>();
  let at: string | null = resolve(path);
  for (let hop = 0; hop < MAX_LINKS && at !== null; hop++) {
    const here: string = at;
    const folder = await realpath(dirname(here)).catch(() => null);
    if (folder !== null) folders.add(folder);
    at = await readlink(here).then(
      (target) => resolve(dirname(here), target),
      () => null, // no link: the end of the way
    );
  }
  const real = await realpath(path).catch(() => null);
  if (real !== null) folders.add(dirname(real));
  return folders;
}
