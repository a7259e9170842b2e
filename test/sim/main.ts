import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chart } from './chart.ts';
import { measure } from './measures.ts';
import { HELP, readPlan } from './plan.ts';
import { weather } from './storm/measures.ts';
import { stormChart, stormTable } from './storm/report.ts';
import { offeredTo } from './storm/simulation.ts';
import { table } from './table.ts';

/** `npm run sim`: how each algorithm spreads load among simulated servers, and what it does when some are in trouble. */
const plan = readPlan(process.argv.slice(2));
if (typeof plan === 'string') {
  console.error(`sim: ${plan} (--help lists the options)`);
  process.exit(2);
}
if (plan === null) {
  console.log(HELP);
  process.exit(0);
}

const { size, scenarios, storms, contenders, out } = plan;
const known = size.subset === null ? '' : `, each knows ${size.subset} of them`;
console.log(
  `${size.sidecars} sidecars, ${size.servers} endpoints${known}, ${size.requestsPerSecond} requests/s for ${size.seconds} s, seed ${size.seed}`,
);
mkdirSync(out, { recursive: true });
for (const scenario of scenarios) {
  const rows = new Map(
    contenders.map(({ name, optionsIn }) => [name, measure({ ...size, optionsIn, course: scenario.course }, scenario)]),
  );
  console.log(`\n${scenario.name}: ${scenario.story}\n${table(rows)}`);
  writeFileSync(join(out, `${scenario.name}.svg`), chart(scenario, rows));
}
for (const storm of storms) {
  const rows = new Map(storm.policies.map((policy) => [policy.name, weather(size, storm, policy)]));
  console.log(`\n${storm.name}: ${storm.story} (${offeredTo(storm, size)} requests/s)\n${stormTable(rows)}`);
  writeFileSync(join(out, `${storm.name}.svg`), stormChart(storm, size, rows));
}
console.log(`\nload over time: ${join(out, '*.svg')}`);
