import type { Digit } from '../lib/style.ts';
import { Picture, pngUrl } from './picture.tsx';

interface DigitsProps {
  digits: readonly Digit[] | undefined;
  labels: readonly string[];
  /** The label to highlight. */
  marked?: string | undefined;
  title: string;
}

/** Whether labels are words, which need more space than digits. */
export const areWords = (labels: readonly string[]): boolean => labels.some((label) => label.length > 2);

/** With more labels their pictures are small. */
const MANY = 20;
export const areMany = (labels: readonly string[]): boolean => labels.length > MANY;

/** The noun for the labels. */
export function nounOf(labels: readonly string[]): string {
  if (labels.every((label) => /^\d$/.test(label))) return 'digit';
  return labels.every((label) => Array.from(label).length === 1) ? 'letter' : 'label';
}

/** A picture per label, with placeholders until pictures exist. */
export function Digits({ digits, labels, marked, title }: DigitsProps) {
  const words = areWords(labels);
  return (
    <ul class={`digit-grid ${words ? 'words' : ''} ${areMany(labels) ? 'many' : ''}`} aria-label={title}>
      {labels.map((label) => {
        const digit = digits?.find((other) => other.label === label);
        return (
          <li key={label} class={label === marked ? 'marked' : ''}>
            {digit ? (
              <Picture kind="ink" path={pngUrl(digit.png)} alt={words ? '' : label} />
            ) : (
              <span class="picture empty ghost">{words ? '' : label}</span>
            )}
            {words && <span class="caption">{label}</span>}
          </li>
        );
      })}
    </ul>
  );
}
