#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(`remora needs Node 22.15 or later; ${process.execPath} is ${process.version}\n`);
  process.exit(1);
}

// The young generation would grow to 32 MiB while modules are loaded and never shrink. The hot path makes little
// garbage, so it is as fast with the 2 MiB it starts with. Only allocations from here on know of it, hence the late
// import.
setFlagsFromString('--semi-space-growth-factor=1');

// The compiler between the quick one and the good one keeps 20 MiB once the first thousand requests have made it work.
// What is hot ends in the good one all the same, and costs no more per request without it.
setFlagsFromString('--no-maglev');

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const { makeProgram } = await import('./cli/program.ts');

await makeProgram(version).parseAsync();
