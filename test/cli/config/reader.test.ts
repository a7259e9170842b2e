import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { withoutReader } from '../../../src/cli/config/reader.ts';

function failingWith(code: string): Writable {
  return withoutReader(
    new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) }),
  );
}

it('goes on when nobody reads any more', async () => {
  const out = failingWith('EPIPE');
  out.write('a line');
  await new Promise((resolve) => out.once('close', resolve));
  expect(out.destroyed).toBe(true);
});

it('does not hide that the disk is full', () => {
  const error = Object.assign(new Error('full'), { code: 'ENOSPC' });
  expect(() => failingWith('EPIPE').emit('error', error)).toThrow('full');
});
