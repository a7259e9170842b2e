import { type Piece, piecesOf } from './settlement-pieces.ts';
import { SettlerHere } from './settler-here.ts';
import type { SettlingOrder } from './settler-process.ts';

/**
 * The other process of `SettlerProcess`: answers each order with the pieces of its settlement, one each time it is asked
 * for more, and ends with the process that started it. Signals for the whole group are that one's affair.
 */
const settler = new SettlerHere(() => wallMs);
let wallMs = 0;
let pieces: Iterator<Piece, void> = [][Symbol.iterator]();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (message: SettlingOrder | 'more') => {
  if (message === 'more') return hand();
  wallMs = message.wallMs;
  void settler.settle(message.material).then((settlement) => {
    pieces = piecesOf(settlement);
    hand();
  });
});

function hand(): void {
  const next = pieces.next();
  if (next.done !== true) process.send!(next.value);
}
