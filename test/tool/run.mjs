// Runs one of the project's tasks on a machine that may have nothing but an old Node and npm.
//
// Three things are made ready first, each only when it is missing: a Node new enough to run remora (taken
// from npm, where the binary lies inside a package of its own), the locked dependencies, and the build. One
// process at a time makes them ready, and each appears whole or not at all.
// This file itself must run on old Nodes, so it uses nothing newer than `node:` imports.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const pkg = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** Whoever started us: npm, mostly. */
const parent = process.ppid;
const isWindows = process.platform === 'win32';

function say(text) {
  process.stderr.write(`remora: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

/** Ends the task with one sentence when a command does not succeed; what the command said stands above it. */
function run(command, args, env, stdio, sentence) {
  const done = spawnSync(command, args, { cwd: root, env, stdio });
  if (done.stderr && done.status !== 0) process.stderr.write(done.stderr);
  if (done.error) fail(sentence(done.error.message));
  if (done.status !== 0) fail(sentence(`it ended with ${done.status === null ? done.signal : done.status}`));
}

/**
 * npm hands its whole effective configuration down to what it runs, and most of that is about the run itself (prefix,
 * loglevel, omit). Only what says where packages come from, and how they are reached, is meant for the npm we start.
 */
const USER_INTENT =
  /^npm_config_(?:cache|userconfig|globalconfig|ca|cafile|cert|key|certfile|keyfile|strict_ssl|(?:https?_)?proxy|noproxy|fetch_.*|(?:prefer_)?o(?:ff|n)line|maxsockets|local_address|.*registry|\/\/.*)$/i;

/** npm says nothing while it works, and tries a registry that it cannot reach again and again. */
const PATIENCE = 'npm is silent meanwhile, and without a network or a cache takes some minutes to give up';

/** npm as this machine has it: the one that started us, else the one on PATH. */
function npm(args, env, what) {
  const cli = process.env.npm_execpath;
  const clean = Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^npm_config_/i.test(name) || USER_INTENT.test(name.replace(/-/g, '_'))),
  );
  const sentence = (why) =>
    `npm could not install ${what} (${why}); Node >= 22.15 and "npm ci" by hand in ${root} would do instead`;
  const stdio = ['ignore', 'ignore', 'pipe'];
  if (cli && /npm-cli\.js$/.test(cli)) run(process.execPath, [cli, ...args], clean, stdio, sentence);
  else run(isWindows ? 'npm.cmd' : 'npm', args, clean, stdio, sentence);
}

const LOCK = join(root, '.cache', 'lock');
const STALE_MS = 10 * 60_000;
let isHeld = false;

/** One process at a time: two of `npm ci` in one folder leave neither's result. Held until the end of `work`. */
function alone(work) {
  const giveUpAt = Date.now() + STALE_MS + 60_000;
  let isSaid = false;
  mkdirSync(dirname(LOCK), { recursive: true });
  while (!isHeld) {
    try {
      mkdirSync(LOCK);
      isHeld = true;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (isStale()) rmSync(LOCK, { recursive: true, force: true });
      else if (Date.now() > giveUpAt) fail(`another run still holds ${LOCK}; remove it if there is none`);
      else {
        if (!isSaid) say('waiting for another run that installs or builds');
        isSaid = true;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      }
    }
  }
  writeFileSync(join(LOCK, 'owner'), `${hostname()} ${process.pid}`);
  work();
  release();
}

function release() {
  if (isHeld) rmSync(LOCK, { recursive: true, force: true });
  isHeld = false;
}
process.on('exit', release);

/** Left behind by a process that was killed. */
function isStale() {
  try {
    const age = Date.now() - statSync(LOCK).mtimeMs;
    if (age > STALE_MS) return true;
    const [host, pid] = readFileSync(join(LOCK, 'owner'), 'utf8').split(' ');
    return host === hostname() && !isAlive(Number(pid));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return false; // just released, or just taken and not signed yet
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/** What `make` puts into a folder of its own appears under its name at once. */
function replaced(path, make) {
  const fresh = `${path}.new-${process.pid}`;
  const old = `${path}.old-${process.pid}`;
  const clean = () => {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', clean);
  make(fresh);
  if (existsSync(path)) renameSync(path, old);
  renameSync(fresh, path);
  clean();
  process.off('exit', clean);
}

function isNewEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 15);
}

const nodeHome = join(root, '.cache', `node-${pkg.remora.node}`);
const nodeName = `node-${isWindows ? 'win' : process.platform}-${process.arch}`;
const nodeBinary = join(nodeHome, 'node_modules', nodeName, 'bin', isWindows ? 'node.exe' : 'node');

/** The path of a Node that satisfies `engines`. */
function readyNode() {
  if (isNewEnough(process.version)) return process.execPath;
  if (!existsSync(nodeBinary)) alone(installNode);
  return nodeBinary;
}

function installNode() {
  if (existsSync(nodeBinary)) return;
  say(
    `Node ${process.version} is too old; taking Node ${pkg.remora.node} from npm into ${nodeHome}, once; ${PATIENCE}`,
  );
  replaced(nodeHome, (folder) => {
    mkdirSync(folder, { recursive: true });
    const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'];
    const what = `Node ${pkg.remora.node}`;
    npm(['install', '--prefix', folder, ...quiet, `${nodeName}@${pkg.remora.node}`], process.env, what);
  });
  if (!existsSync(nodeBinary))
    fail(`npm has no Node ${pkg.remora.node} for ${process.platform}-${process.arch}: install Node 24 yourself`);
}

function readyModules(env) {
  const stamp = join(root, 'node_modules', '.remora-stamp');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(process.platform + process.arch)
    .digest('hex');
  if (holds(stamp, wanted)) return;
  alone(() => {
    if (holds(stamp, wanted)) return;
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const count = Object.keys(packages).filter((path) => path !== '').length;
    say(
      `installing the locked dependencies into ${join(root, 'node_modules')}, once: up to ${count} packages; ${PATIENCE}`,
    );
    npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--ignore-scripts'], env, 'the locked dependencies');
    writeFileSync(stamp, wanted);
  });
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

const BUNDLE = join(root, 'test', 'tool', 'bundle.mjs');
const bin = (name, path) => join(root, 'node_modules', name, path);

/** Builds `dist/` when a source is not the one it was built from; true when that was so. The stamp goes with the tree wherever it is moved. */
function readyBuild(node, env) {
  const stamp = join(root, 'dist', '.remora-stamp');
  const wanted = sourcesHash();
  if (holds(stamp, wanted)) return false;
  alone(() => {
    if (holds(stamp, wanted)) return;
    replaced(join(root, 'dist'), (folder) => {
      const sentence = (why) => `the build failed (${why}); what is wrong stands above`;
      run(node, [bin('typescript', 'bin/tsc'), '-p', 'tsconfig.json'], env, 'inherit', sentence);
      run(node, [BUNDLE, folder], env, 'inherit', sentence);
      writeFileSync(join(folder, '.remora-stamp'), wanted);
    });
  });
  return true;
}

function sourcesHash() {
  const hash = createHash('sha256');
  const settings = ['tsconfig.json', 'package-lock.json'].map((name) => join(root, name));
  const sources = [...files(join(root, 'src')), BUNDLE, ...settings];
  for (const path of sources.sort()) {
    const text = readFileSync(path);
    hash.update(`${relative(root, path).split(sep).join('/')} ${text.length}\n`).update(text);
  }
  return hash.digest('hex');
}

function holds(stamp, wanted) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

/** Programs in TypeScript that run as they are written. */
const SOURCES = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];

const TASKS = {
  build: () => [],
  test: (args) => [[bin('vitest', 'vitest.mjs'), 'run', '--config', 'test/vitest.config.ts', ...args]],
  demo: (args) => [['dist/main.js', 'demo', ...args]],
  remora: (args) => [[join(root, 'dist/main.js'), ...args]],
  bench: (args) => [['test/bench/main.mjs', ...args]],
  'bench:micro': ([first, ...rest]) =>
    first === 'routes'
      ? [[...SOURCES, '--expose-gc', 'test/bench/micro/routes.ts', ...rest]]
      : [[...SOURCES, '--expose-gc', 'test/bench/micro/picks.ts', ...(first === undefined ? [] : [first, ...rest])]],
  'bench:config': (args) => [[...SOURCES, 'test/bench/config.ts', ...args]],
  sim: (args) => [[...SOURCES, 'test/sim/main.ts', ...args]],
  soak: (args) => [[...SOURCES, 'test/soak/main.mjs', ...args]],
  check: () => [
    [bin('typescript', 'bin/tsc'), '-p', 'test/tsconfig.json'],
    [bin('@biomejs/biome', 'bin/biome'), 'check', '--config-path=test/biome.config.json', 'src', 'test'],
  ],
  format: () => [
    [bin('@biomejs/biome', 'bin/biome'), 'check', '--write', '--config-path=test/biome.config.json', 'src', 'test'],
  ],
};

const [name, ...args] = process.argv.slice(2);
const task = TASKS[name];
if (task === undefined) fail(`no task "${name}"; there are: ${Object.keys(TASKS).join(', ')}`);

let node;
let env;
try {
  node = readyNode();
  env = { ...process.env, PATH: `${dirname(node)}${isWindows ? ';' : ':'}${process.env.PATH}` };
  readyModules(env);
  const isNew = readyBuild(node, env);
  if (name === 'build')
    say(`${isNew ? 'built' : 'nothing has changed since it was built:'} ${join(root, 'dist', 'main.js')}`);
} catch (error) {
  // What the system refuses is for the user to mend; anything else is a bug and shows its stack.
  if (!error.syscall) throw error;
  const advice = 'it has to be writable once, for the dependencies and the build';
  fail(
    /^(EROFS|EACCES|EPERM)$/.test(error.code) ? `${root} cannot be written (${error.code}): ${advice}` : error.message,
  );
}

// A file named on the command line is looked for where the user stands, and not where npm runs its scripts.
const cwd = name === 'remora' ? (process.env.INIT_CWD ?? process.cwd()) : root;

// Steps run one after the other; a signal to us is a signal to the step that runs. npm does not pass one on: it just ends,
// and then our parent is another.
const PARENT_LOOK_MS = 250;
let status = 0;
for (const step of task(args)) {
  status = await new Promise((resolve) => {
    const child = spawn(node, step, { cwd, env, stdio: 'inherit' });
    const pass = (signal) => child.kill(signal);
    const look = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(look);
      child.kill('SIGTERM');
    }, PARENT_LOOK_MS);
    process.on('SIGINT', pass);
    process.on('SIGTERM', pass);
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code, signal) => {
      clearInterval(look);
      process.off('SIGINT', pass);
      process.off('SIGTERM', pass);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
  if (status !== 0) break;
}
process.exitCode = status;
