import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { colourDeclarations, FONT_DECLARATIONS } from '../../core/presentation/theme.ts';

const require = createRequire(import.meta.url);

/** A face of a dashboard font as a data URL, with latin characters: about 24 KB each of Inter, 58 KB of Newsreader. */
function fontFace(family: string, weight: string, file: string): string {
  const bytes = readFileSync(require.resolve(file)).toString('base64');
  return `@font-face{font-family:${family};font-weight:${weight};src:url(data:font/woff2;base64,${bytes}) format("woff2")}`;
}

const FONT_FACES = [
  fontFace('Inter', '400', '@fontsource/inter/files/inter-latin-400-normal.woff2'),
  fontFace('Inter', '600', '@fontsource/inter/files/inter-latin-600-normal.woff2'),
  fontFace(
    'Newsreader',
    '200 800',
    '@fontsource-variable/newsreader/files/newsreader-latin-wght-normal.woff2',
  ),
].join('\n');

/** The page's style in the dashboard's colours and fonts, for light, dark and print. */
export const STYLE = `
${FONT_FACES}
:root{color-scheme:light dark;${colourDeclarations('light')} ${FONT_DECLARATIONS}}
@media(prefers-color-scheme:dark){:root{${colourDeclarations('dark')}}.picture{filter:brightness(.93)}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 var(--sans)}
main{max-width:62rem;margin:0 auto;padding:2rem 1rem 4rem}
h1,h2{font-family:var(--serif);font-weight:500}
h1{font-size:2.1rem;line-height:1.15;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.45rem;margin:2.75rem 0 .75rem;padding-top:.9rem;border-top:1px solid var(--line)}
h3{font-size:1rem;font-weight:600;margin:1.5rem 0 .5rem}
p{margin:.4rem 0;max-width:46rem}
.lead,.note,figcaption{color:var(--muted)}.note,figcaption{font-size:.875rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:1.25rem 0;padding:0;list-style:none}
.facts li{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:.7rem .9rem}
.facts b{display:block;font-size:1.3rem;font-variant-numeric:tabular-nums}.facts span{color:var(--muted);font-size:.8125rem}
figure{margin:1rem 0;break-inside:avoid}
.picture{display:block;max-width:100%;height:auto;border:1px solid var(--line);border-radius:.4rem;background:#fff}
.many{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:1rem}.many figure{margin:0}.many .picture{width:100%}
.small{grid-template-columns:repeat(auto-fill,minmax(11rem,1fr))}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;background:var(--surface)}
th .note{display:block;max-width:26rem}
th,td{padding:.32rem .6rem;border:1px solid var(--line);text-align:left;vertical-align:top}
td.number,th.number{text-align:right;white-space:nowrap}
td{overflow-wrap:anywhere}thead th{color:var(--muted);font-weight:600}tbody th{font-weight:400}
tr.differs td,tr.differs th{background:var(--accent-soft)}
td.own{font-weight:600}
code,pre{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--sunk);border:1px solid var(--line);border-radius:.4rem;padding:.8rem 1rem;white-space:pre-wrap}
summary{cursor:pointer;color:var(--accent);margin:.75rem 0}
.warning{color:var(--warn)}.critical{color:var(--bad)}
.confusion td{text-align:center;min-width:2.4rem;padding:.25rem}
.h1{background:color-mix(in srgb,var(--accent) 8%,transparent)}.h2{background:color-mix(in srgb,var(--accent) 22%,transparent)}.h3{background:color-mix(in srgb,var(--accent) 40%,transparent)}.h4{background:color-mix(in srgb,var(--accent) 60%,transparent)}
@media print{:root{${colourDeclarations('light')} --paper:#fff;--surface:#fff;--sunk:#fff;--ink:#000;--muted:#444}.picture{filter:none}body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}details{display:block}table{break-inside:avoid}}
`;
