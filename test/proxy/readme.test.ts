import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FAILURES } from '../../src/base/failure.ts';

const README = new URL('../../src/proxy/README.md', import.meta.url);
const MARK = '<!-- failures -->\n';

/** `UPDATE=1 npm test -- test/proxy/readme` writes the table anew. */
it('lists every failure as the program has it', () => {
  const rows = Object.entries(FAILURES).map(
    ([code, { status, grpcStatus, retry, blame, reached, meaning, remedy }]) =>
      `| \`${code}\` | ${status} | ${grpcStatus} | ${blame} | ${retry} | ${reached ? 'maybe' : 'no'} | ${meaning} ${remedy} |`,
  );
  const table = [
    '| code | status | gRPC | blame | retry | reached | meaning and remedy |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ];
  const text = readFileSync(README, 'utf8');
  const wanted = `${text.slice(0, text.indexOf(MARK))}${MARK}\n${table.join('\n')}\n`;
  if (process.env['UPDATE'] === '1') writeFileSync(README, wanted);
  else expect(text).toBe(wanted);
});
