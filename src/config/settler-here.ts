import { readyRegexFor } from '../route/table/regex.ts';
import type { Material, Settlement, Settler } from './material.ts';
import { checkReadable } from './named-files.ts';
import { settle } from './settle.ts';

/** Settles in this process, and returns only when it is done. */
export class SettlerHere implements Settler {
  /** In ms since 1970. */
  constructor(private readonly wallMs: () => number) {}

  async settle(material: Material): Promise<Settlement> {
    const { local, newest, good, chains } = material;
    await readyRegexFor([
      local.text,
      ...[...newest, ...good].map(({ text }) => text),
      ...chains.map(({ json }) => json),
    ]);
    return settle(material, { wallMs: this.wallMs(), checkFile: checkReadable });
  }
}
