import { SettlerHere } from './settler-here.ts';
import type { SettlingOrder } from './settler-process.ts';

/**
 * The other process of `SettlerProcess`: answers each order with its settlement, and ends with the process that started
 * it. Signals for the whole group are that one's affair.
 */
const settler = new SettlerHere(() => wallMs);
let wallMs = 0;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (order: SettlingOrder) => {
  wallMs = order.wallMs;
  void settler.settle(order.material).then((settlement) => process.send!(settlement));
});
