/**
 * The part of Node under `node:net` that `handle-sockets.ts` uses. It is not public (DEP0111), so nothing else names
 * it, it is typed here by hand, and a self-test decides at start whether it still behaves.
 */
export interface TcpHandle {
  readonly writeQueueSize: number;
  onread: ((this: TcpHandle) => Buffer | undefined) | undefined;
  readStart(): number;
  readStop(): number;
  useUserBuffer(bytes: Buffer): void;
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
  shutdown(request: ShutdownRequest): number;
  connect(request: ConnectRequest, address: string, port: number): number;
  connect6(request: ConnectRequest, address: string, port: number): number;
  setNoDelay(on: boolean): number;
  getpeername(into: PeerName): number;
  close(): void;
  /** Closes with RST. Not possible any more once `shutdown` was called. */
  reset(): number;
}

export interface PeerName {
  address?: string;
  port?: number;
}

/** `bytes` keeps what is being written from being collected. */
export interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  bytes: Buffer | null;
}

export interface ShutdownRequest {
  oncomplete: (this: ShutdownRequest, status: number) => void;
}

export interface ConnectRequest {
  oncomplete: (this: ConnectRequest, status: number) => void;
}

export interface ServerHandle {
  onconnection: (this: ServerHandle, status: number, client: TcpHandle | undefined) => void;
}

export interface Native {
  readonly TCP: new (type: number) => TcpHandle;
  readonly socketType: number;
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  readonly TCPConnectWrap: new () => ConnectRequest;
  /** What the last read or write did, at the two indexes. */
  readonly state: Int32Array;
  readonly readBytesAt: number;
  readonly isAsyncAt: number;
  readonly eof: number;
}

interface Bindings {
  tcp_wrap: {
    TCP: Native['TCP'];
    TCPConnectWrap: Native['TCPConnectWrap'];
    constants: { SOCKET: number };
  };
  stream_wrap: {
    WriteWrap: Native['WriteWrap'];
    ShutdownWrap: Native['ShutdownWrap'];
    kReadBytesOrError: number;
    kLastWriteWasAsync: number;
    streamBaseState: Int32Array;
  };
  uv: { UV_EOF: number };
}

/** Throws when Node has no such thing any more. */
export function loadNative(): Native {
  const { binding } = process as unknown as { binding<K extends keyof Bindings>(name: K): Bindings[K] };
  const tcp = binding('tcp_wrap');
  const stream = binding('stream_wrap');
  return {
    TCP: tcp.TCP,
    socketType: tcp.constants.SOCKET,
    WriteWrap: stream.WriteWrap,
    ShutdownWrap: stream.ShutdownWrap,
    TCPConnectWrap: tcp.TCPConnectWrap,
    state: stream.streamBaseState,
    readBytesAt: stream.kReadBytesOrError,
    isAsyncAt: stream.kLastWriteWasAsync,
    eof: binding('uv').UV_EOF,
  };
}
