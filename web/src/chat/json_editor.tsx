// JSON as text, with what is wrong with it below.
import { useId } from 'preact/hooks';

interface JsonEditorProps {
  label: string;
  text: string;
  example: string;
  problem: (text: string) => string | null;
  onChange: (text: string) => void;
}

export function JsonEditor({ label, text, example, problem, onChange }: JsonEditorProps) {
  const id = useId();
  const wrong = problem(text);
  const tidy = () => {
    try {
      onChange(JSON.stringify(JSON.parse(text), null, 2));
    } catch {
      // the problem is shown already
    }
  };
  const onKey = (event: KeyboardEvent) => {
    const area = event.currentTarget as HTMLTextAreaElement;
    if (event.key !== 'Enter' || event.isComposing) return;
    const line = area.value.slice(0, area.selectionStart).split('\n').pop() ?? '';
    const indent = /^\s*/.exec(line)![0] + (/[{[]\s*$/.test(line) ? '  ' : '');
    if (!indent) return;
    event.preventDefault();
    area.setRangeText(`\n${indent}`, area.selectionStart, area.selectionEnd, 'end');
    onChange(area.value);
  };
  return (
    <div class="json-editor">
      <textarea rows={8} aria-label={label} aria-invalid={wrong !== null} aria-describedby={id} spellcheck={false} autocomplete="off" wrap="off"
        placeholder={example} value={text} onInput={(e) => onChange(e.currentTarget.value)} onKeyDown={onKey} />
      <div class="json-tools">
        <span id={id} class={wrong ? 'problem' : 'hint'}>{wrong ?? (text.trim() ? 'Valid JSON' : '')}</span>
        <button type="button" class="small" onClick={() => onChange(example)}>Example</button>
        <button type="button" class="small" disabled={wrong !== null || !text.trim()} onClick={tidy}>Tidy</button>
      </div>
    </div>
  );
}
