/** Colours of the dashboard and the reports by token. Light is ink on warm paper; dark is light ink on deep blue. */
const LIGHT = {
  paper: '#f7f2e7',
  surface: '#fdfaf3',
  sunk: '#f0e9da',
  ink: '#1b1d2a',
  muted: '#625c50',
  line: '#e0d7c5',
  'line-strong': '#8d8473',
  accent: '#a63a1b',
  'accent-ink': '#fffaf3',
  'accent-soft': '#f6e3d8',
  good: '#2e6b45',
  'good-soft': '#e2eddf',
  warn: '#7c5206',
  'warn-soft': '#f8ebc9',
  bad: '#a02420',
  'bad-soft': '#f7dfd9',
  'curve-0': '#a63a1b',
  'curve-1': '#2f5f8f',
  'curve-2': '#4f7a35',
  'curve-3': '#7a4a8c',
  'curve-4': '#96720f',
  'curve-5': '#2b7a78',
} as const;

type Colours = Record<keyof typeof LIGHT, string>;

const DARK: Colours = {
  paper: '#12141d',
  surface: '#1a1d29',
  sunk: '#0d0f16',
  ink: '#ece6d9',
  muted: '#a7a294',
  line: '#2c3040',
  'line-strong': '#767b90',
  accent: '#f0936b',
  'accent-ink': '#1d120c',
  'accent-soft': '#3a2721',
  good: '#8cc79c',
  'good-soft': '#1f3126',
  warn: '#e3bd6a',
  'warn-soft': '#352c17',
  bad: '#f2958b',
  'bad-soft': '#3b2122',
  'curve-0': '#f0936b',
  'curve-1': '#86b4e0',
  'curve-2': '#a3c97f',
  'curve-3': '#c9a0da',
  'curve-4': '#e0c063',
  'curve-5': '#7cc7c3',
};

export const COLOURS = { light: LIGHT as Colours, dark: DARK } as const;

/** Font families: `serif` for headings and `sans` for text. */
export const FONTS = {
  serif: 'Newsreader, "Iowan Old Style", Georgia, serif',
  sans: 'Inter, system-ui, sans-serif',
} as const;

/** CSS declarations of a theme's colours: `--paper: …;` and so on. */
export const colourDeclarations = (theme: keyof typeof COLOURS): string =>
  Object.entries(COLOURS[theme])
    .map(([token, colour]) => `--${token}: ${colour};`)
    .join(' ');

/** CSS declarations of the font families. */
export const FONT_DECLARATIONS = `--serif: ${FONTS.serif}; --sans: ${FONTS.sans};`;
