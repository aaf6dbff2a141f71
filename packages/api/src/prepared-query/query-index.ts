/** Prepared queries as they are looked for: by id, by name and by what a name begins with, read once for each change of them. */

import { topics } from '@skein/core';
import type { View } from '@skein/core';
import { preparedQueryKind, storedQueries, type StoredQuery } from './definition.ts';
import { renderTemplate } from './template.ts';

const kindTopic = topics.configKind(preparedQueryKind);

export class QueryIndex {
  #readAt: number | undefined;
  readonly #byId = new Map<string, StoredQuery>();
  /** Names in lower case: DNS folds them, and Consul looks them up without regard to case. */
  readonly #byName = new Map<string, StoredQuery>();
  readonly #templates = new Map<string, StoredQuery>();
  /** How long the names of templates are, the longest first. */
  #templateLengths: readonly number[] = [];

  /**
   * By id, by name, or by the template with the longest prefix of the name, which is then rendered. Of two queries with one
   * name, from two sides of a partition, the one that was made first. Undefined when there is none; a template by its id
   * leads nowhere, since there is no name to fill it with.
   */
  resolve(view: View, idOrName: string): StoredQuery | 'template-by-id' | undefined {
    this.#read(view);
    const byId = this.#byId.get(idOrName);
    if (byId !== undefined) return byId.query.Template.Type === '' ? byId : 'template-by-id';
    const folded = idOrName.toLowerCase();
    const named = this.#byName.get(folded);
    if (named !== undefined) return named;
    for (const length of this.#templateLengths) {
      const template = length > folded.length ? undefined : this.#templates.get(folded.slice(0, length));
      if (template !== undefined) return { ...template, query: renderTemplate(template.query, idOrName) };
    }
    return undefined;
  }

  #read(view: View): void {
    const index = view.index(kindTopic);
    if (index === this.#readAt) return;
    this.#readAt = index;
    this.#byId.clear();
    this.#byName.clear();
    this.#templates.clear();
    for (const stored of storedQueries(view)) {
      const { ID, Name, Template } = stored.query;
      this.#byId.set(ID, stored);
      const isTemplate = Template.Type !== '';
      if (Name === '' && !isTemplate) continue;
      const named = isTemplate ? this.#templates : this.#byName;
      const other = named.get(Name.toLowerCase());
      if (other === undefined || madeMs(stored) < madeMs(other)) named.set(Name.toLowerCase(), stored);
    }
    this.#templateLengths = [...new Set([...this.#templates.keys()].map(({ length }) => length))].sort((a, b) => b - a);
  }
}

function madeMs({ entry }: StoredQuery): number {
  return entry.version.time.ms;
}
