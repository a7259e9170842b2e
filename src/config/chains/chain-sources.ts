import type { Source } from '../expand.ts';
import { isMap, SAME_PATH } from '../layers.ts';
import type { ChainText } from '../material.ts';
import { type Path, valueAt } from '../paths.ts';
import type { Place, Problem } from '../problems.ts';
import { Leaves } from './leaves.ts';
import { balanceOf } from './policy.ts';
import { ChainRoutes } from './routes.ts';
import { ChainProblems, chainSource, Words } from './words.ts';

/** Config entries of one service in the shape of documents, below all that remora's own say. */
export interface ChainSources {
  readonly service: string;
  readonly sources: readonly Source[];
  /** What cannot be had from them. The rest holds. */
  readonly problems: readonly Problem[];
}

/** Longer ones are hardly config entries any more. */
const MAX_CHARACTERS = 1_048_576;

/**
 * Reads what Consul has made of the config entries of a service: routers and splitters become routes of its upstreams,
 * resolvers their subsets, failover and timeouts. Pure. What has no like here is left out and named.
 */
export function chainSources({ service, json }: ChainText): ChainSources {
  const problems = new ChainProblems(service);
  const chain = chainOf(json, problems);
  if (chain === null) return { service, sources: [], problems: problems.list() };
  const { own, others } = translate(service, new Words(chain, [], problems));
  const sources = [sourceOf(service, own, service)];
  if (Object.keys(others).length > 0) sources.push(sourceOf(service, { upstreams: others }, null));
  return { service, sources, problems: problems.list() };
}

function chainOf(json: string, problems: ChainProblems): unknown {
  if (json.length > MAX_CHARACTERS) {
    problems.add([], `${json.length} characters`, `at most ${MAX_CHARACTERS}`);
    return null;
  }
  const chain = valueAt(parsed(json), ['Chain']);
  if (isMap(chain) && isMap(chain['Nodes']) && isMap(chain['Targets'])) return chain;
  problems.add([], 'something else', 'the JSON of /v1/discovery-chain');
  return null;
}

/** Null also for what is no JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

type Written = Record<string, unknown>;

/** Those of ours that speak HTTP. `tcp` is also what Consul says of a service of which nobody has said anything. */
const PROTOCOLS: readonly string[] = ['http', 'http2', 'grpc'];

function translate(service: string, chain: Words): { own: Written; others: Written } {
  const protocol = chain.text('Protocol');
  const start = chain.text('StartNode');
  const nodes = chain.map('Nodes');
  const targets = chain.map('Targets');
  const leaves = new Leaves(service, chain, nodes, targets, chain.text('Datacenter'));
  const routes = new ChainRoutes(chain, nodes, leaves);
  const balance = balanceOf(chain.wordsOf(valueAt(nodes, [start, 'LoadBalancer']), 'Nodes', start, 'LoadBalancer'));
  chain.skip('ServiceName', 'Namespace', 'Partition', 'CustomizationHash', 'ID', 'Default');
  chain.done();
  const type = leaves.typeOf(start);
  const { own } = leaves;
  if (type === 'router') routes.addRouter(start);
  else if (type === 'splitter') routes.addSplitter(start);
  else if (type === 'resolver') addResolver(start, leaves, routes, chain, protocol);
  else chain.refuse('StartNode', JSON.stringify(start), 'a router, a splitter or a resolver');
  const isHttp = PROTOCOLS.includes(protocol);
  if (!isHttp && protocol !== 'tcp') chain.refuse('Protocol', JSON.stringify(protocol), 'http, http2, grpc or tcp');
  const whole = {
    ...balance,
    ...own,
    ...(isHttp ? { protocol } : {}),
    ...(Object.keys(routes.routes).length === 0 ? {} : { routes: routes.routes }),
  };
  const others = [...leaves.upstreams].map(([name, other]) => [name, isHttp ? { ...other, protocol } : other] as const);
  return { own: whole, others: Object.fromEntries(others) };
}

/** A default subset is the upstream's; a redirect to elsewhere is a route, or of opaque bytes cannot be had. */
function addResolver(start: string, leaves: Leaves, routes: ChainRoutes, chain: Words, protocol: string): void {
  const leaf = leaves.onlyLeafOf(start);
  if (leaf === null) return;
  if (leaf.upstream === null) {
    if (leaf.subset !== null) leaves.own['subset'] = leaf.subset;
  } else if (protocol === 'tcp') {
    const expected = `a service whose protocol is http: name it in the upstream, as service or failover`;
    chain.refuse('StartNode', `a redirect of opaque bytes to ${leaf.upstream}`, expected);
  } else {
    routes.routes['consul-1'] = { order: 1, to: leaf.upstream };
  }
}

function sourceOf(service: string, value: Written, of: string | null): Source {
  const whole: Place = { source: chainSource(service), line: 1, column: 1 };
  const place = (path: Path): Place | null => (valueAt(value, path) === undefined ? null : whole);
  return { value, written: value, place, whole: null, pathIn: SAME_PATH, service: of };
}
