import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { METRIC_NAMES, METRICS } from '../../src/telemetry/metric-table.ts';

const README = new URL('../../src/telemetry/README.md', import.meta.url);

/** `UPDATE=1 npm test -- test/telemetry/readme` writes the rows anew. */
it('has every metric in the README as the code has it', () => {
  const readme = readFileSync(README, 'utf8');
  const rows = readme.split('\n').filter((line) => /^\| `(remora|process)_/.test(line));
  const expected = METRIC_NAMES.map((name) => {
    const { type, labels, help } = METRICS[name];
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`;
  });
  if (process.env['UPDATE'] === '1') writeFileSync(README, readme.replace(rows.join('\n'), expected.join('\n')));
  else expect(rows).toEqual(expected);
});

it('names metrics as Prometheus wants them', () => {
  for (const name of METRIC_NAMES) {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(name.endsWith('_total'), name).toBe(METRICS[name].type === 'counter');
    expect(METRICS[name].help).toMatch(/^[A-Z0-9].*[^.]\.$/);
  }
});
