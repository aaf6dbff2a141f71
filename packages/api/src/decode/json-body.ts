/** The JSON text of a request body, before anybody looks at its keys. */

import { badRequest } from '../refusal.ts';

/** Deeper nesting than any definition or config entry has; keeps every recursive reader of the value safe. */
const depthMax = 64;

/** Parses a body. Refuses what is missing, is not UTF-8, has a byte order mark, is not JSON, or is nested too deep. */
export function parseJsonBody(body: Uint8Array | undefined): unknown {
  if (body === undefined || body.length === 0) throw badRequest('Request decode failed: the body is empty; send a JSON value');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw badRequest('Request decode failed: the body is not valid UTF-8');
  }
  // RFC 8259, section 8.1: there must be none.
  if (text.startsWith('\uFEFF'))
    throw badRequest('Request decode failed: the body begins with a byte order mark; send it without');
  if (nestingOf(text) > depthMax) throw badRequest(`Request decode failed: nested deeper than ${depthMax} levels`);
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not JSON';
    throw badRequest(`Request decode failed: the body is not JSON (${reason.slice(0, 200)})`);
  }
}

/** How deep brackets nest, outside of strings. Counted on the text, since parsing first would build the whole value. */
function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}
