import { around, type Course, PLAIN, type Treatment } from './course.ts';
import { RECORDED } from './shapes.ts';

/** What the servers go through, and what is to be seen of it. */
export interface Scenario {
  readonly name: string;
  /** One sentence, with instants of this run. */
  readonly story: string;
  readonly course: Course;
  /** The seconds that the table is about: of the trouble, or, in peace, all but the first few. */
  readonly from: number;
  readonly to: number;
  /** The servers that the trouble is about. */
  isAffected(server: number): boolean;
  /** Do the affected ones lose their traffic in the trouble, and get it back after it? */
  readonly isOutage: boolean;
  /** Is the membership of the trouble another one, so that keys have to move? */
  readonly moves: boolean;
}

/** What one scenario is made of; the rest is what happens in peace. */
interface Trouble extends Partial<Omit<Scenario, 'course'>> {
  readonly name: string;
  readonly story: string;
  readonly course: Partial<Course>;
}

const FAST: Treatment = { ...PLAIN, shape: around(5) };
const SLOW: Treatment = { ...FAST, slowness: 10 };
const FAILING: Treatment = { ...FAST, shape: around(1), fails: true };
/** Nothing comes back: what ends such an attempt is the time a connection may take to be made. */
const UNREACHABLE: Treatment = { ...FAST, shape: around(1000), fails: true };
/** Caches are cold: the first answers take this many times as long, and come down to normal within this many seconds. */
const COLD_SLOWNESS = 8;
const WARM_AFTER_S = 10;
/** How long discovery takes to see what a connection sees at once. */
const NOTICE_S = 5;
/** The first seconds are left out: nobody has learned anything yet. */
const SETTLING_S = 5;

const recorded = RECORDED.map((shape): Treatment => ({ ...PLAIN, shape }));

/** All scenarios for a run of this many seconds: trouble is in the middle third. */
export function scenariosOf(seconds: number): Scenario[] {
  const from = Math.round(seconds / 3);
  const to = Math.round((2 * seconds) / 3);
  const during = (second: number): boolean => second >= from && second < to;
  const span = `from ${from} s to ${to} s`;
  const first = (server: number): boolean => server === 0;
  const zone = (server: number): boolean => server % 3 === 0;
  const isSeenDead = (second: number): boolean => second >= from + NOTICE_S && second < to + NOTICE_S;
  const peace = { from: SETTLING_S, to: seconds, isAffected: () => false, isOutage: false, moves: false };
  const trouble = { from, to, isAffected: first, isOutage: true, moves: false };

  const troubles: readonly Trouble[] = [
    { ...peace, name: 'steady', story: 'all servers are alike and take 2.5 to 7.5 ms', course: {} },
    {
      ...peace,
      name: 'recorded',
      story: `recorded shapes, dealt in turn to three at a time: ${RECORDED.map(({ name }) => name).join(', ')}`,
      // One of each zone at a time.
      course: { treat: (server) => recorded[Math.floor(server / 3) % recorded.length]! },
    },
    {
      ...trouble,
      name: 'hot',
      isAffected: () => false,
      isOutage: false,
      story: `a fifth of all requests is for one key ${span}`,
      course: { hotShare: (second) => (during(second) ? 0.2 : 0) },
    },
    {
      ...trouble,
      name: 'slow',
      story: `one server takes ten times as long ${span}`,
      course: { treat: (server, second) => (first(server) && during(second) ? SLOW : FAST) },
    },
    {
      ...trouble,
      name: 'failing',
      story: `one server fails every request within 1.5 ms ${span}`,
      course: { treat: (server, second) => (first(server) && during(second) ? FAILING : FAST) },
    },
    {
      ...trouble,
      name: 'removed',
      moves: true,
      story: `one server is taken out of discovery ${span}`,
      course: { isMember: (server, second) => !first(server) || !during(second), changes: [from, to] },
    },
    {
      ...trouble,
      name: 'added',
      to: Math.min(seconds, from + WARM_AFTER_S),
      isOutage: false,
      moves: true,
      story: `one server is new at ${from} s, ${COLD_SLOWNESS} times as slow, and as fast as all ${WARM_AFTER_S} s later`,
      course: {
        treat: (server, second) => (first(server) ? warming(second - from) : FAST),
        isMember: (server, second) => !first(server) || second >= from,
        changes: [from],
      },
    },
    {
      ...trouble,
      name: 'zone',
      isAffected: zone,
      moves: true,
      story: `a third of the servers cannot be reached ${span}, and discovery follows ${NOTICE_S} s later`,
      course: {
        treat: (server, second) => (zone(server) && during(second) ? UNREACHABLE : FAST),
        isMember: (server, second) => !zone(server) || !isSeenDead(second),
        changes: [from + NOTICE_S, to + NOTICE_S],
      },
    },
  ];
  const plain: Course = { treat: () => FAST, isMember: () => true, changes: [], hotShare: () => 0 };
  return troubles.map((one) => ({ ...trouble, ...one, course: { ...plain, ...one.course } }));
}

function warming(age: number): Treatment {
  if (age >= WARM_AFTER_S) return FAST;
  return { ...FAST, slowness: COLD_SLOWNESS - ((COLD_SLOWNESS - 1) * age) / WARM_AFTER_S };
}
