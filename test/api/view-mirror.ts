/** A client of `/v1/mesh/view` that knows nothing but what a snapshot and a delta are, and a reader of server-sent events. */

export interface Row {
  readonly [key: string]: unknown;
}

interface Document {
  readonly stream: string;
  readonly index: number;
  readonly after?: number;
  readonly isolated: boolean;
  readonly nodes: readonly Row[];
  readonly instances: readonly Row[];
  readonly config: readonly Row[];
  readonly removed?: { readonly nodes: readonly string[]; readonly instances: readonly Row[]; readonly config: readonly Row[] };
}

export interface ServerSentEvent {
  readonly type: string;
  readonly id: string;
  readonly data: Document;
}

const instanceKey = (row: Row): string => `${String(row['node'])} ${String(row['id'])}`;
const configKey = (row: Row): string => `${String(row['kind'])} ${String(row['name'])}`;

export class Mirror {
  /** What it would send as `Last-Event-ID`. */
  id = '';
  index = 0;
  isolated = false;
  snapshots = 0;
  deltas = 0;
  readonly nodes = new Map<string, Row>();
  readonly instances = new Map<string, Row>();
  readonly config = new Map<string, Row>();

  take({ type, id, data }: ServerSentEvent): void {
    if (type === 'snapshot') this.#clear();
    else if (data.after !== this.index) throw new Error(`a delta after ${data.after} for a client at ${this.index}`);
    if (id !== `${data.stream}:${data.index}`) throw new Error(`the id of the event is ${id}`);
    if (type === 'snapshot') this.snapshots++;
    else this.deltas++;
    this.id = id;
    this.index = data.index;
    this.isolated = data.isolated;
    for (const row of data.nodes) this.nodes.set(String(row['id']), row);
    for (const row of data.instances) this.instances.set(instanceKey(row), row);
    for (const row of data.config) this.config.set(configKey(row), row);
    for (const key of data.removed?.nodes ?? []) remove(this.nodes, key);
    for (const key of data.removed?.instances ?? []) remove(this.instances, instanceKey(key));
    for (const key of data.removed?.config ?? []) remove(this.config, configKey(key));
  }

  /** A copy, as of a client that goes away now. */
  copy(): Mirror {
    const copy = new Mirror();
    Object.assign(copy, { id: this.id, index: this.index, isolated: this.isolated });
    for (const part of ['nodes', 'instances', 'config'] as const) for (const [key, row] of this[part]) copy[part].set(key, row);
    return copy;
  }

  /** All that it believes, in order. */
  content(): unknown {
    const sorted = (rows: ReadonlyMap<string, Row>): unknown => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
    const { nodes, instances, config, isolated } = this;
    return { isolated, nodes: sorted(nodes), instances: sorted(instances), config: sorted(config) };
  }

  #clear(): void {
    for (const part of [this.nodes, this.instances, this.config]) part.clear();
  }
}

function remove(rows: Map<string, Row>, key: string): void {
  if (!rows.delete(key)) throw new Error(`${key} was removed, and was not there`);
}

/** A mirror of a snapshot as JSON. */
export function mirrorOf(json: string): Mirror {
  const data = JSON.parse(json) as Document;
  const mirror = new Mirror();
  mirror.take({ type: 'snapshot', id: `${data.stream}:${data.index}`, data });
  return mirror;
}

/** Takes the text of a stream in pieces of any size. */
export class EventParser {
  readonly comments: string[] = [];
  #text = '';

  /** The events that are complete now. */
  add(text: string): readonly ServerSentEvent[] {
    const blocks = (this.#text + text).split('\n\n');
    this.#text = blocks.pop()!;
    return blocks.flatMap((block) => {
      const fields = new Map(block.split('\n').map((line) => splitAt(line, line.indexOf(':'))));
      if (fields.has('')) this.comments.push(fields.get('')!);
      const [type, id, data] = [fields.get('event'), fields.get('id'), fields.get('data')];
      return type === undefined ? [] : [{ type, id: id ?? '', data: JSON.parse(data ?? '') as Document }];
    });
  }
}

function splitAt(line: string, colon: number): readonly [string, string] {
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}
