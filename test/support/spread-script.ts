import type { Picker } from '../../src/cluster/picker.ts';
import { Dispatcher } from '../../src/proxy/places/dispatcher.ts';
import { Ledger } from '../../src/proxy/places/ledger.ts';
import { Shadows } from '../../src/proxy/places/shadows.ts';
import type { Plan, Spread } from '../../src/proxy/plan.ts';
import { Anywhere } from '../../src/route/anywhere.ts';
import { Pinned } from '../../src/route/pinned.ts';
import { ExchangeScript, type FakeClient, type FakeUpstream, type ScriptOptions } from './exchange-script.ts';

/** An exchange script whose endpoints are places: `a` is the main one, and the others come after it. */
export class SpreadScript extends ExchangeScript {
  readonly ledger = new Ledger('0-99');
  readonly shadows: Shadows;
  kind: Spread['kind'] | null;
  keyHash = 7;
  private readonly names: readonly string[];

  constructor(kind: Spread['kind'] | null, names: readonly string[], options: ScriptOptions = {}) {
    super({ ...options, endpoints: names });
    this.kind = kind;
    this.names = names;
    const { clock, observer } = this;
    this.shadows = new Shadows({
      clock,
      random: { uint32: () => 1, next: () => 1, below: () => 0 },
      instanceId: 'x',
      observer,
    });
    Object.assign(this.plan, { spreader: { ledgers: [this.ledger], spread: () => this.spread() } });
  }

  /** A client whose requests may go to several places. */
  enter(): FakeClient {
    return this.open((context, router, client) => new Dispatcher(context, router, client, this.shadows));
  }

  /** The last connection to a place. */
  at(name: string): FakeUpstream {
    return this.endpoint(name).last;
  }

  private spread(): Spread | null {
    const { kind, keyHash, ledger } = this;
    if (kind === null) return null;
    const [main, ...others] = this.names.map((name) => this.place(name));
    if (kind === 'first' || kind === 'all') return { kind, main: main!, others };
    return { kind, main: main!, others: [others[0]!], keyHash, watch: ledger };
  }

  private place(name: string): Plan {
    const lens: Picker = {
      pick: (context) => {
        const found = [...this.cluster.endpoints].find((endpoint) => endpoint.id.endsWith(`/${name}`));
        if (found?.gate.canAdmit(context.now)) return found;
        context.refusal = found === undefined ? 'no_endpoint' : 'circuit_open';
        return null;
      },
    };
    return { ...this.plan, placement: new Pinned(lens, new Anywhere(null)), spreader: null };
  }
}
