/** The HTTP API of an agent, over a `MeshPort`. Read next: `ports.ts`. */

export * from './ports.ts';
