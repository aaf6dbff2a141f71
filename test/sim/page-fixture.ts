/** A strict reader of the HTML that we write ourselves: what it cannot account for is a fault. */

export interface Page {
  readonly faults: readonly string[];
  readonly elements: readonly string[];
  readonly ids: readonly string[];
  readonly scripts: readonly { readonly attributes: string; readonly text: string }[];
  readonly styles: readonly string[];
  /** Attributes that make a browser load something. */
  readonly references: readonly string[];
}

const voidElements = new Set(['meta', 'input', 'br', 'line', 'rect', 'path', 'circle', 'polyline']);
const loading = /(?:^|\s)(?:src|srcset|href|action|formaction|data|poster|background)\s*=/i;
const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z][a-z0-9-]*(?:=(?:"[^"<]*"|[^\s"'<>=]+))?)*)\s*(\/?)>/giy;

export function pageOf(html: string): Page {
  const page = {
    faults: [] as string[],
    elements: [] as string[],
    ids: [] as string[],
    scripts: [] as Page['scripts'][number][],
    styles: [] as string[],
    references: [] as string[],
  };
  const open: string[] = [];
  let at = html.indexOf('<html');
  if (!html.startsWith('<!doctype html>')) page.faults.push('no doctype');
  while (at >= 0 && at < html.length) {
    tag.lastIndex = at;
    const match = tag.exec(html);
    if (match === null) {
      page.faults.push(`not a tag: ${html.slice(at, at + 40)}`);
      break;
    }
    at = tag.lastIndex;
    const [, close, name = '', attributes = '', selfClosed] = match;
    if (close === '/') {
      const expected = open.pop();
      if (expected !== name) page.faults.push(`</${name}> closes <${expected}>`);
    } else {
      page.elements.push(name);
      page.ids.push(...[...attributes.matchAll(/\sid="?([^"\s]+)/g)].map(([, id]) => id as string));
      if (loading.test(attributes.replace(/"[^"]*"/g, ''))) page.references.push(attributes);
      if (name === 'script' || name === 'style') {
        const end = html.indexOf(`</${name}`, at);
        const text = html.slice(at, end);
        if (name === 'style') page.styles.push(text);
        else page.scripts.push({ attributes, text });
        at = html.indexOf('>', end) + 1;
      } else if (!voidElements.has(name) && selfClosed !== '/') open.push(name);
    }
    at = html.indexOf('<', at);
  }
  if (open.length > 0) page.faults.push(`not closed: ${open.join(' ')}`);
  return page;
}
