/** YAML, in a file of its own so that commands load it only when they meet a document. */

export { parseYamlItems, YamlError } from '@skein/agent/yaml';
export { stringify } from 'yaml';
