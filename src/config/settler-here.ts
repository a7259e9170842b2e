import type { Material, Settlement, Settler } from './material.ts';
import { checkReadable } from './named-files.ts';
import { settle } from './settle.ts';

/** Settles in this process, and returns only when it is done. */
export class SettlerHere implements Settler {
  /** In ms since 1970. */
  constructor(private readonly wallMs: () => number) {}

  async settle(material: Material): Promise<Settlement> {
    return settle(material, { wallMs: this.wallMs(), checkFile: checkReadable });
  }
}
