import { describe, expect, it } from 'vitest';
import { failureAnswer } from '../../src/http/answer.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import { ClientScript, ok } from '../support/client-script.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const MAX_PENDING = 65_536;
const nextTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/** A client that has been answered this much and took nothing of it. */
function unread(bytes: number, requests = 1): ClientScript {
  const script = new ClientScript({ clientIdleMs: 600_000 });
  script.transport.isStuck = true;
  script.transport.receive(GET.repeat(requests));
  script.answer(ok(bytes), 'x'.repeat(bytes));
  script.take();
  return script;
}

describe('a client that does not take its answers', () => {
  it('has its next request looked at when it has taken them, and nothing is read meanwhile', async () => {
    const script = unread(70_000, 3);
    await nextTick();
    expect(script.take()).toEqual([]);
    expect(script.transport.isPaused).toBe(true);
    script.transport.drained();
    expect(script.take()).toEqual(['GET /a', 'end']);
    expect(script.transport.isPaused).toBe(false);
    script.answer();
    await nextTick();
    expect(script.take()).toEqual(['GET /a', 'end']);
  });

  it('may have sent the next request later, in pieces, and have closed its end', async () => {
    const script = unread(70_000);
    script.transport.receive(GET.slice(0, 9));
    script.transport.drained();
    expect(script.take()).toEqual([]);
    script.clock.advance(9_000);
    script.transport.receive(GET.slice(9));
    expect(script.take()).toEqual(['GET /a', 'end']);
    script.transport.fin();
    script.answer();
    expect(script.transport.log).toEqual(['end']);
  });

  it('has the time for a head counted from when it is looked at', () => {
    const script = unread(70_000);
    script.transport.receive(GET.slice(0, 9));
    script.clock.advance(20_000);
    script.transport.drained();
    script.clock.advance(9_900);
    expect(script.take()).toEqual([]);
    script.clock.advance(200);
    expect(script.take()).toEqual(['gone head_timeout']);
  });

  it.each([
    ['as little as one request, answered at the door', 1],
    ['requests without end', 20_000],
  ])('makes nobody hold more than the high-water mark and an answer: %s', (_, times) => {
    const script = new ClientScript();
    script.transport.isStuck = true;
    script.onOpen = () => {
      script.client.sendLocal(failureAnswer('no_route'), NO_EDITS);
      script.client.finish(true);
    };
    for (let i = 0; i < times && !script.transport.isPaused; i++) script.transport.receive(GET.repeat(20));
    expect(script.transport.pendingBytes).toBeLessThan(4 * MAX_PENDING);
    expect(script.transport.isPaused).toBe(times > 1);
  });

  it.each([
    ['a little', 2],
    ['so much that nothing more is read', 70_000],
  ])('is closed when it takes nothing for a minute: %s', (_, bytes) => {
    const script = unread(bytes);
    script.clock.advance(59_900);
    expect(script.transport.log).toEqual([]);
    script.clock.advance(200);
    expect(script.transport.log).toEqual(['reset']);
    expect(script.take()).toEqual(['gone client_idle']);
    expect([script.closed, script.clock.armed]).toEqual([1, 0]);
  });

  it('is kept as long as it goes on taking', () => {
    const script = unread(70_000);
    for (let i = 0; i < 8; i++) {
      script.transport.pendingBytes -= 100;
      script.clock.advance(60_010);
    }
    expect(script.transport.log).toEqual([]);
    script.transport.drained();
    script.clock.advance(300_000);
    expect(script.transport.log).toEqual([]);
  });

  it('is given no longer than any idle client', async () => {
    const script = new ClientScript({ clientIdleMs: 5_000 });
    script.transport.isStuck = true;
    script.transport.receive(GET + GET);
    script.answer(ok(70_000), 'x'.repeat(70_000));
    await nextTick();
    script.clock.advance(5_100);
    expect(script.transport.log).toEqual(['reset']);
  });

  it('is not judged while an exchange runs, which has bounds of its own', () => {
    const script = unread(2);
    script.transport.receive(GET);
    script.clock.advance(130_000);
    expect(script.transport.log).toEqual([]);
    script.turn(() => script.client.finish(false));
    expect(script.clock.armed).toBe(0);
  });
});
