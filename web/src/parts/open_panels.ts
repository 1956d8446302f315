import { signal } from '@preact/signals';

export const paletteOpen = signal(false);
export const helpOpen = signal(false);
export const mobileSidebar = signal(false);
export const settingsColumn = signal(''); // whose settings are shown; '' = the first column's
export const settingsSection = signal(''); // the section to open: 'format', 'tools', ...
