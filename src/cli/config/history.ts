import type { LayerName } from '../../config/kv-keys.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';

/** `remora config history`. */
export async function runHistory(
  _operator: Operator,
  _layer: LayerName,
  _flags: { readonly json: boolean },
): Promise<ExitCode> {
  return EXIT.done;
}
