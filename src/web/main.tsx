import { render } from 'preact';

render(<p>Stylograph</p>, document.getElementById('app')!);
