import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConnectionRoom, openFilesLimit } from '../../src/agent/connection-room.ts';

describe('the room for connections', () => {
  it('is half of the descriptors when the listeners want more', () => {
    const room = ConnectionRoom.within(1_032, 3, 400);
    expect(room).toMatchObject({ isShort: true, wanted: 1_200, most: 500 });
  });

  it('is no concern when the listeners want less', () => {
    expect(ConnectionRoom.within(1_048_576, 3, 10_000).isShort).toBe(false);
    expect(ConnectionRoom.within(Number.POSITIVE_INFINITY, 3, 10_000).isShort).toBe(false);
  });

  it('lets someone in however few descriptors there are', () => {
    expect(ConnectionRoom.within(10, 1, 10).most).toBe(1);
  });

  it('is exceeded by the first too many, of whichever listener, and not when one has left', () => {
    const room = ConnectionRoom.within(36, 2, 10);
    room.count(1);
    room.count(1);
    expect(room.isExceeded).toBe(false);
    room.count(1);
    expect(room.isExceeded).toBe(true);
    room.count(-1);
    expect(room.isExceeded).toBe(false);
  });
});

describe('the limit on open files', () => {
  function limitOf(text: string): number {
    const folder = mkdtempSync(join(tmpdir(), 'remora-limits-'));
    const file = join(folder, 'limits');
    writeFileSync(file, text);
    const limit = openFilesLimit(file);
    rmSync(folder, { recursive: true });
    return limit;
  }

  it('is the soft one of the two', () => {
    const head = 'Limit                     Soft Limit           Hard Limit           Units     \n';
    expect(
      limitOf(`${head}Max processes 7 8 processes\nMax open files            1024      4096       files     \n`),
    ).toBe(1_024);
  });

  it('is none when it says unlimited, when it is not there, and where there are no such files', () => {
    expect(limitOf('Max open files            unlimited            unlimited            files     \n')).toBe(Infinity);
    expect(limitOf('')).toBe(Infinity);
    expect(openFilesLimit('/nowhere/limits')).toBe(Infinity);
  });
});
