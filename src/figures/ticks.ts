/** Round values between two numbers, about `count` of them, with their texts. */
export function ticksOf(low: number, high: number, count: number): { value: number; text: string }[] {
  const rough = (high - low) / count;
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks: { value: number; text: string }[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12); i++) {
    ticks.push({ value: i * step, text: textOf(i * step, digits) });
  }
  return ticks;
}

/** 12,000 with a thin space, −0.5 with a true minus sign. */
const textOf = (value: number, digits: number): string =>
  value
    .toFixed(digits)
    .replace('-', '−')
    .replace(/\B(?=(\d{3})+$)/g, digits === 0 ? '\u2009' : '');

/** The same between two positive numbers on a logarithmic axis: powers of ten, and twos and fives where there is room. */
export function logTicksOf(low: number, high: number): { value: number; text: string }[] {
  const factors = Math.log10(high / low) < 2 ? [1, 2, 5] : [1];
  const ticks: { value: number; text: string }[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) ticks.push({ value, text: textOf(value, Math.max(0, -power)) });
    }
  }
  return ticks;
}
