import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Operator } from '../../src/cli/config/operator.ts';
import { LayerStore } from '../../src/config/store/store.ts';
import type { ConsulApi } from '../../src/discovery/consul-api.ts';

/** Somebody at a terminal: what was said to them, and files that they wrote. */
export class Desk {
  said = '';
  private readonly folder = mkdtempSync(join(tmpdir(), 'remora-desk-'));
  readonly operator: Operator;

  constructor(api: ConsulApi, clock: Clock, by = 'ann@desk', seed = 1) {
    const { signal } = new AbortController();
    this.operator = {
      api,
      store: new LayerStore(api, clock, signal),
      clock,
      random: new SeededRandom(seed),
      out: { write: (text) => (this.said += text) },
      signal,
      env: {},
      by,
    };
  }

  /** What was said since the last time, line by line. */
  heard(): string[] {
    const lines = this.said.trimEnd().split('\n');
    this.said = '';
    return lines;
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }
}
