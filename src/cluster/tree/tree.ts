import type { Random } from '../../base/random.ts';
import { isHashing } from '../hashing-options.ts';
import type { Balancer, Picker } from '../picker.ts';
import { ApartPicker } from './apart-picker.ts';
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
 * Only the first level knows zones: who fails over to endpoints far away finds no zone of ours there. Retries leave the
 * zones that were tried in any of them.
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
    const zones = zonesFor(balancer, options);
    const isSplit = zones !== null && priority === 0 && !isPanic;
    const picker = yield* buildLevel(balancer, members, isSplit ? zones : null, random, spills);
    built.push({ priority, load, picker: zones === null ? picker : apart(picker, members) });
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
  const away = members.filter(({ zone }) => zone !== own);
  const outside = apart(yield* balancer.build(endpointsOf(away)), away);
  const others = [];
  for (const { name, share, members: inside } of zones) {
    if (name === own || share === 0) continue;
    others.push({ share, picker: yield* balancer.build(endpointsOf(inside)) });
  }
  return new ZonePicker(own, home.share, homePicker, outside, others, random, spills);
}

/** A picker that knows zones by itself stays as it is. */
function apart(picker: Picker, members: readonly Member[]): Picker {
  const hasOthers = members.some(({ zone }) => zone !== null && zone !== members[0]!.zone);
  return picker instanceof ZonePicker || !hasOthers ? picker : new ApartPicker(picker);
}

function endpointsOf(members: readonly Member[]) {
  return members.map(({ endpoint }) => endpoint);
}
