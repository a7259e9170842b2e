import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasProgram } from '../support/workbench.mjs';

/**
 * Closed-loop load by a process of its own: wrk, or a plain client where wrk is missing. Both count completed
 * answers, and both count as an error everything that is not a complete 2xx.
 */
export function loadTool(bench) {
  return hasProgram('wrk') ? wrk(bench) : standIn(bench);
}

const CLIENT = fileURLToPath(new URL('./load-client.mjs', import.meta.url));

function standIn(bench) {
  const run = async (load) => JSON.parse(await bench.output('load', process.execPath, [CLIENT, JSON.stringify(load)]));
  return { name: 'node', run };
}

function wrk(bench) {
  const script = join(bench.folder, 'report.lua');
  writeFileSync(script, REPORT);
  const run = async ({ port, path, headers, connections, seconds }) => {
    const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const url = `http://127.0.0.1:${port}${path}`;
    const limits = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s'];
    const text = await bench.output('wrk', 'wrk', [...limits, ...fields, '-s', script, url]);
    return JSON.parse(text.slice(text.lastIndexOf(MARK) + MARK.length));
  };
  return { name: 'wrk', run };
}

const MARK = '@result ';

/** `done` runs once, after the load; a script without `request` or `response` costs nothing while it runs. */
const REPORT = `
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('${MARK}{"requests":%d,"seconds":%f,"errors":%d,"p50Us":%d,"p99Us":%d}\\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
`;
