import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';

// A view whose code is fetched when it is first shown.
export function lazyView(load: () => Promise<FunctionComponent>): FunctionComponent {
  let pending: Promise<FunctionComponent> | null = null;
  let ready: FunctionComponent | null = null;
  return function Lazy() {
    const [, show] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (ready) return;
      pending ??= load();
      pending.then((view) => { ready = view; show(1); }, () => { pending = null; setFailed(true); });
    }, []);
    if (failed) return <p class="problem" role="alert">This part of the page could not be loaded. Is the server running?</p>;
    const View = ready;
    return View ? <View /> : <p class="loading">Loading…</p>;
  };
}
