// Writes the program to a folder: `node test/tool/bundle.mjs dist`. Types are checked elsewhere.
//
// A bundle, because a sidecar is paid for once per service: in files of their own, remora and its libraries take 12 MiB
// more. Each `import()` in the sources begins a part of its own, so what is not used is not loaded. What is in the
// folder needs `package.json` and `proto/` beside it and no node_modules; the licences of the libraries go with it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const src = join(root, 'src');
const folder = process.argv[2];

/** Programs that are started by their path; all else is a part of one of them. */
const ENTRIES = ['main', 'config/settler-child', 'cli/demo/orders-app'];

/** A source file that asks where it is gets the place it would have if each file were a file of `dist`. */
const places = {
  name: 'places',
  transform(code, id) {
    const name = relative(src, id).split(sep).join('/').replace(/\.ts$/, '');
    if (name.startsWith('..') || ENTRIES.includes(name) || !code.includes('import.meta.url')) return null;
    return { code: code.replaceAll('import.meta.url', `new URL('../${name}.js', import.meta.url).href`) };
  },
};

/** OpenTelemetry's files were bundled before, and ask for gRPC by a `require` of that bundler's own, which looks like nothing. */
const requires = {
  name: 'requires',
  transform(code, id) {
    return id.includes('node_modules') ? { code: code.replaceAll('__require("', 'require("') } : null;
  },
};

/** Consul's client asks for TLS, 4 MiB, before it knows whether it will need it; mostly the agent is on this machine. */
const lateTls = {
  name: 'late-tls',
  transform(code, id) {
    const asked = /^const https = require\(["']https["']\);$/m;
    if (!/[\\/]node_modules[\\/](papi|consul)[\\/]/.test(id) || !asked.test(code)) return null;
    return { code: code.replace(asked, '').replace(/\bhttps(?=[.;])/g, 'require("https")') };
  },
};

/**
 * An import statement reads every export of a module. For Node's own that runs getters that load what is behind them:
 * with `node:http` comes all of fetch, 13 MiB. So the parts take what they use and leave the rest. `main` keeps its
 * imports, since it is what tells an old Node, which knows no better, that it is too old.
 *
 * One character beyond Latin-1 doubles a text in memory, and the text of a part stays there.
 */
function lean(code) {
  return escaped(withoutImports(code));
}

function withoutImports(code) {
  return code
    .replace(/^import "([^"]+)";\n/gm, (statement, from) => (isNodes(from) ? '' : statement))
    .replace(
      /^import (?:([\w$]+)|\* as ([\w$]+)|(\{[^}]*\})) from "([^"]+)";$/gm,
      (statement, whole, space, names, from) =>
        isNodes(from) ? `const ${whole ?? space ?? names.replaceAll(' as ', ': ')} = ${taken(from)};` : statement,
    )
    .replace(/\bimport\("([^"]+)"\)/g, (call, from) => (isNodes(from) ? `Promise.resolve(${taken(from)})` : call));
}

function taken(name) {
  return `process.getBuiltinModule("${name}")`;
}

function isNodes(name) {
  return name.startsWith('node:') || builtinModules.includes(name);
}

function escaped(code) {
  return code.replace(/[^\0-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(ENTRIES.map((name) => [name, join(src, `${name}.ts`)])),
  platform: 'node',
  external: isNodes,
  plugins: [places, requires, lateTls],
});
const { output } = await bundle.generate({ format: 'esm', comments: false, chunkFileNames: 'parts/[name].js' });
for (const { fileName, code, isEntry } of output) {
  const path = join(folder, fileName);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, isEntry ? code : lean(code));
}
writeFileSync(join(folder, 'LICENSES.txt'), licences(output.flatMap(({ moduleIds }) => moduleIds ?? [])));

/** Of every package with a line in the bundle; those that say the same say it once. */
function licences(ids) {
  const packages = new Set(
    ids.flatMap((id) => /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id)?.[1] ?? []),
  );
  const namesByText = new Map();
  for (const path of [...packages].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const said = readdirSync(path).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    const text = said.map((file) => readFileSync(join(path, file), 'utf8').trim()).join('\n\n');
    namesByText.set(text, [...(namesByText.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const sections = [...namesByText].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  return sections.join(`\n${'-'.repeat(80)}\n\n`);
}
