const WINDOW_MS = 250;

/** What one run comes to. `faultAt` and `endAt` are ms since the load began, `from` is where the warm-up ended. */
export function figures(records, { from, faultAt, endAt }) {
  const counted = records.filter((record) => record.at >= from);
  const times = sortedTimes(counted);
  const calm = sortedTimes(counted.filter((record) => record.at < faultAt - WINDOW_MS));
  const limitMs = Math.max(1.5 * percentile(calm, 0.99), percentile(calm, 0.99) + 10);
  const bad = badWindows(counted, limitMs);
  return {
    requests: counted.length,
    failed: counted.filter((record) => record.problem !== null).length,
    retried: counted.filter((record) => record.attempt > 1).length,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: times.at(-1) ?? 0,
    hurtMs: lastAfter(bad, faultAt, endAt),
    // The window in which the fault ends still belongs to it.
    returnMs: lastAfter(bad, Math.ceil(endAt / WINDOW_MS) * WINDOW_MS, Number.POSITIVE_INFINITY),
    problems: counted.flatMap((record) => record.problem ?? []),
  };
}

/** The worst of several runs, figure by figure. */
export function worst(runs) {
  const keys = Object.keys(runs[0]).filter((key) => typeof runs[0][key] === 'number');
  const result = Object.fromEntries(keys.map((key) => [key, Math.max(...runs.map((run) => run[key]))]));
  return {
    ...result,
    problems: tally(runs.flatMap((run) => run.problems)),
    remarks: [...new Set(runs.flatMap((run) => run.remark ?? []))],
  };
}

/** Ends of the windows in which a request failed or more than one in twenty was slower than in quiet times. */
function badWindows(records, limitMs) {
  const windows = Map.groupBy(records, (record) => Math.floor(record.at / WINDOW_MS));
  return [...windows]
    .filter(
      ([, list]) => list.some((record) => record.problem !== null) || percentile(sortedTimes(list), 0.95) > limitMs,
    )
    .map(([index]) => (index + 1) * WINDOW_MS);
}

/** How long after `from` the last bad window before `to` ended; 0 when there was none. */
function lastAfter(bad, from, to) {
  const within = bad.filter((end) => end > from && end - WINDOW_MS < to);
  return within.length === 0 ? 0 : Math.max(...within) - from;
}

function sortedTimes(records) {
  return records.map((record) => record.ms).sort((a, b) => a - b);
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function tally(words) {
  return [...Map.groupBy(words, (word) => word)].map(([word, list]) => `${list.length} x ${word}`);
}
