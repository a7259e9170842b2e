// `npm run soak`: what a caller sees while backends and clients misbehave; the worst of several runs. It asserts nothing.
import { release } from 'node:os';
import { readOptions } from '../support/options.mjs';
import { startOtlpSink } from '../support/otlp-sink.mjs';
import { Workbench } from '../support/workbench.mjs';
import { FAULTS } from './faults.mjs';
import { worst } from './figures.mjs';
import { run } from './run.mjs';

const HELP = `npm run soak -- [options]
  --rounds N      runs of each fault; the worst one counts (5)
  --seconds S     length of a run after its warm-up: a quarter quiet, a quarter fault, half recovery (20)
  --rate N        GETs per second, sent whether or not answers come (300)
  --case NAME     only this fault; may be repeated: ${FAULTS.map((fault) => fault.name).join(', ')}
  --json          the same as JSON
`;

const { options, positive, stop } = readOptions('soak', HELP, {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '20' },
  rate: { type: 'string', default: '300' },
  case: { type: 'string', multiple: true },
  json: { type: 'boolean', default: false },
});

const chosen = options.case?.map((name) => FAULTS.find((fault) => fault.name === name) ?? stop(`no case "${name}"`));
const rounds = positive('rounds');
const bench = new Workbench('soak');
const sink = await startOtlpSink();
const setup = { seconds: positive('seconds'), rate: positive('rate'), otlp: sink.endpoint };
const results = [];

if (!options.json) {
  console.log(
    `Linux ${release()}, Node ${process.version}; ${setup.rate} GET/s of 1 KiB over 3 backends; worst of ${rounds} runs`,
  );
  console.log(
    'times in ms, memory in MiB; hurt: from the fault to the last bad quarter second; back: the same from its end\n',
  );
  print(['case', 'requests', 'failed', 'retried', 'p50', 'p99', 'max', 'hurt', 'back', 'RSS idle/peak/after']);
}
for (const fault of chosen ?? FAULTS) {
  const runs = [];
  for (let i = 0; i < rounds; i++) runs.push(await run(bench, fault, setup));
  const row = { name: fault.name, title: fault.title, ...worst(runs) };
  results.push(row);
  if (!options.json) printRow(row);
}
if (options.json)
  console.log(JSON.stringify({ node: process.version, kernel: release(), rounds, setup, results }, null, 2));
process.exit();

function printRow(row) {
  const times = [row.p50, row.p99, row.max].map((ms) => ms.toFixed(1));
  const waits = [row.hurtMs, row.returnMs].map((ms) => ms.toFixed(0));
  const memory = [row.idle, row.peak, row.after].map((mib) => mib.toFixed(0)).join('/');
  print([row.name, row.requests, row.failed, row.retried, ...times, ...waits, memory]);
  for (const line of [...row.remarks, ...row.problems]) console.log(`    ${line}`);
}

function print(cells) {
  const [name, ...figures] = cells.map(String);
  console.log(name.padEnd(13) + figures.map((text) => text.padStart(9)).join(' '));
}
