import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { OverloadGuard, type Resource } from '../policy/overload-guard.ts';
import type { Pressure } from '../policy/pressure.ts';
import { type ConnectionRoom, makeRoom } from './connection-room.ts';
import { heapReader } from './heap-share.ts';

/** Three of these make pressure: short enough for a burst, and five wake-ups a second cost nothing to speak of. */
const PERIOD_MS = 200;

/**
 * Reads what the guard judges by. How late the event loop is, its own timer tells: it is armed anew each time it fires,
 * so that a loop that stood still for a minute is one late reading and not three hundred.
 */
export class OverloadWatch implements TimerOwner {
  private readonly timer = new Timer(this);

  constructor(
    private readonly guard: OverloadGuard,
    private readonly room: Pick<ConnectionRoom, 'share'>,
    private readonly clock: Clock,
    private readonly heap: () => number = heapReader(),
  ) {}

  start(signal: AbortSignal): void {
    this.clock.arm(this.timer, this.clock.now() + PERIOD_MS);
    signal.addEventListener('abort', () => this.clock.disarm(this.timer), { once: true });
  }

  onTimer(timer: Timer, now: number): void {
    const lateMs = Math.max(0, now - timer.at);
    this.clock.arm(timer, now + PERIOD_MS);
    this.guard.sample(lateMs, this.heap(), this.room.share, now);
  }
}

/** The room of this process and its guard, watched until the program ends. */
export function watchedRoom(
  config: Config,
  clock: Clock,
  random: Random,
  log: Log,
  signal: AbortSignal,
): { readonly room: ConnectionRoom; readonly guard: OverloadGuard } {
  const room = makeRoom(config, log);
  const guard = new OverloadGuard(config.overload, random, { onPressure: (resource, how) => say(log, resource, how) });
  new OverloadWatch(guard, room, clock).start(signal);
  return { room, guard };
}

/** Once when pressure begins and once when it is over. */
function say(log: Log, resource: Resource, { isOn, reading, options }: Pressure): void {
  const facts = { resource, reading: Math.round(reading * 1000) / 1000, ...options };
  if (isOn) log.warn('overload_began', facts);
  else log.info('overload_over', facts);
}
