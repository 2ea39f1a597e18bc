/** A number with as many digits as matter. */
export const figureOf = (value: number, digits = 3): string =>
  Number.isInteger(value) ? grouped(value) : String(Number(value.toPrecision(digits))).replace('-', '−');

/** 12,000 as 12 000, with thin spaces. */
export const grouped = (value: number): string =>
  String(value)
    .replace('-', '−')
    .replace(/\B(?=(\d{3})+$)/g, '\u2009');

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Seconds as 42 s, 3 min 20 s or 2 h 05 min. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${String(Math.round(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** 2026-11-24 12:00 UTC */
export const moment = (timestamp: string): string =>
  `${timestamp.slice(0, 10)} ${timestamp.slice(11, 16)} UTC`;

/** `discriminatorLoss` → `Discriminator loss` */
export function words(name: string): string {
  const spaced = name
    .replace(/([a-z])([A-Z0-9])/g, '$1 $2')
    .replaceAll(/[_-]/g, ' ')
    .toLowerCase();
  const known = spaced
    .replace(/\bgan\b/g, 'GAN')
    .replace(/\bkid\b/g, 'KID')
    .replace(/\bkl\b/g, 'KL')
    .replace(/\bfrechet\b/g, 'Fréchet');
  return known.charAt(0).toUpperCase() + known.slice(1);
}
