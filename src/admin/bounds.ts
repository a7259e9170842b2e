import type { ClusterView, ConfigLayerView, ShardsView } from './agent-view.ts';

/** More than anyone reads, and small enough to render between two requests. */
export const MAX_ENDPOINTS_SHOWN = 5_000;

/** Of one cluster; a zone more is a line more. */
export const MAX_PLACES_SHOWN = 100;

/** Whoever mends a document mends these first. */
export const MAX_PROBLEMS_SHOWN = 100;

export interface BoundedCluster extends ClusterView {
  /** Endpoints that exist and are not in `endpoints`. */
  readonly endpointsOmitted: number;
  /** Places that exist and are not in `places`. */
  readonly placesOmitted: number;
}

/**
 * Cuts the endpoints of all clusters together to a limit, and the places of each. Clusters stay, in their order, and
 * say what they lost.
 */
export function boundEndpoints(
  clusters: readonly ClusterView[],
  limit: number = MAX_ENDPOINTS_SHOWN,
): readonly BoundedCluster[] {
  let left = limit;
  return clusters.map((cluster) => {
    const endpoints = cluster.endpoints.slice(0, left);
    left -= endpoints.length;
    const places = cluster.places.slice(0, MAX_PLACES_SHOWN);
    const placesOmitted = cluster.places.length - places.length;
    return {
      ...cluster,
      places,
      placesOmitted,
      endpoints,
      endpointsOmitted: cluster.endpoints.length - endpoints.length,
    };
  });
}

export interface BoundedLayer extends ConfigLayerView {
  /** Problems that exist and are not in `problems`. */
  readonly problemsOmitted: number;
}

/** Cuts the problems of each layer to a limit: a broken document may have one per line. */
export function boundProblems(layers: readonly ConfigLayerView[]): readonly BoundedLayer[] {
  return layers.map((layer) => {
    const problems = layer.problems.slice(0, MAX_PROBLEMS_SHOWN);
    return { ...layer, problems, problemsOmitted: layer.problems.length - problems.length };
  });
}

/** A map of more ranges is read by programs, from where it was written. */
export const MAX_RANGES_SHOWN = 1_000;

export interface BoundedShards extends ShardsView {
  /** Ranges that exist and are not in `ranges`. */
  readonly rangesOmitted: number;
}

/** Cuts the ranges of each map to a limit, and leaves those that move before all others: somebody waits for them. */
export function boundRanges(views: readonly ShardsView[]): readonly BoundedShards[] {
  return views.map((view) => {
    const { length } = view.ranges;
    if (length <= MAX_RANGES_SHOWN) return { ...view, rangesOmitted: 0 };
    const first = [
      ...view.ranges.filter(({ move }) => move !== null),
      ...view.ranges.filter(({ move }) => move === null),
    ];
    return { ...view, ranges: first.slice(0, MAX_RANGES_SHOWN), rangesOmitted: length - MAX_RANGES_SHOWN };
  });
}
