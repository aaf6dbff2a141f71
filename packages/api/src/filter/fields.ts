/** What can be selected in an answer: names and types, as Consul's documentation of filtering lists them. */

export type Field =
  | { readonly type: 'text' }
  | { readonly type: 'integer' }
  | { readonly type: 'boolean' }
  /** A list of texts. */
  | { readonly type: 'texts' }
  /** Any keys; each has a value of one type. */
  | { readonly type: 'map'; readonly value: Field }
  | { readonly type: 'object'; readonly fields: Fields }
  /** A list of objects: what is said of a field holds if it holds for any of them. */
  | { readonly type: 'list'; readonly fields: Fields };

export type Fields = Readonly<Record<string, Field>>;

const text: Field = { type: 'text' };
const integer: Field = { type: 'integer' };
const boolean: Field = { type: 'boolean' };
const texts: Field = { type: 'texts' };
const textMap: Field = { type: 'map', value: text };
const object = (fields: Fields): Extract<Field, { readonly type: 'object' }> => ({ type: 'object', fields });
const list = (fields: Fields): Field => ({ type: 'list', fields });

const addresses: Field = { type: 'map', value: object({ Address: text, Port: integer }) };
const weights = object({ Passing: integer, Warning: integer });
const connect = object({ Native: boolean });
const meshGateway = object({ Mode: text });
const paths = list({ ListenerPort: integer, Path: text, LocalPathPort: integer, Protocol: text, ParsedFromCheck: boolean });
/** Nothing here has a proxy beside it; the fields are known, and empty. */
const proxy = object({
  DestinationServiceName: text,
  DestinationServiceID: text,
  LocalServiceAddress: text,
  LocalServicePort: integer,
  LocalServiceSocketPath: text,
  Mode: text,
  MeshGateway: meshGateway,
  Expose: object({ Checks: boolean, Paths: paths }),
  TransparentProxy: object({ OutboundListenerPort: integer, DialedDirectly: boolean }),
  Upstreams: list({
    DestinationType: text,
    DestinationNamespace: text,
    DestinationPartition: text,
    DestinationPeer: text,
    DestinationName: text,
    Datacenter: text,
    LocalBindAddress: text,
    LocalBindPort: integer,
    LocalBindSocketPath: text,
    LocalBindSocketMode: text,
    MeshGateway: meshGateway,
  }),
});

/** Of `catalog/nodes`. */
export const nodeFields: Fields = {
  ID: text,
  Node: text,
  Partition: text,
  PeerName: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: textMap,
  Meta: textMap,
};

/** Of `agent/services`, `catalog/node` and `catalog/node-services`. */
export const serviceFields: Fields = {
  Kind: text,
  ID: text,
  Service: text,
  Tags: texts,
  Address: text,
  TaggedAddresses: addresses,
  Meta: textMap,
  Port: integer,
  SocketPath: text,
  Weights: weights,
  EnableTagOverride: boolean,
  Proxy: proxy,
  Connect: connect,
  PeerName: text,
};

/** Of `catalog/service` and `catalog/services`. */
export const serviceNodeFields: Fields = {
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: textMap,
  NodeMeta: textMap,
  ServiceKind: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: texts,
  ServiceAddress: text,
  ServiceTaggedAddresses: addresses,
  ServiceMeta: textMap,
  ServicePort: integer,
  ServiceSocketPath: text,
  ServiceWeights: weights,
  ServiceEnableTagOverride: boolean,
  ServiceProxy: proxy,
  ServiceConnect: connect,
  PeerName: text,
};

/** Of `agent/checks`, `health/node`, `health/checks` and `health/state`. */
export const checkFields: Fields = {
  Node: text,
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: texts,
  Type: text,
  Interval: text,
  Timeout: text,
  ExposedPort: integer,
  PeerName: text,
};

/** Of `health/service`, `health/connect` and `health/ingress`. */
export const healthEntryFields: Fields = {
  Node: object(nodeFields),
  Service: object(serviceFields),
  Checks: list(checkFields),
};

const upstream = object({
  Name: text,
  EnvoyListenerJSON: text,
  EnvoyClusterJSON: text,
  Protocol: text,
  ConnectTimeoutMs: integer,
  Limits: object({ MaxConnections: integer, MaxPendingRequests: integer, MaxConcurrentRequests: integer }),
  MeshGateway: meshGateway,
  BalanceOutboundConnections: text,
});

/** Of `config/service-defaults`. */
export const serviceDefaultsFields: Fields = {
  Kind: text,
  Name: text,
  Protocol: text,
  Mode: text,
  TransparentProxy: object({ OutboundListenerPort: integer, DialedDirectly: boolean }),
  MutualTLSMode: text,
  MeshGateway: meshGateway,
  Expose: object({ Checks: boolean, Paths: paths }),
  ExternalSNI: text,
  UpstreamConfig: object({ Overrides: { type: 'list', fields: upstream.fields }, Defaults: upstream }),
  Destination: object({ Addresses: texts, Port: integer }),
  MaxInboundConnections: integer,
  LocalConnectTimeoutMs: integer,
  LocalRequestTimeoutMs: integer,
  BalanceInboundConnections: text,
  Meta: textMap,
};

/** Of `agent/members`. */
export const memberFields: Fields = {
  Name: text,
  Addr: text,
  Port: integer,
  Tags: textMap,
  Status: integer,
  ProtocolMin: integer,
  ProtocolMax: integer,
  ProtocolCur: integer,
  DelegateMin: integer,
  DelegateMax: integer,
  DelegateCur: integer,
};
