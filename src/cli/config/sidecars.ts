import { printable } from '../../admin/text-table.ts';
import { sleep } from '../../base/sleep.ts';
import type { LayerName } from '../../config/kv-keys.ts';
import type { SidecarStatus } from '../../config/sidecar-status.ts';
import { concerns } from '../../config/store/outlook.ts';
import { nameOf, readStatuses } from '../../config/store/statuses.ts';
import { ConsulError } from '../../discovery/consul-error.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';
import { silentFor, silentText } from './silent.ts';
import { silentIn } from './status.ts';

/** What one sidecar made of a revision. */
interface Answer {
  readonly name: string;
  readonly kind: 'applied' | 'refused' | 'waiting';
  readonly why: string;
}

const LOOK_MS = 500;
const MAX_LINES = 20;

/**
 * Waits until every sidecar that a layer is for has applied a revision, or a newer one, or has refused it. One that is
 * registered and has told no status yet is waited for too; but of a service's document nobody knows whether it is for
 * that one.
 */
export async function awaitSidecars(
  operator: Operator,
  layer: LayerName,
  revision: string,
  waitMs: number,
): Promise<ExitCode> {
  const { api, store, clock, signal, out } = operator;
  const until = clock.now() + waitMs;
  const isForSilent = !layer.startsWith('service/');
  let answers: readonly Answer[] = [];
  let silent: readonly string[] = [];
  let problem: string | null = null;
  for (;;) {
    try {
      const { known } = await readStatuses(store);
      answers = known.filter((status) => concerns(layer, status)).map(answerTo(layer, revision));
      silent = silentFor(layer, (await silentIn(api, signal, known)).silent);
      problem = null;
    } catch (error) {
      if (!(error instanceof ConsulError)) throw error;
      problem = error.message;
    }
    const isMissed = isForSilent && silent.length > 0;
    const isOver = problem === null && !isMissed && answers.every(({ kind }) => kind !== 'waiting');
    if (isOver || clock.now() >= until || signal.aborted) break;
    await sleep(clock, LOOK_MS, signal);
  }
  out.write(`${answersText(answers)}${silentText(layer, silent)}`);
  if (problem !== null) out.write(`remora: ${problem}\n`);
  if (problem !== null) return EXIT.unknown;
  if (isForSilent && silent.length > 0) return EXIT.refused;
  return answers.every(({ kind }) => kind === 'applied') ? EXIT.done : EXIT.refused;
}

function answerTo(layer: LayerName, revision: string): (status: SidecarStatus) => Answer {
  return (status) => {
    const own = status.layers.find((known) => known.layer === layer);
    const name = nameOf(status);
    if (own !== undefined && own.candidate !== null) return { name, kind: 'waiting', why: 'it runs a candidate' };
    if (isReached(own?.applied, revision)) return { name, kind: 'applied', why: '' };
    if (own === undefined || !isReached(own.seen, revision) || own.problems.length === 0) {
      return { name, kind: 'waiting', why: own?.applied === undefined ? '' : `it has ${own.applied ?? 'none'}` };
    }
    return { name, kind: 'refused', why: own.problems.join('\n') };
  };
}

/** Indexes of Consul only grow. */
function isReached(found: string | null | undefined, revision: string): boolean {
  return found !== null && found !== undefined && /^\d+$/.test(found) && BigInt(found) >= BigInt(revision);
}

function answersText(answers: readonly Answer[]): string {
  if (answers.length === 0) return 'no sidecar that it is for has told its status\n';
  const count = (kind: Answer['kind']): number => answers.filter((answer) => answer.kind === kind).length;
  const lines = answers
    .filter(({ kind }) => kind !== 'applied')
    .slice(0, MAX_LINES)
    .map(({ name, kind, why }) => {
      const word = kind === 'refused' ? 'refused' : 'has not answered';
      return `  ${printable(name)} ${word}${why === '' ? '' : `: ${why.split('\n').map(printable).join('\n    ')}`}\n`;
    });
  const [applied, refused, waiting] = [count('applied'), count('refused'), count('waiting')];
  return `${applied} of ${answers.length} sidecars applied it, ${refused} refused, ${waiting} did not answer\n${lines.join('')}`;
}
