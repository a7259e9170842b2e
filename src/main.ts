#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { makeProgram } from './cli/program.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

await makeProgram(version).parseAsync();
