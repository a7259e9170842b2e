// `npm run bench`: what remora costs beside HAProxy and nginx, in CPU time per request. It prints and asserts nothing.
import { readFileSync } from 'node:fs';
import { acceptedOf } from '../support/accepted.mjs';
import { readOptions } from '../support/options.mjs';
import { startOtlpSink } from '../support/otlp-sink.mjs';
import { startRemora } from '../support/remora.mjs';
import { hasProgram, Workbench } from '../support/workbench.mjs';
import { buildOf, compare } from './against.mjs';
import { allocation, inspected } from './allocation.mjs';
import { startBackend } from './backend.mjs';
import { CASES, MEMORY_CASE } from './cases.mjs';
import { h2Tool, loadTool } from './load.mjs';
import { measure } from './measure.mjs';
import { measureMemory } from './memory.mjs';
import { PEERS } from './peers.mjs';
import { profile, profileFlags } from './profile.mjs';
import { machine, printAllocation, printComparison, printMachine, printProfile, table } from './report.mjs';

const HELP = `npm run bench -- [options]
  --rounds N         samples per proxy and case (7; with --against pairs, 21)
  --seconds S        length of a sample (1)
  --case NAME        only this case; may be repeated: ${[...CASES, MEMORY_CASE].map((one) => one.name).join(', ')}
  --transport KIND   data, handle or auto (auto)
  --only remora      without the peers
  --profile CASE     no table: where remora's time goes in one case
  --against REV      no peers: this build with everything on (test/bench/everything.json) and the one of a git revision
                     with nothing set, in pairs; the median of their ratios
  --allocation CASE  no table: bytes that a request leaves on the heap, with everything on and with nothing set
  --json             the same as JSON
`;

const { options, positive, stop } = readOptions('bench', HELP, {
  rounds: { type: 'string' },
  seconds: { type: 'string', default: '1' },
  case: { type: 'string', multiple: true },
  transport: { type: 'string', default: 'auto' },
  only: { type: 'string' },
  profile: { type: 'string' },
  against: { type: 'string' },
  allocation: { type: 'string' },
  json: { type: 'boolean', default: false },
});

options.rounds ??= options.against === undefined ? '7' : '21';
const alone = options.profile ?? options.allocation;
const wanted = alone ? [alone] : (options.case ?? [...CASES, MEMORY_CASE].map((one) => one.name));
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
} else if (options.allocation) {
  const [chosen] = cases;
  if (chosen === MEMORY_CASE) stop('memory has no load');
  const on = await allocationWith(chosen, everything());
  printAllocation(chosen, on, await allocationWith(chosen, {}));
} else if (options.against) await against(options.against);
else {
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

/** What is set with everything on, as far as this build knows it; what it does not know is said. */
function everything() {
  const fragments = JSON.parse(readFileSync(new URL('everything.json', import.meta.url), 'utf8'));
  const { config, refused } = acceptedOf(fragments);
  for (const line of refused) console.error(`not on, for this build says of ${line}`);
  const { upstreams = {}, ...more } = config;
  return { upstream: upstreams.orders ?? {}, more };
}

async function allocationWith(one, set) {
  const { port, flags } = await inspected();
  const started = await remora(flags, set);
  const seen = await allocation(setup, one, started, port);
  await bench.stop(started.job);
  return seen;
}

async function against(revision) {
  const { commit, main } = buildOf(revision);
  const set = everything();
  const results = [];
  for (const one of cases.filter((each) => each !== MEMORY_CASE && isAble(each))) {
    const [here, there] = [await remora([], set), await remora([], { main })];
    results.push({ ...one, ...(await compare(setup, one, here, there)) });
    for (const { job } of [here, there]) await bench.stop(job);
    if (!options.json) process.stderr.write(`${one.title}: done\n`);
  }
  printMachine(machine(setup), new Map());
  printComparison(results, commit, options.json);
}

async function remora(node, set = {}) {
  const env = { REMORA_TRANSPORT: options.transport };
  const started = await startRemora(bench, { ...backend, otlp: sink.endpoint, env, node, ...set });
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
