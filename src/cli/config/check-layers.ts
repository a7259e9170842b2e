import { printable } from '../../admin/text-table.ts';
import { CONFIG_PREFIX, type LayerName, layerOfKey } from '../../config/kv-keys.ts';
import { formatProblems, inReadingOrder } from '../../config/problems.ts';
import { flawsOf } from '../../config/store/outlook.ts';
import { survey } from '../../config/store/survey.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';
import { propose, readProposed, refuseInvalid } from './proposal.ts';

/** `remora config check FILE`: whether sidecars would take this document, beside all others that are in Consul. */
export async function runCheckFile(operator: Operator, layer: LayerName, file: string): Promise<ExitCode> {
  const { out } = operator;
  const text = readProposed(file, out);
  if (text === null) return EXIT.invalid;
  const proposal = await propose(operator, layer, file, text);
  const refused = refuseInvalid(proposal, out);
  if (refused !== null) return refused;
  out.write(['ok', ...proposal.outlook.warnings.map((line) => `warning: ${line}`), ''].join('\n'));
  return EXIT.done;
}

/** `remora config check`: all documents as they stand. */
export async function runCheckAll({ store, clock, out }: Operator): Promise<ExitCode> {
  const known = await survey(store);
  const flaws = inReadingOrder(flawsOf(known, clock.wallMs()));
  const count = known.documents.length;
  const strays = (await store.below(CONFIG_PREFIX)).filter(({ key }) => layerOfKey(key) === null);
  for (const { key } of strays) {
    out.write(`warning: ${printable(key)} is read by nobody; documents are mesh, service/<name> and caller/<name>\n`);
  }
  out.write(
    flaws.length > 0 ? `${formatProblems(flaws)}\n` : `ok: ${count} ${count === 1 ? 'document' : 'documents'}\n`,
  );
  return flaws.length > 0 ? EXIT.invalid : EXIT.done;
}
