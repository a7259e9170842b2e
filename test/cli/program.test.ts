import { expect, it } from 'vitest';
import { makeProgram } from '../../src/cli/program.ts';

/** What the command line says to whoever got it wrong. */
async function complaint(...args: string[]): Promise<string> {
  let said = '';
  const program = makeProgram('0.0.0');
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeErr: (text) => (said += text) });
  }
  await expect(program.parseAsync(args, { from: 'user' })).rejects.toThrow();
  return said;
}

it.each(['abc', '0', '-1', '1.5', '1e3', '', '3600001'])('refuses to wait %j ms for a sidecar', async (text) => {
  expect(await complaint('status', `--timeout=${text}`)).toContain('Expected a whole number from 1 to 3600000.');
});

it.each(['abc', '4', '5.5', ' 7', '', '86401'])('refuses a demo of %j seconds', async (text) => {
  expect(await complaint('demo', `--seconds=${text}`)).toContain('Expected a whole number from 5 to 86400.');
});
