import { signal } from '@preact/signals';

/** Text for screen readers, read without interrupting. */
export const announcement = signal('');

export function announce(text: string): void {
  announcement.value = text;
}
