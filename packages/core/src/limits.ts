/** Limits on everything that a peer or a client can make us hold. The codec enforces them on receipt, commands before acceptance. */

export const limits = {
  /** Text fields: node, mesh, service and check names, ids, regions, zones. UTF-16 units. */
  nameLength: 128,
  /** The id and the name of a check, which clients and Consul's own rules make from those of its instance. UTF-16 units. */
  checkNameLength: 192,
  /** Addresses of one member. */
  addresses: 16,
  addressLength: 256,
  /** Tags of one instance or entries of one meta map. */
  tags: 64,
  tagLength: 256,
  metaKeyLength: 128,
  metaValueLength: 512,
  /** Text of one check. */
  notesLength: 1024,
  outputLength: 4096,
  /** The words of one script check, and the length of each. */
  scriptArgs: 64,
  scriptArgLength: 4096,
  /** One sealed catalog record. */
  recordBytes: 16_384,
  /** All records of one owner. Keeps a whole snapshot within one sync message. */
  recordsPerOwner: 8192,
  catalogBytesPerOwner: 3_145_728,
  /** Of these, kept free for each record: what its version and its status may grow by once it is there. */
  recordReserveBytes: 16,
  /**
   * One signed config entry, and how many entries a mesh may have. As many deletions are remembered, here and below, and no
   * more: the oldest goes first, and a node that was away since before it brings the entry back.
   */
  configBytes: 32_768,
  configEntries: 1024,
  configConflicts: 8,
  /**
   * Versions that were replaced, which a node keeps to show: of one entry, of all, and the bytes of their values as JSON. The
   * oldest goes first. Keys of the key-value store and external nodes have none.
   */
  configHistory: 10,
  configHistoryVersions: 4096,
  configHistoryBytes: 8_388_608,
  /** The name of a config entry that holds what clients name: a key of the key-value store, a part of an external node. */
  configNameLength: 512,
  /**
   * The key-value store: bytes of a key as UTF-8 and of a value, how many keys, and the
   * bytes of all of them, signed. A value in base64 leaves room for its key in one config entry.
   */
  kvKeyBytes: 512,
  kvValueBytes: 20_480,
  kvEntries: 8192,
  kvBytes: 16_777_216,
  /** External nodes with their instances and checks, and the bytes of all of them, signed. */
  externalEntries: 4096,
  externalBytes: 8_388_608,
  /** One framed message on the wire lane, and one message on the sync lane. */
  wireFrameBytes: 65_536,
  syncMessageBytes: 4_194_304,
  /** Facts of one kind in one message. */
  factsPerMessage: 8192,
  digestEntries: 65_536,
  digestBuckets: 256,
  /** Bytes of keys and stamps after which a digest takes up no further bucket, and of keys after which no more is asked for. */
  digestBytes: 2_621_440,
  wantBytes: 1_048_576,
  wantsPerMessage: 8192,
  /**
   * Messages that one side writes in one anti-entropy exchange, its first one included, and the bytes of facts after which it
   * begins no further one. What is beyond comes in the next exchange. The transport has room for so many at a time, and the bytes
   * pass within its deadline over a path of half a megabit per second.
   */
  exchangeMessages: 16,
  exchangeBytes: 2_097_152,
  /** Exchanges that one side may have open with one peer. */
  exchangesPerPeer: 4,
  /** Subjects named in one message that says only that there is news of them: with the longest keys, still one frame. */
  advertEntries: 64,
  /** Members known at once, in any status. */
  members: 16_384,
  /** Addresses that a node was told to join. */
  seeds: 64,
  /** Accusations kept per subject, the first and its confirmations: a receiver re-derives `failed` from these. */
  accusationsPerSubject: 4,
  /** Signatures of accusations checked for one link in one second: 50 ms of CPU. What is beyond comes again by anti-entropy. */
  accusationsPerLinkSecond: 500,
  /** Signatures of other kinds that may prove wrong over one link in one second, before the rest of it is refused unchecked. */
  forgeriesPerLinkSecond: 64,
  /** Failed members that one node's word may turn into such as left, in a minute. What is beyond comes again by anti-entropy. */
  forcedPerAccuserMinute: 16,
  /** Pending facts per link before it is dropped to digests. */
  linkQueue: 4096,
  /** Removals remembered per owner, so that a short gap can be filled without a snapshot. */
  removalLog: 256,
} as const;
