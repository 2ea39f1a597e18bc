/** The page's whole look: light and dark by the reader's preference, and black on white in print. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ground:#f6f7f9;--ink:#1f2933;--muted:#5b6875;--rule:#dfe3e8;--accent:#3a4fd0;--mark:#eef0fd;--warn:#8a4b00;--bad:#a61b1b}
@media(prefers-color-scheme:dark){:root{--paper:#1b2128;--ground:#12161b;--ink:#e6eaee;--muted:#9aa7b4;--rule:#323b45;--accent:#9db0ff;--mark:#262e4d;--warn:#f0b429;--bad:#ff8a80}.picture{background:#fff;filter:brightness(.93)}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 Inter,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:62rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.75rem 0 .75rem;padding-top:.9rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.4rem 0;max-width:46rem}
.lead,.note,figcaption{color:var(--muted)}.note,figcaption{font-size:.875rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:1.25rem 0;padding:0;list-style:none}
.facts li{background:var(--paper);border:1px solid var(--rule);border-radius:.5rem;padding:.7rem .9rem}
.facts b{display:block;font-size:1.3rem;font-variant-numeric:tabular-nums}.facts span{color:var(--muted);font-size:.8125rem}
figure{margin:1rem 0;break-inside:avoid}
.picture{display:block;max-width:100%;height:auto;border:1px solid var(--rule);border-radius:.4rem;background:#fff}
.many{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:1rem}.many figure{margin:0}.many .picture{width:100%}
.small{grid-template-columns:repeat(auto-fill,minmax(11rem,1fr))}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;background:var(--paper)}
th,td{padding:.32rem .6rem;border:1px solid var(--rule);text-align:left;vertical-align:top}
td.number,th.number{text-align:right;white-space:nowrap}
td{overflow-wrap:anywhere}thead th{color:var(--muted);font-weight:600}tbody th{font-weight:500}
tr.differs td,tr.differs th{background:var(--mark)}
td.own{font-weight:650}
code,pre{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--paper);border:1px solid var(--rule);border-radius:.4rem;padding:.8rem 1rem;white-space:pre-wrap}
summary{cursor:pointer;color:var(--accent);margin:.75rem 0}
.warning{color:var(--warn)}.critical{color:var(--bad)}
.confusion td{text-align:center;min-width:2.4rem;padding:.25rem}
.h1{background:color-mix(in srgb,var(--accent) 8%,transparent)}.h2{background:color-mix(in srgb,var(--accent) 22%,transparent)}.h3{background:color-mix(in srgb,var(--accent) 40%,transparent)}.h4{background:color-mix(in srgb,var(--accent) 60%,transparent)}
@media print{:root{--paper:#fff;--ground:#fff;--ink:#000;--muted:#444;--rule:#bbb;--accent:#223;--mark:#eee;--warn:#000;--bad:#000}.picture{filter:none}body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}details{display:block}table{break-inside:avoid}}
`;
