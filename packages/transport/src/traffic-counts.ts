/** What went over the streams of one transport. */

export interface TrafficCounts {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  unknownMessages: number;
}

export function zeroCounts(): TrafficCounts {
  return { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0, unknownMessages: 0 };
}
