import { signal } from '@preact/signals';
import { storageFailed } from '../store/chats';
import { Icon } from './icon';

const notice = signal<{ text: string; action?: { label: string; run: () => void } } | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

export function tell(text: string, action?: { label: string; run: () => void }): void {
  notice.value = { text, action };
  clearTimeout(timer);
  timer = setTimeout(() => (notice.value = null), 8000);
}

export function Notices() {
  const shown = notice.value;
  return (
    <div class="notices" role="region" aria-label="Notices" aria-live="polite">
      {storageFailed.value && (
        <p class="notice">This browser does not keep the chats. Export what you need.
          <button type="button" class="quiet small icon-only" aria-label="Dismiss" onClick={() => (storageFailed.value = false)}><Icon name="close" /></button>
        </p>
      )}
      {shown && (
        <p class="notice">
          <span>{shown.text}</span>
          {shown.action && <button type="button" class="quiet small" onClick={() => { shown.action!.run(); notice.value = null; }}>{shown.action.label}</button>}
          <button type="button" class="quiet small icon-only" aria-label="Dismiss" onClick={() => (notice.value = null)}><Icon name="close" /></button>
        </p>
      )}
    </div>
  );
}
