// Where the user plays the tools: one box for each open call.
import { useState } from 'preact/hooks';
import type { ToolCall } from '../api/answer';
import type { Column } from './conversation';
import { giveToolResults } from './generation';

export function ToolResults({ chatId, column, calls }: { chatId: string; column: Column; calls: ToolCall[] }) {
  const [texts, setTexts] = useState<string[]>(calls.map(() => ''));
  const ready = texts.every((t) => t.trim() !== '');
  const submit = (event: Event) => {
    event.preventDefault();
    if (ready) giveToolResults(chatId, column, calls.map((c, i) => ({ callId: c.id, content: texts[i]! })));
  };
  return (
    <form class="tool-results" aria-label="Results of the tools" onSubmit={submit}>
      {calls.map((call, index) => (
        <label key={call.id}>
          <span>Result of <code>{call.name}</code></span>
          <textarea rows={2} spellcheck={false} placeholder='What the tool returns, e.g. {"temperature": 21}' value={texts[index]}
            onInput={(e) => { const text = e.currentTarget.value; setTexts(texts.map((t, i) => (i === index ? text : t))); }} />
        </label>
      ))}
      <button type="submit" class="primary" disabled={!ready}>Give {calls.length === 1 ? 'the result' : 'the results'}</button>
    </form>
  );
}
