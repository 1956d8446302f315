import { signal } from '@preact/signals';

const text = signal('');

// Tells people who cannot see the page what has changed.
export function announce(message: string): void {
  text.value = message;
}

export function Announcer() {
  return <div class="off-screen" role="status" aria-live="polite">{text.value}</div>;
}
