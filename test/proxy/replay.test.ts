import { describe, expect, it } from 'vitest';
import { Replay } from '../../src/proxy/replay.ts';

function sentBy(replay: Replay): string {
  const sent: string[] = [];
  replay.sendTo({ sendBody: (bytes) => sent.push(bytes.toString()) > 0 });
  return sent.join('');
}

describe('the replay buffer', () => {
  it('copies what is only lent', () => {
    const replay = new Replay();
    const lent = Buffer.from('abc');
    replay.keep(lent, 10);
    lent.fill('x');
    expect(sentBy(replay)).toBe('abc');
  });

  it('gives up whole as soon as one piece does not fit', () => {
    const replay = new Replay();
    replay.keep(Buffer.from('abc'), 4);
    replay.keep(Buffer.from('de'), 4);
    replay.keep(Buffer.from('f'), 4);
    expect([replay.isWhole, replay.size, sentBy(replay)]).toEqual([false, 0, '']);
  });

  it('holds what nobody has taken, whatever the limit', () => {
    const replay = new Replay();
    replay.hold(Buffer.from('abcdef'));
    expect([replay.isWhole, sentBy(replay)]).toEqual([true, 'abcdef']);
    replay.keep(Buffer.from('g'), 4);
    expect(replay.isWhole).toBe(false);
  });

  it('is whole again after a reset', () => {
    const replay = new Replay();
    replay.drop();
    replay.reset();
    expect([replay.isWhole, replay.size]).toEqual([true, 0]);
  });
});
