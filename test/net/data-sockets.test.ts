import { DataSockets } from '../../src/net/data-sockets.ts';
import { transportContract } from '../contract/transport.ts';

transportContract('data', (host) => new DataSockets(host));
