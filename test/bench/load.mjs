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

/** The same over HTTP/2, by h2load; null where it is missing. */
export function h2Tool(bench) {
  if (!hasProgram('h2load')) return null;
  const run = async ({ port, path, headers, connections, streams, seconds }) => {
    const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const limits = ['-t', '1', '-c', String(connections), '-m', String(streams), '-D', String(seconds)];
    return readH2load(
      await bench.output('h2load', 'h2load', [...limits, ...fields, `http://127.0.0.1:${port}${path}`]),
    );
  };
  return { name: 'h2load', run };
}

/** What was started in the last moment is not done, and no error. */
function readH2load(text) {
  const number = (pattern) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const requests = number(/, (\d+) succeeded/);
  const errors =
    number(/, (\d+) failed/) + number(/status codes: \d+ 2xx, (\d+) 3xx/) + number(/(\d+) 4xx/) + number(/(\d+) 5xx/);
  const meanUs = /time for request: +\S+ +\S+ +(\S+?)(us|ms|s) /.exec(text);
  const unit = { us: 1, ms: 1_000, s: 1_000_000 };
  const us = meanUs === null ? 0 : Number(meanUs[1]) * unit[meanUs[2]];
  return { requests, seconds: number(/finished in ([\d.]+)s/), errors, p50Us: us, p99Us: us };
}
