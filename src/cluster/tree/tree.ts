import type { Random } from '../../base/random.ts';
import { isHashing } from '../hashing-options.ts';
import type { Balancer, Picker } from '../picker.ts';
import { type BuiltLevel, LevelPicker } from './level-picker.ts';
import type { Level, Member } from './levels.ts';
import type { TreeOptions, ZoneOptions } from './options.ts';
import type { Spills } from './spills.ts';
import { ZonePicker } from './zone-picker.ts';
import { splitByZone } from './zones.ts';

/** What zones mean to a balancer: nothing to one that hashes, since sidecars of two zones must agree on a key. */
export function zonesFor(balancer: Balancer, { zones }: TreeOptions): ZoneOptions | null {
  return isHashing(balancer.name) ? null : zones;
}

/**
 * Builds what a request is asked through: levels, in the first of them zones, and in each of those the balancer. Where
 * there is one level and nothing to say about zones, that is the balancer's picker itself.
 *
 * Only the first level knows zones: who fails over to endpoints far away finds no zone of ours there.
 */
export function* buildTree(
  balancer: Balancer,
  levels: readonly Level[],
  options: TreeOptions,
  random: Random,
  spills: Spills,
): Generator<void, Picker> {
  const usable = levels.filter(({ members }) => members.length > 0);
  const built: BuiltLevel[] = [];
  for (const { priority, load, members, isPanic } of usable) {
    const zones = priority === 0 && !isPanic ? zonesFor(balancer, options) : null;
    built.push({ priority, load, picker: yield* buildLevel(balancer, members, zones, random, spills) });
  }
  const [first] = built;
  if (first === undefined) return yield* balancer.build([]);
  return built.length === 1 && first.priority === 0 ? first.picker : new LevelPicker(built, random, spills);
}

function* buildLevel(
  balancer: Balancer,
  members: readonly Member[],
  options: ZoneOptions | null,
  random: Random,
  spills: Spills,
): Generator<void, Picker> {
  const zones = options === null ? null : splitByZone(members, options);
  if (options === null || zones === null) return yield* balancer.build(endpointsOf(members));
  const { own } = options;
  const home = zones.find(({ name }) => name === own)!;
  const homePicker = yield* balancer.build(endpointsOf(home.members));
  const outside = yield* balancer.build(endpointsOf(members.filter(({ zone }) => zone !== own)));
  const others = [];
  for (const { name, share, members: inside } of zones) {
    if (name === own || share === 0) continue;
    others.push({ share, picker: yield* balancer.build(endpointsOf(inside)) });
  }
  return new ZonePicker(own, home.share, homePicker, outside, others, random, spills);
}

function endpointsOf(members: readonly Member[]) {
  return members.map(({ endpoint }) => endpoint);
}
