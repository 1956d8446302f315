// The tokens of an answer, coloured by probability; one of them shows what else was likely.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TokenInfo } from '../api/answer';
import type { Message } from './conversation';

interface TokenViewProps {
  message: Message;
  onChoose: ((prefix: string) => void) | null; // go on from this text
}

export function TokenView({ message, onChoose }: TokenViewProps) {
  const tokens = message.tokens!;
  const [at, setAt] = useState<number | null>(null);
  const [focus, setFocus] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' || event.key === 'ArrowDown' ? 1 : event.key === 'ArrowLeft' || event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = Math.min(tokens.length - 1, Math.max(0, focus + step));
    setFocus(next);
    setAt(next);
    box.current?.querySelectorAll<HTMLElement>('.token')[next]?.focus();
  };
  useEffect(() => {
    if (at !== null && at >= tokens.length) setAt(null);
  }, [tokens.length]);
  const shown = at === null ? null : tokens[at];
  const before = () => (message.prefix ?? '') + tokens.slice(0, at ?? 0).map((t) => t.text).join('');
  return (
    <div class="token-view">
      <p class="hint">Each token’s colour is its probability: {legend()} Choose one to see what else was likely.</p>
      <div class="tokens" ref={box} role="group" aria-label="Tokens" onKeyDown={move}>
        {message.prefix && <span class="prefix">{message.prefix}</span>}
        {tokens.map((token, index) => (
          <button
            key={index} type="button" class={`token ${index === at ? 'chosen' : ''} p${bucket(token.logprob)}`} tabIndex={index === focus ? 0 : -1}
            aria-label={`${visible(token.token)}, ${percent(token.logprob)}`} aria-pressed={index === at}
            onMouseEnter={() => setAt(index)} onFocus={() => { setAt(index); setFocus(index); }} onClick={() => { setAt(index); setFocus(index); }}
          >{token.text}</button>
        ))}
      </div>
      <div class="alternatives" aria-live="polite">
        {shown
          ? <Alternatives token={shown} onChoose={onChoose && ((text) => onChoose(before() + text))} />
          : <p class="hint">Point at a token, or go to one with the arrow keys.</p>}
      </div>
    </div>
  );
}

function Alternatives({ token, onChoose }: { token: TokenInfo; onChoose: ((text: string) => void) | null }) {
  const listed = token.top.some((t) => t.token === token.token) ? token.top : [{ token: token.token, logprob: token.logprob }, ...token.top];
  const rows = [...listed].sort((a, b) => b.logprob - a.logprob);
  return (
    <ul>
      {rows.map((row, index) => {
        const taken = row.token === token.token;
        const usable = onChoose && !taken && !row.token.includes('\\x') && !row.token.startsWith('<|');
        return (
          <li key={index} class={taken ? 'taken' : ''}>
            <code>{visible(row.token)}</code>
            <meter min={0} max={1} value={Math.exp(row.logprob)} aria-label={`Probability of ${visible(row.token)}`} />
            <span class="number">{percent(row.logprob)}</span>
            {taken ? <span class="mark">taken</span> : usable && <button type="button" class="small" onClick={() => onChoose(row.token)}>Go on from here</button>}
          </li>
        );
      })}
    </ul>
  );
}

function bucket(logprob: number): number {
  const p = Math.exp(logprob);
  return p >= 0.9 ? 4 : p >= 0.6 ? 3 : p >= 0.3 ? 2 : p >= 0.1 ? 1 : 0;
}

function legend() {
  return ['below 10 %', '10 %', '30 %', '60 %', 'from 90 %'].map((text, index) => <span key={index} class={`token p${index}`}>{text}</span>);
}

function percent(logprob: number): string {
  const p = Math.exp(logprob) * 100;
  return p >= 99.95 ? '100 %' : p >= 10 ? `${p.toFixed(1)} %` : p >= 0.01 ? `${p.toFixed(2)} %` : '< 0.01 %';
}

function visible(token: string): string {
  return token.replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(/ /g, '␣') || '(empty)';
}
