import type { ConsulApi, KvWrite } from '../../discovery/consul-api.ts';
import { ConsulError } from '../../discovery/consul-error.ts';
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
  readonly objections: readonly NamedObjection[];
}

export interface NamedObjection extends Objection {
  /** `service/instance` */
  readonly sidecar: string;
  readonly key: string;
}

export interface Staging {
  readonly staged: readonly StagedRollout[];
  /** What stands where a rollout is meant to and is none, with its revision. */
  readonly unreadable: readonly { readonly layer: LayerName; readonly revision: string; readonly why: string }[];
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
    const objections = documents
      .filter(({ key }) => key.startsWith(OBJECTION_PREFIX))
      .flatMap(({ key, text }) =>
        decodeObjections(text ?? '').map((objection) => {
          return { ...objection, sidecar: key.slice(OBJECTION_PREFIX.length), key };
        }),
      );
    const staged: StagedRollout[] = [];
    const unreadable: { layer: LayerName; revision: string; why: string }[] = [];
    for (const { key, text, revision } of documents) {
      const layer = layerOf(key.slice(ROLLOUT_PREFIX.length));
      if (layer === null || key.startsWith(OBJECTION_PREFIX)) continue;
      try {
        const rollout = decodeRollout(layer, text ?? '');
        staged.push({ rollout, revision, objections: objections.filter(({ seed }) => seed === rollout.seed) });
      } catch (error) {
        unreadable.push({ layer, revision, why: (error as Error).message });
      }
    }
    return { staged, unreadable };
  }

  /** Null: none that can be read. */
  async of(layer: LayerName): Promise<StagedRollout | null> {
    const { staged } = await this.all();
    return staged.find(({ rollout }) => rollout.layer === layer) ?? null;
  }

  /** False: somebody else has staged another one meanwhile. `over`: the revision of what it replaces, `0` for none. */
  async stage(rollout: Rollout, over: string): Promise<boolean> {
    const key = rolloutKey(rollout.layer);
    try {
      const write: KvWrite = { kind: 'set', key, text: encodeRollout(rollout), revision: over };
      return (await this.api.transact([write], this.signal)).isDone;
    } catch (error) {
      // Done or not, it is there or not: nobody else writes this seed.
      if (!(error instanceof ConsulError) || error.isLasting) throw error;
      const now = await this.of(rollout.layer);
      if (now?.rollout.seed === rollout.seed) return true;
      throw error;
    }
  }

  /** Takes it out of Consul and tells in the history what became of it. False: it had gone already. */
  async archive(staged: StagedRollout, entry: HistoryEntry): Promise<boolean> {
    return this.store.record(staged.rollout.layer, staged.revision, entry, endOf(staged));
  }
}

/** The writes by which a rollout is over, and what sidecars had against it with it. */
export function endOf({ rollout, revision, objections }: StagedRollout): readonly KvWrite[] {
  const keys = [...new Set(objections.map(({ key }) => key))].slice(0, MAX_DELETED);
  return [
    { kind: 'delete', key: rolloutKey(rollout.layer), revision },
    ...keys.map((key): KvWrite => ({ kind: 'delete', key, revision: null })),
  ];
}

/** Why no sidecar runs it any more; null while some may. */
export function whyOver({ rollout, objections }: StagedRollout, wallMs: number): string | null {
  const [first] = objections;
  if (first !== undefined) return `${first.sidecar} objected: ${first.why}`;
  return wallMs >= rollout.untilMs ? 'its time was over before anybody promoted it' : null;
}
