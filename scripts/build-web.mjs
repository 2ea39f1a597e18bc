import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/**
 * Bundles src/web into dist/web: the page, and files under assets/ with their content's digest in the name, also compressed.
 * The same sources give the same bytes.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src/web');
const THEME = join(ROOT, 'src/core/presentation/theme.ts');
const TARGET = join(ROOT, 'dist/web');
const COMPRESSED = /\.(js|css|svg)$/;

/** Compiles a module without imports from other packages, and imports it. */
async function importTypeScript(path) {
  const { outputFiles } = await build({ entryPoints: [path], bundle: true, format: 'esm', write: false });
  return await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
  );
}

/** `@import "theme:tokens"` in CSS: the colours and fonts that the dashboard shares with the reports. */
const themeTokens = {
  name: 'theme-tokens',
  setup(builder) {
    builder.onResolve({ filter: /^theme:tokens$/ }, ({ path }) => ({ path, namespace: 'theme' }));
    builder.onLoad({ filter: /./, namespace: 'theme' }, async () => {
      const { colourDeclarations, FONT_DECLARATIONS } = await importTypeScript(THEME);
      const light = `:root { ${colourDeclarations('light')} ${FONT_DECLARATIONS} }`;
      const dark = `:root[data-theme="dark"] { ${colourDeclarations('dark')} }`;
      return { contents: `${light} ${dark}`, loader: 'css' };
    });
  },
};

const bundle = await build({
  absWorkingDir: ROOT,
  entryPoints: [join(SOURCE, 'main.tsx'), join(SOURCE, 'styles/main.css')],
  outdir: join(TARGET, 'assets'),
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  plugins: [themeTokens],
  loader: { '.woff2': 'file', '.svg': 'file' },
  metafile: true,
  write: false,
  logLevel: 'warning',
});

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(join(TARGET, 'assets'), { recursive: true });

function writeAsset(name, bytes) {
  const path = join(TARGET, 'assets', name);
  writeFileSync(path, bytes);
  if (!COMPRESSED.test(name)) return;
  writeFileSync(`${path}.br`, brotliCompressSync(bytes));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}

const names = bundle.outputFiles.map(({ path, contents }) => {
  const name = path.slice(path.lastIndexOf('/') + 1);
  writeAsset(name, contents);
  return name;
});
const icon = readFileSync(join(SOURCE, 'icon.svg'));
const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`;
writeAsset(iconName, icon);

const assets = {
  script: names.find((name) => name.endsWith('.js')),
  style: names.find((name) => name.endsWith('.css')),
  icon: iconName,
};
const page = readFileSync(join(SOURCE, 'index.html'), 'utf8').replace(
  /\{\{(script|style|icon)\}\}/g,
  (_, key) => `/assets/${assets[key]}`,
);
writeFileSync(join(TARGET, 'index.html'), page);
