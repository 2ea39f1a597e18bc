import type { Digit } from '../lib/style.ts';
import { Picture, pngUrl } from './picture.tsx';

interface DigitsProps {
  digits: readonly Digit[] | undefined;
  labels: readonly string[];
  /** The label to set apart. */
  marked?: string | undefined;
  title: string;
}

/** A picture for every label; blank places keep the room until there are some. */
export function Digits({ digits, labels, marked, title }: DigitsProps) {
  return (
    <ul class="digit-grid" aria-label={title}>
      {labels.map((label) => {
        const digit = digits?.find((other) => other.label === label);
        return (
          <li key={label} class={label === marked ? 'marked' : ''}>
            {digit ? (
              <Picture kind="ink" path={pngUrl(digit.png)} alt={label} />
            ) : (
              <span class="picture empty ghost">{label}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}
