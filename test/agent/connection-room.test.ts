import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConnectionRoom, openFilesLimit } from '../../src/agent/connection-room.ts';

describe('the room for connections', () => {
  it('is half of the descriptors, and short when one listener would feel it', () => {
    const room = ConnectionRoom.within(1_032, 3, 1_002);
    expect(room).toMatchObject({ isShort: true, wanted: 3_006, most: 500 });
    expect(ConnectionRoom.within(1_032, 3, 1_000)).toMatchObject({ isShort: false, most: 500 });
  });

  it('says by which numbers it would be enough, and with them it is', () => {
    const room = ConnectionRoom.within(1_024, 3, 10_000);
    const [files, , , lower] = ConnectionRoom.advice(room, 10_000).match(/\d+/g)!.map(Number);
    expect([files, lower]).toEqual([20_032, 496]);
    expect(ConnectionRoom.within(files!, 3, 10_000)).toMatchObject({ isShort: false, most: 10_000 });
    expect(ConnectionRoom.within(1_024, 3, lower!).isShort).toBe(false);
  });

  it('is no concern with the defaults and the limits that systems come with, nor where nothing listens', () => {
    for (const openFiles of [20_000, 65_536, 524_288]) {
      expect(ConnectionRoom.within(openFiles, 12, 10_000).isShort).toBe(false);
    }
    expect(ConnectionRoom.within(256, 0, 10_000).isShort).toBe(false);
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
