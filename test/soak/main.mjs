// `npm run soak`: what a caller sees while backends and clients misbehave; the worst of several runs. It asserts nothing.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { acceptedOf } from '../support/accepted.mjs';
import { IN_A_NAMESPACE, PacketHole, whyNoHole } from '../support/black-hole.ts';
import { readOptions } from '../support/options.mjs';
import { startOtlpSink } from '../support/otlp-sink.mjs';
import { Workbench } from '../support/workbench.mjs';
import { CHAINS, runChain } from './chain.mjs';
import { FAULTS } from './faults.mjs';
import { worst } from './figures.ts';
import { OVERLOADS, runOverload } from './overload.mjs';
import { print, printRow } from './report.mjs';
import { run } from './run.mjs';

const CASES = [
  ...FAULTS.map((fault) => ({ ...fault, kind: 'fault', run: () => run(bench, fault, setup) })),
  ...CHAINS.map((chain) => ({ ...chain, kind: 'chain', run: () => runChain(bench, chain, setup) })),
  ...OVERLOADS.map((overload) => ({ ...overload, kind: 'overload', run: () => runOverload(bench, overload, setup) })),
];

const HELP = `npm run soak -- [options]
  --rounds N      runs of each case; the worst one counts (5)
  --seconds S     length of a run after its warm-up: a quarter quiet, a quarter fault, half recovery (20)
  --rate N        GETs per second, sent whether or not answers come (300; 500 into the chains, and what an overload is, is its own)
  --balance NAME  how an endpoint is chosen (round_robin: one that goes by latency has shares of its own)
  --case NAME     only this case; may be repeated: ${CASES.map(({ name }) => name).join(', ')}
  --json          the same as JSON
`;

const { options, positive, stop } = readOptions('soak', HELP, {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '20' },
  rate: { type: 'string' },
  case: { type: 'string', multiple: true },
  balance: { type: 'string', default: 'round_robin' },
  json: { type: 'boolean', default: false },
});

const INSIDE = 'REMORA_SOAK_INSIDE';
const why = whyNoHole();
if (why === null && process.env[INSIDE] === undefined) process.exit(await runInside());

const chosen = options.case?.map((name) => CASES.find((one) => one.name === name) ?? stop(`no case "${name}"`));
const rounds = positive('rounds');
const bench = new Workbench('soak');
const hole = process.env[INSIDE] === undefined ? null : PacketHole.prepare();
const sink = await startOtlpSink();
const { config, refused } = acceptedOf(JSON.parse(readFileSync(new URL('settings.json', import.meta.url), 'utf8')));
const setup = {
  seconds: positive('seconds'),
  rate: options.rate === undefined ? null : positive('rate'),
  otlp: sink.endpoint,
  hole,
  upstream: { ...config.upstreams?.orders, balance: options.balance },
};
const results = [];

if (!options.json) {
  console.log(`Linux ${release()}, Node ${process.version}; 3 backends; worst of ${rounds} runs`);
  if (why !== null) console.log(`no packets can be dropped here: ${why}`);
  for (const line of refused) console.log(`not known to this build: ${line}`);
}
let kind = '';
for (const one of chosen ?? CASES) {
  const runs = [];
  for (let i = 0; i < rounds; i++) runs.push(await one.run());
  const row = { name: one.name, title: one.title, kind: one.kind, ...worst(runs) };
  results.push(row);
  if (options.json) continue;
  printRow(row, row.kind !== kind);
  kind = row.kind;
}
if (options.json) {
  console.log(JSON.stringify({ node: process.version, kernel: release(), rounds, setup, refused, results }, null, 2));
} else print([]);
process.exit();

/** Dropping packets takes a network namespace, and that belongs to a whole process: this one again, inside of one. */
function runInside() {
  const [program, ...args] = [...IN_A_NAMESPACE, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
