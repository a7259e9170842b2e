import { expect, it } from 'vitest';
import { Ledger } from '../../src/proxy/places/ledger.ts';
import { moveSamples } from '../../src/telemetry/move-samples.ts';

it('shows what the ledgers of moving ranges count', () => {
  const ledger = new Ledger('0-99');
  ledger.onRead('same');
  ledger.onRead('different');
  ledger.onWritten();
  ledger.onLost({ at: 0, method: 'PUT', pathHash: '', keyHash: '', why: 'refused', status: 500 });

  const shown = [...moveSamples('orders', [ledger])].map(
    ({ name, labels, value }) => `${name} ${labels.join(' ')} ${value}`,
  );
  expect(shown).toEqual([
    'remora_second_reads_total orders 0-99 same 1',
    'remora_second_reads_total orders 0-99 different 1',
    'remora_second_reads_total orders 0-99 failed 0',
    'remora_second_reads_total orders 0-99 skipped 0',
    'remora_second_writes_total orders 0-99 written 1',
    'remora_second_writes_total orders 0-99 lost 1',
    'remora_range_diverged orders 0-99 1',
  ]);
});
