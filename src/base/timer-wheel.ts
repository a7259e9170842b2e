import type { Timer } from './clock.ts';

const TICK_MS = 10;
const SLOT_BITS = 8;
const SLOTS = 1 << SLOT_BITS;
const SLOT_MASK = SLOTS - 1;
const LEVELS = 4;

/** The head of a circular list: the two links of a `Timer` and nothing else. */
interface Links {
  next: Timer | null;
  previous: Timer | null;
}

/**
 * A hierarchical timing wheel (Varghese and Lauck, 1987): four levels of 256 slots, 10 ms a tick, so that arming and
 * disarming are a few pointer writes however many timers there are, up to 497 days ahead (later is clamped to that).
 *
 *     level 0   256 slots of 10 ms        a timer lies in the level whose slot width its distance needs, and
 *     level 1   256 slots of 2.56 s       moves down one level each time the level below has gone round
 *     level 2   256 slots of 11 min
 *     level 3   256 slots of 47 h
 *
 * A timer fires at the first tick at or after its instant. Owners may arm and disarm anything while timers fire: a
 * slot is emptied into a list of its own first, and whatever is armed meanwhile lands in a later tick.
 */
export class TimerWheel {
  private readonly slots: Links[] = [];
  private readonly firing: Links = emptyList();
  /** The next tick to be processed; everything before it has fired. */
  private tick: number;
  private count = 0;

  constructor(startAt: number) {
    this.tick = Math.floor(startAt / TICK_MS) + 1;
    for (let i = 0; i < LEVELS * SLOTS; i++) this.slots.push(emptyList());
  }

  /** How many timers are armed. */
  get size(): number {
    return this.count;
  }

  arm(timer: Timer, at: number): void {
    if (timer.previous !== null) this.disarm(timer);
    timer.at = at;
    this.place(timer);
    this.count++;
  }

  disarm(timer: Timer): void {
    if (timer.previous === null) return;
    unlink(timer);
    this.count--;
  }

  /**
   * Fires everything due at `now`. An owner that throws does not keep the others from firing; the first throw is
   * rethrown.
   */
  advance(now: number): void {
    const last = Math.floor(now / TICK_MS);
    let failure: unknown = null;
    if (this.count === 0 && last >= this.tick) this.tick = last + 1;
    while (this.tick <= last) {
      const tick = this.tick;
      if ((tick & SLOT_MASK) === 0) this.cascade(tick);
      // From here on a timer due "now" belongs to the next tick, or an owner that re-arms at once would never let go.
      this.tick = tick + 1;
      moveAll(this.slots[tick & SLOT_MASK]!, this.firing);
      for (let timer = this.firing.next; timer !== (this.firing as Timer); timer = this.firing.next) {
        this.disarm(timer!);
        try {
          timer!.owner.onTimer(timer!, now);
        } catch (error) {
          failure ??= error;
        }
      }
    }
    if (failure !== null) throw failure;
  }

  /** The instant at which `advance` has something to do: exact within level 0, else the next time it goes round. */
  nextAt(): number {
    if (this.count === 0) return Number.POSITIVE_INFINITY;
    const position = this.tick & SLOT_MASK;
    // A tick on the boundary has to cascade first, so what it will fire is not in its slot yet.
    if (position === 0) return this.tick * TICK_MS;
    // Not `tick | SLOT_MASK`: after 248 days a tick needs more than 31 bits.
    const round = this.tick - position + SLOTS;
    for (let tick = this.tick; tick < round; tick++) {
      const slot = this.slots[tick & SLOT_MASK]!;
      if (slot.next !== (slot as Timer)) return tick * TICK_MS;
    }
    return round * TICK_MS;
  }

  private place(timer: Timer): void {
    const due = Math.max(this.tick, Math.ceil(timer.at / TICK_MS));
    let distance = due - this.tick;
    let level = 0;
    // A level's slots are relative to the tick being processed, so a distance of exactly one round goes up a level.
    while (level < LEVELS - 1 && distance >= SLOTS) {
      distance = Math.floor(distance / SLOTS);
      level++;
    }
    const index =
      level === LEVELS - 1 && distance >= SLOTS
        ? (Math.floor(this.tick / SLOTS ** level) + SLOT_MASK) & SLOT_MASK
        : Math.floor(due / SLOTS ** level) & SLOT_MASK;
    link(this.slots[level * SLOTS + index]!, timer);
  }

  /** Level 0 starts a new round: bring down the slot of the level above, and of each level that wraps with it. */
  private cascade(tick: number): void {
    let position = tick;
    for (let level = 1; level < LEVELS; level++) {
      position = Math.floor(position / SLOTS);
      const index = position & SLOT_MASK;
      moveAll(this.slots[level * SLOTS + index]!, this.firing);
      for (let timer = this.firing.next; timer !== (this.firing as Timer); timer = this.firing.next) {
        unlink(timer!);
        this.place(timer!);
      }
      if (index !== 0) return;
    }
  }
}

function emptyList(): Links {
  const list: Links = { next: null, previous: null };
  list.next = list as Timer;
  list.previous = list as Timer;
  return list;
}

function link(list: Links, timer: Timer): void {
  const last = list.previous!;
  timer.previous = last;
  timer.next = list as Timer;
  last.next = timer;
  list.previous = timer;
}

function unlink(timer: Timer): void {
  timer.previous!.next = timer.next;
  timer.next!.previous = timer.previous;
  timer.next = null;
  timer.previous = null;
}

function moveAll(from: Links, to: Links): void {
  if (from.next === (from as Timer)) return;
  const first = from.next!;
  const last = from.previous!;
  const tail = to.previous!;
  tail.next = first;
  first.previous = tail;
  last.next = to as Timer;
  to.previous = last;
  from.next = from as Timer;
  from.previous = from as Timer;
}
