import { textTable } from '../../admin/text-table.ts';
import { loadFile } from '../../config/file.ts';
import { CONFIG_PREFIX, configKey, type LayerName } from '../../config/kv-keys.ts';
import { isMap } from '../../config/layers.ts';
import type { LocalText, Settlement } from '../../config/material.ts';
import { formatPath, type Path } from '../../config/paths.ts';
import { formatProblem, formatProblems, type Place } from '../../config/problems.ts';
import { settleFor } from '../../config/store/outlook.ts';
import { survey } from '../../config/store/survey.ts';
import { ANYBODY, unknownFile } from '../../config/store/unknown-file.ts';
import { valueText } from './difference-text.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { complaintsTo, type Operator } from './operator.ts';
import { readProposed } from './proposal.ts';

export interface ShowOptions {
  /** As which service; null: as the one of the file, or as nobody in particular. */
  readonly caller: string | null;
  /** Only how this service is called; null: everything. */
  readonly service: string | null;
  readonly file: string | null;
  /** Built-in values too. */
  readonly all: boolean;
  readonly json: boolean;
}

/** `remora config show --layer`: one document as it is stored. */
export async function runShowLayer({ store, out }: Operator, layer: LayerName): Promise<ExitCode> {
  const { text } = await store.layer(layer);
  out.write(text ?? `remora: there is no ${configKey(layer)}\n`);
  return text === null ? EXIT.invalid : EXIT.done;
}

/** `remora config show`: what a sidecar has in force, each value with where it was written. */
export async function runShow(operator: Operator, options: ShowOptions): Promise<ExitCode> {
  const { store, clock, out } = operator;
  const known = await survey(store);
  const local = localText(operator, options, known);
  if (local === null) return EXIT.invalid;
  const [caller, text] = local;
  const settlement = settleFor(caller, text, known.documents, known.documents, null, clock.wallMs());
  const problems = [...settlement.localProblems, ...settlement.layers.flatMap((layer) => layer.problems)];
  if (settlement.config === null) {
    complaintsTo(out, options.json).write(`${formatProblems(problems)}\n`);
    return EXIT.invalid;
  }
  // The file that stands in for one says what nobody has said.
  const isInvented = (path: Path): boolean =>
    options.file === null &&
    (path[0] === 'service' || settlement.origins.get(formatPath(path))?.source === text.source);
  const values = valuesIn(settlement, options.service).filter(({ path }) => !isInvented(path));
  if (options.json) {
    const rows = values.map(({ path, value, origin }) => ({ path: formatPath(path), value, origin }));
    out.write(`${JSON.stringify({ caller, values: rows, problems: problems.map(formatProblem) }, null, 2)}\n`);
  } else {
    out.write(valuesText(values, options.all));
    if (problems.length > 0) out.write(`not in force, since\n${formatProblems(problems)}\n`);
  }
  return problems.length > 0 ? EXIT.invalid : EXIT.done;
}

type Known = Awaited<ReturnType<typeof survey>>;

/** The caller's name and its file, or one that stands in for it. */
function localText(
  { env, out, clock }: Operator,
  { caller, service, file, json }: ShowOptions,
  { documents, statuses }: Known,
): readonly [string, LocalText] | null {
  if (file === null) {
    const name = caller ?? ANYBODY;
    const called = statuses.filter((status) => status.service === caller).flatMap((status) => status.calls);
    const services =
      caller === null || called.length === 0 ? documents.flatMap(({ layer }) => servicesIn(layer)) : called;
    return [name, unknownFile(name, new Set([...services, ...(service === null ? [] : [service])]), documents)];
  }
  const local = loadFile({ path: file, env, set: [], wallMs: () => clock.wallMs() });
  if (Array.isArray(local)) {
    complaintsTo(out, json).write(`${formatProblems(local)}\n`);
    return null;
  }
  const text = readProposed(file, complaintsTo(out, json));
  return text === null ? null : [caller ?? local.config.service.name, { source: file, text, env, set: [] }];
}

function servicesIn(layer: LayerName): readonly string[] {
  return layer.startsWith('service/') ? [layer.slice('service/'.length)] : [];
}

interface ShownValue {
  readonly path: Path;
  readonly value: unknown;
  /** Null: built in. */
  readonly origin: string | null;
}

function valuesIn({ shown, origins, config }: Settlement, service: string | null): readonly ShownValue[] {
  const values: ShownValue[] = [];
  const walk = (value: unknown, path: Path): void => {
    if (isMap(value) && Object.keys(value).length > 0 && !origins.has(formatPath(path))) {
      for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key]);
    } else values.push({ path, value, origin: originText(origins.get(formatPath(path))) });
  };
  walk(shown, []);
  if (service === null) return values;
  const names = [...(config?.upstreams.values() ?? [])]
    .filter((one) => one.service === service)
    .map(({ name }) => name);
  return values.filter(({ path }) => path[0] === 'upstreams' && names.includes(String(path[1])));
}

/** `service/orders:12`, `remora.yaml:3`, `--set` */
function originText(place: Place | undefined): string | null {
  if (place === undefined) return null;
  const source = place.source.replace(`kv:${CONFIG_PREFIX}`, '');
  return place.line === null ? source : `${source}:${place.line}`;
}

function valuesText(values: readonly ShownValue[], all: boolean): string {
  const shown = values.filter(({ origin }) => all || origin !== null);
  const rows = shown.map(({ path, value, origin }) => [formatPath(path), valueText(value, path), origin ?? 'built-in']);
  const hidden = values.length - shown.length;
  return textTable(rows, '') + (hidden > 0 ? `and ${hidden} values that are built in (--all shows them)\n` : '');
}
