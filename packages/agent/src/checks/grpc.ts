/** gRPC checks: the health checking protocol's `Check`, over a connection of its own. Only `SERVING` is passing. */

import { constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { CheckProbe } from '@skein/core';
import { healthCheckRequest, servingStatusOf } from './grpc-health.ts';
import { withHttp2 } from './http2-connection.ts';
import { type CheckRun, critical, defaultBounds, failureText } from './verdict.ts';

export type GrpcProbe = Extract<CheckProbe, { type: 'grpc' }>;

/** A health answer has seven bytes. */
const answerBytesMax = 65_536;

/** The names of gRPC's status codes, by number, as Go's clients print them. */
const codes = (
  'OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted ' +
  'FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated'
).split(' ');

export const runGrpcCheck: CheckRun<GrpcProbe> = async ({ address, service, tls }, signal, bounds = defaultBounds) => {
  const target = service === '' ? address : `${address}/${service}`;
  try {
    const answer = await withHttp2<Uint8Array>({ address, tls }, signal, (session, done) => {
      call(session, { service, timeoutMs: bounds.timeoutMs }, done);
    });
    const status = servingStatusOf(answer);
    if (status === 'SERVING') return { status: 'passing', output: `gRPC check ${target}: success` };
    return critical(`gRPC ${target} serving status: ${status}`);
  } catch (error) {
    return critical(`gRPC check ${target}: ${failureText(error)}`);
  }
};

interface Call {
  readonly service: string;
  readonly timeoutMs: number;
}

/** One unary call, as in gRPC over HTTP/2 (PROTOCOL-HTTP2.md). Calls back with the body, or with why there is none. */
function call(
  session: ClientHttp2Session,
  { service, timeoutMs }: Call,
  done: (error: Error | undefined, body?: Uint8Array) => void,
): void {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    te: 'trailers',
    'grpc-timeout': `${Math.min(Math.ceil(timeoutMs), 99_999_999)}m`,
    'user-agent': 'skein-health-check',
  });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  stream.on('error', (error) => done(error));
  stream.on('response', (received) => (headers = received));
  stream.on('trailers', (received) => (trailers = received));
  stream.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > answerBytesMax) done(new Error('the answer is too long for a health answer'));
    else chunks.push(chunk);
  });
  stream.on('end', () => {
    // An answer without a message carries its status in the headers ("Trailers-Only").
    const failure = failureOf(headers, trailers ?? headers);
    done(failure, Buffer.concat(chunks));
  });
  stream.end(healthCheckRequest(service));
}

function failureOf(headers: IncomingHttpHeaders, trailers: IncomingHttpHeaders): Error | undefined {
  const status = headers[constants.HTTP2_HEADER_STATUS];
  const grpcStatus = trailers['grpc-status'];
  if (grpcStatus === '0') return undefined;
  if (status === undefined) return new Error('the connection ended without an answer');
  if (grpcStatus === undefined) {
    return new Error(`the other side does not speak gRPC: it answered with HTTP status ${String(status)}`);
  }
  const code = Number(grpcStatus);
  return new Error(`rpc error: code = ${codes[code] ?? `Code(${code})`} desc = ${decoded(trailers['grpc-message'])}`);
}

/** `grpc-message` is percent-encoded. */
function decoded(message: string | readonly string[] | undefined): string {
  const text = typeof message === 'string' ? message : '';
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
