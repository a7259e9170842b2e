import { describe, expect, it } from 'vitest';
import { ApplicationProbe } from '../../src/agent/application-probe.ts';
import type { Log } from '../../src/base/log.ts';
import { Cell } from '../../src/base/watch.ts';
import type { ClusterSnapshot } from '../../src/cluster/snapshot.ts';
import { specs } from '../support/endpoint-specs.ts';
import { FakeSockets } from '../support/fake-transport.ts';
import { ManualClock } from '../support/manual-clock.ts';

function probing(isResolved = true) {
  const clock = new ManualClock();
  const sockets = new FakeSockets();
  const said: string[] = [];
  const note = (event: string): void => void said.push(event);
  const log: Log = { info: note, warn: note, error: note };
  const application = new Cell<ClusterSnapshot>(clock);
  if (isResolved) application.set({ service: 'web', endpoints: specs('a'), source: 'file' });
  const probe = new ApplicationProbe(sockets, application, 5_000, clock, log);
  probe.start();
  const looks = (): number => sockets.dialed.length;
  /** Goes on to the next look, and says how long that took. */
  const nextLook = (): number => {
    const [before, startedAt] = [looks(), clock.now()];
    while (looks() === before) clock.advance(10);
    return clock.now() - startedAt;
  };
  return { application, clock, sockets, said, probe, looks, nextLook };
}

describe('ApplicationProbe', () => {
  it('takes an application for down until it has accepted', () => {
    const { sockets, probe, said } = probing();
    expect([probe.isUp, probe.problem]).toEqual([false, 'not looked at yet']);
    sockets.last.connect();
    expect([probe.isUp, probe.problem]).toEqual([true, null]);
    expect(sockets.last.destroyed).toBe('fin');
    expect(said).toEqual(['application_up']);
  });

  it('looks every second until it is up, then at its calm pace', () => {
    const { sockets, nextLook } = probing();
    sockets.last.close('connect_refused');
    expect(nextLook()).toBe(1_000);
    sockets.last.close('connect_refused');
    expect(nextLook()).toBe(1_000);
    sockets.last.connect();
    expect(nextLook()).toBe(5_000);
  });

  it('believes a refusal at once', () => {
    const { sockets, probe, said, nextLook } = probing();
    sockets.last.connect();
    nextLook();
    sockets.last.close('connect_refused');
    expect(probe.isUp).toBe(false);
    expect(said).toEqual(['application_up', 'application_down']);
    expect(nextLook()).toBe(1_000);
  });

  it('believes silence when it lasts, and gives up each connect after a second', () => {
    const { sockets, clock, probe, nextLook } = probing();
    sockets.last.connect();
    nextLook();
    for (const isUp of [true, true, false]) {
      const connect = sockets.last;
      clock.advance(1_000);
      expect([connect.destroyed, probe.isUp]).toEqual(['reset', isUp]);
      nextLook();
    }
  });

  it('takes an application whose name does not resolve for down, and looks again when it does', () => {
    const { application, probe, said, looks, nextLook, sockets } = probing(false);
    expect([looks(), probe.isUp, said]).toEqual([0, false, ['application_down']]);
    application.set({ service: 'web', endpoints: specs('a'), source: 'dns' });
    nextLook();
    sockets.last.connect();
    expect(probe.isUp).toBe(true);
  });

  it('says why it takes the application for down, as it is at the last look', () => {
    const { application, sockets, clock, probe, nextLook } = probing(false);
    application.fail('no such name');
    clock.advance(1_000);
    expect(probe.problem).toBe('no such name');
    application.set({ service: 'web', endpoints: specs('a'), source: 'dns' });
    const { host, port } = application.value!.endpoints[0]!;
    nextLook();
    sockets.last.close('connect_refused');
    expect(probe.problem).toBe(`down at ${host}:${port} (nothing listens there)`);
    nextLook();
    clock.advance(1_000);
    expect(probe.problem).toBe(`down at ${host}:${port} (it accepted no connection within 1000 ms)`);
  });

  it('forgets silences once it is accepted again', () => {
    const { sockets, clock, probe, nextLook } = probing();
    sockets.last.connect();
    for (let round = 0; round < 4; round++) {
      nextLook();
      clock.advance(1_000);
      nextLook();
      sockets.last.connect();
    }
    expect(probe.isUp).toBe(true);
  });

  it('leaves nothing behind when it is stopped, in the middle of a connect or between two', () => {
    const busy = probing();
    busy.probe.stop();
    expect([busy.sockets.last.destroyed, busy.clock.armed]).toEqual(['reset', 0]);
    busy.sockets.last.close('connect_refused');
    expect([busy.said, busy.clock.armed]).toEqual([[], 0]);

    const resting = probing();
    resting.sockets.last.connect();
    resting.probe.stop();
    expect(resting.clock.armed).toBe(0);
  });
});
