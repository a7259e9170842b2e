import { printable } from '../../admin/text-table.ts';
import type { LayerName } from '../../config/kv-keys.ts';
import { layerFlags, serviceOf, shellWord } from '../../config/store/documents.ts';
import type { Effect } from '../../config/store/outlook.ts';
import { differenceText } from './difference-text.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { complaintsTo, type Operator } from './operator.ts';
import { type Proposal, propose, readProposed, refuseInvalid } from './proposal.ts';
import { silentFor, silentText } from './silent.ts';
import { silentIn } from './status.ts';

export interface PlanOptions {
  readonly layer: LayerName;
  readonly file: string;
  readonly json: boolean;
}

/** `remora config plan`: what a document would change, and for whom. Nothing is written. */
export async function runPlan(operator: Operator, { layer, file, json }: PlanOptions): Promise<ExitCode> {
  const { out, api, signal } = operator;
  const text = readProposed(file, complaintsTo(out, json));
  if (text === null) return EXIT.invalid;
  const proposal = await propose(operator, layer, file, text);
  if (json) {
    const { silent, silentUnknown } = await silentIn(api, signal, proposal.statuses);
    const silence = { silent: silentFor(layer, silent), silentUnknown };
    out.write(`${JSON.stringify({ ...planJson(proposal), ...silence }, null, 2)}\n`);
    return proposal.outlook.problems.length > 0 ? EXIT.invalid : EXIT.done;
  }
  const refused = refuseInvalid(proposal, out);
  if (refused !== null) return refused;
  const { silent, silentUnknown } = await silentIn(api, signal, proposal.statuses);
  const unknown =
    silentUnknown === null ? '' : `who is registered without a status is not known: ${printable(silentUnknown)}\n`;
  out.write(
    `${planText(proposal)}${silentText(layer, silent)}${unknown}\nNothing was written. To do it:\n  ${applyLine(proposal)}\n`,
  );
  return EXIT.done;
}

/** What changes, whom it concerns and what comes of it there. */
export function planText({ layer, base, outlook }: Proposal): string {
  const { changes, concerned, effects, warnings } = outlook;
  const against = base.text === null ? 'there is no document yet' : `against revision ${base.revision}`;
  const difference = changes.length === 0 ? 'says the same as the one in force\n' : differenceText(changes);
  return [
    `${layer}, ${against}\n${difference}`,
    `${concernedText(layer, concerned)}\n`,
    ...effects.map(effectText),
    effects.length === 0 ? '' : '(as far as KV says; files lie below it, and are known only where a sidecar runs)\n',
    ...warnings.map((line) => `warning: ${printable(line)}\n`),
  ].join('');
}

const MAX_NAMED = 10;

function concernedText(layer: LayerName, concerned: Proposal['outlook']['concerned']): string {
  const service = serviceOf(layer);
  const those = service === null ? '' : ` that ${concerned.length === 1 ? 'calls' : 'call'} ${printable(service)}`;
  if (concerned.length === 0) return `no sidecars${those} have told their status`;
  const names = concerned.map((status) => printable(`${status.service}/${status.instance}`));
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  const count = `${names.length} ${names.length === 1 ? 'sidecar' : 'sidecars'}`;
  return `concerns ${count}${those}: ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}

function effectText({ caller, changes, kept }: Effect): string {
  const head = `in sidecars of ${printable(caller)}`;
  const lines =
    changes.length === 0 ? ['nothing changes'] : differenceText(changes, '(of no effect)').trimEnd().split('\n');
  return [head, ...lines, ...kept.map((line) => `stays: ${printable(line)}`)].join('\n  ') + '\n';
}

function applyLine({ layer, source, base }: Proposal): string {
  return `remora config apply ${shellWord(source)} ${layerFlags(layer)} --base ${base.revision}`;
}

function planJson({ layer, base, outlook }: Proposal): object {
  const { concerned, newServices: _asked, ...rest } = outlook;
  const sidecars = concerned.map(({ service, instance }) => ({ service, instance }));
  return { layer, base: base.revision, ...rest, sidecars };
}
