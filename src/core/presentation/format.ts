const number = new Intl.NumberFormat('en');

/** 1,600 */
export const count = (value: number): string => number.format(value);

/** `4.2 s`, `42 s`, `2 min 5 s` or `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return inTwoUnits(whole, 'min', 's');
  return inTwoUnits(Math.round(whole / 60), 'h', 'min');
}

function inTwoUnits(value: number, large: string, small: string): string {
  const rest = value % 60;
  return `${Math.floor(value / 60)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** A value with three significant digits or so; `–` if it is missing. */
export function amount(value: number | null | undefined): string {
  if (value == null || Number.isNaN(value)) return '–';
  if (Number.isInteger(value)) return count(value);
  const size = Math.abs(value);
  if (size < 0.001 || size >= 1e5) return value.toExponential(1);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
