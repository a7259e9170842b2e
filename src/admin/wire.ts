import { readFile } from 'node:fs/promises';
import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** A message as protobufjs takes and gives it: names in camel case, enums by name, 64-bit numbers as numbers. */
export type Message = object;
export type Methods = Readonly<Record<string, MethodDefinition<Message, Message>>>;

export const ADMIN_SERVICE = 'remora.admin.v1.Admin';
export const HEALTH_SERVICE = 'grpc.health.v1.Health';

const PROTO = new URL('../../proto/', import.meta.url);
const FILES = ['remora/admin/v1/admin.proto', 'grpc/health/v1/health.proto'];

/** Optional fields stay absent when they are; all others have their default. */
const PLAIN: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true };

/**
 * Reads the published `.proto` files and gives the methods of the services in them, by the service's full name. They
 * are read at run time, not compiled into code, so what is served cannot differ from what is published. The path to
 * them is the same from `src/` and from `dist/`.
 */
export async function loadServices(): Promise<ReadonlyMap<string, Methods>> {
  const root = new protobuf.Root();
  for (const file of FILES) protobuf.parse(await readFile(new URL(file, PROTO), 'utf8'), root);
  root.resolveAll();
  return new Map([ADMIN_SERVICE, HEALTH_SERVICE].map((name) => [name, methodsOf(root.lookupService(name))]));
}

function methodsOf(service: protobuf.Service): Methods {
  return Object.fromEntries(
    service.methodsArray.map((method) => {
      const request = codecOf(method.resolvedRequestType!);
      const response = codecOf(method.resolvedResponseType!);
      const definition = {
        path: `/${service.fullName.slice(1)}/${method.name}`,
        requestStream: method.requestStream ?? false,
        responseStream: method.responseStream ?? false,
        requestSerialize: request.encode,
        requestDeserialize: request.decode,
        responseSerialize: response.encode,
        responseDeserialize: response.decode,
      };
      return [method.name, definition];
    }),
  );
}

function codecOf(type: protobuf.Type): { encode(message: Message): Buffer; decode(bytes: Buffer): Message } {
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message)).finish()),
    decode: (bytes) => type.toObject(type.decode(bytes), PLAIN),
  };
}
