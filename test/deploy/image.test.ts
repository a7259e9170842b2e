import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deployText } from './deploy-files.ts';

const instructions = deployText('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return { word: word ?? line, rest: (rest ?? '').trim() };
  });
const lastStage = instructions.slice(instructions.findLastIndex(({ word }) => word === 'FROM'));

describe('deploy/Dockerfile', () => {
  it('builds in one stage and ships another, both on the Node that the project pins', () => {
    const { remora } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const major = remora.node.split('.')[0];
    expect(all('FROM')).toEqual([`node:${major}-slim AS build`, `node:${major}-slim`]);
  });

  it('copies from the repository only what exists and is not kept out of the build', () => {
    const ignore = deployText('Dockerfile.dockerignore').split('\n');
    const sources = all('COPY')
      .filter((rest) => !rest.startsWith('--from'))
      .flatMap((rest) => rest.split(/\s+/).slice(0, -1));
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) {
      expect(existsSync(new URL(`../../${source}`, import.meta.url)), source).toBe(true);
      expect(ignore).toContain(`!${source}`);
    }
  });

  it('checks the types of what it builds', () => {
    const build = instructions.slice(0, -lastStage.length);
    expect(build.at(-1)?.rest).toMatch(/\btsc -p tsconfig\.json\s+&& node test\/tool\/bundle\.mjs dist$/);
  });

  it('leaves out what is needed to build only, all packages among that', () => {
    const kept = all('COPY').filter((rest) => rest.startsWith('--from'));
    expect(kept).toEqual(['package.json ./', 'dist dist'].map((rest) => `--from=build /build/${rest}`));
  });

  it('does not run as root, and says so with a number', () => {
    expect(lastStage.findLast(({ word }) => word === 'USER')?.rest).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('runs node itself as the first process, and asks its health with the same program', () => {
    const [entry] = all('ENTRYPOINT').map((rest) => JSON.parse(rest));
    expect(entry).toEqual(['node', '/app/dist/main.js']);
    const [health] = all('HEALTHCHECK').map((rest) => JSON.parse(rest.slice(rest.indexOf('['))));
    expect(health).toEqual([...entry, 'status', '--ready']);
  });
});

function all(word: string): readonly string[] {
  return instructions.filter((one) => one.word === word).map((one) => one.rest);
}
