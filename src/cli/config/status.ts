import { durationWords, printable, textTable } from '../../admin/text-table.ts';
import { sleep } from '../../base/sleep.ts';
import { CONFIG_PREFIX, type LayerName, layerOfKey } from '../../config/kv-keys.ts';
import type { LayerStatus, SidecarStatus } from '../../config/sidecar-status.ts';
import { concerns } from '../../config/store/outlook.ts';
import { RolloutStore, type Staging } from '../../config/store/rollouts.ts';
import { nameOf, readStatuses } from '../../config/store/statuses.ts';
import type { RegisteredSidecar } from '../../discovery/consul-api.ts';
import { ConsulError } from '../../discovery/consul-error.ts';
import { rolloutWords } from './canary.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';

export interface StatusOptions {
  /** Null: all. */
  readonly layer: LayerName | null;
  readonly json: boolean;
  /** Until every sidecar runs the newest or refuses it, for at most so long; null: not at all. */
  readonly waitMs: number | null;
}

/** `other`: it runs a candidate, or has not seen the newest yet. */
type Standing = 'applied' | 'refused' | 'candidate' | 'behind';

interface LayerReport {
  readonly layer: LayerName;
  readonly revision: string;
  readonly sidecars: readonly { readonly sidecar: string; readonly standing: Standing; readonly why: string }[];
}

interface Report {
  readonly layers: readonly LayerReport[];
  readonly sidecars: readonly SidecarStatus[];
  readonly unreadable: readonly string[];
  readonly rollouts: Staging;
  /** Registered by a sidecar, and without a status. */
  readonly silent: readonly string[];
  /** Why that could not be found out. */
  readonly silentUnknown: string | null;
}

const LOOK_MS = 500;

/** `remora config status`: which sidecar runs what, since when, and why not what is newest. */
export async function runConfigStatus(operator: Operator, options: StatusOptions): Promise<ExitCode> {
  const { clock, signal, out } = operator;
  const until = clock.now() + (options.waitMs ?? 0);
  for (;;) {
    const report = await reportWhile(operator, options.layer, () => !signal.aborted && clock.now() < until);
    const standings = report.layers.flatMap(({ sidecars }) => sidecars.map(({ standing }) => standing));
    const isOpen = standings.includes('behind') || standings.includes('candidate');
    if (!isOpen || clock.now() >= until || signal.aborted) {
      out.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, clock.wallMs()));
      const isRefused = standings.includes('refused');
      return isRefused || (options.waitMs !== null && isOpen) ? EXIT.refused : EXIT.done;
    }
    await sleep(clock, LOOK_MS, signal);
  }
}

/** Whoever waits does so through an election too. */
async function reportWhile(operator: Operator, only: LayerName | null, isPatient: () => boolean): Promise<Report> {
  for (;;) {
    try {
      return await reportOf(operator, only);
    } catch (error) {
      if (!(error instanceof ConsulError) || error.isLasting || !isPatient()) throw error;
      await sleep(operator.clock, LOOK_MS, operator.signal);
    }
  }
}

async function reportOf({ api, store, signal }: Operator, only: LayerName | null): Promise<Report> {
  const [documents, statuses, rollouts] = await Promise.all([
    store.below(CONFIG_PREFIX),
    readStatuses(store),
    new RolloutStore(api, store, signal).all(),
  ]);
  const layers = documents.flatMap(({ key, revision }): LayerReport[] => {
    const layer = layerOfKey(key);
    if (layer === null || (only !== null && layer !== only)) return [];
    const concerned = statuses.known.filter((status) => concerns(layer, status));
    return [{ layer, revision, sidecars: concerned.map((status) => standingOf(status, layer, revision)) }];
  });
  const catalog = await silentIn(api, signal, statuses.known);
  return { layers, sidecars: statuses.known, unreadable: statuses.unreadable, rollouts, ...catalog };
}

function standingOf(status: SidecarStatus, layer: LayerName, revision: string): LayerReport['sidecars'][number] {
  const found = status.layers.find((one) => one.layer === layer);
  const standing = found === undefined ? 'behind' : standingAt(found, revision);
  const why = standing === 'refused' ? (found?.problems[0] ?? '') : '';
  return { sidecar: nameOf(status), standing, why };
}

function standingAt({ applied, seen, candidate, problems }: LayerStatus, revision: string): Standing {
  if (candidate !== null) return 'candidate';
  if (applied === revision) return 'applied';
  return seen === revision && problems.length > 0 ? 'refused' : 'behind';
}

/** Sidecars that Consul's catalog has and that have told no status. */
export async function silentIn(
  api: Operator['api'],
  signal: AbortSignal,
  known: readonly SidecarStatus[],
): Promise<Pick<Report, 'silent' | 'silentUnknown'>> {
  try {
    const registered = await api.sidecars(signal);
    return { silent: registered.filter((one) => !isKnown(one, known)).map(placeOf), silentUnknown: null };
  } catch (error) {
    if (!(error instanceof ConsulError)) throw error;
    return { silent: [], silentUnknown: error.message };
  }
}

/** An id that is only the service's name has its machine behind it in a status. */
function isKnown({ service, id }: RegisteredSidecar, known: readonly SidecarStatus[]): boolean {
  return known.some((status) => {
    return status.service === service && (status.instance === id || status.instance.startsWith(`${id}@`));
  });
}

function placeOf({ service, id, node }: RegisteredSidecar): string {
  return `${service}/${id} on ${node}`;
}

// --- For people ---

function reportText({ layers, sidecars, unreadable, rollouts, silent, silentUnknown }: Report, wallMs: number): string {
  const rows = layers.map(({ layer, revision, sidecars: concerned }) => {
    const done = concerned.filter(({ standing }) => standing === 'applied').length;
    return [layer, `revision ${revision}`, `${done} of ${concerned.length} sidecars run it`];
  });
  const lines = layers.flatMap(({ layer, sidecars: concerned }) =>
    concerned
      .filter(({ standing }) => standing !== 'applied')
      .map(({ sidecar, standing, why }) => `${sidecar} ${WORDS[standing]} ${layer}${why === '' ? '' : `: ${why}`}`),
  );
  const staged = [
    ...rollouts.staged.map((one) => `${one.rollout.layer} is staged: ${rolloutWords(one, wallMs)}`),
    ...rollouts.unreadable.map(
      ({ layer, why }) =>
        `${layer} has something staged that nobody runs, since it cannot be read (the next canary takes its place): ${why}`,
    ),
  ];
  const verdicts = sidecars.flatMap((status) =>
    status.verdicts.map(({ kind, why }) => `${nameOf(status)} ${kind}: ${why}`),
  );
  const unknown = silentUnknown === null ? [] : [`who is registered without a status is not known: ${silentUnknown}`];
  const silence = silent.map((name) => `${name} is registered and has no status`);
  const rest = [...staged, ...verdicts, ...lines, ...silence, ...unknown, ...unreadable];
  const table = textTable(
    sidecars.map(({ service, instance, version, sinceMs }) => [
      `${service}/${instance}`,
      version,
      `since ${durationWords(Math.max(0, wallMs - sinceMs))}`,
    ]),
    '  ',
  );
  const none = sidecars.length === 0 ? '  no sidecar says what it runs\n' : table;
  return `${textTable(rows, '')}${none}${rest.map((line) => `${printable(line)}\n`).join('')}`;
}

const WORDS: Readonly<Record<Standing, string>> = {
  applied: 'runs',
  refused: 'refuses',
  candidate: 'runs a candidate of',
  behind: 'has not said yet that it runs',
};
