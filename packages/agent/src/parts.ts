/** The parts an agent is made of, each usable by itself: for tests, and for whoever embeds a node in another program. */

export { firstExternalAddress, type HostPort, isLoopback, parseHostPort } from './address.ts';
export { type Clock, systemClock } from './clock.ts';
export { type Processes } from './directory-lock.ts';
export { type Disk, localDisk } from './disk.ts';
export { Driver, type DriverOptions } from './driver.ts';
export { memoryStorage, openStorage, type Storage, type StorageNotice, type StorageOptions } from './storage.ts';
