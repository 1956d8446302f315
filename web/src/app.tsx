import { signal } from '@preact/signals';
import { lazyView } from './parts/lazy';
import { ChatView } from './chat/chat_view';
import { Announcer } from './parts/announcer';
import { Notices } from './parts/notice';
import { Palette } from './parts/palette';
import { ShortcutHelp, useShortcuts } from './parts/shortcuts';
import { Sidebar } from './parts/sidebar';
import { current, openId } from './store/chats';
import { useEffect } from 'preact/hooks';

export type View = 'chat' | 'dashboard';
export const view = signal<View>('chat');

const Dashboard = lazyView(() => import('./dashboard/dashboard_view').then((m) => m.DashboardView));

// "#/dashboard", "#/chat/ID", "" = a new chat
function readHash(): void {
  const [, name, id] = location.hash.split('/');
  view.value = name === 'dashboard' ? 'dashboard' : 'chat';
  if (name === 'chat') openId.value = id ?? '';
}

export function go(target: View): void {
  view.value = target;
}

function hashOf(): string {
  if (view.value === 'dashboard') return '#/dashboard';
  return openId.value ? `#/chat/${openId.value}` : '#/';
}

export function App() {
  useShortcuts();
  useEffect(() => {
    readHash();
    window.addEventListener('hashchange', readHash);
    return () => window.removeEventListener('hashchange', readHash);
  }, []);
  const hash = hashOf();
  useEffect(() => {
    if (location.hash !== hash && !(hash === '#/' && location.hash === '')) history.pushState(null, '', hash);
  }, [hash]);
  const title = view.value === 'dashboard' ? 'Dashboard' : current.value.title;
  useEffect(() => {
    document.title = `${title} · Trivet`;
  }, [title]);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to content</a>
      <div class="shell">
        <Sidebar />
        <main id="main" tabIndex={-1}>{view.value === 'dashboard' ? <Dashboard /> : <ChatView />}</main>
      </div>
      <Palette />
      <ShortcutHelp />
      <Notices />
      <Announcer />
    </>
  );
}
