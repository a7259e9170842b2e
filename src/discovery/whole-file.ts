import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

let writes = 0;

/**
 * Replaces the file whole or not at all: readable by its owner only, on the disk before it takes the old one's place.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${writes++}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => null); // The first error is the one to report.
    throw error;
  }
}
