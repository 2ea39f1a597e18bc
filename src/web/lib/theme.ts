import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';
const STORED = 'stylograph-theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

const chosen = (): Theme | null => {
  const stored = localStorage.getItem(STORED);
  return stored === 'light' || stored === 'dark' ? stored : null;
};
const current = (): Theme => chosen() ?? (prefersDark.matches ? 'dark' : 'light');

/** The current theme: the system's unless the user chose one. */
export const theme = signal<Theme>(current());

function apply(): void {
  theme.value = current();
  document.documentElement.dataset.theme = theme.value;
}

export function toggleTheme(): void {
  const next: Theme = theme.value === 'dark' ? 'light' : 'dark';
  // A choice equal to the system's preference follows the system again.
  if ((next === 'dark') === prefersDark.matches) localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, next);
  apply();
}

prefersDark.addEventListener('change', apply);
apply();
