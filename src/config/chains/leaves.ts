import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { valueAt } from '../paths.ts';
import { subsetOfFilter, type WrittenSubset } from './filter.ts';
import { balanceOf, durationIn } from './policy.ts';
import type { Words } from './words.ts';

type Written = Record<string, unknown>;

/** Where requests end up: as `to` has it. Both null: the service of the chain itself. */
export interface Leaf {
  readonly upstream: string | null;
  readonly subset: string | null;
}

interface Target {
  readonly service: string;
  readonly subset: string;
  readonly datacenter: string;
  readonly filter: string;
}

/** What an upstream may have of them. */
const MAX_FAILOVER = 8;
/** As long as it takes without a word, in Consul as here. */
const CONNECT_DEFAULT = '5s';
const MAX_LABEL = 63;
const LABEL = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

/**
 * Resolvers and their targets as upstreams, subsets and failover.
 *
 * A subset whose filter the file could say is a subset of its upstream, so that breakers and connections stay shared.
 * All else is an upstream of its own with Consul's filter as it stands: another datacenter, a filter that only Consul
 * can judge, a failover that the rest of the service has not.
 */
export class Leaves {
  /** Of the service itself, in the shape of one upstream. */
  readonly own: Written = {};
  /** Others, by name. */
  readonly upstreams = new Map<string, Written>();
  private readonly subsets = new Map<string, WrittenSubset>();
  private failover: readonly Written[] | null = null;
  private readonly known = new Map<string, Leaf | null>();

  constructor(
    private readonly service: string,
    private readonly chain: Words,
    private readonly nodes: Readonly<Record<string, unknown>>,
    private readonly targets: Readonly<Record<string, unknown>>,
    private readonly datacenter: string,
  ) {}

  /** Null: it cannot be had, and why is among the problems. */
  leafOf(name: string): Leaf | null {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const leaf = this.make(name, false);
    this.known.set(name, leaf);
    return leaf;
  }

  /** Of a chain that is this one leaf and nothing else: no route is needed to get there. */
  onlyLeafOf(name: string): Leaf | null {
    return this.make(name, true);
  }

  private make(name: string, isAll: boolean): Leaf | null {
    const node = this.chain.wordsOf(this.nodes[name], 'Nodes', name);
    const settings = balanceOf(node.words('LoadBalancer'));
    const resolver = node.words('Resolver');
    node.skip('Type', 'Name');
    node.done();
    const connect = durationIn(resolver, 'ConnectTimeout');
    const request = durationIn(resolver, 'RequestTimeout');
    const timeouts = {
      ...(connect === null || connect === CONNECT_DEFAULT ? {} : { connect }),
      ...(request === null ? {} : { request }),
    };
    if (Object.keys(timeouts).length > 0) settings['timeouts'] = timeouts;
    const target = this.targetOf(resolver.text('Target'), resolver);
    const failover = resolver.words('Failover');
    resolver.skip('Default');
    resolver.done();
    if (target === null) return null;
    const levels = this.levelsOf(failover, target);
    const isPart = target.subset !== '' && levels.some(isOfSameService);
    const isApart = isPart && !(isAll && this.isHere(target) && this.nameSubset(target));
    return isApart ? this.placeApart(name, target, settings, levels) : this.place(target, settings, levels);
  }

  private targetOf(id: string, from: Words): Target | null {
    const words = this.chain.wordsOf(this.targets[id], 'Targets', id);
    const target = {
      service: words.text('Service'),
      subset: words.text('ServiceSubset'),
      datacenter: words.text('Datacenter'),
    };
    const namespace = words.text('Namespace');
    const subset = words.words('Subset');
    const mesh = words.words('MeshGateway');
    words.skip('ID', 'SNI', 'Name', 'ConnectTimeout', 'TransparentProxy', 'External', 'Locality');
    const partition = words.text('Partition');
    words.done();
    const filter = subset.text('Filter');
    if (subset.flag('OnlyPassing')) {
      subset.refuse('OnlyPassing', 'true', 'false: an instance with a warning is used here as one without');
    }
    subset.done();
    const mode = mesh.text('Mode');
    if (mode !== '' && mode !== 'none')
      mesh.refuse('Mode', JSON.stringify(mode), 'none: endpoints are called directly');
    const isForeign = (namespace !== '' && namespace !== 'default') || (partition !== '' && partition !== 'default');
    if (target.service !== '' && !isForeign) return { ...target, filter };
    from.refuse('Target', JSON.stringify(id), 'a service of the default namespace and partition');
    return null;
  }

  /** What does not differ from the target itself is left out, as the file has it. */
  private levelsOf(failover: Words, from: Target): Written[] {
    const ids = failover.texts('Targets');
    failover.done();
    const levels: Written[] = [];
    for (const id of ids) {
      const to = this.targetOf(id, failover);
      if (to === null) continue;
      const level = {
        ...(to.service === from.service ? {} : { service: to.service }),
        ...(to.datacenter === from.datacenter ? {} : { datacenter: to.datacenter }),
        ...(to.subset === (to.service === from.service ? from.subset : '') ? {} : { subset: to.subset }),
      };
      if (Object.keys(level).length === 0 || levels.some((one) => isDeepStrictEqual(one, level))) continue;
      if (levels.length === MAX_FAILOVER || ('subset' in level && !this.canName(to, from))) {
        failover.refuse('Targets', JSON.stringify(id), `one of ${MAX_FAILOVER}, in a subset by tags or metadata`);
      } else {
        levels.push(level);
      }
    }
    return levels;
  }

  private canName(to: Target, from: Target): boolean {
    return to.subset !== '' && from.service === this.service && this.nameSubset(to);
  }

  private nameSubset({ subset, filter }: Target): boolean {
    const found = LABEL.test(subset) ? subsetOfFilter(filter) : null;
    if (found === null) return false;
    // One of another service, which fails over to it, may be called the same.
    const known = this.subsets.get(subset);
    if (known !== undefined && !isDeepStrictEqual(known, found)) return false;
    this.subsets.set(subset, found);
    this.own['subsets'] = Object.fromEntries(this.subsets);
    return true;
  }

  private place(target: Target, settings: Written, failover: readonly Written[]): Leaf {
    const { service, subset } = target;
    const isHere = this.isHere(target);
    if (service === this.service && isHere) {
      this.failover ??= failover;
      if (isDeepStrictEqual(failover, this.failover) && (subset === '' || this.nameSubset(target))) {
        this.lay(this.own, settings, failover);
        return { upstream: null, subset: subset === '' ? null : subset };
      }
    }
    // A service as it is has a chain of its own, which says the rest.
    if (service !== this.service && isHere && subset === '' && failover.length === 0 && LABEL.test(service)) {
      return { upstream: service, subset: null };
    }
    const cut: Written = { subset: null, ...(target.filter === '' ? {} : { filter: target.filter }) };
    return this.makeUpstream(target, cut, settings, failover);
  }

  /**
   * A subset that fails over to another one of its service. As a part of the whole service's upstream it would have
   * those endpoints in its first level already, so it is an upstream of its own, which begins with its own alone.
   */
  private placeApart(node: string, target: Target, settings: Written, failover: readonly Written[]): Leaf {
    const { subset } = target;
    if (this.nameSubset(target)) return this.makeUpstream(target, { subset }, settings, failover);
    const rest = failover.filter((level) => !isOfSameService(level));
    this.chain
      .wordsOf(null, 'Nodes', node, 'Resolver', 'Failover')
      .refuse('Targets', 'another subset', `${subset} by tags or metadata, so that both can be told apart here`);
    return this.place(target, settings, rest);
  }

  private makeUpstream(target: Target, cut: Written, settings: Written, failover: readonly Written[]): Leaf {
    const { service, subset, datacenter } = target;
    const isHere = this.isHere(target);
    // What holds for all upstreams of the service is laid over this one too, and is not meant for it.
    const made: Written = { service, ...cut, failover: null, routes: null };
    if (!isHere) made['datacenter'] = datacenter;
    this.lay(made, settings, failover);
    const name = labelOf([service, subset, isHere ? '' : datacenter]);
    this.upstreams.set(name, made);
    return { upstream: name, subset: null };
  }

  private isHere({ datacenter }: Target): boolean {
    return datacenter === this.datacenter || datacenter === '';
  }

  private lay(upstream: Written, settings: Written, failover: readonly Written[]): void {
    Object.assign(upstream, settings);
    if (failover.length > 0) upstream['failover'] = failover;
  }

  typeOf(name: string): unknown {
    return valueAt(this.nodes, [name, 'Type']);
  }
}

/** Another part of the service that a request was for: a filter of that would leave nothing of it. */
function isOfSameService(level: Written): boolean {
  return 'subset' in level && !('service' in level);
}

/**
 * The name of an upstream that stands for a part of a service: what a Host could be. Names of subsets have no `_` in
 * Consul, so that `web-v1` and subset `v1` of `web` are two. What cannot stand in it as it is has a print of itself there.
 */
function labelOf(parts: readonly string[]): string {
  const said = parts.filter((part) => part !== '');
  const plain = `consul-${said.join('_')}`;
  if (LABEL.test(plain) && said.every((part) => !part.includes('_'))) return plain;
  const print = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8);
  const rest = plain.toLowerCase().replace(/[^a-z0-9_-]/g, '-');
  return `${rest.slice(0, MAX_LABEL - print.length - 1)}-${print}`;
}
