import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { route } from './lib/router.ts';
import './lib/theme.ts';
import { Compare } from './pages/compare.tsx';
import { Datasets } from './pages/datasets.tsx';
import { Models } from './pages/models.tsx';
import { NewRun } from './pages/new-run/new-run.tsx';
import { Overview } from './pages/overview.tsx';
import { Playground } from './pages/playground/playground.tsx';
import { RunPage } from './pages/run/run.tsx';
import { Empty } from './ui/parts.tsx';
import { Shell } from './ui/shell.tsx';

function Page() {
  const [place = '', detail = ''] = route.value.path;
  switch (place) {
    case '':
      return <Overview />;
    case 'runs':
      if (detail === '') return <Overview />;
      return detail === 'new' ? <NewRun /> : <RunPage key={detail} id={detail} />;
    case 'compare':
      return <Compare />;
    case 'models':
      return <Models />;
    case 'playground':
      return <Playground />;
    case 'datasets':
      return <Datasets />;
    default:
      return (
        <Empty title="Page not found">
          <a href="#/">All runs</a>
        </Empty>
      );
  }
}

function App() {
  const place = route.value.path.join('/');
  const before = useRef(place);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    // A new page starts at its top, for readers and for screen readers.
    document.getElementById('main')!.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
  return (
    <Shell>
      <Page />
    </Shell>
  );
}

render(<App />, document.getElementById('app')!);
