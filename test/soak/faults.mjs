import { slowloris, slowReaders } from './hostile.mjs';
import { LARGE } from './origins.mjs';

const READERS = 100;
const SLOW_HEADS = 1000;

/** Each begins a fault in one of three backends, or among the clients, and returns what ends it (and may remark on it). */
export const FAULTS = [
  {
    name: 'none',
    title: 'nothing happens',
    begin: async () => () => {},
  },
  {
    name: 'kill',
    title: 'one backend killed (-9), then back',
    begin: async ({ origins }) => {
      await origins.kill(0);
      return () => origins.revive(0);
    },
  },
  {
    name: 'freeze',
    title: 'one backend frozen (SIGSTOP), then back',
    begin: async ({ origins }) => {
      origins.freeze(0);
      return () => origins.thaw(0);
    },
  },
  {
    name: 'storm',
    title: 'one backend answers 503, then well again',
    begin: async ({ origins }) => {
      await origins.answerWith(0, 503);
      return () => origins.answerWith(0, 200);
    },
  },
  {
    name: 'slow-readers',
    title: `${READERS} clients ask for 10 MiB and read nothing`,
    begin: async ({ remora }) => {
      const crowd = slowReaders(remora.ports.http, LARGE.path, READERS);
      return () => `${crowd.leave()} of ${READERS} readers thrown out`;
    },
  },
  {
    name: 'slowloris',
    title: `${SLOW_HEADS} clients never finish a head`,
    begin: async ({ remora }) => {
      const crowd = slowloris(remora.ports.http, SLOW_HEADS);
      return () => `${crowd.leave()} of ${SLOW_HEADS} slow heads thrown out`;
    },
  },
];
