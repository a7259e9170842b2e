import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, Timer } from '../base/clock.ts';
import { describeError } from '../discovery/consul-error.ts';
import { replaceFile } from '../discovery/whole-file.ts';
import { layerOf } from './kv-keys.ts';
import type { KvText } from './material.ts';

const VERSION = 1;
const MAX_BYTES = 16 * 1024 * 1024;
const MIN_GAP_MS = 1_000;
/** After a write that failed: a disk that is full stays so for a while. */
const RETRY_MS = 30_000;

export interface KeptLayersOptions {
  readonly folder: string;
  /** What tells one Consul from another: documents of different origins are never mixed. */
  readonly origin: string;
  readonly service: string;
  /** In words: the file is no good, or cannot be written. */
  onProblem(problem: string): void;
}

interface Kept {
  readonly version: number;
  readonly origin: string;
  readonly service: string;
  readonly savedWallMs: number;
  readonly documents: readonly Pick<KvText, 'layer' | 'text' | 'revision'>[];
}

/**
 * The documents in force on disk, so that a sidecar that starts while Consul is away is configured as in its last run.
 *
 * They are kept as they were read: references are still references, so the file holds no secret's value. It is replaced
 * whole or not at all, is its owner's alone, and is written once a second at most; a disk that is full or read-only is
 * said once, and tried again until it takes them.
 */
export class KeptLayers {
  private readonly path: string;
  private readonly timer = new Timer({ onTimer: () => void this.write() });
  private pending: readonly KvText[] | null = null;
  private writing: Promise<void> | null = null;
  private savedAt = Number.NEGATIVE_INFINITY;
  private gapMs = MIN_GAP_MS;

  constructor(
    private readonly clock: Clock,
    private readonly options: KeptLayersOptions,
  ) {
    const { folder, origin, service } = options;
    const digest = createHash('sha256')
      .update(JSON.stringify([origin, service]))
      .digest('hex')
      .slice(0, 16);
    this.path = join(folder, `config-${service.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)}-${digest}.json`);
  }

  /** None when there is no file, or none that can be used; the latter is said. */
  async load(): Promise<readonly KvText[]> {
    try {
      const size = await stat(this.path).then(
        (found) => found.size,
        (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? null : Promise.reject(error)),
      );
      if (size === null) return [];
      if (size > MAX_BYTES) throw new Error(`it has ${size} bytes`);
      return this.decode(JSON.parse(await readFile(this.path, 'utf8')));
    } catch (error) {
      this.options.onProblem(`${this.path} is ignored: ${describeError(error)}`);
      return [];
    }
  }

  /** In the background, the newest only. */
  save(documents: readonly KvText[]): void {
    this.pending = documents;
    if (this.writing === null) this.clock.arm(this.timer, Math.max(this.clock.now(), this.savedAt + this.gapMs));
  }

  /** What waits is written, so that a stop loses nothing. */
  async close(): Promise<void> {
    this.clock.disarm(this.timer);
    await this.writing;
    await this.write();
    this.clock.disarm(this.timer);
  }

  private async write(): Promise<void> {
    const { pending, options } = this;
    if (pending === null) return;
    this.pending = null;
    const { origin, service } = options;
    const documents = pending.map(({ layer, text, revision }) => ({ layer, text, revision }));
    const kept: Kept = { version: VERSION, origin, service, savedWallMs: this.clock.wallMs(), documents };
    this.writing = replaceFile(this.path, JSON.stringify(kept)).then(
      () => {
        this.gapMs = MIN_GAP_MS;
      },
      (error: unknown) => {
        if (this.gapMs !== RETRY_MS) options.onProblem(`cannot keep the documents in force: ${describeError(error)}`);
        this.gapMs = RETRY_MS;
        this.pending ??= pending;
      },
    );
    await this.writing;
    this.writing = null;
    this.savedAt = this.clock.now();
    if (this.pending !== null) this.save(this.pending);
  }

  private decode(read: unknown): readonly KvText[] {
    const { version, origin, service, documents } = (read ?? {}) as Partial<Kept>;
    if (version !== VERSION) throw new Error(`it has version ${String(version)}, expected ${VERSION}`);
    if (origin !== this.options.origin || service !== this.options.service) throw new Error('it is of another service');
    if (!Array.isArray(documents) || !documents.every(isDocument)) throw new Error('it holds a document that is none');
    return documents.map(({ layer, text, revision }) => ({ layer, text, revision, isCandidate: false }));
  }
}

function isDocument(value: unknown): value is Pick<KvText, 'layer' | 'text' | 'revision'> {
  if (typeof value !== 'object' || value === null) return false;
  const { layer, text, revision } = value as Record<string, unknown>;
  return (
    typeof layer === 'string' &&
    layerOf(layer) !== null &&
    typeof text === 'string' &&
    typeof revision === 'string' &&
    /^\d{1,20}$/.test(revision)
  );
}
