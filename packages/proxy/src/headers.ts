/** Which headers pass, and what the proxy adds (RFC 9110, 7.6; the `x-forwarded-*` family as the field uses it). */

import type { IncomingMessage } from 'node:http';
import { normalPath } from '@skein/traffic';

/** Headers that are meant for one connection. `trailer`, since trailers are not passed on. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The end-to-end headers of a flat list; `named` is the value of `Connection` in lower case. */
export function endToEndHeaders(headers: string[], named: string): string[] {
  const tokens = connectionTokens(named);
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const lower = name.toLowerCase();
    if (!hopByHop.has(lower) && tokens?.has(lower) !== true) kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

/** The headers that a `Connection` value names; undefined when it names none, as nearly always. */
function connectionTokens(named: string): Set<string> | undefined {
  if (named === '' || named === 'keep-alive' || named === 'close') return undefined;
  return new Set(named.split(',').map((each) => each.trim()));
}

/** What one look over a request's headers finds. */
export interface RequestHead {
  /** `Host`, or the authority of an absolute target. */
  readonly host: string;
  /** As it goes to the instance: the same path with the query as it was sent, or `*`. */
  readonly target: string;
  /** Without query, in its normal form; what routes look at. */
  readonly path: string;
  /** -1: no body, or one in chunks. */
  readonly contentLength: number;
  readonly chunked: boolean;
  /** The header lines for the instance, without the framing of the body. */
  readonly lines: string;
}

export interface HeadContext {
  /** This agent's pseudonym in `Via`. */
  readonly via: string;
  readonly clientAddress: string;
}

/** How often a request may come through the same proxy: applications may pass `Via` on, loops never end. */
const maxPasses = 8;

export type HeadRefusal = { readonly refused: 'bad-request' | 'unsupported' | 'loop'; readonly detail: string };

/** Reads a request's head and writes the one for the instance. `upgrade`: whether the connection may change its protocol. */
export function readRequestHead(request: IncomingMessage, context: HeadContext, upgrade: boolean): RequestHead | HeadRefusal {
  const raw = request.rawHeaders;
  let host: string | undefined;
  let named = '';
  let forwardedFor = '';
  let forwardedProto = '';
  let forwardedHost = '';
  let via = '';
  let upgradeTo = '';
  let contentLength = -1;
  let chunked = false;
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    const lower = name.toLowerCase();
    switch (lower) {
      case 'host':
        if (host !== undefined) return { refused: 'bad-request', detail: 'the request has two Host headers' };
        host = value;
        break;
      case 'connection':
        named = named === '' ? value.toLowerCase() : `${named},${value.toLowerCase()}`;
        break;
      case 'content-length':
        contentLength = Number(value);
        break;
      case 'transfer-encoding':
        if (value.toLowerCase() !== 'chunked')
          return { refused: 'unsupported', detail: `Transfer-Encoding ${value} is not supported` };
        chunked = true;
        break;
      case 'upgrade':
        upgradeTo = value;
        break;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === '' ? value : `${forwardedFor}, ${value}`;
        break;
      case 'x-forwarded-proto':
        forwardedProto = value;
        break;
      case 'x-forwarded-host':
        forwardedHost = value;
        break;
      case 'via':
        via = via === '' ? value : `${via}, ${value}`;
        break;
      case 'expect':
        // Answered on our side: the body is on its way already.
        break;
      default:
        if (!hopByHop.has(lower)) kept.push(name, value);
    }
  }
  if (via !== '' && via.split(context.via).length > maxPasses) {
    return { refused: 'loop', detail: `the request came through ${context.via} ${maxPasses} times` };
  }
  if (host === undefined && request.httpVersion === '1.1')
    return { refused: 'bad-request', detail: 'the request has no Host header' };
  const target = readTarget(request.url ?? '/', host ?? '');
  if (typeof target === 'string') return { refused: 'bad-request', detail: target };
  let lines = `host: ${target.host}\r\n`;
  const tokens = connectionTokens(named);
  for (let i = 0; i < kept.length; i += 2) {
    const name = kept[i] as string;
    if (tokens === undefined || !tokens.has(name.toLowerCase())) lines += `${name}: ${kept[i + 1] as string}\r\n`;
  }
  lines += `x-forwarded-for: ${forwardedFor === '' ? '' : `${forwardedFor}, `}${context.clientAddress}\r\n`;
  lines += `x-forwarded-proto: ${forwardedProto === '' ? 'http' : forwardedProto}\r\n`;
  lines += `x-forwarded-host: ${forwardedHost === '' ? target.host : forwardedHost}\r\n`;
  lines += `via: ${via === '' ? '' : `${via}, `}${request.httpVersion} ${context.via}\r\n`;
  if (upgrade) lines += `connection: upgrade\r\nupgrade: ${upgradeTo}\r\n`;
  return { host: target.host, target: target.target, path: target.path, contentLength, chunked, lines };
}

/**
 * The forms of a target (RFC 9112, 3.2): a path, `*`, or a whole URL, whose authority then counts instead of `Host`. A
 * fragment is refused, and so is a backslash in the path, which some instances read as a slash: `/a/..\b`. Text: what is wrong.
 */
function readTarget(url: string, host: string): { host: string; target: string; path: string } | string {
  if (url.includes('#')) return 'the target of the request has a fragment (#)';
  let authority = host;
  let target = url;
  if (!url.startsWith('/')) {
    if (url === '*') return { host, target: '*', path: '/' };
    const absolute = /^https?:\/\/([^/?#@]+)([/?][^#]*)?$/i.exec(url);
    if (absolute === null) return 'the target of the request is neither a path nor an http URL';
    authority = absolute[1] as string;
    target = absolute[2] ?? '/';
    if (target.startsWith('?')) target = `/${target}`;
  }
  const query = target.indexOf('?');
  const sent = query < 0 ? target : target.slice(0, query);
  if (sent.includes('\\')) return 'the path of the request has a backslash';
  const path = normalPath(sent);
  return { host: authority, target: query < 0 ? path : path + target.slice(query), path };
}
