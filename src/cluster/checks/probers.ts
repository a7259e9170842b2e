import { GrpcProber } from './grpc-prober.ts';
import { HttpProber } from './http-prober.ts';
import type { CheckOptions } from './options.ts';
import type { Prober } from './prober.ts';
import { TcpProber } from './tcp-prober.ts';

/** `caller` is told to the endpoint, so that it knows whose checks these are. */
export function makeProber({ question, identity }: CheckOptions, caller: string): Prober {
  switch (question.kind) {
    case 'http':
      return new HttpProber(question, identity, caller);
    case 'grpc':
      return new GrpcProber(question, identity, caller);
    case 'tcp':
      return new TcpProber(question);
  }
}
