import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { fitHeight } from '../parts/fit_height';

export function MessageEditor({ text, save, onSave, onCancel }: { text: string; save: string; onSave: (text: string) => void; onCancel: () => void }) {
  const [value, setValue] = useState(text);
  const area = useRef<HTMLTextAreaElement>(null);
  // Before anyone can type: a caret that moves later would part what is typed.
  useLayoutEffect(() => {
    const element = area.current!;
    fitHeight(element);
    element.focus();
    element.setSelectionRange(element.value.length, element.value.length);
  }, []);
  const done = () => {
    if (value.trim()) onSave(value);
  };
  return (
    <div class="editor">
      <textarea
        ref={area} aria-label="Edit the message" value={value}
        onInput={(e) => { setValue(e.currentTarget.value); fitHeight(e.currentTarget); }}
        onKeyDown={(e) => {
          if (e.key === 'Escape') { e.stopPropagation(); e.preventDefault(); onCancel(); }
          else if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); done(); }
        }}
      />
      <div class="editor-tools">
        <span class="hint wide-only">Ctrl Enter: {save.toLowerCase()} · Esc: cancel</span>
        <button type="button" onClick={onCancel}>Cancel</button>
        <button type="button" class="primary" disabled={!value.trim()} onClick={done}>{save}</button>
      </div>
    </div>
  );
}
