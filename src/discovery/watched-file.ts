import { readFile, stat } from 'node:fs/promises';

const MAX_BYTES = 1024 * 1024;

/** A small file that others replace (a token, a certificate): read again when it looks different, else from memory. */
export class WatchedFile {
  private text: string | null = null;
  private mark = '';

  constructor(readonly path: string) {}

  /** The content now. A file that cannot be read any more keeps its last content, and throws when it never had one. */
  async read(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.path);
      const mark = `${mtimeMs} ${size} ${ino}`;
      if (mark !== this.mark) {
        if (size > MAX_BYTES) throw new Error(`${this.path} has ${size} bytes, more than ${MAX_BYTES}`);
        this.text = await readFile(this.path, 'utf8');
        this.mark = mark;
      }
    } catch (error) {
      if (this.text === null) throw error;
    }
    return this.text ?? '';
  }

  /** The next read looks at the file whatever its times say: two writes within one tick of a file system look alike. */
  forget(): void {
    this.mark = '';
  }
}
