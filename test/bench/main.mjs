// `npm run bench`: what remora costs beside HAProxy and nginx, in CPU time per request. It prints and asserts nothing.
import { readFileSync } from 'node:fs';
import { readOptions } from '../support/options.mjs';
import { startOtlpSink } from '../support/otlp-sink.mjs';
import { startRemora } from '../support/remora.mjs';
import { hasProgram, Workbench } from '../support/workbench.mjs';
import { startBackend } from './backend.mjs';
import { CASES, MEMORY_CASE } from './cases.mjs';
import { h2Tool, loadTool } from './load.mjs';
import { measure } from './measure.mjs';
import { measureMemory } from './memory.mjs';
import { PEERS } from './peers.mjs';
import { profile, profileFlags } from './profile.mjs';
import { machine, printMachine, printProfile, table } from './report.mjs';

const HELP = `npm run bench -- [options]
  --rounds N         samples per proxy and case (7)
  --seconds S        length of a sample (1)
  --case NAME        only this case; may be repeated: ${[...CASES, MEMORY_CASE].map((one) => one.name).join(', ')}
  --transport KIND   data, handle or auto (auto)
  --only remora      without the peers
  --profile CASE     no table: where remora's time goes in one case
  --json             the same as JSON
`;

const { options, positive, stop } = readOptions('bench', HELP, {
  rounds: { type: 'string', default: '7' },
  seconds: { type: 'string', default: '1' },
  case: { type: 'string', multiple: true },
  transport: { type: 'string', default: 'auto' },
  only: { type: 'string' },
  profile: { type: 'string' },
  json: { type: 'boolean', default: false },
});

const wanted = options.profile ? [options.profile] : (options.case ?? [...CASES, MEMORY_CASE].map((one) => one.name));
const cases = wanted.map(
  (name) => [...CASES, MEMORY_CASE].find((one) => one.name === name) ?? stop(`no case "${name}"`),
);

// A profile counts wall-clock time: on a shared core it would blame whichever call woke up somebody else.
const core = hasProgram('taskset') && !options.profile ? lastCore() : null;
const bench = new Workbench('bench', core);
const backend = await startBackend(bench);
const sink = await startOtlpSink();
const setup = {
  bench,
  core,
  load: loadTool(bench),
  h2: backend.h2Ports === null ? null : h2Tool(bench),
  backend: backend.kind,
  bodies: backend.bodies,
  rounds: positive('rounds'),
  seconds: positive('seconds'),
  transport: 'unknown', // until remora says which one it took
};
const skipped = new Map();
if (setup.load.name !== 'wrk') skipped.set('wrk', 'not installed, a Node client makes the load');
if (setup.h2 === null) skipped.set('HTTP/2', 'its cases need nginx behind and h2load in front');
if (setup.backend !== 'nginx') skipped.set('the nginx backend', 'not installed, a Node one answers');

if (options.profile) {
  const [chosen] = cases;
  if (chosen === MEMORY_CASE) stop('memory has no load to profile');
  printProfile(await profile(setup, chosen, await remora(profileFlags(bench))), chosen.name);
} else {
  const results = [];
  for (const one of cases.filter(isAble)) results.push({ ...one, ...(await runCase(one)) });
  report(results);
}
process.exit();

function isAble(one) {
  return one.load?.port !== 'h2' || setup.h2 !== null;
}

async function runCase(one) {
  const started = new Map();
  try {
    started.set('remora', await remora([]));
    for (const [name, start] of Object.entries(PEERS)) await addPeer(started, name, start);
    if (one === MEMORY_CASE) return await measureMemory(started);
    const able = [...started].filter(([, proxy]) => proxy.ports[one.load.port] !== null);
    return await measure(setup, one, new Map(able));
  } catch (error) {
    process.exitCode = 1;
    console.error(`${one.name} FAILED: ${error.message}`);
    return { error: error.message.split('\n')[0] };
  } finally {
    for (const { job } of started.values()) await bench.stop(job);
    if (!options.json) process.stderr.write(`${one.title}: done\n`);
  }
}

async function addPeer(started, name, start) {
  if (options.only === 'remora') return skipped.set(name, 'not asked for');
  try {
    const peer = await start(bench, backend);
    started.set(name, peer);
    if (peer.ports.tcp === null) skipped.set(`${name} for TCP`, 'it has no stream module');
  } catch (error) {
    skipped.set(name, error.message);
  }
}

async function remora(node) {
  const env = { REMORA_TRANSPORT: options.transport };
  const started = await startRemora(bench, { ...backend, otlp: sink.endpoint, env, node });
  setup.transport = started.transport;
  return started;
}

function report(results) {
  const facts = machine(setup);
  if (options.json) {
    const cases = results.map((one) => ({ ...one, rows: Object.fromEntries(one.rows ?? []) }));
    console.log(
      JSON.stringify(
        {
          machine: facts,
          skipped: Object.fromEntries(skipped),
          otlp: sink.seen,
          cases,
        },
        null,
        2,
      ),
    );
    return;
  }
  console.log('');
  printMachine(facts, skipped);
  console.log(`spans exported: ${sink.seen.posts} posts, ${(sink.seen.bytes / 1024).toFixed(0)} KiB\n`);
  console.log(table(results, setup.transport));
}

/** The last core this process may use: the first one is where a machine's interrupts tend to be. */
function lastCore() {
  const allowed = /Cpus_allowed_list:\s+(\S+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return Number(/\d+$/.exec(allowed)?.[0]);
}
