import { CommanderError } from 'commander';
import { expect, it } from 'vitest';
import { makeProgram } from '../../src/cli/program.ts';

function complaintAbout(args: readonly string[]): string {
  let said = '';
  const program = makeProgram('1.2.3')
    .configureOutput({ writeErr: (text) => (said += text) })
    .exitOverride();
  for (const command of program.commands) command.copyInheritedSettings(program);
  expect(() => program.parse(['node', 'remora', ...args])).toThrow(CommanderError);
  return said;
}

it.each(['4', '0', '-5', '1.5', '1e9', 'x', ''])('refuses --seconds %j before anything is started', (seconds) => {
  expect(complaintAbout(['demo', '--seconds', seconds])).toContain('Expected a whole number from 5 to 86400.');
});
