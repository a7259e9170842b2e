import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { WindowBudget } from '../../src/http2/receive-window.ts';
import { settings } from '../support/http2-frames.ts';
import { type RecordingStream, SessionScript, trailersOf } from '../support/http2-script.ts';

interface Message {
  readonly bytes: number;
  readonly piece: number;
  readonly hasTrailers: boolean;
}

type Ending = 'whole' | 'whole' | 'cancelled' | 'refused' | 'abandoned';

interface Call {
  readonly request: Message;
  readonly response: Message;
  readonly ending: Ending;
  /** The answer begins with the head of the request, or with its end. */
  readonly isEager: boolean;
}

const message = fc.record({
  bytes: fc.oneof(fc.nat(20), fc.nat(5_000), fc.nat(200_000)),
  piece: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 100_000 })),
  hasTrailers: fc.boolean(),
});
const call: fc.Arbitrary<Call> = fc.record({
  request: message,
  response: message,
  ending: fc.constantFrom<Ending>('whole', 'whole', 'cancelled', 'refused', 'abandoned'),
  isEager: fc.boolean(),
});

/** Bytes that tell where in which stream they belong. */
function bodyOf(id: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (id * 31 + at * 7 + (at >>> 8) * 13) & 0xff;
  return bytes;
}

/** Gives a message piece by piece, and stops where it is told to. */
class Giver {
  isReady = true;
  private at = 0;
  private readonly id: number;
  private readonly body: Buffer;
  private readonly piece: number;

  constructor(
    private readonly stream: RecordingStream,
    private readonly message: Message,
  ) {
    this.id = stream.id;
    this.body = bodyOf(this.id, message.bytes);
    this.piece = Math.max(message.piece, Math.ceil(message.bytes / 200));
  }

  get isDone(): boolean {
    return this.stream.id !== this.id;
  }

  go(pieces: number): void {
    const { stream, message, body } = this;
    for (let count = 0; count < pieces && this.isReady; count++) {
      if (this.isDone || !stream.isLocalOpen) this.isReady = false;
      else if (this.at < body.length) {
        const piece = body.subarray(this.at, this.at + this.piece);
        this.at += piece.length;
        this.isReady = stream.send(piece);
      } else {
        this.isReady = false;
        stream.sendEnd(message.hasTrailers ? trailersOf(['x-sum', String(body.length)]) : null);
      }
    }
  }
}

/** A client's and a server's session on a wire that delivers what and when chance wants. */
class Pair {
  readonly budget = new WindowBudget(4_000_000);
  readonly client = new SessionScript(false, LIMITS, this.budget).begin();
  /** It may count a stream that the client has closed: one that is answered, and whose reader is slow. */
  readonly server = new SessionScript(true, { ...LIMITS, maxStreams: MAX_CALLS }, this.budget).begin();
  private readonly givers = new Map<RecordingStream, Giver>();
  private readonly paused = new Set<RecordingStream>();
  private toServer = Buffer.alloc(0);
  private toClient = Buffer.alloc(0);
  private opened = 0;
  private isCalm = false;

  constructor(
    private readonly calls: readonly Call[],
    private readonly random: SeededRandom,
  ) {
    for (const side of [this.client, this.server]) {
      side.onBytes = (stream) => {
        stream.hasRoom = this.isCalm || random.below(3) > 0;
        if (!stream.hasRoom) this.paused.add(stream);
      };
      side.onRoom = (stream) => {
        const giver = this.givers.get(stream)!;
        giver.isReady = true;
        giver.go(1 + random.below(4));
      };
    }
    const { server, client } = this;
    server.onHead = (stream) => {
      const { isEager, ending } = this.callOf(stream);
      if (ending === 'refused') return stream.reset(7);
      if (isEager) this.answer(stream);
      if (ending === 'abandoned') stream.abandon();
    };
    server.onEnd = (stream) => {
      if (!this.callOf(stream).isEager) this.answer(stream);
    };
    client.onEnd = () => undefined;
  }

  run(ticks: number): void {
    for (let tick = 0; tick < ticks; tick++) this.tick();
    this.isCalm = true;
    for (const side of [this.client, this.server]) {
      if (side.wire.isFull) side.drain();
    }
    for (let idle = 0, round = 0; idle < 3; round++) {
      expect(round).toBeLessThan(100_000);
      this.inject(this.client, 65_535);
      this.inject(this.server, 65_535);
      this.open();
      this.giveAll(50);
      for (const stream of [...this.paused]) this.resume(stream);
      this.client.later();
      this.server.later();
      idle = this.move(1_000_000) ? 0 : idle + 1;
    }
  }

  tick(): void {
    const { client, server, random } = this;
    const side = random.below(2) === 0 ? client : server;
    switch (random.below(10)) {
      case 0:
        return this.open();
      case 1:
        if (side.wire.isFull) side.drain();
        else side.wire.isFull = random.below(2) === 0;
        return;
      case 2:
        for (const stream of [...this.paused]) if (random.below(2) === 0) this.resume(stream);
        return;
      case 3:
        client.later();
        return server.later();
      case 4:
        return this.inject(side, random.below(4) === 0 ? random.below(65_536) : random.below(300));
      case 5:
        client.clock.advance(random.below(30));
        server.clock.advance(random.below(30));
        return;
      case 6:
        if (random.below(10) === 0) this.cancel();
        return;
      case 7:
        return this.giveAll(1 + random.below(3));
      default:
        this.move(1 + random.below(40_000));
    }
  }

  private open(): void {
    const { client, calls } = this;
    if (this.opened === calls.length || !client.session.hasRoom) return;
    const stream = client.request([], 'POST');
    this.givers.set(stream, new Giver(stream, calls[this.opened++]!.request));
  }

  private answer(stream: RecordingStream): void {
    if (stream.id === 0) return;
    stream.sendHead([[':status', '200']]);
    const giver = new Giver(stream, this.callOf(stream).response);
    this.givers.set(stream, giver);
    giver.go(this.random.below(3));
  }

  private giveAll(pieces: number): void {
    for (const giver of this.givers.values()) giver.go(pieces);
  }

  private cancel(): void {
    for (const stream of this.client.open.values()) {
      if (this.callOf(stream).ending === 'cancelled') return stream.reset();
    }
  }

  private resume(stream: RecordingStream): void {
    this.paused.delete(stream);
    stream.hasRoom = true;
    if (stream.id !== 0) stream.resume();
  }

  /** What the peer will have from `side`: never more than it is ready for. */
  private inject(side: SessionScript, window: number): void {
    if (side.session.isBetween) side.say(settings([4, window]));
  }

  private move(most: number): boolean {
    const { client, server } = this;
    if (client.wire.hasBytes) this.toServer = Buffer.concat([this.toServer, client.wire.take()]);
    if (server.wire.hasBytes) this.toClient = Buffer.concat([this.toClient, server.wire.take()]);
    const up = this.toServer.subarray(0, most);
    const down = this.toClient.subarray(0, most);
    this.toServer = this.toServer.subarray(up.length);
    this.toClient = this.toClient.subarray(down.length);
    // Acknowledgements of what was injected move nothing.
    if (up.length > 0) server.say(up);
    if (down.length > 0) client.say(down);
    return up.length > 9 || down.length > 9;
  }

  callOf(stream: { readonly id: number }): Call {
    return this.calls[(stream.id - 1) / 2]!;
  }
}

const MAX_CALLS = 12;
const LIMITS = { maxUselessFrames: 1_000_000, maxResets: 1_000, maxHeldBytes: 8_000_000, maxStreams: 8 };

function endLine(id: number, { hasTrailers, bytes }: Message): string {
  return `${id} end${hasTrailers ? ` x-sum=${bytes}` : ''}`;
}

function expectArrived(side: SessionScript, id: number, message: Message): void {
  expect(side.body(id).equals(bodyOf(id, message.bytes))).toBe(true);
  expect(side.log.filter((line) => line.startsWith(`${id} end`))).toEqual([endLine(id, message)]);
}

function expectBeginning(side: SessionScript, id: number, message: Message): void {
  const body = side.body(id);
  expect(bodyOf(id, message.bytes).subarray(0, body.length).equals(body)).toBe(true);
}

/** Of the connection: what one side may send is what the other has given and not taken back. */
function expectBalance(sender: SessionScript, receiver: SessionScript): void {
  const window = Reflect.get(receiver.session, 'window');
  const held = Reflect.get(receiver.session, 'receiver');
  expect(Reflect.get(sender.session.sender, 'window')).toBe(Reflect.get(window, 'credit'));
  const open = ['credit', 'used'].reduce((sum, name) => sum + Number(Reflect.get(window, name)), 0);
  expect(open + Number(Reflect.get(held, 'owedBytes'))).toBe(Reflect.get(window, 'size'));
  expect(Reflect.get(held, 'heldBytes')).toBe(0);
  expect(sender.session.sender.unsentBytes).toBe(0);
  expect(Reflect.get(sender.session.sender, 'waiting')).toEqual([]);
}

describe('two sessions back to back', () => {
  it('bring every byte over once and in order, whatever the windows, readers and wires do', () => {
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: MAX_CALLS }),
        fc.integer(),
        fc.nat(1_500),
        (calls, seed, ticks) => {
          const pair = new Pair(calls, new SeededRandom(seed));
          pair.run(ticks);
          const { client, server, budget } = pair;
          for (const side of [client, server]) {
            expect(side.session.isOver).toBe(false);
            expect(side.session.openCount).toBe(0);
            expect(side.open.size).toBe(0);
            expect(side.log.filter((line) => line.includes('violates'))).toEqual([]);
          }
          for (const [at, { request, response, ending, isEager }] of calls.entries()) {
            const id = at * 2 + 1;
            if (ending === 'whole') {
              // An exchange that is complete with its head is closed before its end could be told.
              const isTold = !isEager || request.bytes > 0 || request.hasTrailers;
              if (isTold) expectArrived(server, id, request);
              expectArrived(client, id, response);
            } else {
              expectBeginning(server, id, request);
              expectBeginning(client, id, response);
            }
            if (ending === 'abandoned' && isEager) expectArrived(client, id, response);
          }
          expectBalance(client, server);
          expectBalance(server, client);
          client.session.lose();
          server.session.lose();
          expect(budget.takenBytes).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('give back all they hold when the connection is lost in the middle', () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 8 }), fc.integer(), fc.nat(300), (calls, seed, ticks) => {
        const pair = new Pair(calls, new SeededRandom(seed));
        const { client, server, budget } = pair;
        for (let tick = 0; tick < ticks; tick++) pair.tick();
        client.session.lose();
        server.session.lose();
        // An answer that is here to its end still reaches its reader.
        for (const stream of [...client.open.values()]) {
          expect(stream.isEndHeld).toBe(true);
          stream.reset();
        }
        for (const side of [client, server]) {
          expect(side.session.openCount).toBe(0);
          expect(side.session.sender.unsentBytes).toBe(0);
          expect(Reflect.get(Reflect.get(side.session, 'receiver'), 'heldBytes')).toBe(0);
        }
        expect(budget.takenBytes).toBe(0);
      }),
      { numRuns: 80 },
    );
  });
});
