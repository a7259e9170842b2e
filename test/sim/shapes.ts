import type { Shape } from './course.ts';

/**
 * Recorded latency: quantiles of real answers, by which servers of a simulation behave. Taken on one machine of two cores,
 * from HTTP servers of Node 24 on loopback under an open loop of requests at random instants (Poisson), as their caller saw
 * them; some thousands of answers each, the first two hundred left out. Garbage collection and the scheduler are in them.
 */
export const RECORDED: readonly Shape[] = [
  {
    name: 'list',
    // 50 to 450 rows sorted and written as JSON, 300 requests a second.
    quantiles: [
      [0, 0.07],
      [0.1, 0.14],
      [0.25, 0.18],
      [0.5, 0.25],
      [0.75, 0.34],
      [0.9, 0.46],
      [0.95, 0.6],
      [0.99, 1],
      [0.999, 3.34],
      [1, 15.37],
    ],
  },
  {
    name: 'cache',
    // 2 KB from memory; every twelfth is missing, and 150 KB of JSON are compressed first. 120 requests a second.
    quantiles: [
      [0, 0.05],
      [0.1, 0.1],
      [0.25, 0.15],
      [0.5, 0.24],
      [0.75, 0.44],
      [0.9, 2.61],
      [0.95, 4.11],
      [0.99, 4.93],
      [0.999, 6.24],
      [1, 8.9],
    ],
  },
  {
    name: 'work',
    // 1 to 2.5 ms of computing for each request, one after the other, 180 requests a second: they wait for one another.
    quantiles: [
      [0, 0.93],
      [0.1, 1.43],
      [0.25, 1.75],
      [0.5, 2.23],
      [0.75, 3.21],
      [0.9, 4.87],
      [0.95, 6.72],
      [0.99, 11.39],
      [0.999, 17.66],
      [1, 18.85],
    ],
  },
];
