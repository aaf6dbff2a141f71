/** Carries messages between peers over libp2p. Nothing else in Skein imports libp2p. Read next: `libp2p-transport.ts`. */

export * from './transport.ts';
