/** How far apart two colours look: to most eyes, and to those without red or green cones. */

type Triple = readonly [number, number, number];

/** Of linear RGB, after Machado, Oliveira and Fernandes (2009), at full severity. */
const eyes: readonly (readonly [Triple, Triple, Triple])[] = [
  [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
];

/** The least distance in CIE Lab to any of those eyes, of colours as `#rrggbb`. Under 10 is hard to tell apart. */
export function looksApart(one: string, other: string): number {
  return Math.min(
    ...eyes.map((eye) => {
      const [a, b] = [seen(one, eye), seen(other, eye)];
      return Math.hypot(...a.map((value, i) => value - (b[i] as number)));
    }),
  );
}

function seen(hex: string, eye: readonly Triple[]): Triple {
  const linear = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as unknown as Triple;
  const [red, green, blue] = eye.map((row) => Math.min(1, Math.max(0, dot(row, linear)))) as unknown as Triple;
  const x = curve(dot([0.4124, 0.3576, 0.1805], [red, green, blue]) / 0.95047);
  const y = curve(dot([0.2126, 0.7152, 0.0722], [red, green, blue]));
  const z = curve(dot([0.0193, 0.1192, 0.9505], [red, green, blue]) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function dot(a: Triple, b: Triple): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function curve(value: number): number {
  return value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116;
}
