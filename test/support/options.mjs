import { parseArgs } from 'node:util';

/** Command-line options of a bench: each has a default, and an unknown or senseless one ends the program with a word about it. */
export function readOptions(program, help, spec) {
  const stop = (why) => {
    console.error(`${program}: ${why}`);
    process.exit(1);
  };
  const positive = (name) => {
    const value = Number(options[name]);
    return value > 0 ? value : stop(`--${name} wants a positive number, not "${options[name]}"`);
  };
  const options = parse(spec, stop);
  if (options.help) {
    console.log(help);
    process.exit(0);
  }
  if (process.platform !== 'linux') stop('CPU time and memory are read from /proc, which needs Linux');
  return { options, positive, stop };
}

function parse(spec, stop) {
  try {
    return parseArgs({ options: { ...spec, help: { type: 'boolean', default: false } } }).values;
  } catch (error) {
    return stop(`${error.message} (--help lists the options)`);
  }
}
