/** The parts an agent is made of, each usable by itself: for tests, and for whoever embeds a node in another program. */

export { firstExternalAddress, type HostPort, isLoopback, parseHostPort } from './address.ts';
export { runHttpCheck } from './checks/http.ts';
export { CheckRunner, type CheckRunnerOptions } from './checks/runner.ts';
export { runTcpCheck } from './checks/tcp.ts';
export type { CheckRun, Verdict } from './checks/verdict.ts';
export { type Clock, systemClock } from './clock.ts';
export { hostProcesses, type Processes } from './directory-lock.ts';
export { type Disk, localDisk } from './disk.ts';
export { Driver, type DriverOptions } from './driver.ts';
export { compileFilter, filtersMatch } from './event-filter.ts';
export { EventLog } from './event-log.ts';
export { Events } from './events.ts';
export { createLog, Throttle } from './log.ts';
export { type Descriptor, LogOutput } from './log-output.ts';
export { Metrics, type MetricsSources } from './metrics.ts';
export { Readiness } from './readiness.ts';
export { diffSettings } from './reload.ts';
export { memoryStorage, openStorage, type Storage, type StorageNotice, type StorageOptions } from './storage.ts';
export { version } from './version.ts';
