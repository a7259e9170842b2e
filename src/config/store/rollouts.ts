import type { ConsulApi, KvWrite } from '../../discovery/consul-api.ts';
import type { KvDocument } from '../../discovery/kv.ts';
import { type LayerName, layerOf, OBJECTION_PREFIX, ROLLOUT_PREFIX, rolloutKey } from '../kv-keys.ts';
import type { Objection, Rollout } from '../rollout.ts';
import { decodeObjections, decodeRollout, encodeRollout } from '../rollout-text.ts';
import type { HistoryEntry } from './history.ts';
import type { LayerStore } from './store.ts';

/** A rollout as it stands in Consul. */
export interface StagedRollout {
  readonly rollout: Rollout;
  /** Of its key. */
  readonly revision: string;
  /** Of the layer's document now; one that is not the base is the end of it. */
  readonly layerRevision: string;
  readonly objections: readonly NamedObjection[];
}

export interface NamedObjection extends Objection {
  /** `service/instance` */
  readonly sidecar: string;
  readonly key: string;
  /** Nothing else that stands is objected to by the same key. */
  readonly isAlone: boolean;
}

export interface Staging {
  readonly staged: readonly StagedRollout[];
  /** What stands where a rollout is meant to and is none, with its revision. */
  readonly unreadable: readonly { readonly layer: LayerName; readonly revision: string; readonly why: string }[];
  /** Objections to nothing that stands, of sidecars that did not live to take them back. */
  readonly leftOver: readonly { readonly key: string; readonly revision: string }[];
}

/** As many writes of a transaction as are left for objections beside the others. */
const MAX_DELETED = 32;

/** Rollouts in Consul's KV store, for those who stage, watch and end them. */
export class RolloutStore {
  constructor(
    private readonly api: ConsulApi,
    private readonly store: LayerStore,
    private readonly signal: AbortSignal,
  ) {}

  async all(): Promise<Staging> {
    const documents = await this.store.below(ROLLOUT_PREFIX);
    const found: { rollout: Rollout; revision: string }[] = [];
    const unreadable: { layer: LayerName; revision: string; why: string }[] = [];
    for (const { key, text, revision } of documents) {
      const layer = layerOf(key.slice(ROLLOUT_PREFIX.length));
      if (layer === null || key.startsWith(OBJECTION_PREFIX)) continue;
      try {
        found.push({ rollout: decodeRollout(layer, text ?? ''), revision });
      } catch (error) {
        unreadable.push({ layer, revision, why: (error as Error).message });
      }
    }
    const { objections, leftOver } = objectionsIn(documents, new Set(found.map(({ rollout }) => rollout.seed)));
    const staged = found.map(async ({ rollout, revision }): Promise<StagedRollout> => {
      const { revision: layerRevision } = await this.store.layer(rollout.layer);
      const against = objections.filter(({ seed }) => seed === rollout.seed);
      return { rollout, revision, layerRevision, objections: against };
    });
    return { staged: await Promise.all(staged), unreadable, leftOver };
  }

  /** Takes objections to what is over out of Consul. One that is written anew meanwhile stays, and all with it. */
  async sweep({ leftOver }: Staging): Promise<void> {
    const writes = leftOver.slice(0, MAX_DELETED).map((write): KvWrite => ({ kind: 'delete', ...write }));
    if (writes.length > 0) await this.api.transact(writes, this.signal);
  }

  /** Null: none that can be read. */
  async of(layer: LayerName): Promise<StagedRollout | null> {
    const { staged } = await this.all();
    return staged.find(({ rollout }) => rollout.layer === layer) ?? null;
  }

  /** False: somebody else has staged another one meanwhile. `over`: the revision of what it replaces, `0` for none. */
  stage(rollout: Rollout, over: string): Promise<boolean> {
    const { layer, seed } = rollout;
    const write: KvWrite = { kind: 'set', key: rolloutKey(layer), text: encodeRollout(rollout), revision: over };
    return this.store.insist(async () => {
      if ((await this.api.transact([write], this.signal)).isDone) return true;
      // An attempt before this one may have been done: nobody else writes this seed.
      return (await this.of(layer))?.rollout.seed === seed;
    });
  }

  /** Takes it out of Consul and tells in the history what became of it. False: it had gone already. */
  async archive(staged: StagedRollout, entry: HistoryEntry): Promise<boolean> {
    return this.store.record(staged.rollout.layer, staged.revision, entry, endOf(staged));
  }
}

/**
 * The writes by which a rollout is over, and what sidecars had against it with it. They hold only while it stands: of
 * two that end it only one does, so that nothing is promoted that was taken back, nor the other way round.
 */
export function endOf({ rollout, revision, objections }: StagedRollout): readonly KvWrite[] {
  const alone = objections.filter(({ isAlone }) => isAlone);
  const keys = [...new Set(alone.map((objection) => objection.key))].slice(0, MAX_DELETED);
  const key = rolloutKey(rollout.layer);
  return [
    { kind: 'check', key, revision },
    { kind: 'delete', key, revision },
    ...keys.map((one): KvWrite => ({ kind: 'delete', key: one, revision: null })),
  ];
}

/** Why no sidecar runs it any more; null while some may. */
export function whyOver({ rollout, layerRevision, objections }: StagedRollout, wallMs: number): string | null {
  const [first] = objections;
  if (first !== undefined) return `${first.sidecar} objected: ${first.why}`;
  const { layer, base } = rollout;
  if (layerRevision !== base) return `it was made of revision ${base}, and ${layer} is at ${layerRevision} by now`;
  return wallMs >= rollout.untilMs ? 'its time was over before anybody promoted it' : null;
}

function objectionsIn(
  documents: readonly KvDocument[],
  seeds: ReadonlySet<string>,
): { readonly objections: readonly NamedObjection[]; readonly leftOver: Staging['leftOver'] } {
  const objections: NamedObjection[] = [];
  const leftOver: { key: string; revision: string }[] = [];
  for (const { key, text, revision } of documents) {
    if (!key.startsWith(OBJECTION_PREFIX)) continue;
    const sidecar = key.slice(OBJECTION_PREFIX.length);
    const standing = decodeObjections(text ?? '').filter(({ seed }) => seeds.has(seed));
    const isAlone = new Set(standing.map(({ seed }) => seed)).size === 1;
    for (const objection of standing) objections.push({ ...objection, sidecar, key, isAlone });
    if (standing.length === 0) leftOver.push({ key, revision });
  }
  return { objections, leftOver };
}
