import { expect, it } from 'vitest';
import { makeProgram } from '../../src/cli/program.ts';

/** What the command line says to whoever got it wrong. */
async function complaint(...args: string[]): Promise<string> {
  let said = '';
  const program = makeProgram('0.0.0');
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
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

it.each([['plan', 'a.yaml'], ['apply', 'a.yaml'], ['check', 'a.yaml'], ['history'], ['rollback']])(
  'asks which document config %s is about',
  async (...words) => {
    expect(await complaint('config', ...words)).toContain(
      'one of --mesh, --service <name> and --caller <name> is needed',
    );
  },
);

it.each([
  [['config', 'apply', 'a.yaml', '--mesh', '--caller', 'web'], 'cannot be used with'],
  [['config', 'apply', 'a.yaml', '--service', 'a/b'], 'Expected the name of a service.'],
  [['config', 'apply', 'a.yaml', '--mesh', '--base', 'x'], 'Expected a revision, a whole number.'],
  [['config', 'apply', 'a.yaml', '--mesh', '--timeout', '0'], 'Expected a whole number of seconds'],
  [['config', 'show', '--layer', 'meshes'], 'Expected mesh, service/<name> or caller/<name>.'],
  [['consul-policy', '--role', 'sidecar'], '--role sidecar needs --service <name>'],
  [['consul-policy'], "required option '--role <role>' not specified"],
])('refuses %j', async (words, why) => {
  expect(await complaint(...words)).toContain(why);
});
