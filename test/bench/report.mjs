import { cpus, release } from 'node:os';

export function machine(setup) {
  const list = cpus();
  const pinned = setup.core === null ? 'not pinned (no taskset)' : `all on core ${setup.core}`;
  return {
    cpu: list[0]?.model.trim() ?? 'unknown',
    cores: list.length,
    kernel: release(),
    node: process.version,
    pinned,
    transport: setup.transport,
    load: setup.load.name,
    backend: setup.backend,
    rounds: setup.rounds,
    seconds: setup.seconds,
  };
}

export function printMachine(facts, skipped) {
  console.log(`${facts.cpu}, ${facts.cores} cores, Linux ${facts.kernel}, Node ${facts.node}`);
  console.log(`transport ${facts.transport}; load ${facts.load}, backend ${facts.backend}, ${facts.pinned}`);
  console.log(`median of ${facts.rounds} rounds of ${facts.seconds} s`);
  for (const [name, why] of skipped) console.log(`${name} is left out: ${why}`);
}

/** One line for each case; the goals are multiples of HAProxy's cost, or MiB in the memory case. */
export function table(results, transport) {
  const header = [
    'case',
    'unit',
    'remora',
    'of which',
    'haproxy',
    'nginx',
    '/haproxy',
    '/nginx',
    'gate',
    'aim',
    'steal',
  ];
  const lines = results.map(({ name, unit, goal, error, rows, steal }) => {
    if (error !== undefined) return [name, unit, `FAILED: ${error}`];
    const [remora, haproxy, nginx] = ['remora', 'haproxy', 'nginx'].map((proxy) => rows.get(proxy));
    return [
      name,
      unit,
      cost(remora),
      detail(remora),
      cost(haproxy),
      cost(nginx),
      ratio(remora, haproxy),
      ratio(remora, nginx),
      gateFor(goal, transport),
      String(goal.aim),
      `${(steal * 100).toFixed(1)}%`,
    ];
  });
  return align([header, ...lines]);
}

/** The handle-level transport has goals of its own. */
function gateFor(goal, transport) {
  return String(transport === 'handle' ? goal.handle : goal.public);
}

function detail(row) {
  if (row.idle !== undefined) return `idle ${row.idle.toFixed(1)}`;
  return `${row.user.toFixed(1)} user + ${row.system.toFixed(1)} sys`;
}

function cost(row) {
  return row === undefined ? '-' : row.cost.toFixed(1);
}

function ratio(row, peer) {
  return row === undefined || peer === undefined ? '-' : (row.cost / peer.cost).toFixed(2);
}

function align(lines) {
  const wide = lines[0].map((_, column) =>
    Math.max(...lines.filter((line) => line.length > 3).map((line) => line[column].length)),
  );
  return lines
    .map((line) =>
      line.map((cell, column) => (column < 2 ? cell.padEnd(wide[column]) : cell.padStart(wide[column]))).join('  '),
    )
    .join('\n');
}

export function printProfile({ requests, cost, functions }, name) {
  const cpu = `${cost.user.toFixed(1)} us user + ${cost.system.toFixed(1)} us sys`;
  console.log(`\n${name}: ${requests} requests at ${cpu} of CPU each (being profiled); self time by the wall clock:`);
  for (const { name: what, us, share } of functions.slice(0, 40)) {
    const perRequest = (us / requests).toFixed(2).padStart(7);
    console.log(`${(share * 100).toFixed(1).padStart(5)}% ${perRequest} us/req  ${what}`);
  }
}

/** A line for each case: what the two builds cost, and the median of their ratios with the middle half of them. */
export function printComparison(results, commit, isJson) {
  if (isJson) return console.log(JSON.stringify({ commit, results }, null, 2));
  const header = ['case', 'unit', 'here', 'there', 'ratio', 'middle half', 'pairs', 'steal'];
  const lines = results.map(({ name, unit, here, there, ratio: median, low, high, pairs, steal }) => [
    name,
    unit,
    here.toFixed(1),
    there.toFixed(1),
    median.toFixed(3),
    `${low.toFixed(3)} .. ${high.toFixed(3)}`,
    String(pairs),
    `${(steal * 100).toFixed(1)}%`,
  ]);
  console.log(`here: this build with everything on; there: ${commit.slice(0, 12)} with nothing set\n`);
  console.log(align([header, ...lines]));
}

/** The two sums, and the functions whose share differs most. */
export function printAllocation({ title }, on, off) {
  console.log(`${title}: bytes on the heap for each request, sampled`);
  console.log(
    `everything on ${on.bytes.toFixed(0)} (${on.requests} requests), nothing set ${off.bytes.toFixed(0)} (${off.requests})`,
  );
  const before = new Map(off.functions.map(({ name, bytes }) => [name, bytes]));
  const names = new Set([...on.functions, ...off.functions].map(({ name }) => name));
  const after = new Map(on.functions.map(({ name, bytes }) => [name, bytes]));
  const rows = [...names].map((name) => ({ name, on: after.get(name) ?? 0, off: before.get(name) ?? 0 }));
  rows.sort((a, b) => Math.max(b.on, b.off) - Math.max(a.on, a.off));
  console.log(`${'on'.padStart(9)} ${'off'.padStart(9)}  function`);
  for (const row of rows.slice(0, 25)) {
    console.log(`${row.on.toFixed(1).padStart(9)} ${row.off.toFixed(1).padStart(9)}  ${row.name}`);
  }
}
