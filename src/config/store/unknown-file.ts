import type { KvText, LocalText } from '../material.ts';

/** A caller of everything, so that a document is judged where nobody is known yet. */
export const ANYBODY = 'any.caller';

/**
 * In place of the file of a sidecar that runs elsewhere: it calls what it is known to call, and documents may refer to
 * whatever they name. The values behind references are not known here; each stands for itself.
 */
export function unknownFile(caller: string, calls: Iterable<string>, documents: readonly KvText[]): LocalText {
  const variables = documents.flatMap(({ text }) => [...text.matchAll(VARIABLE)].map(([, name]) => name!));
  const names = [...new Set(variables)];
  const upstreams = upstreamsOf([...calls]);
  const file = {
    service: { name: caller, port: 1 },
    outbound: { port: 0 },
    consul: {},
    upstreams,
    secrets: { dir: '/', allowEnv: names },
  };
  const env = Object.fromEntries(names.map((name) => [name, `\${env:${name}}`]));
  return { source: `the file of ${caller}`, text: JSON.stringify(file), env, set: [] };
}

const VARIABLE = /\$\{env:([^}]+)\}/g;
/** What an upstream may be called; a service with another name has upstreams of another name in files. */
const LABEL = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
const MAX_LABEL = 50;

/** One for each service, whatever it is called: a document for one that nobody calls would not be judged at all. */
function upstreamsOf(services: readonly string[]): Readonly<Record<string, object>> {
  const upstreams = new Map<string, object>(services.filter((name) => LABEL.test(name)).map((name) => [name, {}]));
  for (const service of services.filter((name) => !LABEL.test(name))) {
    const label = `${service.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.slice(0, MAX_LABEL).replace(/^-|-$/g, '');
    const stem = label === '' ? 'service' : label;
    let name = stem;
    for (let n = 2; upstreams.has(name); n++) name = `${stem}-${n}`;
    upstreams.set(name, { service });
  }
  return Object.fromEntries(upstreams);
}
