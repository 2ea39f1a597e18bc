import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';
const STORED = 'stylograph-theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

const chosen = (): Theme | null => {
  const stored = localStorage.getItem(STORED);
  return stored === 'light' || stored === 'dark' ? stored : null;
};
const current = (): Theme => chosen() ?? (prefersDark.matches ? 'dark' : 'light');

/** The theme in force: the machine's, until the user chooses one. */
export const theme = signal<Theme>(current());

function apply(): void {
  theme.value = current();
  document.documentElement.dataset.theme = theme.value;
}

export function toggleTheme(): void {
  const next: Theme = theme.value === 'dark' ? 'light' : 'dark';
  // Going back to what the machine prefers means to follow it again.
  if ((next === 'dark') === prefersDark.matches) localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, next);
  apply();
}

prefersDark.addEventListener('change', apply);
apply();
