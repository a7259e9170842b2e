import type { Config } from './config.ts';
import { decide, problemsOf } from './decide.ts';
import type { Layer } from './layers.ts';
import { type LocalLayers, type LocalSources, ofFile, readLocal, wallMsOf } from './local-layers.ts';
import type { Problem } from './problems.ts';

export type { LocalSources };

/**
 * What this machine says of the configuration: its file over its environment, under its flags. Valid by itself, so that
 * the sidecar can serve with Consul away; documents from Consul are laid between the file and the flags.
 */
export class LocalConfig {
  constructor(
    readonly config: Config,
    /** Equal for equal settings, however they are spelt. */
    readonly fingerprint: string,
    private readonly layers: LocalLayers,
    private readonly wallMs: () => number,
  ) {}

  /** The configuration with one more layer, or why that cannot be. */
  under(layer: Layer): Config | Problem[] {
    const { below, above } = this.layers;
    const { config, blames } = decide([...below, ofFile(layer), ...above], this.wallMs());
    return config ?? problemsOf(blames);
  }
}

export function decodeLocal(sources: LocalSources): LocalConfig | Problem[] {
  const local = readLocal(sources);
  if (Array.isArray(local)) return local;
  return new LocalConfig(local.config, JSON.stringify(local.merged), local, () => wallMsOf(sources));
}

/** For callers that have nothing but a text: tests, simulations, tools. */
export function parseConfig(text: string, sources: Partial<LocalSources> = {}): Config | Problem[] {
  const local = decodeLocal({ source: 'remora.yaml', env: {}, set: [], ...sources, text });
  return Array.isArray(local) ? local : local.config;
}
